"""Training steps on a GPU: tensorgrad compiled by XLA, hand-written JAX, PyTorch eager, and tensorgrad on CuPy arrays.

    python benchmarks/gpu.py            # on a machine with CUDA, with torch, jax[cuda12] and cupy-cuda12x installed
    python benchmarks/gpu.py --small    # tiny sizes on any device, to check that everything runs and agrees

All contestants compute in float32 with full precision (no TF32), with Adam and the constants of `dense.rules`, from the
same weights and on data that are on the device already. Their losses in the first steps must agree. They are timed in
turn, in blocks of steps; the table has the median time of a step and the median of the ratios within each turn.
Contestants whose library is not installed are skipped.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
from dense import rules

import nn
import tensorgrad as tg

Array = np.ndarray[Any, Any]
Step = Callable[[], Any]

RATE = 0.001
TURNS = 9
SECONDS = 0.4
"""Approximate length of a turn."""


@dataclass
class Work:
    """Network with its data and its targets: the largest ratios of a step's time to that of JAX and of PyTorch."""

    name: str
    kind: str
    network: nn.Sequential
    x: Array
    y: Array
    heads: int = 1
    to_jax: float = 1.15
    to_torch: float = 1.0
    of_cupy: float | None = None

    @property
    def parameters(self) -> dict[str, Array]:
        """Return the initial weights by name."""
        return {name: np.array(parameter.data) for name, parameter in self.network.named_parameters()}


def works(small: bool) -> Iterator[Work]:
    """Yield the rows of the table."""
    rng = np.random.default_rng(0)
    for sizes, batch, target in (((784, 128, 64, 10), 128, 0.15), ((1024,) * 6 + (10,), 512, 0.60)):
        sizes = (16, 8, 8, 4) if small else sizes
        batch = 8 if small else batch
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Dense(*pair, rng=rng), nn.ReLU())][:-1]
        x = rng.standard_normal((batch, sizes[0]), np.float32)
        y = rng.integers(0, sizes[-1], batch)
        name = f"MLP {'-'.join(map(str, sizes))}, batch {batch}"
        yield Work(name, "mlp", nn.Sequential(*layers), x, y, to_torch=target, of_cupy=2.2)
    width, tokens, batch, heads, vocabulary = (8, 6, 2, 2, 11) if small else (256, 256, 8, 4, 65)
    blocks = [nn.TransformerBlock(width, heads, causal=True, activation="gelu_tanh", rng=rng) for _ in range(2)]
    gpt = nn.Sequential(
        nn.Embedding(vocabulary, width, rng=rng), nn.PositionalEncoding(width), *blocks,
        nn.LayerNorm(width), nn.Dense(width, vocabulary, rng=rng),
    )  # fmt: skip
    ids = rng.integers(0, vocabulary, (batch, tokens + 1))
    name = f"GPT, 2 layers, width {width}, {tokens} tokens, batch {batch}"
    yield Work(name, "gpt", gpt, ids[:, :-1], ids[:, 1:], heads, to_torch=0.35)
    size, batch = (8, 4) if small else (32, 128)
    x, y = rng.standard_normal((batch, size, size, 3), np.float32), rng.integers(0, 10, batch)
    yield Work(f"ResNet-20, batch {batch}", "resnet", resnet(rng), x, y, to_jax=1.2, to_torch=0.60)


STAGES = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)


