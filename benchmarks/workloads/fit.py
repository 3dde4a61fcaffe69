"""An epoch of Fashion-MNIST through `Model.fit`, and through a plain loop over PyTorch's `DataLoader` with 0 workers.

784-128-128-10, ReLU, Adam, batches of 128, as in *Neural Networks from Scratch*, chapter 19. The first epoch takes the
samples as they come, so that its mean loss can be compared; those that are timed are shuffled. Without Fashion-MNIST
(see `nn.datasets.fashion_mnist`; nothing is downloaded) random pixels of that shape are fitted, and the table says so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from dense import by_tensorgrad, by_torch
from dense.task import Array, Task
from harness import Contestant, race
from table import Row

SAMPLES, BATCH = 60_000, 128


def measure(rounds: int) -> list[Row]:
    """Compare both at one thread and at two."""
    title = "fit, Fashion-MNIST" if published() else "fit, random pixels"
    contestants = [Contestant("tensorgrad", by_fit), Contestant("torch, DataLoader", by_loader, 0.7)]
    # Over an epoch, rounding makes the losses diverge, as in any long training.
    return race(title, contestants, rounds=rounds, threads=(1, 2), unit="per epoch", rtol=5e-3)


def by_fit() -> Callable[[], Any]:
    """Return a step with `Model.fit`, which trains one epoch and returns its mean loss."""
    import nn

    X, y = data()
    network = by_tensorgrad.network(TASK)
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=by_tensorgrad.optimizer_for(TASK, network), rng=0
    )
    shuffle = False

    def step() -> Any:
        nonlocal shuffle
        history = model.fit(X, y, epochs=1, batch_size=BATCH, shuffle=shuffle, verbose=0)
        shuffle = True
        return history["loss"][-1]

    return step


def by_loader() -> Callable[[], Any]:
    """Return the same step as the usual PyTorch loop, with fused Adam."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    X, y = data()
    samples = TensorDataset(torch.from_numpy(X), torch.from_numpy(y))
    loaders = [DataLoader(samples, BATCH, shuffle=shuffle, num_workers=0) for shuffle in (False, True)]
    network, loss = by_torch.network(TASK), torch.nn.CrossEntropyLoss()
    optimizer = by_torch.optimizer_for(TASK, network, fused=True)
    loader = loaders[0]

    def step() -> Any:
        nonlocal loader
        total = 0.0
        for inputs, labels in loader:
            value = loss(network(inputs), labels)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            total += value.item() * len(inputs)
        loader = loaders[1]
        return total / SAMPLES

    return step


def data() -> tuple[Array, Array]:
    """Return rows of 784 pixels from -1 to 1 in float32, and labels."""
    import nn

    found = published()
    if found is None:
        rng = np.random.default_rng(0)
        return 2 * rng.random((SAMPLES, 784), dtype=np.float32) - 1, rng.integers(0, 10, SAMPLES)
    X, y = found
    return nn.data.rescale(X).reshape(len(X), -1), y


def published() -> tuple[Array, Array] | None:
    """Return the training set of Fashion-MNIST, or None if it is not on this machine."""
    import nn

    try:
        return nn.datasets.fashion_mnist(download=False)[:2]
    except FileNotFoundError:
        return None


TASK = Task((784, 128, 128, 10), data)
