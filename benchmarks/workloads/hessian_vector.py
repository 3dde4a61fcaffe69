"""A Hessian-vector product: the loss of the 784-128-64-10 network, batch of 128, all parameters, float32.

Computed as the gradient of ⟨gradient, v⟩; in JAX, by forward mode over the gradient, as its documentation advises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from dense import by_autograd, by_jax
from dense.task import Array
from harness import Contestant, race
from table import Row

from workloads.mlp_step import TASK


def measure(rounds: int) -> list[Row]:
    """Compare tensorgrad with the libraries that differentiate twice (MyGrad cannot), at one thread and at two."""
    contestants = [
        Contestant("tensorgrad", ours),
        Contestant("torch", theirs, 1.0),
        Contestant("jax, compiled", compiled),
        Contestant("autograd", hips, 0.5),
    ]
    return race("hessian_vector", contestants, rounds=rounds, threads=(1, 2), unit="per product", rtol=1e-4)


def data() -> tuple[list[Array], list[Array], Array, Array]:
    """Return the parameters, v of the same shapes, and a batch."""
    inputs, labels = TASK.data()
    rng = np.random.default_rng(1)
    parameters = TASK.parameters()
    return parameters, [np.asarray(rng.standard_normal(p.shape, np.float32)) for p in parameters], inputs[0], labels[0]


def ours() -> Callable[[], Any]:
    """Return a step with tensorgrad, which returns the norm of the product."""
    import nn
    import tensorgrad as tg

    parameters, v, x, y = data()
    loss = nn.SoftmaxCrossEntropy()

    def value(tensors: Any) -> Any:
        *hidden, (w, b) = zip(tensors[::2], tensors[1::2])
        h: Any = x
        for weight, bias in hidden:
            h = nn.functional.relu(nn.functional.linear(h, weight, bias))
        return loss(nn.functional.linear(h, w, b), y)

    return lambda: size([each.data for each in tg.hvp(value, parameters, v)])


def theirs() -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch
    from torch.nn.functional import cross_entropy

    arrays, directions, inputs, labels = data()
    v, x, y = [torch.from_numpy(each) for each in directions], torch.from_numpy(inputs), torch.from_numpy(labels)
    tensors = [torch.from_numpy(each).requires_grad_() for each in arrays]
    *hidden, (w, b) = zip(tensors[::2], tensors[1::2])

    def step() -> Any:
        h = x
        for weight, bias in hidden:
            h = torch.relu(torch.addmm(bias, h, weight))
        value = cross_entropy(torch.addmm(b, h, w), y)
        slopes = torch.autograd.grad(value, tensors, create_graph=True)
        return size([each.numpy() for each in torch.autograd.grad(slopes, tensors, grad_outputs=v)])

    return step


def compiled() -> Callable[[], Any]:
    """Return the same step with JAX."""
    import jax

    parameters, v, x, y = data()
    gradient = jax.grad(by_jax.loss)
    product = jax.jit(lambda p, v, x, y: jax.jvp(lambda p: gradient(p, x, y), (p,), (v,))[1])
    return lambda: size([np.asarray(each) for each in product(parameters, v, x, y)])


def hips() -> Callable[[], Any]:
    """Return the same step with HIPS autograd, whose `hessian_vector_product` takes only a single array."""
    import autograd
    import autograd.numpy as anp

    parameters, v, x, labels = data()
    y = by_autograd.one_hot(labels, TASK.sizes[-1])
    gradient = autograd.grad(by_autograd.loss)

    def slope(p: Any) -> Any:
        return sum(anp.sum(g * d) for g, d in zip(gradient(p, x, y), v))

    product = autograd.grad(slope)
    return lambda: size(product(parameters))


def size(products: list[Array]) -> float:
    """Return the Euclidean norm of the biases' part, which takes almost no time and depends on all of v."""
    return float(np.sqrt(sum(np.square(bias).sum() for bias in products[1::2])))
