"""The tensors of a network under the names and in the layouts of another framework, as its layers declare them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from nn._weight_layouts import Foreign, Layout, foreign
from nn.interop.keras_files import snake_case
from nn.module import Module
from tensorgrad import Tensor

Framework = Literal["PyTorch", "Keras"]


KERAS_PROJECTIONS = {
    "query_dense": "query", "key_dense": "key", "value_dense": "value", "output_dense": "attention_output"
}  # fmt: skip
"""The layers inside Keras's attention: their attributes, which files use, and the names in the paths of variables."""


@dataclass(frozen=True)
class Binding:
    """Tensors of a layer and the foreign tensors that they are converted from.

    Attributes:
        ours: names of the layer's tensors in the network.
        tensors: the tensors.
        theirs: the foreign tensors, named relative to the layer.
    """

    ours: tuple[str, ...]
    tensors: tuple[Tensor, ...]
    theirs: Foreign

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape that each foreign tensor should have."""
        arrays = self.theirs.to_theirs(tuple(tensor.data for tensor in self.tensors))
        return {name: array.shape for name, array in zip(self.theirs.names, arrays, strict=True)}


@dataclass(frozen=True)
class ExpectedLayer:
    """A layer with tensors, as another framework sees it.

    Attributes:
        places: paths of the enclosing modules, from the network inwards, and of the layer. Each is a pair: the path
            here, and the path in the other framework if the network were built there in the same way.
        kind: in Keras, the name of the layer's class, else "".
        layer: the layer.
        bindings: its tensors.
        ignored: foreign names that are neither used nor reported.
        is_leaf: whether all tensors below `path` are in `bindings`.
    """

    places: tuple[tuple[str, str], ...]
    kind: str
    layer: Module
    bindings: tuple[Binding, ...]
    ignored: tuple[str, ...]
    is_leaf: bool
    spellings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """For each foreign name, relative to the layer, the ways in which a file may spell it; the first is written."""

    @property
    def path(self) -> str:
        """The path of the layer in the network."""
        return self.places[-1][0]

    @property
    def foreign_path(self) -> str:
        """The path that the layer would have in the other framework."""
        return self.places[-1][1]


def expected_layers(network: Module, framework: Framework) -> list[ExpectedLayer]:
    """Return the layers that hold tensors, in order. A layer or tensor in two places is in both."""
    return list(_below(network, framework, (("", ""),), frozenset(), frozenset()))


def _below(
    module: Module,
    framework: Framework,
    places: tuple[tuple[str, str], ...],
    covered: frozenset[str],
    above: frozenset[int],
) -> Iterator[ExpectedLayer]:
    """Yield this layer and the layers inside it.

    Args:
        module: the layer.
        framework: the other framework.
        places: the paths of the layer and those above it.
        covered: the tensors that a layer above has declared.
        above: the layers above, which are not entered again.
    """
    path, foreign_path = places[-1]
    layout = module_layout(module, framework)
    state = _state_below(module, above)
    prefix = f"{path}." if path else ""
    declared = {ours: theirs for ours, theirs in layout.tensors.items() if all(name in state for name in ours)}
    named = {name for ours in declared for name in ours}
    own = [name for name, _ in module.own_state() if name not in named]
    declared |= {(name,): foreign(name) for name in own}
    bindings = tuple(
        Binding(tuple(prefix + name for name in ours), tuple(state[name] for name in ours), theirs)
        for ours, theirs in declared.items()
        if not any(prefix + name in covered for name in ours)
    )
    covered |= {prefix + name for name in named}
    if bindings:
        spellings = _keras_spellings(bindings) if framework == "Keras" else _plain_spellings(bindings)
        is_leaf = all(prefix + name in covered or name in own for name in state)
        kind = _class_name(module) if framework == "Keras" else ""
        yield ExpectedLayer(places, kind, module, bindings, layout.ignored, is_leaf, spellings)
    names = _keras_children(module) if framework == "Keras" else {name: name for name, _ in module.named_children()}
    for name, child in module.named_children():
        if id(child) not in above | {id(module)}:
            place = (prefix + name, f"{foreign_path}.{names[name]}" if foreign_path else names[name])
            yield from _below(child, framework, (*places, place), covered, above | {id(module)})


def module_layout(module: Module, framework: Framework) -> Layout:
    """Return what the layer declares for this framework."""
    return module.pytorch_layout if framework == "PyTorch" else module.keras_layout


def _state_below(module: Module, above: frozenset[int]) -> dict[str, Tensor]:
    """Return all tensors of a module and its inner modules by name, including those that occur twice."""
    found = dict(module.own_state())
    for name, child in module.named_children():
        if id(child) not in above | {id(module)}:
            inner = _state_below(child, above | {id(module)})
            found |= {f"{name}.{path}": tensor for path, tensor in inner.items()}
    return found


def _plain_spellings(bindings: tuple[Binding, ...]) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for binding in bindings for name in binding.theirs.names}


def _keras_spellings(bindings: tuple[Binding, ...]) -> dict[str, tuple[str, ...]]:
    """`cell.kernel` is the first variable of `cell`: `cell.vars.0`. Some files leave out the `cell`."""
    counts: dict[str, int] = {}
    found = {}
    names = [name for binding in bindings for name in binding.theirs.names]
    for name in names:
        inner, _, variable = name.rpartition(".")
        number = counts[inner] = counts.get(inner, -1) + 1
        spelled = [f"{inner}.vars.{number}" if inner else f"vars.{number}", name]
        if inner.removeprefix("_") in KERAS_PROJECTIONS:
            spelled.append(f"{KERAS_PROJECTIONS[inner.removeprefix('_')]}.{variable}")
        if inner and sum(other.rpartition(".")[2] == variable for other in names) == 1:
            spelled.append(variable)
        found[name] = tuple(spelled)
    return found


def _keras_children(module: Module) -> dict[str, str]:
    """Return the names of the children in Keras files, where the layers of a list are numbered by class."""
    names: dict[str, str] = {}
    used: dict[str, int] = {}
    for name, child in module.named_children():
        container, _, place = name.rpartition(".")
        if not container and not place.isdecimal():
            names[name] = name
            continue
        key = f"{container or 'layers'}.{_class_name(child)}"
        used[key] = used.get(key, -1) + 1
        names[name] = f"{key}_{used[key]}" if used[key] else key
    return names


def _class_name(module: Module) -> str:
    return module_layout(module, "Keras").name or snake_case(type(module).__name__)
