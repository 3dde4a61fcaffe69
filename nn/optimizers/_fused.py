"""Fast step for NumPy arrays: in place, in blocks that fit in the processor's cache.

This file is not needed to understand an optimizer. `Optimizer.step` and the `update` methods define the computation,
and tests compare this file with them.

An update is a dozen NumPy operations. Run over a whole weight matrix, each of them reads and writes all of it from
memory again. Run over one block after another, all but the first find it in the cache. For small parameters
(mostly biases) the calls cost more than the arithmetic, so they are updated together. Results are written into existing
arrays, which is twice as fast as allocating new ones. Every element gets the same update as without blocks.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

BLOCK = 65_536
"""Maximum number of elements in a block. Five float32 arrays of it take 1.3 MB and fit in an L2 cache of 2 MB; see
benchmarks/NOTES.md."""

NEGLIGIBLE = 1e5
"""State below this many times the smallest normal number of its dtype (float32: 1e-33) is set to 0 by `flush`."""

Flat = NDArray[Any]
"""A one-dimensional array."""

Change = Callable[..., Flat]
"""Called with the gradient, each state array (updated in place) and a buffer; returns what is added to the weights."""

Kernel = Callable[[Any, Any, np.dtype[Any]], Change]
"""Called with the optimizer, the settings of the step and the dtype of the arrays. It converts the numbers of the step
to zero-dimensional arrays once, which is faster than Python numbers in each block."""

Update = TypeVar("Update", bound=Callable[..., Any])


def fused(kernel: Kernel) -> Callable[[Update], Update]:
    """Return a decorator that adds a fused form to an `update` method. An overriding method has none."""

    def with_kernel(update: Update) -> Update:
        vars(update)["kernel"] = kernel
        return update

    return with_kernel


# -- the updates of algorithms.py and adam.py ----------------------------------------------------------------------


def sgd(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `SGD`."""
    factor = np.array(-settings.learning_rate, dtype)
    if not settings.momentum:
        return lambda g, v, buffer: np.multiply(g, factor, out=buffer)
    momentum = np.array(settings.momentum, dtype)

    def change(g: Flat, v: Flat, buffer: Flat) -> Flat:
        np.multiply(g, factor, out=buffer)
        v *= momentum
        v += buffer
        if not optimizer.nesterov:
            return v
        buffer += momentum * v
        return buffer

    return change


