"""Derivatives of tensors with respect to tensors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from tensorgrad import anomaly
from tensorgrad._higher_order import recording
from tensorgrad._typing import ArrayLike
from tensorgrad.backward import backpropagate
from tensorgrad.modes import enable_grad
from tensorgrad.node import Node
from tensorgrad.tensor import Tensor, tensor_at

Starts: TypeAlias = ArrayLike | Sequence[ArrayLike | None] | None
"""The gradient of one output, or of each of several."""


@overload
def gradient(
    outputs: Tensor | Sequence[Tensor], inputs: Tensor, *, grad_outputs: Starts = None,
    create_graph: Literal[False] = False, retain_graph: bool | None = None, allow_unused: Literal[False] = False,
) -> NDArray[Any]: ...  # fmt: skip


@overload
def gradient(
    outputs: Tensor | Sequence[Tensor], inputs: Tensor, *, grad_outputs: Starts = None,
    create_graph: Literal[True], retain_graph: bool | None = None, allow_unused: Literal[False] = False,
) -> Tensor: ...  # fmt: skip


@overload
def gradient(
    outputs: Tensor | Sequence[Tensor], inputs: Sequence[Tensor], *, grad_outputs: Starts = None,
    create_graph: Literal[False] = False, retain_graph: bool | None = None, allow_unused: Literal[False] = False,
) -> tuple[NDArray[Any], ...]: ...  # fmt: skip


@overload
def gradient(
    outputs: Tensor | Sequence[Tensor], inputs: Sequence[Tensor], *, grad_outputs: Starts = None,
    create_graph: Literal[True], retain_graph: bool | None = None, allow_unused: Literal[False] = False,
) -> tuple[Tensor, ...]: ...  # fmt: skip


@overload
def gradient(
    outputs: Tensor | Sequence[Tensor], inputs: Tensor | Sequence[Tensor], *, grad_outputs: Starts = None,
    create_graph: bool = False, retain_graph: bool | None = None, allow_unused: bool = False,
) -> Any: ...  # fmt: skip


def gradient(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    *,
    grad_outputs: Starts = None,
    create_graph: bool = False,
    retain_graph: bool | None = None,
    allow_unused: bool = False,
) -> Any:
    """Return the gradient of `outputs` (their sum, if several) with respect to `inputs`. No `.grad` is changed.

    Args:
        outputs: one or several tensors.
        inputs: one or several tensors they were computed from: leaves or intermediate results.
        grad_outputs: the gradient to start from at each output, of its shape; default 1, for single numbers.
        create_graph: record the computation of the gradients, so that they can be differentiated again.
        retain_graph: keep the saved arrays for another pass; default: the value of `create_graph`.
        allow_unused: return None for an input that the outputs do not depend on, instead of raising an error.

    Returns:
        The gradient if `inputs` is one tensor, a tuple of gradients if it is a sequence: arrays, or tensors with
        `create_graph`.

    Raises:
        TypeError: an argument is not a tensor.
        RuntimeError: an input does not require a gradient or was not used, or the graph was released.
        ValueError: `grad_outputs` is missing for a tensor of several elements, or has the wrong shape.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(2.0, requires_grad=True)
    >>> slope = tg.gradient(x**3, x, create_graph=True)
    >>> slope
    Tensor(12., op=multiply)
    >>> tg.gradient(slope, x)
    array(12.)
    """
    output_list, input_list = _tensors("outputs", outputs), _tensors("inputs", inputs)
    starts = _starts(output_list, grad_outputs, single=isinstance(outputs, Tensor))
    for position, each in enumerate(input_list):
        if each.node is None:
            raise RuntimeError(f"gradient: input {position} {each.shape} does not require a gradient.")

    seeds: dict[Node, Any] = {}
    for output, start in zip(output_list, starts):
        seed: Any = output.seed_gradient(start)
        if create_graph:
            seed = start.astype(output.dtype) if isinstance(start, Tensor) else Tensor(seed)
        assert output.node is not None
        seeds[output.node] = seeds[output.node] + seed if output.node in seeds else seed

    with enable_grad():
        found = backpropagate(
            seeds,
            release=not (create_graph if retain_graph is None else retain_graph),
            towards=[each.node for each in input_list if each.node is not None],
            call=anomaly.checking(recording(tensor_at) if create_graph else None),
        )

    gradients: list[Any] = []
    for position, each in enumerate(input_list):
        arrived = found.get(each.node) if each.node is not None else None
        if arrived is None and not allow_unused:
            raise RuntimeError(
                f"gradient: the outputs do not depend on input {position} {each.shape}. "
                "Pass allow_unused=True to get None for it."
            )
        if arrived is not None:
            repeated = any(arrived is other for other in gradients)
            arrived = Tensor(np.copy(arrived)) if create_graph and not isinstance(arrived, Tensor) else arrived
            arrived = np.copy(arrived) if repeated else arrived
        gradients.append(arrived)
    return gradients[0] if isinstance(inputs, Tensor) else tuple(gradients)


def _tensors(name: str, given: Any) -> list[Tensor]:
    several = not isinstance(given, Tensor) and isinstance(given, (tuple, list, Iterable))  # `Iterable` takes 1 µs
    tensors = list(given) if several else [given]
    for each in tensors:
        if not isinstance(each, Tensor):
            raise TypeError(
                f"gradient: expected a tensor or a sequence of tensors as {name}, got {type(each).__name__}. Gradients "
                "are known for tensors of the recorded graph only, not for arrays."
            )
    return tensors


def _starts(outputs: list[Tensor], grad_outputs: Any, *, single: bool) -> list[Any]:
    if grad_outputs is None:
        return [None] * len(outputs)
    starts = [grad_outputs] if single and not isinstance(grad_outputs, (tuple, list)) else list(grad_outputs)
    if len(starts) != len(outputs):
        raise ValueError(f"gradient: {len(outputs)} outputs, but {len(starts)} grad_outputs.")
    return starts