def resnet(rng: Any) -> nn.Sequential:
    """Return ResNet-20 for images."""

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
        kernel = nn.Conv2D(channels, filters, size, stride=stride, padding=size // 2, bias=False, rng=rng)
        return [kernel, nn.BatchNorm(filters)]

    layers: list[nn.Module] = [*convolution(3, 16), nn.ReLU()]
    for channels, filters in pairwise(STAGES):
        stride = filters // channels
        shortcut = nn.Sequential(*convolution(channels, filters, 1, stride)) if stride > 1 else None
        inside = [*convolution(channels, filters, 3, stride), nn.ReLU(), *convolution(filters, filters)]
        layers += [nn.Residual(*inside, shortcut=shortcut), nn.ReLU()]
    return nn.Sequential(*layers, nn.GlobalAveragePool(), nn.Dense(64, 10, rng=rng))


# -- tensorgrad -------------------------------------------------------------------------------------------


def by_tensorgrad(work: Work) -> Step:
    """Return the step compiled by `tg.compile`."""
    import jax

    from tensorgrad import xla

    network, loss = work.network, nn.SoftmaxCrossEntropy()
    parameters = list(network.parameters())
    averages = [[tg.tensor(kept) for kept in state] for state in rules.start([p.data for p in parameters], np)]
    device = jax.devices()[0]
    x, y = (xla.Array(jax.device_put(each, device)) for each in (work.x, work.y.astype(np.int32)))
    update, t = rules.update, 0

    @tg.compile
    def whole_step(x: Any, y: Any, t: float) -> Any:
        value = loss(network(x), y)
        gradients = tg.gradient(value, parameters)
        kept = [(mean.array, squares.array) for mean, squares in averages]
        new, kept = update([p.array for p in parameters], gradients, kept, t, RATE, np)
        for parameter, array, tensors, state in zip(parameters, new, averages, kept):
            parameter.data = array
            for tensor, values in zip(tensors, state):
                tensor.data = values
        return value.detach()

    def step() -> Any:
        nonlocal t
        t += 1
        return whole_step(x, y, float(t)).array.value

    return step


def by_cupy(work: Work) -> Step:
    """Return the eager step on CuPy arrays, for networks of `Dense` and `ReLU`."""
    import cupy  # type: ignore[import-not-found, unused-ignore]

    parameters = [tg.Tensor(cupy.asarray(array), requires_grad=True) for array in work.parameters.values()]
    kept, t, loss = rules.start([p.array for p in parameters], cupy), 0, nn.SoftmaxCrossEntropy()
    x, y = cupy.asarray(work.x), cupy.asarray(work.y)

    def step() -> Any:
        nonlocal kept, t
        t += 1
        h: Any = x
        *hidden, (w, b) = zip(parameters[::2], parameters[1::2])
        for weight, bias in hidden:
            h = nn.functional.relu(nn.functional.linear(h, weight, bias))
        value = loss(nn.functional.linear(h, w, b), y)
        gradients = tg.gradient(value, parameters)
        new, kept = rules.update([p.array for p in parameters], gradients, kept, t, RATE, cupy)
        for parameter, array in zip(parameters, new):
            parameter.data = array
        return value.array

    return step


# -- JAX --------------------------------------------------------------------------------------------------


def by_jax(work: Work) -> Step:
    """Return the step written with JAX and compiled by `jax.jit`."""
    import jax
    import jax.numpy as jnp

    forward = {"mlp": jax_mlp, "gpt": jax_gpt, "resnet": jax_resnet}[work.kind]
    names = list(work.parameters)

    def mean_loss(parameters: Any, statistics: Any, x: Any, y: Any) -> Any:
        scores, new = forward(dict(zip(names, parameters)), statistics, x, work)
        logs = jax.nn.log_softmax(scores)
        return -jnp.mean(jnp.take_along_axis(logs, y[..., None], -1)), new

    @jax.jit
    def whole_step(parameters: Any, kept: Any, statistics: Any, t: Any, x: Any, y: Any) -> Any:
        (value, new), gradients = jax.value_and_grad(mean_loss, has_aux=True)(parameters, statistics, x, y)
        return value, *rules.update(parameters, gradients, kept, t, RATE, jnp), new

    parameters = [jnp.asarray(array) for array in work.parameters.values()]
    kept, t = rules.start(parameters, jnp), 0
    buffers = {n: jnp.asarray(b.data) for n, b in work.network.named_state() if n not in work.parameters}
    x, y = jnp.asarray(work.x), jnp.asarray(work.y.astype(np.int32))

    def step() -> Any:
        nonlocal parameters, kept, buffers, t
        t += 1
        value, parameters, kept, buffers = whole_step(parameters, kept, buffers, float(t), x, y)
        return value

    return step


def jax_mlp(p: Any, statistics: Any, x: Any, work: Work) -> Any:
    """Return the scores of a dense network."""
    import jax

    numbers = [name.split(".")[0] for name in p if name.endswith("weight")]
    for number in numbers[:-1]:
        x = jax.nn.relu(x @ p[f"{number}.weight"] + p[f"{number}.bias"])
    return x @ p[f"{numbers[-1]}.weight"] + p[f"{numbers[-1]}.bias"], statistics


def jax_gpt(p: Any, statistics: Any, ids: Any, work: Work) -> Any:
    """Return the scores of a GPT."""
    import jax
    import jax.numpy as jnp

    def normalised(x: Any, name: str) -> Any:
        centred = x - x.mean(-1, keepdims=True)
        return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p[f"{name}.weight"] + p[f"{name}.bias"]

    def dense(x: Any, name: str) -> Any:
        return x @ p[f"{name}.weight"] + p[f"{name}.bias"]

    batch, time = ids.shape
    width = p["0.weight"].shape[1]
    x = p["0.weight"][ids] + nn.functional.sinusoids(time, width).astype(np.float32)
    for number in (2, 3):
        h = normalised(x, f"{number}.attention_norm")
        q, k, v = (
            dense(h, f"{number}.attention.{name}").reshape(batch, time, work.heads, -1)
            for name in ("query", "key", "value")
        )
        h = jax.nn.dot_product_attention(q, k, v, is_causal=True).reshape(batch, time, width)
        x = x + dense(h, f"{number}.attention.output")
        h = jax.nn.gelu(dense(normalised(x, f"{number}.feed_forward_norm"), f"{number}.feed_forward.expand"))
        x = x + dense(h, f"{number}.feed_forward.contract")
    return dense(normalised(x, "4"), "5"), statistics


def jax_resnet(p: Any, statistics: Any, x: Any, work: Work) -> Any:
    """Return the scores of ResNet-20, and the new running statistics."""
    import jax
    import jax.numpy as jnp

    new = {}

    def convolved(x: Any, name: str, norm: str, stride: int = 1) -> Any:
        kernel = p[f"{name}.weight"]
        pad = kernel.shape[0] // 2
        x = jax.lax.conv_general_dilated(
            x, kernel, (stride, stride), [(pad, pad)] * 2, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        mean = x.mean((0, 1, 2))
        variance = ((x - mean) ** 2).mean((0, 1, 2))
        count = x.size // x.shape[-1]
        for key, value in (("running_mean", mean), ("running_variance", variance * (count / (count - 1)))):
            new[f"{norm}.{key}"] = 0.9 * statistics[f"{norm}.{key}"] + 0.1 * value
        return (x - mean) / jnp.sqrt(variance + 1e-5) * p[f"{norm}.weight"] + p[f"{norm}.bias"]

    x = jax.nn.relu(convolved(x, "0", "1"))
    for place, (channels, filters) in enumerate(pairwise(STAGES)):
        name = next(n.rsplit(".0.", 1)[0] for n in p if n.startswith(f"{3 + 2 * place}.") and ".0." in n)
        h = jax.nn.relu(convolved(x, f"{name}.0", f"{name}.1", filters // channels))
        h = convolved(h, f"{name}.3", f"{name}.4")
        if filters > channels:
            short = f"{3 + 2 * place}.shortcut"
            x = convolved(x, f"{short}.0", f"{short}.1", filters // channels)
        x = jax.nn.relu(h + x)
    last = len(work.network) - 1
    return x.mean((1, 2)) @ p[f"{last}.weight"] + p[f"{last}.bias"], new


# -- PyTorch ----------------------------------------------------------------------------------------------


def by_torch(work: Work) -> Step:
    """Return the step with PyTorch, eager, with the fused Adam."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    network = {"mlp": torch_mlp, "gpt": torch_gpt, "resnet": torch_resnet}[work.kind](work)
    with torch.no_grad():
        for parameter, values in zip(network.parameters(), torch_order(work), strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
    network = network.to(device)
    if work.kind == "resnet":
        network = network.to(memory_format=torch.channels_last)
    x, y = torch.from_numpy(work.x).to(device), torch.from_numpy(work.y).to(device)
    x = x.permute(0, 3, 1, 2) if work.kind == "resnet" else x
    optimizer = torch.optim.Adam(
        network.parameters(), lr=RATE, eps=rules.EPSILON, betas=(rules.BETA_1, rules.BETA_2), fused=True
    )

    def step() -> Any:
        scores = network(x)
        value: Any = torch.nn.functional.cross_entropy(scores.reshape(-1, scores.shape[-1]), y.reshape(-1))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def torch_order(work: Work) -> Iterator[Array]:
    """Yield the initial weights in PyTorch's layout: transposed matrices, kernels with the filters first."""
    for name, values in work.parameters.items():
        if values.ndim == 4:
            yield values.transpose(3, 2, 0, 1)
        else:
            yield values.T if values.ndim == 2 and not (work.kind == "gpt" and name == "0.weight") else values


def torch_mlp(work: Work) -> Any:
    """Return a dense network."""
    from torch.nn import Linear, ReLU, Sequential

    shapes = [array.shape for array in work.parameters.values() if array.ndim == 2]
    return Sequential(*[layer for shape in shapes for layer in (Linear(*shape), ReLU())][:-1])


def torch_gpt(work: Work) -> Any:
    """Return a GPT, with the parameters in the order of tensorgrad's."""
    import torch
    from torch.nn import Embedding, LayerNorm, Linear, Module, ModuleList
    from torch.nn import functional as f

    (vocabulary, width), heads, time = work.parameters["0.weight"].shape, work.heads, work.x.shape[1]

    class Block(Module):
        def __init__(self) -> None:
            super().__init__()
            made = {
                "attention.query": Linear(width, width), "attention.key": Linear(width, width),
                "attention.value": Linear(width, width), "attention.output": Linear(width, width),
                "attention_norm": LayerNorm(width), "feed_forward_norm": LayerNorm(width),
                "feed_forward.expand": Linear(width, 4 * width), "feed_forward.contract": Linear(4 * width, width),
            }  # fmt: skip
            order = dict.fromkeys(name[2:].rpartition(".")[0] for name in work.parameters if name.startswith("2."))
            for name in order:
                self.add_module(name.replace(".", "_"), made[name])

        def __getattr__(self, name: str) -> Any:  # its layers are added by name
            return super().__getattr__(name)

        def forward(self, x: Any) -> Any:
            h, shape = self.attention_norm(x), (*x.shape[:2], heads, width // heads)
            q, k, v = (
                layer(h).view(shape).transpose(1, 2)
                for layer in (self.attention_query, self.attention_key, self.attention_value)
            )
            h = f.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(x.shape)
            x = x + self.attention_output(h)
            h = f.gelu(self.feed_forward_expand(self.feed_forward_norm(x)), approximate="tanh")
            return x + self.feed_forward_contract(h)

    class GPT(Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.blocks = Embedding(vocabulary, width), ModuleList([Block(), Block()])
            self.norm, self.head = LayerNorm(width), Linear(width, vocabulary)
            positions = torch.from_numpy(nn.functional.sinusoids(time, width).astype(np.float32))
            self.register_buffer("positions", positions)

        def forward(self, ids: Any) -> Any:
            x = self.embedding(ids) + self.positions
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    return GPT()


def torch_resnet(work: Work) -> Any:
    """Return ResNet-20, with the parameters in the order of tensorgrad's."""
    import torch
    from torch.nn import AdaptiveAvgPool2d, BatchNorm2d, Conv2d, Flatten, Linear, ReLU, Sequential

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> list[Any]:
        return [Conv2d(channels, filters, size, stride, size // 2, bias=False), BatchNorm2d(filters)]

    class Residual(torch.nn.Module):
        def __init__(self, channels: int, filters: int) -> None:
            super().__init__()
            stride = filters // channels
            layers = [*convolution(channels, filters, 3, stride), ReLU(), *convolution(filters, filters)]
            self.layers = Sequential(*layers)
            self.shortcut = Sequential(*convolution(channels, filters, 1, stride) if stride > 1 else [])

        def forward(self, x: Any) -> Any:
            return torch.relu(self.layers(x) + self.shortcut(x))

    blocks = [Residual(*pair) for pair in pairwise(STAGES)]
    return Sequential(*convolution(3, 16), ReLU(), *blocks, AdaptiveAvgPool2d(1), Flatten(), Linear(64, 10))


# -- comparing --------------------------------------------------------------------------------------------

CONTESTANTS = {
    "tensorgrad, compiled": ("jax", by_tensorgrad),
    "jax, compiled": ("jax", by_jax),
    "torch": ("torch", by_torch),
    "tensorgrad on cupy": ("cupy", by_cupy),
}


def waited(value: Any) -> float:
    """Return the loss as a number, which waits until it has been computed."""
    return float(value)


def compare(work: Work, turns: int) -> list[str]:
    """Return the rows of the table for one network.

    Raises:
        RuntimeError: the contestants do not compute the same losses.
    """
    steps = {}
    for name, (library, make) in CONTESTANTS.items():
        if find_spec(library) is not None and (library != "cupy" or work.of_cupy is not None):
            steps[name] = make(work)
    losses = {name: [waited(step()) for _ in range(4)] for name, step in steps.items()}
    first = next(iter(losses.values()))
    for name, values in losses.items():
        if not np.allclose(values, first, rtol=1e-3):
            raise RuntimeError(f"{work.name}: {next(iter(losses))} computes {first}, but {name} {values}.")
    counts = {name: max(1, int(SECONDS / timed(step, 5))) if turns > 1 else 2 for name, step in steps.items()}
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(turns):
        for name, step in steps.items():
            times[name].append(timed(step, counts[name]))
    ours, targets = "tensorgrad, compiled", {"jax, compiled": work.to_jax, "torch": work.to_torch}
    rows = []
    for name, found in times.items():
        row = f"| {work.name} | {name} | {statistics.median(found) * 1e6:.0f} µs |"
        if name in targets:
            ratio = statistics.median(a / b for a, b in zip(times[ours], found))
            row += f" {ratio:.2f} | ≤ {targets[name]} |"
        elif name != ours and "torch" in times:
            ratio = statistics.median(a / b for a, b in zip(found, times["torch"]))
            row += f" {ratio:.2f} of torch | ≤ {work.of_cupy} |"
        else:
            row += " | |"
        rows.append(row)
    return rows


def timed(step: Step, count: int) -> float:
    """Return the seconds per step of a block of steps, whose last result is waited for."""
    waited(step())
    start = time.perf_counter()
    for _ in range(count):
        value = step()
    waited(value)
    return (time.perf_counter() - start) / count


def machine() -> str:
    """Return the device and the versions of the libraries."""
    import jax

    versions = []
    for library in ("numpy", "jax", "torch", "cupy-cuda12x"):
        try:
            versions.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            versions.append(f"no {library}")
    return f"{jax.devices()[0].device_kind} ({jax.default_backend()}); {', '.join(versions)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare training steps on a GPU.")
    parser.add_argument("--small", action="store_true", help="tiny sizes on any device, to check the script")
    parser.add_argument("--only", default="", help="only the networks whose name contains this")
    options = parser.parse_args()
    import jax

    if jax.default_backend() != "gpu" and not options.small:
        sys.exit("gpu.py: JAX finds no GPU here. Install jax[cuda12], or check the script with --small.")
    config: Any = jax.config
    config.update("jax_default_matmul_precision", "highest")
    print(machine(), flush=True)
    print("| work | contestant | time of a step | ratio | target |\n|---|---|---|---|---|", flush=True)
    for work in works(options.small):
        if options.only in work.name:
            print("\n".join(compare(work, 1 if options.small else TURNS)), flush=True)


if __name__ == "__main__":
    main()
