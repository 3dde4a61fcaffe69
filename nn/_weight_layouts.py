"""Declare the names and layouts of a layer's tensors in other frameworks, for `nn.interop`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]
Conversion = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Foreign:
    """Tensors of another framework and the steps that convert them to tensors of a layer. Created by `foreign`.

    Each method returns a new `Foreign` with one more step. The steps are written in the direction of loading; each has
    an inverse, so saving needs no separate declaration.

    >>> theirs = foreign("weight").transpose()
    >>> theirs.to_ours((np.zeros((2, 5)),))[0].shape
    (5, 2)
    >>> theirs.to_theirs((np.zeros((5, 2)),))[0].shape
    (2, 5)
    """

    names: tuple[str, ...]
    steps: tuple[tuple[Conversion, Conversion], ...] = ()

    def transpose(self, *axes: int) -> Foreign:
        """Permute the axes of every array as `numpy.transpose` does; without arguments, reverse them."""
        inverse = [int(axis) for axis in np.argsort(axes)] if axes else None
        return self.convert(
            lambda arrays: tuple(np.transpose(array, axes or None) for array in arrays),
            lambda arrays: tuple(np.transpose(array, inverse) for array in arrays),
        )

    def reshape(self, theirs: Sequence[int], ours: Sequence[int]) -> Foreign:
        """Reshape every array from the shape `theirs` to the shape `ours`."""
        return self.convert(
            lambda arrays: tuple(np.reshape(array, ours) for array in arrays),
            lambda arrays: tuple(np.reshape(array, theirs) for array in arrays),
        )

    def reorder(self, order: Sequence[int], axis: int = -1) -> Foreign:
        """Reorder equal blocks along an axis: block `i` of the result is their block `order[i]`.

        >>> foreign("bias").reorder([1, 0]).to_ours((np.array([1, 2, 3, 4]),))
        (array([3, 4, 1, 2]),)
        """
        return self.convert(
            lambda arrays: tuple(_reordered(array, order, axis) for array in arrays),
            lambda arrays: tuple(_reordered(array, [int(i) for i in np.argsort(order)], axis) for array in arrays),
        )

    def split(self, sizes: Sequence[int] | int, axis: int = -1) -> Foreign:
        """Split one array along an axis into parts of these sizes, or into this number of equal parts."""
        return self.convert(lambda arrays: _split(arrays, sizes, axis), lambda arrays: (np.concatenate(arrays, axis),))

    def join(self, sizes: Sequence[int] | None = None, axis: int = -1) -> Foreign:
        """Join the arrays along an axis into one. `sizes` are their sizes along it, by default equal."""
        return self.convert(
            lambda arrays: (np.concatenate(arrays, axis),),
            lambda arrays: _split(arrays, len(self.names) if sizes is None else sizes, axis),
        )

    def add(self) -> Foreign:
        """Add the arrays, such as two biases with one effect. Saving writes the sum, and zeros for the others.

        >>> both = foreign("bias_ih", "bias_hh").add()
        >>> both.to_ours((np.array([1, 2]), np.array([10, 20])))
        (array([11, 22]),)
        >>> both.to_theirs((np.array([11, 22]),))
        (array([11, 22]), array([0, 0]))
        """
        return self.convert(
            lambda arrays: (np.sum(np.stack(arrays), axis=0, dtype=arrays[0].dtype),),
            lambda arrays: (arrays[0], *(np.zeros_like(arrays[0]) for _ in self.names[1:])),
        )

    def convert(self, to_ours: Conversion, to_theirs: Conversion) -> Foreign:
        """Add any other step: two functions, each the inverse of the other, from a tuple of arrays to a tuple."""
        return replace(self, steps=(*self.steps, (to_ours, to_theirs)))

    def to_ours(self, arrays: Arrays) -> Arrays:
        """Convert arrays of the other framework to arrays of the layer."""
        for step, _ in self.steps:
            arrays = step(arrays)
        return arrays

    def to_theirs(self, arrays: Arrays) -> Arrays:
        """Convert arrays of the layer to arrays of the other framework."""
        for _, step in reversed(self.steps):
            arrays = step(arrays)
        return arrays


def foreign(*names: str) -> Foreign:
    """Name tensors of another framework, relative to the layer that holds them."""
    return Foreign(names)


class Layout:
    """Names and layouts of a layer's tensors in another framework.

    Args:
        tensors: the source of each tensor of the layer, or tuple of its tensors: a name, if only the name differs,
            or `foreign(...)` with steps. A key such as `"query.weight"` is a tensor of an inner module; it overrides
            the declaration of that module. A key that the layer lacks, such as `"bias"` of a layer without bias, is
            skipped. Tensors that are not named keep their names and layouts.
        ignored: foreign names that are neither used nor reported as unused, such as counters.
        name: the name that Keras gives to such a layer, such as `"dense"`; by default made from the class's name.

    In Keras, tensors are named after the variable (`"kernel"`), in the order in which the layer creates its variables;
    a variable of a layer inside the layer has the attribute before it (`"cell.kernel"`).

    >>> layout = Layout({"weight": foreign("weight").transpose(), "bias": "bias"})
    >>> [theirs.names for theirs in layout.tensors.values()]
    [('weight',), ('bias',)]
    """

    def __init__(
        self,
        tensors: Mapping[str | tuple[str, ...], str | Foreign] | None = None,
        *,
        ignored: Sequence[str] = (),
        name: str | None = None,
    ) -> None:
        self.tensors = {
            (ours,) if isinstance(ours, str) else ours: foreign(theirs) if isinstance(theirs, str) else theirs
            for ours, theirs in (tensors or {}).items()
        }
        self.ignored = tuple(ignored)
        self.name = name


def _reordered(array: NDArray[Any], order: Sequence[int], axis: int) -> NDArray[Any]:
    blocks = np.split(array, len(order), axis)
    return np.concatenate([blocks[i] for i in order], axis)


def _split(arrays: Arrays, sizes: Sequence[int] | int, axis: int) -> Arrays:
    (array,) = arrays
    places = sizes if isinstance(sizes, int) else [int(place) for place in np.cumsum(sizes[:-1])]
    return tuple(np.split(array, places, axis))
