"""Match the tensors of a source with the tensors of a network.

By path: a layer at `encoder.0` takes `encoder.0.weight`. In order: the first layer of the network takes the first of
the source, and so on. A layer of the source is a set of names with the same prefix, whose endings are the names that
the layer of the network declares. By a mapping: the caller gives the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from nn.interop.expected import ExpectedLayer, Framework
from nn.interop.weights import Weights

PREFIXES = ("module.", "model.", "_orig_mod.")
"""Prefixes that wrappers add to every name: data parallelism, Lightning and Hugging Face, `torch.compile`."""

Places = dict[tuple[str, str], str]
"""The name in the source by path of the layer and name relative to the layer."""


@dataclass(frozen=True)
class Names:
    """The names of a source, with their other spellings.

    Attributes:
        by_spelling: the name in the source for each spelling of it.
        main: the spelling by which each is grouped into layers, in the order of the source.
    """

    by_spelling: Mapping[str, str]
    main: tuple[str, ...]


def names_of(weights: Weights, layers: list[ExpectedLayer], framework: Framework) -> Names:
    """Return the names without the prefixes of wrappers, and with dots between their parts."""
    spelled = {name: name for name in weights.tensors}
    if framework == "Keras":
        spelled = _distinct({name: _keras_spelling(name) for name in spelled}) or spelled
    own = [f"{layer.foreign_path}.{name}" for layer in layers for name in layer.spellings]
    spelled = _unwrapped(spelled, own)
    by_spelling = {spelling: name for name, spelling in spelled.items()}
    for alias, name in weights.aliases.items():
        by_spelling.setdefault(_keras_spelling(alias), name)
    return Names(by_spelling | {name: name for name in weights.tensors}, tuple(spelled.values()))


def _keras_spelling(name: str) -> str:
    """`lstm/lstm_cell/kernel:0` is spelled `lstm.cell.kernel`; `forward_lstm` in a `Bidirectional`, `forward_layer`."""
    dotted = re.sub(r"(?<=\.)\w+_cell(?=\.)", "cell", name.removesuffix(":0").replace("/", "."))
    return re.sub(r"(?<=\.)(forward|backward)_\w+(?=\.cell\.)", r"\1_layer", dotted)


def _unwrapped(spelled: dict[str, str], own: list[str]) -> dict[str, str]:
    """Return the spellings without the prefixes of wrappers, unless the network itself has such names."""
    while True:
        for prefix in PREFIXES:
            if any(spelling.startswith(prefix) for spelling in spelled.values()) and not any(
                name.startswith(prefix) for name in own
            ):
                shorter = _distinct({name: spelling.removeprefix(prefix) for name, spelling in spelled.items()})
                if shorter:
                    spelled = shorter
                    break
        else:
            return _distinct({name: s.replace("._orig_mod.", ".") for name, s in spelled.items()}) or spelled


def _distinct(spelled: dict[str, str]) -> dict[str, str] | None:
    return spelled if len(set(spelled.values())) == len(spelled) else None


def joined(path: str, name: str) -> str:
    """Return the name of a tensor or module inside the module at a path."""
    return f"{path}.{name}" if path and name else path or name


# -- by path ----------------------------------------------------------------------------------------------


def by_path(layers: Iterable[ExpectedLayer], names: Names) -> Places:
    """Match tensors with the names that the network expects."""
    places = {}
    for layer in layers:
        for name, spellings in layer.spellings.items():
            for spelling in spellings:
                found = names.by_spelling.get(joined(layer.foreign_path, spelling))
                if found is not None:
                    places[layer.path, name] = found
                    break
    return places


# -- by order ---------------------------------------------------------------------------------------------


def by_order(layers: list[ExpectedLayer], names: Names) -> Places:
    """Match the layers of the network with those of the source, one after the other."""
    places: Places = {}
    next_place: dict[str, int] = {}
    for layer in _once(layers):
        kind = layer.kind if _has_kinds(names) else ""
        for place in range(next_place.get(kind, 0), len(names.main)):
            found = _layer_at(layer, names, place, kind)
            if found is not None:
                places |= {(layer.path, name): names.by_spelling[spelling] for name, spelling in found.items()}
                next_place[kind] = max(place, *(names.main.index(s) for s in found.values() if s in names.main)) + 1
                break
    return places


def _once(layers: list[ExpectedLayer]) -> Iterator[ExpectedLayer]:
    """Yield the layers, without those that share all tensors with an earlier one."""
    seen: set[int] = set()
    for layer in layers:
        tensors = {id(tensor) for binding in layer.bindings for tensor in binding.tensors}
        if not tensors <= seen:
            yield layer
        seen |= tensors


def _has_kinds(names: Names) -> bool:
    """Return whether the names of layers are derived from their classes, as in Keras 3 files."""
    return any(name.startswith("layers.") and ".vars." in name for name in names.main)


def _layer_at(layer: ExpectedLayer, names: Names, place: int, kind: str) -> dict[str, str] | None:
    """Return the names of the source's layer at this position, if it fits the network's layer."""
    first = names.main[place]
    for ending in (spelling for spellings in layer.spellings.values() for spelling in spellings):
        if first != ending and not first.endswith(f".{ending}"):
            continue
        path = first.removesuffix(ending).removesuffix(".")
        if kind and not re.fullmatch(rf"{re.escape(kind)}(_\d+)?", path.rpartition(".")[2]):
            continue
        found = _endings(layer, names, path)
        if found is None:
            continue
        ignored = {joined(path, name) for name in layer.ignored}
        beginning = f"{path}." if path else ""
        others = {name for name in names.main if name.startswith(beginning)} - set(found.values()) - ignored
        if not (others and layer.is_leaf):
            return found
    return None


def _endings(layer: ExpectedLayer, names: Names, path: str) -> dict[str, str] | None:
    found = {}
    for name, spellings in layer.spellings.items():
        spelled = [joined(path, spelling) for spelling in spellings if joined(path, spelling) in names.by_spelling]
        if not spelled:
            return None
        found[name] = spelled[0]
    return found


def order_is_certain(layers: list[ExpectedLayer], names: Names, weights: Weights) -> bool:
    """Return whether matching in order is unambiguous.

    This holds if the source keeps the order of the layers, if the names of its layers differ only in numbers, or if no
    two layers of the network have the same shapes.
    """
    if weights.ordered or _has_kinds(names):
        return True
    kinds = {re.sub(r"_?\d+", "", name.rpartition(".")[0]) for name in names.main}
    shapes = [str([binding.shapes() for binding in layer.bindings]) for layer in _once(layers)]
    return len(kinds) == 1 or len(set(shapes)) == len(shapes)


# -- by names ---------------------------------------------------------------------------------------------


def by_names(layers: list[ExpectedLayer], names: Names, given: Mapping[str, str]) -> Places:
    """Match by a mapping from modules or tensors of the network to names in the source.

    The name of a tensor overrides that of its layer, which overrides that of an enclosing module.

    Raises:
        ValueError: a name that is not in the network, or not in the source.
    """
    own = _own_names(layers)
    if not any(ours in own for ours in given) and all(theirs in own for theirs in given.values()):
        given = {ours: theirs for theirs, ours in given.items()}
    places: Places = {}
    for ours in sorted(given, key=lambda name: name.count(".") + bool(name)):
        if ours not in own:
            raise ValueError(f"names: the network has no module or tensor {ours!r}. It has {sorted(own)}.")
        wanted = [
            (layer, name, [joined(given[ours], ending) for ending in endings]) for layer, name, endings in own[ours]
        ]
        found = {
            (layer.path, name): names.by_spelling[spelling]
            for layer, name, spellings in wanted
            for spelling in reversed([dotted for each in spellings for dotted in (each, each.replace("/", "."))])
            if spelling in names.by_spelling
        }
        if not found:
            tried = " or ".join(spellings[-1] for _, _, spellings in wanted)
            raise ValueError(f"names: there is no {tried}, as {ours!r} needs. There are {list(names.main)}.")
        places |= found
    return places


def _own_names(layers: list[ExpectedLayer]) -> dict[str, list[tuple[ExpectedLayer, str, list[str]]]]:
    """Return the names that the caller may use: of modules, and of tensors, as in the network or as in the framework.

    For each name, the tensors that it covers (layer, name relative to it), and the endings that complete the name.
    """
    own: dict[str, list[tuple[ExpectedLayer, str, list[str]]]] = {}
    for layer in layers:
        for path, foreign_path in layer.places:
            inner = layer.foreign_path.removeprefix(foreign_path).removeprefix(".")
            for name, spellings in layer.spellings.items():
                own.setdefault(path, []).append((layer, name, [joined(inner, spelling) for spelling in spellings]))
        for binding in layer.bindings:
            for name in binding.theirs.names:
                called = {joined(layer.path, name), *(binding.ours if len(binding.theirs.names) == 1 else ())}
                for each in called:
                    own.setdefault(each, []).append((layer, name, [""]))
    return own
