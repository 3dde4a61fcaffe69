"""Training steps on a GPU: tensorgrad compiled by XLA, hand-written JAX, PyTorch eager, and tensorgrad on CuPy arrays.

    python benchmarks/gpu.py            # on a machine with CUDA, with torch, jax[cuda13] and cupy-cuda13x installed
    python benchmarks/gpu.py --small    # tiny sizes on any device, to check that everything runs and agrees

All contestants compute in float32 with full precision (no TF32), with Adam and the constants of `dense.rules`, from the
same weights and on data that are on the device already. Their losses in the first steps must agree. They are timed in
turn, in blocks of steps; the table has the median time of a step and the median of the ratios within each turn.
Contestants whose library is not installed are skipped.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from dense import rules
from networks import by_compiled, by_jax, by_torch
from networks import work as networks
from networks.work import RATE, Work

import nn
import tensorgrad as tg

Step = Callable[[], Any]

TURNS = 9
SECONDS = 0.4
"""Approximate length of a turn."""


@dataclass
class Targets:
    """Largest ratios: of a compiled step to JAX and to PyTorch, and of a step on CuPy arrays to PyTorch."""

    to_jax: float = 1.15
    to_torch: float = 1.0
    of_cupy: float | None = None


def works(small: bool) -> Iterator[tuple[Work, Targets]]:
    """Yield the networks and their targets."""
    rng = np.random.default_rng(0)
    if small:
        yield networks.mlp((16, 8, 8, 4), 8, rng), Targets(of_cupy=2.2)
        yield networks.gpt(8, 6, 2, 2, rng, vocabulary=11), Targets()
        yield networks.resnet(8, 4, rng), Targets()
        return
    yield networks.mlp((784, 128, 64, 10), 128, rng), Targets(to_torch=0.15, of_cupy=2.2)
    yield networks.mlp((1024,) * 6 + (10,), 512, rng), Targets(to_torch=0.60, of_cupy=2.2)
    yield networks.gpt(256, 256, 8, 4, rng), Targets(to_torch=0.35)
    yield networks.resnet(32, 128, rng), Targets(to_jax=1.2, to_torch=0.60)


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
        new, kept = rules.update([p.array for p in parameters], gradients, kept, t, RATE, np)
        for parameter, array in zip(parameters, new):
            parameter.data = array
        return value.array

    return step


# -- comparing --------------------------------------------------------------------------------------------

CONTESTANTS = {
    "tensorgrad, compiled": ("jax", by_compiled.training),
    "jax, compiled": ("jax", by_jax.training),
    "torch": ("torch", by_torch.training),
    "tensorgrad on cupy": ("cupy", by_cupy),
}


def is_usable(library: str) -> bool:
    """Return whether the library is installed and, if it needs a GPU, finds one."""
    return find_spec(library) is not None and (library != "cupy" or import_module(library).is_available())


def waited(value: Any) -> float:
    """Return the loss as a number, which waits until it has been computed."""
    return float(value)


def compare(work: Work, goals: Targets, turns: int) -> list[str]:
    """Return the rows of the table for one network.

    Raises:
        RuntimeError: the contestants do not compute the same losses.
    """
    steps = {}
    for name, (library, make) in CONTESTANTS.items():
        if is_usable(library) and (library != "cupy" or goals.of_cupy is not None):
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
    ours, targets = "tensorgrad, compiled", {"jax, compiled": goals.to_jax, "torch": goals.to_torch}
    rows = []
    for name, found in times.items():
        row = f"| {work.name} | {name} | {statistics.median(found) * 1e6:.0f} µs |"
        if name in targets:
            ratio = statistics.median(a / b for a, b in zip(times[ours], found))
            row += f" {ratio:.2f} | ≤ {targets[name]} |"
        elif name != ours and "torch" in times:
            ratio = statistics.median(a / b for a, b in zip(found, times["torch"]))
            row += f" {ratio:.2f} of torch | ≤ {goals.of_cupy} |"
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

    versions = [
        f"{library} {import_module(library).__version__}" if is_usable(library) else f"no {library}"
        for library in ("numpy", "jax", "torch", "cupy")
    ]
    return f"{jax.devices()[0].device_kind} ({jax.default_backend()}); {', '.join(versions)}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare training steps on a GPU.")
    parser.add_argument("--small", action="store_true", help="tiny sizes on any device, to check the script")
    parser.add_argument("--only", default="", help="only the networks whose name contains this")
    options = parser.parse_args()
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the libraries share the memory of one GPU
    import jax

    if jax.default_backend() != "gpu" and not options.small:
        sys.exit("gpu.py: JAX finds no GPU here. Install jax[cuda13], or check the script with --small.")
    config: Any = jax.config
    config.update("jax_default_matmul_precision", "highest")
    print(machine(), flush=True)
    print("| work | contestant | time of a step | ratio | target |\n|---|---|---|---|---|", flush=True)
    for work, goals in works(options.small):
        if options.only in work.name:
            print("\n".join(compare(work, goals, 1 if options.small else TURNS)), flush=True)


if __name__ == "__main__":
    main()
