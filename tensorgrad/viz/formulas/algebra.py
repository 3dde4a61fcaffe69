"""Formulas as Python syntax trees: simplified during construction, and divided by the gradient."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tensorgrad._typing import Shape


def symbol(name: str, shape: Shape | None) -> ast.Name:
    """Return a value of the graph as a formula. Its name may be any text; its shape is stored with it."""
    made = ast.Name(name, ast.Load())
    made.shape = shape  # type: ignore[attr-defined]
    return made


def several(parts: Mapping[str, ast.expr], written: str) -> ast.Name:
    """Return the results of one call, or their gradients: `parts` by the names of a tuple, together as `written`."""
    made = symbol(written, None)
    made.parts = dict(parts)  # type: ignore[attr-defined]
    return made


def part_of(node: ast.expr, key: object) -> ast.expr | None:
    """Return the part with this name or index; None if `node` is not made by `several`, or has no such part."""
    parts: dict[str, ast.expr] = getattr(node, "parts", {})
    if isinstance(key, int):
        return list(parts.values())[key] if -len(parts) <= key < len(parts) else None
    return parts.get(key) if isinstance(key, str) else None


def constant(value: Any) -> ast.Constant:
    """Return a known value as a formula: a number, a tuple, None."""
    return ast.Constant(value)


def is_simple(value: Any) -> bool:
    """Return whether a value has a literal form and can be computed with."""
    return (
        value is None
        or isinstance(value, (int, float, str))
        or (type(value) is tuple and all(map(is_simple, value)))  # excludes named tuples
    )


def is_none(node: ast.expr) -> bool:
    """Return whether a formula is just None, as for an omitted operand."""
    return isinstance(node, ast.Constant) and node.value is None


def call(name: str, *arguments: ast.expr) -> ast.Call:
    """Return a call of the function with that name."""
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def same(one: ast.expr, other: ast.expr) -> bool:
    """Return whether two formulas are written identically."""
    return ast.dump(one) == ast.dump(other)


def is_number(node: ast.expr, value: float | None = None) -> bool:
    """Return whether a formula is just a number, or the given number."""
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        return False
    return value is None or node.value == value


def shape_of(node: ast.expr) -> Shape | None:
    """Return the shape of a formula's value, if it is easy to determine."""
    if isinstance(node, ast.Name):
        return getattr(node, "shape", None)
    if is_number(node):
        return ()
    if isinstance(node, ast.UnaryOp):
        return shape_of(node.operand)
    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.MatMult):
        left, right = shape_of(node.left), shape_of(node.right)
        try:
            return None if left is None or right is None else np.broadcast_shapes(left, right)
        except ValueError:  # a formula may omit axes
            return None
    return None


def minus(x: ast.expr) -> ast.expr:
    """-x."""
    if isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub):
        return x.operand
    if isinstance(x, ast.Constant) and is_number(x):
        value: Any = x.value
        return constant(-value)
    return ast.UnaryOp(ast.USub(), x)


def plus(x: ast.expr, y: ast.expr) -> ast.expr:
    """x + y."""
    if is_number(x, 0) or is_number(y, 0):
        return y if is_number(x, 0) else x
    return _folded(x, ast.Add(), y)


def less(x: ast.expr, y: ast.expr) -> ast.expr:
    """x - y."""
    if is_number(x, 0) or is_number(y, 0):
        return x if is_number(y, 0) else minus(y)
    return _folded(x, ast.Sub(), y)


def times(x: ast.expr, y: ast.expr) -> ast.expr:
    """x · y. Equal factors that meet become powers with a number, and signs go to the front."""
    (x, negative), (y, other_negative) = _unsigned(x), _unsigned(y)
    product = _product(x, y)
    return minus(product) if negative != other_negative else product


def _unsigned(x: ast.expr) -> tuple[ast.expr, bool]:
    """Return x without its minus sign, and whether it had one."""
    if isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub):
        return x.operand, True
    return (constant(1), True) if is_number(x, -1) else (x, False)


