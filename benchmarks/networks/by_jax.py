"""With JAX: the whole step, optimizer included, compiled into one function."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from dense import rules

import nn
from networks.work import RATE, STAGES, Work


def training(work: Work) -> Callable[[], Any]:
    """Return a step, which returns the loss as a JAX array without waiting for it."""
    import jax
    import jax.numpy as jnp

    forward = {"mlp": mlp, "gpt": gpt, "lstm": lstm, "lenet": lenet, "resnet": resnet}[work.kind]
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


def mlp(p: Any, statistics: Any, x: Any, work: Work) -> Any:
    """Return the scores of a dense network."""
    import jax

    numbers = [name.split(".")[0] for name in p if name.endswith("weight")]
    for number in numbers[:-1]:
        x = jax.nn.relu(x @ p[f"{number}.weight"] + p[f"{number}.bias"])
    return x @ p[f"{numbers[-1]}.weight"] + p[f"{numbers[-1]}.bias"], statistics


def gpt(p: Any, statistics: Any, ids: Any, work: Work) -> Any:
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


def lstm(p: Any, statistics: Any, x: Any, work: Work) -> Any:
    """Return the scores of an LSTM with a dense layer on its last state."""
    import jax
    import jax.numpy as jnp

    inputs = jnp.moveaxis(x, 1, 0) @ p["0.weight"] + p["0.bias"]
    start = jnp.zeros((len(x), p["0.recurrent_weight"].shape[0]), x.dtype)

    def next_state(state: Any, of_input: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(of_input + h @ p["0.recurrent_weight"], 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    (h, _), _ = jax.lax.scan(next_state, (start, start), inputs)
    return h @ p["1.weight"] + p["1.bias"], statistics


def lenet(p: Any, statistics: Any, x: Any, work: Work) -> Any:
    """Return the scores of two convolutions with max-pooling, and a dense layer."""
    import jax
    import jax.numpy as jnp

    for name in ("0", "3"):
        x = jax.lax.conv_general_dilated(
            x, p[f"{name}.weight"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        x = jax.nn.relu(x + p[f"{name}.bias"])
        x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    return x.reshape(len(x), -1) @ p["7.weight"] + p["7.bias"], statistics


def resnet(p: Any, statistics: Any, x: Any, work: Work) -> Any:
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
