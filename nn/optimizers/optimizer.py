"""Base class of optimizers: the step, parameter groups, and the state kept between steps."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from nn._hints import OPTIMIZER, SETTINGS, attribute_hints
from nn._libraries import in_library_of
from nn._repr import counted
from nn.module import promoted
from nn.optimizers._arrays import Array, assign, read_only, writable
from nn.optimizers._checks import check_signature, checked_result
from nn.optimizers._fused import FusedStep, flush
from nn.optimizers._groups import ParameterGroup, Parameters, label, parameter_groups, shown
from nn.optimizers._setting import Setting, settings_of
from nn.optimizers.schedules import LearningRate, Schedule, decayed_rate
from tensorgrad import Tensor, interrupts
from tensorgrad.arguments import with_hints

State = Mapping[str, Array]
"""The state of one parameter between steps: arrays by name."""

FLUSH_EVERY = 100
"""Steps between two searches for negligible state; see `flush`."""


@attribute_hints(OPTIMIZER)
class Optimizer:
    """Base class of optimizers, which update parameters step by step to reduce the loss.

    A custom optimizer is a subclass. It names its state (`state_names`) and its settings (each a `Setting`, so that it
    is checked, shown, saved and can differ between groups), and implements the formula (`update`):

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
    ...     def update(self, gradient, state, settings):
    ...         average = settings.beta * state["average"] + gradient
    ...         return -settings.learning_rate * np.sign(average), {"average": average}
    >>> w = tg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = SignMomentum([w], learning_rate=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w.data
    array([ 0.5, -1.5])
    >>> optimizer
    SignMomentum(1 parameter, learning_rate=0.5, decay=0, beta=0.9, iterations=1)

    Settings can differ between groups of parameters. A group without a setting uses the optimizer's:

    >>> b = tg.tensor([0.0], requires_grad=True)
    >>> optimizer = SignMomentum([{"params": [w]}, {"params": [b], "learning_rate": 0.1}], learning_rate=0.5)
    >>> optimizer.groups[1].learning_rate
    0.1

    Assigning a setting to the optimizer sets it in every group. The exception is the learning rate, where a group
    keeps its ratio to the optimizer's:

    >>> optimizer.learning_rate = 0.25
    >>> [group.learning_rate for group in optimizer.groups]
    [0.25, 0.05]

    For float16 parameters, state and arithmetic are in float32. State below 1e5 times the smallest normal number
    of its dtype (float32: 1e-33) is set to 0 every hundred steps, because arithmetic with subnormal numbers is slow.

    Args:
        parameters: The tensors to train, such as `network.parameters()`: leaves that require a gradient. Or a list of
            groups, each a dict with its tensors under "params" and the settings that differ from the optimizer's.
        learning_rate: The length of a step, at least 0, or a `Schedule` of it. Can be assigned later.
        decay: The learning rate of step t = 0, 1, 2, … is learning_rate / (1 + decay · t).

    Raises:
        TypeError: If a parameter is not a tensor, or a setting is not a number.
        ValueError: If there are no parameters, one is listed twice, is not a leaf or requires no gradient, or if a
            setting is unknown, negative, not finite or too large.

    Attributes:
        parameters: The tensors of all groups, as a tuple.
        groups: The parameter groups, as a tuple; their settings are attributes.
        iterations: The number of finished steps.
    """

    state_names: tuple[str, ...] = ()
    """The names of the arrays that are kept for each parameter between steps. They start at 0."""

    l2: ClassVar[str] = ""
    """The name of the setting that is λ in the penalty λ/2·Σw², whose gradient λ·w is added to each gradient."""

    needs_closure: ClassVar[bool] = False
    """Whether `step` takes a function that computes the loss again, so that `Model.fit` cannot call it."""

    learning_rate = LearningRate()
    decay = Setting()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_signature(cls)
        if "__init__" in vars(cls):
            cls.__init__ = with_hints(SETTINGS)(vars(cls)["__init__"])  # type: ignore[method-assign]

    def __init__(self, parameters: Parameters, learning_rate: float | Schedule, *, decay: float = 0.0) -> None:
        if isinstance(self.state_names, str):
            raise TypeError(f"{type(self).__name__}: state_names must be a tuple, such as ({self.state_names!r},).")
        assigned = {name: vars(self)[name] for name in settings_of(type(self)) if name in vars(self)}  # by a subclass
        self.groups = parameter_groups(type(self), parameters, assigned)
        self.parameters = tuple(parameter for group in self.groups for parameter in group.parameters)
        self.learning_rate = learning_rate
        self.decay = decay
        self.iterations = 0
        self._group_of = [number for number, group in enumerate(self.groups) for _ in group.parameters]
        self._dtypes = [np.promote_types(parameter.dtype, np.float32) for parameter in self.parameters]
        self._state: list[dict[str, Array]] = [{} for _ in self.parameters]
        self._fused = FusedStep()
        self._warnings: set[str] = set()
        names, self.state_names = self.state_names, ()
        self.add_state(*names)

    def add_state(self, *names: str) -> None:
        """Add arrays, initially 0, to the state of each parameter. For options that need more state."""
        self.state_names += names
        for parameter, dtype, state in zip(self.parameters, self._dtypes, self._state):
            state |= {name: np.zeros_like(parameter.array, dtype=dtype) for name in names}
        self._fused.forget()

    def step(self) -> None:
        """Update every parameter with its gradient.

        Parameters without a gradient (None), and frozen ones (`requires_grad = False`), keep their value and state.
        NumPy arrays are updated in place and marked as changed, so that `backward` raises for a graph that was
        recorded with the old values.

        Warns:
            UserWarning: Once, if no parameter has a gradient; once, if float64 data was passed to a float32 layer,
                which then computes in float64.

        Raises:
            ValueError: If the shapes of a gradient and its parameter differ, or `update` returned arrays of the wrong
                shape. Nothing has been changed then.
            TypeError: If `update` did not return a change and a state. Nothing has been changed then.
        """
        if promoted:
            self._warn_of_promotion()
        gradients = self._penalized_gradients()
        if not gradients:
            self._warn_once(
                "no parameter has a gradient, so nothing was changed. Call loss.backward() first, on a loss of the "
                "network whose parameters this optimizer was made for."
            )
            return
        settings = [self.step_settings(group) for group in self.groups]
        if not self._fused_step(gradients, settings):
            self._assign(self._updated(gradients, settings, self._state))

    def updated(
        self, settings: Sequence[SimpleNamespace], state: Sequence[State]
    ) -> list[tuple[int, Array, dict[str, Array]]]:
        """Return what a step with these settings and this state would assign, and change nothing.

        Args:
            settings: The result of `step_settings` for each group.
            state: The state of each parameter.

        Returns:
            For each parameter that has a gradient and is not frozen, its number, its new values and its new state.
        """
        return self._updated(self._penalized_gradients(), settings, state)

    def update(self, gradient: Array, state: State, settings: SimpleNamespace) -> tuple[Array, State]:
        """Return the change of one parameter and its new state. Subclasses implement this.

        It is called for each parameter with its gradient, its state and the settings of its group. It computes new
        arrays with NumPy's functions and changes none in place, so that it also works with the arrays of other
        libraries.

        Args:
            gradient: The gradient, in the parameter's shape. It is read-only.
            state: An array for each of `state_names`, in the parameter's shape.
            settings: The settings of this step as attributes; see `step_settings`.

        Returns:
            The array to be added to the weights, and a dict with the new array for each of `state_names`.
        """
        raise NotImplementedError(
            f"{type(self).__name__}: an optimizer needs update(self, gradient, state, settings), which returns the "
            "change and the new state."
        )

    def shrink(self, settings: SimpleNamespace) -> float:
        """Return the factor by which the weights are multiplied before the change is added: 1 without weight decay."""
        return 1.0

    def step_settings(self, group: ParameterGroup) -> SimpleNamespace:
        """Return the `settings` argument of `update`: the group's settings and the values for the next step.

        These are `learning_rate`, after schedule and decay, and `iterations`, the number of finished steps. Subclasses
        add other values that depend on the step. Such numbers may be arrays in a compiled step. The other settings are
        always Python numbers, on which `update` may branch.
        """
        settings = _StepSettings(**group.settings)
        settings.learning_rate = decayed_rate(self.iterations, settings.learning_rate, settings.decay)
        settings.iterations = self.iterations
        return settings

    @property
    def states(self) -> list[dict[str, Array]]:
        """The state of each parameter: an array for each of `state_names`."""
        return self._state

    @property
    def current_learning_rate(self) -> float:
        """The learning rate of the next step: learning_rate / (1 + decay · iterations).

        If `learning_rate` is a `Schedule`, the numerator is its value for this number of finished steps. Groups can
        have other rates.
        """
        return decayed_rate(self.iterations, self.learning_rate, self.decay)

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to None."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Return the settings, `iterations` and copies of the state.

        Settings are numbers or a `Schedule`. Settings in which a group differs from the optimizer have names
        such as `"groups.1.learning_rate"`, and the arrays under names such as `"velocity.0"`: the array's name in
        `state_names` and the parameter's number.
        """
        state = self._settings()
        for number, group in enumerate(self.groups):
            state |= {f"groups.{number}.{name}": value for name, value in self._differing(group).items()}
        state["iterations"] = self.iterations
        for name in self.state_names:
            state |= {f"{name}.{number}": np.array(arrays[name]) for number, arrays in enumerate(self._state)}
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict` of an optimizer of the same class, parameters and groups.

        Raises:
            TypeError, ValueError: If a name is missing or unknown, a setting is invalid, or an array has another
                shape or dtype. Nothing has been changed then.
        """
        owner = f"{type(self).__name__}.load_state_dict"
        self._settings()
        declared = settings_of(type(self))
        absent = {name: setting.absent for name, setting in declared.items() if setting.absent is not None}
        state = {**absent, **state}
        of_groups = {f"groups.{number}.{name}": name for number in range(len(self.groups)) for name in declared}
        arrays = {f"{name}.{number}": name for name in self.state_names for number in range(len(self.parameters))}
        expected = {*declared, "iterations", *arrays}
        missing, unknown = sorted(expected - set(state)), sorted(set(state) - expected - set(of_groups))
        if missing or unknown:
            raise ValueError(f"{owner}: missing {missing}, unknown {unknown}. Was it saved by another optimizer?")

        settings = {name: setting.checked(owner, state[name]) for name, setting in declared.items()}
        differing = {key: declared[name].checked(owner, state[key]) for key, name in of_groups.items() if key in state}
        iterations = state["iterations"]
        if isinstance(iterations, bool) or not isinstance(iterations, numbers.Integral) or iterations < 0:
            raise ValueError(f"{owner}: iterations must be an integer, at least 0, got {iterations!r}.")
        loaded = [
            {name: self._loaded(owner, number, name, state) for name in self.state_names}
            for number in range(len(self.parameters))
        ]

        self._restore(settings, differing, int(iterations), loaded)

    @interrupts.uninterrupted
    def _restore(
        self,
        settings: Mapping[str, Any],
        differing: Mapping[str, Any],
        iterations: int,
        state: list[dict[str, Array]],
    ) -> None:
        vars(self).update(settings)
        for number, group in enumerate(self.groups):
            group.settings.update({n: differing.get(f"groups.{number}.{n}", value) for n, value in settings.items()})
        self.iterations = iterations
        self._state = state
        self._fused.forget()

    def grouped_parameters(self) -> tuple[Tensor, ...] | list[dict[str, Any]]:
        """Return the first argument of a constructor that would make the same groups."""
        if len(self.groups) == 1 and not self._differing(self.groups[0]):
            return self.parameters
        return [{"params": list(group.parameters), **self._differing(group)} for group in self.groups]

    def __repr__(self) -> str:
        parameters = counted(len(self.parameters), "parameter")
        groups = f" in {len(self.groups)} groups" if len(self.groups) > 1 else ""
        return f"{type(self).__name__}({parameters}{groups}, {shown(self._settings())}, iterations={self.iterations})"

    def _warn_of_promotion(self) -> None:
        """Warn if float64 data was passed to a float32 layer of these parameters."""
        parameter, layer = promoted[0]
        if parameter() is not None and not any(each is parameter() for each in self.parameters):
            return
        promoted.clear()
        if parameter() is not None:
            self._warn_once(
                f"{layer} has parameters of float32, but was called with float64, so everything after it is computed "
                "in float64, which takes about twice the time. Convert the data once: X = X.astype(np.float32)."
            )

    def _warn_once(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.add(message)
            warnings.warn(f"{type(self).__name__}.step: {message}", stacklevel=3)

    def _gradients(self) -> dict[int, Array]:
        """Return the gradient of each parameter that has one and is not frozen, in at least float32."""
        gradients = {}
        for number, parameter in enumerate(self.parameters):
            gradient: Array = parameter.grad
            if gradient is not None and parameter.node is not None:  # requires a gradient
                array, dtype = parameter.array, self._dtypes[number]
                if isinstance(array, np.ndarray):
                    gradient = np.asarray(gradient, dtype, order="C")
                else:
                    gradient = gradient.astype(dtype)
                if gradient.shape != array.shape:
                    raise ValueError(
                        f"{type(self).__name__}.step: the gradient of {label(number, parameter)} has shape "
                        f"{gradient.shape}, expected {array.shape}."
                    )
                gradients[number] = gradient
        return gradients

    def _penalized_gradients(self) -> dict[int, Array]:
        """Return the gradients, with those of the L2 penalties if there are any."""
        gradients = self._gradients()
        for group in self.groups:
            if group.settings.get(self.l2):
                return self._penalized(gradients)
        return gradients

    def _updated(
        self, gradients: Mapping[int, Array], settings: Sequence[SimpleNamespace], states: Sequence[State]
    ) -> list[tuple[int, Array, dict[str, Array]]]:
        """Return the number, the new weights and the new state of each parameter that has a gradient."""
        updated = []
        for number, gradient in gradients.items():
            parameter, of_group = self.parameters[number], settings[self._group_of[number]]
            state = {name: in_library_of(array, parameter.array) for name, array in states[number].items()}
            result = self.update(read_only(gradient), state, of_group)
            change, state = checked_result(type(self).__name__, result, self.state_names, gradient)
            weights = self.shrink(of_group) * parameter.array.astype(gradient.dtype) + change
            updated.append((number, weights, state))
        return updated

    def _penalized(self, gradients: Mapping[int, Array]) -> dict[int, Array]:
        """Return the gradients with those of the L2 penalties added."""
        penalized = {}
        for number, gradient in gradients.items():
            weights, factor = self.parameters[number].array, self.groups[self._group_of[number]].settings[self.l2]
            if factor:
                same = weights.dtype == gradient.dtype
                gradient = gradient + factor * (weights if same else weights.astype(gradient.dtype))
            penalized[number] = np.asarray(gradient, order="C") if isinstance(weights, np.ndarray) else gradient
        return penalized

    @interrupts.uninterrupted
    def _assign(self, updated: list[tuple[int, Array, dict[str, Array]]]) -> None:
        """End the step: set the weights and the state of these parameters."""
        for number, weights, state in updated:
            assign(self.parameters[number], weights)
            self._state[number] = state
        self._fused.forget()
        self._count_step()

    def _count_step(self) -> None:
        self.iterations += 1
        if self.iterations % FLUSH_EVERY == 0:
            flush(self._state)

    def _fused_step(self, gradients: Mapping[int, Array], settings: list[SimpleNamespace]) -> bool:
        """Make the step faster, if `update` has a fused form and all arrays are NumPy's.

        Returns:
            Whether the fast form was used. If not, nothing has been done.
        """
        kernel = getattr(self.update, "kernel", None)
        if kernel is None:
            return False
        shrinks = [self.shrink(of_group) for of_group in settings]
        interrupts.begin()  # `uninterrupted`, without the calls of a decorator
        try:
            weights = {number: writable(self.parameters[number]) for number in gradients}
            sections = self._fused.sections(weights, self._state, self._group_of)
            if sections is None:
                return False
            for number in gradients:
                self.parameters[number].mark_changed()
            for section in sections:
                change = kernel(self, settings[section.group], section.dtype)
                section.step(change, gradients, shrinks[section.group])
            self._count_step()
            return True
        finally:
            interrupts.end()

    interrupts.marked(_fused_step, "wait")

    def _loaded(self, owner: str, number: int, name: str, state: Mapping[str, Any]) -> Array:
        """Return a copy of one array of a saved state, after checking it."""
        given, dtype, parameter = state[f"{name}.{number}"], self._dtypes[number], self.parameters[number]
        if not hasattr(given, "__array_function__"):
            given = np.asarray(given)
        if given.shape != parameter.shape or given.dtype not in (dtype, parameter.dtype):  # float16: of older files
            raise ValueError(
                f"{owner}: {name}.{number} must be {dtype} of shape {parameter.shape}, got {given.dtype} of shape "
                f"{given.shape}."
            )
        return in_library_of(given.astype(dtype), parameter.array)

    def _settings(self) -> dict[str, Any]:
        """Return the optimizer's settings, the base class's first."""
        declared = settings_of(type(self))
        missing = [name for name in declared if name not in vars(self)]
        if missing:
            raise AttributeError(f"{type(self).__name__}: {missing} not set. Assign each Setting in __init__.")
        return {name: getattr(self, name) for name in declared}

    def _differing(self, group: ParameterGroup) -> dict[str, Any]:
        """Return the settings in which a group differs from the optimizer."""
        return {name: value for name, value in group.settings.items() if value != getattr(self, name)}


class _StepSettings(SimpleNamespace):
    """The settings of one step, with a helpful error message for missing ones."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"update: the settings have no {name!r}, only {', '.join(vars(self))}. Declare a Setting of this name in "
            "the optimizer's class, and assign it in __init__."
        )
