"""One training at a time for a model."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from tensorgrad import interrupts

T = TypeVar("T")

_lock = threading.Lock()
_in_training: set[int] = set()
"""The identities of the models and networks that are trained at the moment, in any thread."""


@interrupts.uninterrupted
def exclusively(model: Any, train: Callable[[], T]) -> T:
    """Return `train()`, unless the model or its network is being trained already.

    Raises:
        RuntimeError: it is.
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
