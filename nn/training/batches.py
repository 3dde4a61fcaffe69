"""What `Model` was given, as batches for its network."""

from __future__ import annotations

from typing import Any

from numpy.typing import DTypeLike

from nn.data import Batches
from nn.random import Rng


def as_batches(
    what: str,
    X: Any,
    y: Any,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    targets: bool = True,
    dtype: DTypeLike | None,
    rng: Rng,
) -> Batches:
    """`X` and `y`, or the `Batches` given in their place.

    Args:
        what: names the data in messages.
        X, y, batch_size, shuffle: as given to `Model.fit`.
        targets: whether there must be some.
        dtype, rng: of the model; see `Batches.for_network`.

    Raises:
        ValueError, TypeError: data that `Batches` refuses, no targets, or a `Batches` together with y, batch_size or
            shuffle=False.
    """
    if isinstance(X, Batches):
        if y is not None or batch_size is not None or not shuffle:
            raise TypeError(f"{what}: a Batches has its own y, batch_size and shuffle. Give them to nn.data.Batches.")
        batches = X
    else:
        batches = Batches(X, y, batch_size=batch_size, shuffle=shuffle, what=what)
    if targets and batches.y is None:
        raise TypeError(f"{what}: there are samples X, but no targets y.")
    return batches.for_network(dtype, rng)
