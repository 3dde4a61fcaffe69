"""Gradient accumulation: one step for several batches."""

from __future__ import annotations

from nn._validation import as_array, whole_number
from nn.optimizers.optimizer import Optimizer
from tensorgrad import Tensor


class GradientAccumulator:
    """Average of the gradients of several batches, as if they were one large batch, which may not fit in memory.

    Batches are weighted by their number of samples, so that a smaller last batch, and a last step with fewer batches,
    are averaged correctly. Layers that compute statistics of a batch, such as `BatchNorm`, still see the small batches.
    `Model.fit` has the argument `accumulate` for this.

    Args:
        optimizer: The optimizer that makes the steps.

    Attributes:
        samples: The number of samples since the last step.

    >>> import numpy as np, nn
    >>> X, y = nn.datasets.vertical(50, 3, rng=0)
    >>> network, loss = nn.Dense(2, 3, rng=0), nn.SoftmaxCrossEntropy()
    >>> optimizer = nn.SGD(network.parameters(), 0.1)
    >>> accumulator = nn.GradientAccumulator(optimizer)
    >>> batches = nn.data.Batches(X, y, batch_size=16, rng=0)
    >>> for number, (inputs, targets) in enumerate(batches, start=1):
    ...     accumulator.backward(loss(network(inputs), targets), samples=len(targets))
    ...     if number % 4 == 0 or number == len(batches):
    ...         accumulator.step()
    >>> len(batches), optimizer.iterations
    (10, 3)
    """

    def __init__(self, optimizer: Optimizer) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"GradientAccumulator: expected an optimizer such as nn.Adam(...), got {optimizer!r}.")
        self.optimizer = optimizer
        self.samples = 0

    def backward(self, loss: Tensor, samples: int = 1) -> None:
        """Add the gradients of a batch.

        Args:
            loss: The mean loss over the batch.
            samples: The number of its samples.

        Raises:
            TypeError, ValueError: `loss` is not a scalar tensor, or `samples` is not an integer of at least 1.
        """
        if not isinstance(loss, Tensor):
            raise TypeError(f"GradientAccumulator.backward: expected the loss as a tensor, got {loss!r}.")
        count = whole_number("GradientAccumulator.backward: samples", samples)
        (loss * count).backward()
        self.samples += count

    def average(self) -> None:
        """Divide the gradients by the number of samples since the last step.

        Raises:
            RuntimeError: There was no batch since the last step.
        """
        if not self.samples:
            raise RuntimeError("GradientAccumulator: no gradients since the last step. Call backward(loss) first.")
        for parameter in self.optimizer.parameters:
            if parameter.grad is not None:
                parameter.grad = as_array(parameter.grad / self.samples)
        self.samples = 0

    def step(self) -> None:
        """Average the gradients, update the parameters, and clear the gradients.

        Raises:
            RuntimeError: There was no batch since the last step.
        """
        self.average()
        self.optimizer.step()
        self.optimizer.zero_grad()
