"""How a model is compiled."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

from nn._validation import whole_number

if TYPE_CHECKING:
    from nn.training.placement import Placement


class Compiling:
    """The arguments of `nn.Model` about compiling, checked. JAX is imported only if they require it.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: JAX finds no such device, or there are arguments for a model that is not compiled.
        ModuleNotFoundError: `compile` without JAX.
    """

    def __init__(self, compile: bool, device: Any, devices: Any, steps_per_call: int) -> None:
        if not isinstance(compile, bool):
            raise TypeError(f"Model: compile must be True or False, got {compile!r}.")
        self.compile, self.device, self.devices = compile, device, devices
        self.steps_per_call = whole_number("Model: steps_per_call", steps_per_call)
        if compile:
            self.placement()
        elif device is not None or devices is not None or self.steps_per_call > 1:
            raise ValueError("Model: device, devices and steps_per_call are for compiled models. Pass compile=True.")

    def placement(self) -> Placement:
        """Return the devices."""
        if importlib.util.find_spec("jax") is None:
            raise ModuleNotFoundError("Model: compile=True requires JAX: pip install 'tensorgrad[xla]'", name="jax")
        from nn.training.placement import Placement

        return Placement(self.device, self.devices)
