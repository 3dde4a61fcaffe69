"""What all optimizers share: checked settings, the learning-rate decay, the step, and their state."""

from __future__ import annotations

import numbers
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nn._repr import counted
from nn.optimizers.blocks import Slab
from nn.optimizers.schedules import LearningRate, Schedule, rate_at
from nn.optimizers.setting import Setting
from tensorgrad import Tensor

FLUSH_EVERY = 100
"""Steps between two looks for state that has become negligible; see `Slab.flush`."""


class Optimizer:
    """Base class: changes parameters, step by step, so that the loss falls.

    A new rule is a subclass. It names what it keeps for every element between steps (`state_names`; arrays that start
    at 0), its settings (each a `Setting`, so that it is checked, shown and saved), the numbers of a step (`factors`),
    and how the weights change (`update`):

    >>> import numpy as np, tensorgrad as tg
    >>> from nn.optimizers import Setting
    >>> class SignMomentum(Optimizer):
    ...     state_names = ("average",)
    ...     beta = Setting(below=1.0)
    ...
    ...     def __init__(self, parameters, learning_rate=0.01, *, beta=0.9):
    ...         super().__init__(parameters, learning_rate)
    ...         self.beta = beta
    ...
    ...     def factors(self):
    ...         return -self.current_learning_rate, self.beta
    ...
    ...     def update(self, gradient, average, room, factor, beta):
    ...         average *= beta
    ...         average += gradient
    ...         np.sign(average, out=room)
    ...         return np.multiply(room, factor, out=room)
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SignMomentum([w], learning_rate=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1.5])
    >>> optimizer
    SignMomentum(1 parameter, learning_rate=0.5, decay=0, beta=0.9, iterations=1)

    State below 1e5 times the smallest normal number of its dtype (float32: 1e-33) is set to 0 every hundred steps:
    processors are slow with such numbers.

    Args:
        parameters: the tensors to train, such as `network.parameters()`; leaves that require a gradient.
        learning_rate: the length of a step, at least 0, or a `Schedule` of it. Can be assigned later.
        decay: the learning rate of step t = 0, 1, 2, … is learning_rate / (1 + decay · t).

    Raises:
        TypeError: something that is no tensor, or a setting that is no number.
        ValueError: no parameters, one of them twice, one that is not a leaf or requires no gradient, or a setting
            that is negative, not finite or too large.

    Attributes:
        parameters: the tensors, as a tuple.
        iterations: finished steps.
    """

    state_names: ClassVar[tuple[str, ...]] = ()
    """The quantities the rule keeps for every element between steps. They start at 0."""

    learning_rate = LearningRate()
    decay = Setting()

    def __init__(self, parameters: Iterable[Tensor], learning_rate: float | Schedule, *, decay: float = 0.0) -> None:
        if isinstance(self.state_names, str):
            raise TypeError(f"{type(self).__name__}: state_names must be a tuple, such as ({self.state_names!r},).")
        self.parameters = _checked_parameters(type(self).__name__, parameters)
        self.learning_rate = learning_rate
        self.decay = decay
        self.iterations = 0
        sizes: dict[np.dtype[Any], dict[int, int]] = {}
        for number, parameter in enumerate(self.parameters):
            sizes.setdefault(parameter.dtype, {})[number] = parameter.size
        self._slabs = [Slab(of_dtype, self.state_names, dtype) for dtype, of_dtype in sizes.items()]

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next step: learning_rate / (1 + decay · iterations).

        If `learning_rate` is a `Schedule`, its value for this number of finished steps stands in the numerator.
        """
        return rate_at(self.iterations, self.learning_rate) / (1.0 + self.decay * self.iterations)

    def factors(self) -> tuple[float, ...]:
        """The numbers the rule needs in this step, such as the current learning rate; none unless a rule says so."""
        return ()

    def update(self, *arrays: Any) -> Any:
        """The rule, `update(self, gradient, *state, room, *factors)`: bring the state up to date, return the change.

        The state is brought up to date in place (`average *= beta`): `average = beta * average` would be lost.

        Called with flat pieces of the parameters, all of one length and dtype: the gradient (only to be read), an array
        for each of `state_names`, and `room` to compute in; then the `factors`, as arrays of no dimension and the same
        dtype. Returns the array that is to be added to the weights, such as `room`. Elements must not influence each
        other: where a parameter is cut, and what it is joined with, is a matter of speed.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: an optimizer needs update(self, gradient, *state, room, *factors)."
        )

    def shrink(self) -> float:
        """What the weights are multiplied by before the change is added; 1 unless a rule decays them."""
        return 1.0

    def step(self) -> None:
        """Change every parameter by its gradient, in place. Those without one (None), and frozen ones
        (`requires_grad = False`), keep their value and state.

        The arrays `parameter.data` are written into and then announced as changed, so that `backward` refuses a graph
        that was recorded with the old values.

        Raises:
            ValueError: a gradient has another shape than its parameter. Nothing has been changed then. Or `update`
                returned no array of the shape of `room`.
            TypeError: `factors` are not a tuple of numbers. No weight has been changed then.
        """
        gradients = self._gradients()
        if not gradients:
            return
        weights = {number: _writable(self.parameters[number]) for number in gradients}
        factors, shrink = self.factors(), self.shrink()
        for number in gradients:
            self.parameters[number].mark_changed()  # first, so that it is said even if a rule fails half-way
        for slab in self._slabs:
            try:
                numbers_of_step = [np.array(factor, slab.dtype) for factor in factors]
            except (TypeError, ValueError) as error:
                raise TypeError(
                    f"{type(self).__name__}.factors: expected it to return a tuple of numbers, got {factors!r}."
                ) from error
            for block in slab.blocks(weights):
                change = self.update(block.gradient(gradients), *block.state, block.room, *numbers_of_step)
                if np.shape(change) != block.room.shape:
                    raise ValueError(
                        f"{type(self).__name__}.update: expected it to return the change, an array of shape "
                        f"{block.room.shape} like `room`, got {change!r}."
                    )
                block.apply(change, shrink)
        self.iterations += 1
        if self.iterations % FLUSH_EVERY == 0:
            for slab in self._slabs:
                slab.flush()

    def zero_grad(self) -> None:
        """Forget the gradient of every parameter."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """The settings and `iterations` as numbers (a `Schedule` as it is), and the state: a copy for each parameter.

        The arrays come under names such as `"momentum.0"`: the quantity, and which parameter it belongs to.
        """
        state: dict[str, Any] = {name: getattr(self, name) for name in self._settings()}
        state["iterations"] = self.iterations
        for key, (array, shape) in self._state_arrays().items():
            state[key] = array.reshape(shape).copy()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` of the same kind of optimizer, for the same parameters, returned.

        Raises:
            TypeError, ValueError: a name is missing or unknown, a setting is wrong, or an array has another shape or
                dtype. Nothing has been changed then.
        """
        owner = f"{type(self).__name__}.load_state_dict"
        settings, arrays = self._settings(), self._state_arrays()
        expected = {*settings, "iterations", *arrays}
        missing, unknown = sorted(expected - set(state)), sorted(set(state) - expected)
        if missing or unknown:
            raise ValueError(f"{owner}: missing {missing}, unknown {unknown}. Was it saved by another optimizer?")

        numbers_to_set = {name: setting.checked(owner, state[name]) for name, setting in settings.items()}
        iterations = state["iterations"]
        if isinstance(iterations, bool) or not isinstance(iterations, numbers.Integral) or iterations < 0:
            raise ValueError(f"{owner}: iterations must be a whole number, at least 0, got {iterations!r}.")
        for key, (own, shape) in arrays.items():
            given = np.asarray(state[key])
            if given.shape != shape or given.dtype != own.dtype:
                raise ValueError(
                    f"{owner}: {key} must be {own.dtype} of shape {shape}, got {given.dtype} of shape {given.shape}."
                )

        vars(self).update(numbers_to_set)
        self.iterations = int(iterations)
        for key, (own, _) in arrays.items():
            own[:] = np.asarray(state[key]).reshape(-1)

    def __repr__(self) -> str:
        values = {name: getattr(self, name) for name in self._settings()}
        settings = ", ".join(f"{n}={v!r}" if isinstance(v, Schedule) else f"{n}={v:g}" for n, v in values.items())
        parameters = counted(len(self.parameters), "parameter")
        return f"{type(self).__name__}({parameters}, {settings}, iterations={self.iterations})"

    def _gradients(self) -> dict[int, NDArray[Any]]:
        """The gradient of each parameter that has one and is not frozen, flat and in the parameter's dtype."""
        gradients = {}
        for number, parameter in enumerate(self.parameters):
            if parameter.grad is not None and parameter.requires_grad:
                array = parameter.array
                gradient = np.asarray(parameter.grad, array.dtype)
                if gradient.shape != array.shape:
                    raise ValueError(
                        f"{type(self).__name__}.step: the gradient of {_label(number, parameter)} has shape "
                        f"{gradient.shape}, expected {array.shape}."
                    )
                gradients[number] = gradient.reshape(-1)
        return gradients

    def _settings(self) -> dict[str, Setting]:
        """The settings of this kind of optimizer, the base class's first."""
        classes = reversed(type(self).__mro__)
        found = {name: value for each in classes for name, value in vars(each).items() if isinstance(value, Setting)}
        missing = [name for name in found if name not in vars(self)]
        if missing:
            raise AttributeError(f"{type(self).__name__}: {missing} not set. Assign each Setting in __init__.")
        return found

    def _state_arrays(self) -> dict[str, tuple[NDArray[Any], tuple[int, ...]]]:
        """Each state array, flat, and the shape of its parameter."""
        return {
            f"{name}.{number}": (slab.state(name, number), self.parameters[number].shape)
            for name in self.state_names
            for slab in self._slabs
            for number in slab.numbers
        }


