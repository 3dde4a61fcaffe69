"""Check whether an operation is being recorded, for operations that then compute differently."""

from __future__ import annotations

from typing import Any

from tensorgrad.modes import is_grad_enabled
from tensorgrad.tensor import Tensor


def tracked(a: Any) -> bool:
    """Return whether a gradient with respect to `a` is being recorded."""
    return isinstance(a, Tensor) and a.requires_grad and is_grad_enabled()
