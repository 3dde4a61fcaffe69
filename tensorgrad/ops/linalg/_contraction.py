"""Sum of products: the operation behind `einsum`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_letters
from typing import Any

import numpy as np

from tensorgrad._typing import Shape
from tensorgrad.domains import case
from tensorgrad.op import op


def _axes_spelled_out(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """Return the subscripts of the operands and of the result, with ellipses and an implicit `->` expanded."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    stretches = [ndim - len(term.replace("...", "")) if "..." in term else 0 for term, ndim in zip(terms, ndims)]
    longest = max(stretches)
    dots = _unused(subscripts)[:longest]
    spelled = [term.replace("...", dots[longest - stretch :]) for term, stretch in zip(terms, stretches)]
    if arrow:
        return spelled, output.replace("...", dots)
    letters = left.replace("...", "").replace(",", "")
    return spelled, dots + "".join(sorted(letter for letter in letters if letters.count(letter) == 1))


def _unused(subscripts: str) -> str:
    return "".join(letter for letter in ascii_letters if letter not in subscripts)


def _to_operand(
    g: Any, index: int, operands: Sequence[Any], operands_shape: Sequence[Shape], subscripts: str, optimize: Any
) -> Any:
    """Return the product of `g` and all other operands, summed over the labels that this operand lacks."""
    spelled, output = _axes_spelled_out(subscripts, [len(shape) for shape in operands_shape])
    shape = operands_shape[index]
    terms = [output, *spelled[:index], *spelled[index + 1 :]]
    factors = [g, *operands[:index], *operands[index + 1 :]]
    spare = iter(_unused("".join([output, *spelled])))
    wanted = ""
    for letter, length in zip(spelled[index], shape):
        if letter in wanted:  # only the diagonal was read, so the gradient lies on it
            twin = next(spare)
            terms.append(letter + twin)
            factors.append(np.eye(length, dtype=g.dtype))
            wanted += twin
            continue
        if not any(letter in term for term in terms):  # it was summed over, so each element receives the same
            terms.append(letter)
            factors.append(np.ones(length, dtype=g.dtype))
        wanted += letter
    gradient = np.einsum(f"{','.join(terms)}->{wanted}", *factors, optimize=bool(optimize))
    if gradient.shape == shape:
        return gradient
    return np.broadcast_to(gradient, np.broadcast_shapes(gradient.shape, shape))  # another operand had length 1


def _flops(operands_shape: Sequence[Shape], subscripts: str) -> int:
    """Return the number of products and additions, if all operands are multiplied at once."""
    spelled, _ = _axes_spelled_out(subscripts, [len(shape) for shape in operands_shape])
    lengths: dict[str, int] = {}
    for term, shape in zip(spelled, operands_shape):
        for letter, length in zip(term, shape):
            lengths[letter] = max(length, lengths.get(letter, 1))
    return len(spelled) * math.prod(lengths.values())


@op(
    operands=_to_operand,
    sequence="operands",
    examples=[
        case([(2, 3), (3, 4)], subscripts="ij,jk"),
        case([(2, 3), (3, 4)], subscripts="ij, jk -> ki", optimize=True),
        case([(2, 3)], subscripts="ji"),
        case([(2, 3)], subscripts="ij->"),
        case([(3, 3)], subscripts="ii"),
        case([(3, 3)], subscripts="ii->i"),
        case([(2, 2, 3)], subscripts="iij->j"),
        case([(2, 3), (2, 3)], subscripts="ij,ij"),
        case([(2,), (3,), (2, 3)], subscripts="i,j,ij->", optimize="optimal"),
        case([(2, 2, 3), (3, 2)], subscripts="...ij,jk"),
        case([(4, 2, 3), (4, 1)], subscripts="...j,...->...j"),
        case([(2, 1, 3), (2, 3)], subscripts="b...,...->...b"),
        case([(2, 1, 3), (2, 3)], subscripts="b...,...->b", optimize=True),
        case([(2, 1), (3, 4)], subscripts="ij,jk->ik"),
        case([(), (2,)], subscripts=",i->i"),
        case([(2, 0), (0, 3)], subscripts="ij,jk"),
        case([(2, 3), (3, 2), (2, 2)], subscripts="ij,jk,kl", optimize=["einsum_path", (0, 1), (0, 1)]),
    ],
    linear=True,
    view=True,
    reference=lambda operands, subscripts, optimize=False: np.einsum(subscripts, *operands, optimize=optimize),
    flops=_flops,
)
def einsum(operands: Sequence[Any], subscripts: str, optimize: bool | str | Sequence[object] = False) -> Any:
    """Return the result of `tg.einsum`, with its operands as one sequence.

    >>> einsum([[[1.0, 2.0], [3.0, 4.0]]], "ii->i")
    Tensor([1., 4.])
    """
    return np.einsum(subscripts, *operands, optimize=optimize)