def _writable(parameter: Tensor) -> NDArray[Any]:
    """The parameter's array, once it is one flat run in memory that can be written into."""
    flags = parameter.array.flags
    if not (flags.c_contiguous and flags.writeable):
        parameter.data = np.array(parameter.array, order="C")
    return parameter.own_array()


def _label(number: int, parameter: Tensor) -> str:
    return f"parameter {number}" + (f" {parameter.name!r}" if parameter.name else "")


def _checked_parameters(owner: str, parameters: Iterable[Tensor]) -> tuple[Tensor, ...]:
    if isinstance(parameters, Tensor) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{owner}: expected the tensors to train, such as network.parameters(), got {type(parameters).__name__}."
        )
    checked = tuple(parameters)
    if not checked:
        raise ValueError(f"{owner}: no parameters to train.")
    for number, parameter in enumerate(checked):
        if not isinstance(parameter, Tensor):
            raise TypeError(
                f"{owner}: parameter {number} is a {type(parameter).__name__}, expected a Tensor. Pass the tensors to "
                "train, such as network.parameters()."
            )
        if not parameter.is_leaf:
            raise ValueError(
                f"{owner}: {_label(number, parameter)} is the result of an operation, so its values follow from its "
                "inputs. Train those, or make a new tensor of its values."
            )
        if not parameter.requires_grad:
            raise ValueError(f"{owner}: {_label(number, parameter)} does not require a gradient. Set requires_grad.")
    if len({id(parameter) for parameter in checked}) < len(checked):
        raise ValueError(f"{owner}: a parameter is listed twice; it would be updated twice in each step.")
    return checked
