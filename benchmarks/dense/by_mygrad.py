"""With MyGrad, and Adam by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dense import rules
from dense.task import Array, Task


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    mg.turn_memory_guarding_off()  # as its documentation advises for speed

    def loss_and_gradients(parameters: list[Array], x: Any, y: Any) -> tuple[Any, list[Array]]:
        tensors = [mg.tensor(array, copy=False) for array in parameters]
        *hidden, (w, b) = zip(tensors[::2], tensors[1::2])
        for weight, bias in hidden:
            x = relu(mg.matmul(x, weight) + bias)
        value = softmax_crossentropy(mg.matmul(x, w) + b, y)
        value.backward()
        return value.item(), [tensor.grad for tensor in tensors]

    return rules.training(task, loss_and_gradients, *task.data())