def _product(x: ast.expr, y: ast.expr) -> ast.expr:
    if isinstance(x, ast.Constant) and isinstance(x.value, tuple):
        return _folded(x, ast.Mult(), y)
    if is_number(x, 1) or is_number(y, 0):
        return y
    if is_number(y, 1) or is_number(x, 0):
        return x
    if isinstance(y, ast.BinOp) and isinstance(y.op, ast.Div):
        return over(times(x, y.left), y.right)
    if isinstance(y, ast.BinOp) and isinstance(y.op, ast.Mult):
        return times(times(x, y.left), y.right)
    before, last = (x.left, x.right) if isinstance(x, ast.BinOp) and isinstance(x.op, ast.Mult) else (constant(1), x)
    (base, exponent), (other_base, other_exponent) = _as_power(last), _as_power(y)
    if same(base, other_base) and not is_number(base) and is_number(exponent) and is_number(other_exponent):
        return times(before, power(base, plus(exponent, other_exponent)))
    return _folded(x, ast.Mult(), y)


def over(x: ast.expr, y: ast.expr) -> ast.expr:
    """x / y."""
    if is_number(y, 1) or is_number(x, 0):
        return x
    if isinstance(x, ast.UnaryOp) and isinstance(x.op, ast.USub):
        return minus(over(x.operand, y))
    return ast.BinOp(x, ast.Div(), y)


def power(x: ast.expr, y: ast.expr) -> ast.expr:
    """x to the power y."""
    return x if is_number(y, 1) else _folded(x, ast.Pow(), y)


def _as_power(x: ast.expr) -> tuple[ast.expr, ast.expr]:
    return (x.left, x.right) if isinstance(x, ast.BinOp) and isinstance(x.op, ast.Pow) else (x, constant(1))


def _folded(x: ast.expr, kind: ast.operator, y: ast.expr) -> ast.expr:
    """Return the operation, or its result if both sides are known."""
    if isinstance(x, ast.Constant) and isinstance(y, ast.Constant):
        try:
            return constant(CALCULATE[type(kind)](x.value, y.value))
        except (ArithmeticError, TypeError):
            pass
    return ast.BinOp(x, kind, y)


CALCULATE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow, ast.Mod: operator.mod,
}  # fmt: skip


def both(x: ast.expr, y: ast.expr) -> ast.expr:
    """x and y, of truth values."""
    known = [each.value for each in (x, y) if isinstance(each, ast.Constant)]
    if known == [True]:
        return y if isinstance(x, ast.Constant) else x
    return ast.BinOp(x, ast.BitAnd(), y)


def remainder(x: ast.expr, y: ast.expr) -> ast.expr:
    """x modulo y."""
    return _folded(x, ast.Mod(), y)


OPERATORS = {
    ast.BitAnd: both,
    ast.Mod: remainder,
    ast.Add: plus,
    ast.Sub: less,
    ast.Mult: times,
    ast.Div: over,
    ast.Pow: power,
}
"""What simplifies an operation of that kind."""


def divided(formula: ast.expr, g: str) -> ast.expr | None:
    """Return the factor of the symbol `g` in a formula, or None if the formula is not a product with `g`.

    >>> ast.unparse(divided(ast.parse("g - g * c * c", mode="eval").body, "g"))
    '1 - c ** 2'
    """
    if isinstance(formula, ast.Name) and formula.id == g:
        return constant(1)
    if is_number(formula, 0):
        return formula
    if isinstance(formula, ast.UnaryOp) and isinstance(formula.op, ast.USub):
        rest = divided(formula.operand, g)
        return None if rest is None else minus(rest)
    if isinstance(formula, ast.Call) and isinstance(formula.func, ast.Name) and formula.func.id == "where":
        condition, *branches = formula.args
        rests = [divided(branch, g) for branch in branches]
        return None if None in rests else call("where", condition, *(rest for rest in rests if rest is not None))
    return _operation_divided(formula, g) if isinstance(formula, ast.BinOp) else None


def _operation_divided(formula: ast.BinOp, g: str) -> ast.expr | None:
    left, right = divided(formula.left, g), divided(formula.right, g)
    if isinstance(formula.op, (ast.Add, ast.Sub)):
        return None if left is None or right is None else OPERATORS[type(formula.op)](left, right)
    if isinstance(formula.op, ast.Div):
        return None if left is None else over(left, formula.right)
    if isinstance(formula.op, ast.Mult) and (left is None) != (right is None):
        return times(left, formula.right) if left is not None else times(formula.left, right)  # type: ignore[arg-type]
    return None
