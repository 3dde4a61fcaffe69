"""Whether an operation is being recorded, for those that compute differently then."""

from __future__ import annotations

from typing import Any

from tensorgrad.modes import is_grad_enabled
from tensorgrad.tensor import Tensor


def tracked(a: Any) -> bool:
    """Whether a gradient by `a` is being recorded."""
    return isinstance(a, Tensor) and a.requires_grad and is_grad_enabled()