def adagrad(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `Adagrad`."""
    factor, epsilon = np.array(-settings.learning_rate, dtype), np.array(settings.epsilon, dtype)

    def change(g: Flat, c: Flat, buffer: Flat) -> Flat:
        c += np.square(g, out=buffer)
        np.sqrt(c, out=buffer)
        buffer += epsilon
        np.divide(g, buffer, out=buffer)
        buffer *= factor
        return buffer

    return change


def rmsprop(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `RMSprop`."""
    if len(optimizer.state_names) > 1:
        return _rmsprop_with_options(optimizer, settings, dtype)
    factor, epsilon = np.array(-settings.learning_rate, dtype), np.array(settings.epsilon, dtype)
    rho, complement = np.array(settings.rho, dtype), np.array(1 - settings.rho, dtype)

    def change(g: Flat, c: Flat, buffer: Flat) -> Flat:
        np.square(g, out=buffer)
        buffer *= complement
        c *= rho
        c += buffer
        np.sqrt(c, out=buffer)
        buffer += epsilon
        np.divide(g, buffer, out=buffer)
        buffer *= factor
        return buffer

    return change


def _rmsprop_with_options(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `RMSprop` that is centred or has momentum."""
    factor, epsilon = np.array(-settings.learning_rate, dtype), np.array(settings.epsilon, dtype)
    rho, complement = np.array(settings.rho, dtype), np.array(1 - settings.rho, dtype)
    momentum, kept = np.array(settings.momentum, dtype), "velocity" in optimizer.state_names

    def change(g: Flat, c: Flat, *others: Flat) -> Flat:
        buffer = others[-1]
        np.square(g, out=buffer)
        buffer *= complement
        c *= rho
        c += buffer
        if optimizer.centered:
            mean = others[0]
            np.multiply(g, complement, out=buffer)
            mean *= rho
            mean += buffer
            np.square(mean, out=buffer)
            np.subtract(c, buffer, out=buffer)
            np.maximum(buffer, 0, out=buffer)
            np.sqrt(buffer, out=buffer)
        else:
            np.sqrt(c, out=buffer)
        buffer += epsilon
        np.divide(g, buffer, out=buffer)
        buffer *= factor
        if not kept:
            return buffer
        v = others[-2]
        v *= momentum
        v += buffer
        return v

    return change


def adam(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `Adam`.

    The corrections of both averages are factors of epsilon and the learning rate, which saves a tenth of the time:
    with m̂ = a·s and v̂ = b²·q, m̂ / (√v̂ + ε) = (a/b) · s / (√q + ε/b).
    """
    amsgrad = optimizer.amsgrad
    a = (1 - settings.beta_1) / settings.correction_1
    b = math.sqrt((1 - settings.beta_2) / settings.correction_2)
    beta_1, beta_2 = np.array(settings.beta_1, dtype), np.array(settings.beta_2, dtype)
    epsilon, factor = np.array(settings.epsilon / b, dtype), np.array(-settings.learning_rate * a / b, dtype)

    def change(g: Flat, s: Flat, q: Flat, *others: Flat) -> Flat:
        buffer = others[-1]
        s *= beta_1
        s += g
        np.square(g, out=buffer)
        q *= beta_2
        q += buffer
        np.sqrt(np.maximum(others[0], q, out=others[0]) if amsgrad else q, out=buffer)
        buffer += epsilon
        np.divide(s, buffer, out=buffer)
        buffer *= factor
        return buffer

    return change


def nadam(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `NAdam`. As in `adam`, √v̂ + ε is divided by b."""
    b = math.sqrt((1 - settings.beta_2) / settings.correction_2)
    beta_1, beta_2 = np.array(settings.beta_1, dtype), np.array(settings.beta_2, dtype)
    epsilon, factor = np.array(settings.epsilon / b, dtype), np.array(-settings.learning_rate / b, dtype)
    of_gradient = np.array(settings.gradient_factor, dtype)
    of_sum = np.array(settings.momentum_factor * (1 - settings.beta_1), dtype)

    def change(g: Flat, s: Flat, q: Flat, buffer: Flat) -> Flat:
        s *= beta_1
        s += g
        np.square(g, out=buffer)
        q *= beta_2
        q += buffer
        np.sqrt(q, out=buffer)
        buffer += epsilon
        mixed = s * of_sum
        mixed += g * of_gradient
        np.divide(mixed, buffer, out=buffer)
        buffer *= factor
        return buffer

    return change


def lion(optimizer: Any, settings: Any, dtype: np.dtype[Any]) -> Change:
    """Return the change of `Lion`."""
    factor, beta_2 = np.array(-settings.learning_rate, dtype), np.array(settings.beta_2, dtype)
    ratio = np.array(settings.beta_1 * (1 - settings.beta_2) / (1 - settings.beta_1), dtype)

    def change(g: Flat, s: Flat, buffer: Flat) -> Flat:
        np.multiply(s, ratio, out=buffer)
        buffer += g
        np.sign(buffer, out=buffer)
        buffer *= factor
        s *= beta_2
        s += g
        return buffer

    return change


# -- blocks --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive elements of one parameter that belong to a block.

    Attributes:
        number: The parameter's number.
        elements: Their slice of the flattened parameter.
        weights: The elements themselves: a view of the parameter.
        place: Their slice of the block.
        change: Their part of the block's buffer, a view. Slicing it in each step takes 0.2 µs.
    """

    number: int
    elements: slice
    weights: Flat
    place: slice
    change: Flat


@dataclass(frozen=True, slots=True)
class Block:
    """Elements that are updated together.

    Attributes:
        pieces: The elements: part of one parameter, or several whole parameters.
        state: Their part of each state array.
        buffer: Memory for the update to compute in.
        gathered: Memory for their gradients, if those come from several parameters.
    """

    pieces: tuple[Piece, ...]
    state: tuple[Flat, ...]
    buffer: Flat
    gathered: Flat

    def gradient(self, gradients: Mapping[int, NDArray[Any]]) -> Flat:
        """Return the gradients of the elements, from the gradients of the parameters."""
        if len(self.pieces) == 1:
            return gradients[self.pieces[0].number].reshape(-1)[self.pieces[0].elements]
        return np.concatenate([gradients[piece.number] for piece in self.pieces], axis=None, out=self.gathered)


@dataclass(slots=True)
class Section:
    """The blocks of one group and dtype."""

    group: int
    dtype: np.dtype[Any]
    blocks: list[Block] = field(default_factory=list)

    def step(self, change: Change, gradients: Mapping[int, NDArray[Any]], shrink: float) -> None:
        """Update the state, multiply the weights by `shrink` and add the change.

        The gradients are contiguous, so that flattening them copies nothing.
        """
        for block in self.blocks:
            difference = change(block.gradient(gradients), *block.state, block.buffer)
            in_buffer = difference is block.buffer
            for piece in block.pieces:
                weights = piece.weights
                if shrink != 1.0:
                    weights *= shrink
                weights += piece.change if in_buffer else difference[piece.place]


class FusedStep:
    """The blocks of an optimizer, planned in the first step and whenever the array of a parameter is replaced."""

    def __init__(self) -> None:
        self._planned: list[object] = []
        self._sections: list[Section] | None = None

    def __reduce__(self) -> tuple[type[FusedStep], tuple[()]]:
        return FusedStep, ()  # blocks are views, and copies of views would be independent arrays

    def forget(self) -> None:
        """Plan again in the next step, because the state has been replaced."""
        self._planned = []

    def sections(
        self, weights: Mapping[int, Any], states: Sequence[dict[str, Any]], groups: Sequence[int]
    ) -> list[Section] | None:
        """Return the blocks for the parameters in `weights`.

        Args:
            weights: The parameters' arrays by number, contiguous and writable.
            states: The state of each parameter. That of small parameters is moved into common arrays, with views of
                them in its place.
            groups: The number of each parameter's group.

        Returns:
            The sections, or None if an array is not a NumPy array or has the dtype float16.
        """
        arrays = [*weights.values()]
        if len(arrays) != len(self._planned) or any(map(operator.is_not, arrays, self._planned)):
            usable = all(type(array) is np.ndarray and array.dtype.itemsize >= 4 for array in arrays)
            self._sections = _planned(weights, states, groups) if usable else None
            self._planned = arrays
        return self._sections


def flush(states: Sequence[Mapping[str, Any]]) -> None:
    """Set negligible state to 0, in place.

    Where the gradient has become 0 (a dead ReLU), averages shrink step by step until they are subnormal, and
    processors take ten times as long over such numbers. Called every hundred steps, at a decay of 0.9 a step, this
    catches them before.
    """
    for state in states:
        for array in state.values():
            if isinstance(array, np.ndarray):
                array[np.abs(array) < NEGLIGIBLE * np.finfo(array.dtype).tiny] = 0


def _planned(weights: Mapping[int, Flat], states: Sequence[dict[str, Any]], groups: Sequence[int]) -> list[Section]:
    by_kind: dict[tuple[int, np.dtype[Any]], list[int]] = {}
    for number, array in weights.items():
        by_kind.setdefault((groups[number], array.dtype), []).append(number)
    sections = []
    for (group, dtype), numbers in by_kind.items():
        section = Section(group, dtype)
        largest = min(BLOCK, sum(weights[number].size for number in numbers))
        buffer, gathered = np.empty(largest, dtype), np.empty(largest, dtype)
        small: list[int] = []
        for number in numbers:
            size = weights[number].size
            if size > BLOCK:
                section.blocks += _parts(number, weights[number], states[number], buffer)
            else:
                if small and sum(weights[each].size for each in small) + size > BLOCK:
                    section.blocks.append(_joined(small, weights, states, buffer, gathered))
                    small = []
                small.append(number)
        if small:
            section.blocks.append(_joined(small, weights, states, buffer, gathered))
        sections.append(section)
    return sections


def _parts(number: int, weights: Flat, state: dict[str, Any], buffer: Flat) -> list[Block]:
    """Return one large parameter in blocks of about equal size."""
    for name, array in state.items():
        state[name] = np.require(array, weights.dtype, ["C", "W"])
    flat, size = weights.reshape(-1), weights.size
    flat_state = [array.reshape(-1) for array in state.values()]
    length = math.ceil(size / math.ceil(size / BLOCK))
    blocks = []
    for start in range(0, size, length):
        part = slice(start, min(start + length, size))
        change = buffer[: part.stop - start]
        piece = Piece(number, part, flat[part], slice(0, change.size), change)
        blocks.append(Block((piece,), tuple(array[part] for array in flat_state), change, buffer[:0]))
    return blocks


def _joined(
    numbers: Sequence[int], weights: Mapping[int, Flat], states: Sequence[dict[str, Any]], buffer: Flat, gathered: Flat
) -> Block:
    """Return several small parameters as one block."""
    pieces, start = [], 0
    for number in numbers:
        flat = weights[number].reshape(-1)
        place = slice(start, start + flat.size)
        pieces.append(Piece(number, slice(0, flat.size), flat, place, buffer[place]))
        start += flat.size
    joined = []
    for name in states[numbers[0]]:
        common = np.concatenate([np.asarray(states[number][name]).reshape(-1) for number in numbers])
        for piece in pieces:
            states[piece.number][name] = common[piece.place].reshape(weights[piece.number].shape)
        joined.append(common)
    return Block(tuple(pieces), tuple(joined), buffer[:start], gathered[:start])
