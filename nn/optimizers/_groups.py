"""Parameter groups: the tensors that an optimizer trains, and the settings that belong to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nn._hints import SETTINGS
from nn._repr import counted
from nn.optimizers._setting import settings_of
from nn.optimizers.schedules import Schedule
from tensorgrad import Tensor

Parameters = Iterable[Tensor | Mapping[str, Any]]
"""The first argument of optimizers: tensors, or a dict for each group."""


class ParameterGroup:
    """Parameters that share their settings, which are attributes that can be assigned.

    Args:
        kind: The optimizer's class, which declares the settings.
        parameters: The tensors.
        settings: The explicit settings of the group. The optimizer's constructor adds the others.

    Attributes:
        parameters: The tensors, as a tuple.
        settings: The values of the settings by name.

    >>> import nn, tensorgrad as tg
    >>> w, b = tg.tensor([1.0], requires_grad=True), tg.tensor([0.0], requires_grad=True)
    >>> optimizer = nn.SGD([{"params": [w]}, {"params": [b], "learning_rate": 0.5}], learning_rate=0.1)
    >>> optimizer.groups[1].momentum = 0.9
    >>> optimizer.groups[1]
    ParameterGroup(1 parameter, learning_rate=0.5, decay=0, momentum=0.9, weight_decay=0)
    """

    kind: type
    parameters: tuple[Tensor, ...]
    settings: dict[str, Any]

    def __init__(self, kind: type, parameters: tuple[Tensor, ...], settings: Mapping[str, Any]) -> None:
        vars(self).update(kind=kind, parameters=parameters, settings={})
        for name, value in settings.items():
            setattr(self, name, value)

    def __getattr__(self, name: str) -> Any:
        settings = vars(self).get("settings", {})  # empty while a copy is being made
        if name not in settings:
            raise AttributeError(f"ParameterGroup: no setting {name!r}. The settings are {', '.join(settings)}.")
        return settings[name]

    def __setattr__(self, name: str, value: Any) -> None:
        declared = settings_of(self.kind)
        if name not in declared:
            raise AttributeError(f"{self.kind.__name__}: groups have no setting {name!r}, only {', '.join(declared)}.")
        self.settings[name] = declared[name].checked(self.kind.__name__, value)

    def __repr__(self) -> str:
        return f"ParameterGroup({counted(len(self.parameters), 'parameter')}, {shown(self.settings)})"


def shown(settings: Mapping[str, Any]) -> str:
    """Return settings as the arguments of a call."""
    return ", ".join(f"{n}={v!r}" if isinstance(v, Schedule) else f"{n}={v:g}" for n, v in settings.items())


def label(number: int, parameter: Tensor) -> str:
    """Return how messages name a parameter."""
    return f"parameter {number}" + (f" {parameter.name!r}" if parameter.name else "")


def parameter_groups(kind: type, parameters: Parameters, settings: Mapping[str, Any]) -> tuple[ParameterGroup, ...]:
    """Return the groups for the first argument of an optimizer, after checking it.

    Args:
        kind: The optimizer's class.
        parameters: The argument.
        settings: Default settings for groups that do not specify them.

    Raises:
        TypeError: If an item is neither a tensor nor the dict of a group.
        ValueError: If there are no parameters, one is listed twice, is not a leaf, or requires no gradient; if a group
            has no "params", or a setting that the optimizer lacks.
    """
    owner = kind.__name__
    if isinstance(parameters, (Tensor, Mapping)) or not isinstance(parameters, Iterable):
        raise TypeError(
            f"{owner}: expected the tensors to train, such as network.parameters(), or a list of groups, such as "
            f'[{{"params": [...], "learning_rate": 0.1}}], got {type(parameters).__name__}.'
        )
    given = tuple(parameters)
    described = [each for each in given if isinstance(each, Mapping)]
    if described and len(described) < len(given):
        raise TypeError(f"{owner}: expected either tensors or groups, got both. Put the tensors into a group.")
    groups = tuple(_group(kind, number, {**settings, **each}) for number, each in enumerate(described))
    if not described:
        groups = (ParameterGroup(kind, given, settings),)  # type: ignore[arg-type]  # checked next
    _check(owner, [parameter for group in groups for parameter in group.parameters])
    return groups


def _group(kind: type, number: int, given: Mapping[str, Any]) -> ParameterGroup:
    owner = f"{kind.__name__}: group {number}"
    declared = settings_of(kind)
    if "params" not in given:
        found = ", ".join(map(repr, given))
        raise ValueError(f'{owner}: expected the tensors to train under "params", got only {found}.')
    settings = {name: value for name, value in given.items() if name != "params"}
    if unknown := [name for name in settings if name not in declared]:
        hint = SETTINGS.get(unknown[0], f"The settings are {', '.join(declared)}.")
        raise ValueError(f"{owner} has the unknown setting {unknown[0]!r}. {hint}")
    parameters = given["params"]
    parameters = (parameters,) if isinstance(parameters, Tensor) else tuple(parameters)
    if not parameters:
        raise ValueError(f"{owner} has no parameters to train.")
    return ParameterGroup(kind, parameters, settings)


def _check(owner: str, parameters: list[Tensor]) -> None:
    if not parameters:
        raise ValueError(f"{owner}: no parameters to train.")
    for number, parameter in enumerate(parameters):
        if not isinstance(parameter, Tensor):
            raise TypeError(
                f"{owner}: parameter {number} is a {type(parameter).__name__}, expected a Tensor. Pass the tensors to "
                "train, such as network.parameters()."
            )
        if not parameter.is_leaf:
            raise ValueError(
                f"{owner}: {label(number, parameter)} is the result of an operation, so its values follow from its "
                "inputs. Train those, or make a new tensor of its values."
            )
        if not parameter.requires_grad:
            raise ValueError(f"{owner}: {label(number, parameter)} does not require a gradient. Set requires_grad.")
    if len({id(parameter) for parameter in parameters}) < len(parameters):
        raise ValueError(f"{owner}: a parameter is listed twice; it would be updated twice in each step.")
