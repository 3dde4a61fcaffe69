"""Exclusive training: a model is trained by one `fit` at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tensorgrad import interrupts

T = TypeVar("T")

_lock = threading.Lock()
_in_training: set[int] = set()
"""The identities of the models and networks that are currently being trained, in any thread."""


@interrupts.uninterrupted
def exclusively(model: Any, train: Callable[[], T]) -> T:
    """Return `train()`, unless the model or its network is already being trained.

    Raises:
        RuntimeError: the model or its network is already being trained.
    """
    claimed = {id(model), id(model.network)}
    with _lock:
        if claimed & _in_training:
            raise RuntimeError(
                "fit: this model, or its network, is being trained by another call of fit, in a callback or in another "
                "thread. Wait until that has returned, or train a copy: copy.deepcopy(model)."
            )
        _in_training.update(claimed)
    try:
        return interrupts.interruptible(train)
    finally:
        with _lock:
            _in_training.difference_update(claimed)
