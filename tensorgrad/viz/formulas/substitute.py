"""Substitute a graph's names into a derivative rule, and evaluate what is known about shapes and options."""

from __future__ import annotations

import ast
import builtins
import copy
import inspect
import math
import operator
from collections import ChainMap
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np

from tensorgrad.viz.formulas.algebra import (
    OPERATORS,
    call,
    constant,
    is_none,
    is_number,
    is_simple,
    minus,
    part_of,
    shape_of,
    symbol,
)
from tensorgrad.viz.formulas.rules import expression


class NoFormula(Exception):
    """Raised if the source does not apply to this call, such as a product with an omitted operand."""


DEEPEST = 8
"""How many helpers inside helpers are written out."""

COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt,
    ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
}  # fmt: skip


def worked_out(function: Callable[..., Any], names: Mapping[str, ast.expr], depth: int = 0) -> ast.expr | None:
    """Return what `function`, a rule or a helper, computes when called with `names`, or None if that is unknown.

    Options and shapes are constants, and so is everything derived from them, so only the branch that is taken remains.
    Helpers are expanded if their source shows what they compute, and numeric constants of the module are inserted.

    >>> import tensorgrad as tg
    >>> rule = tg.power.operation.rules[0]
    >>> x, g = symbol("x", ()), symbol("g", ())
    >>> ast.unparse(worked_out(rule, {"g": g, "x": x, "y": constant(2)}))
    'g * 2 * x'
    """
    body = expression(function)
    if body is None:
        return None
    known = ChainMap(_closed_over(function), function.__globals__)
    try:
        result: ast.expr = _Worker(names, known, depth).visit(copy.deepcopy(body))
    except NoFormula:
        return None
    return result


def _closed_over(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the variables that a function uses from enclosing functions."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        with suppress(ValueError):  # not assigned yet
            found[name] = cell.cell_contents
    return found


class _Worker(ast.NodeTransformer):
    """Evaluates one expression. Names that are not given are looked up in a module."""

    def __init__(self, names: Mapping[str, ast.expr], module: Mapping[str, Any], depth: int) -> None:
        self.names = names
        self.module = module
        self.depth = depth

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self.names:
            return self.names[node.id]
        value = self.module.get(node.id)
        return constant(value) if isinstance(value, (int, float)) else node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if self._called(node) is math.pi:
            return symbol("π", ())
        node.value = _present(self.visit(node.value))
        part = part_of(node.value, node.attr)
        if part is not None:
            return part
        shape = shape_of(node.value) if node.attr in ("shape", "size", "ndim") else None
        if shape is not None:
            return constant({"shape": shape, "size": math.prod(shape), "ndim": len(shape)}[node.attr])
        return call("transpose", node.value) if node.attr == "T" else node

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        known = [item.value for item in node.elts if isinstance(item, ast.Constant)]
        return constant(tuple(known)) if len(known) == len(node.elts) else node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        self.generic_visit(node)
        _present(node.value)
        index = node.slice
        part = part_of(node.value, getattr(index, "value", None))
        if part is not None:
            return part
        if isinstance(node.value, ast.Constant) and isinstance(index, ast.Constant):
            whole: Any = node.value.value
            with suppress(TypeError, LookupError):
                return constant(whole[index.value])
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test = self.visit(node.test)
        if isinstance(test, ast.Constant):
            taken: ast.expr = self.visit(node.body if test.value else node.orelse)
            return taken
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides, operators = [node.left, *node.comparators], node.ops
        known = [side.value for side in sides if isinstance(side, ast.Constant)]
        if len(operators) == 1 and len(known) == 2 and type(operators[0]) in COMPARISONS:
            with suppress(TypeError):
                return constant(COMPARISONS[type(operators[0])](*known))
        if len(operators) == 1 and len(known) == 1 and isinstance(operators[0], (ast.Is, ast.IsNot)):
            return constant(isinstance(operators[0], ast.IsNot))  # a value of the graph is neither None nor True
        return node

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        decides = isinstance(node.op, ast.Or)
        left = [value for value in node.values if not (isinstance(value, ast.Constant) and value.value != decides)]
        if not left or any(isinstance(value, ast.Constant) for value in left):
            return constant(decides if left else not decides)
        return left[0] if len(left) == 1 else ast.BoolOp(node.op, left)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return constant(not node.operand.value)
        _present(node.operand)
        return minus(node.operand) if isinstance(node.op, ast.USub) else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = _present(self.visit(node.left)), _present(self.visit(node.right))
        simplify = OPERATORS.get(type(node.op))
        return ast.BinOp(left, node.op, right) if simplify is None else simplify(left, right)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        arguments: list[ast.expr] = [self.visit(argument) for argument in node.args]
        keywords = {keyword.arg or "**": self.visit(keyword.value) for keyword in node.keywords}
        operation = self._applied(node.func)
        if operation is not None:
            parameters = operation.signature.parameters
            keywords = {
                name: value
                for name, value in keywords.items()
                if name == "**" or not _is_default(value, parameters[name].default)
            }
            return self._shown(ast.Name(operation.name, ast.Load()), arguments, keywords)
        keywords = {name: value for name, value in keywords.items() if not _is_off(value)}
        function = self._called(node.func)
        known = None
        if callable(function) and "**" not in keywords:
            known = _result(function, arguments, keywords) or _about_arrays(function, arguments)
            if known is None and self.depth < DEEPEST:
                known = _written_out(function, arguments, keywords, self.depth)
        return self._shown(node.func, arguments, keywords) if known is None else known

    def _shown(self, function: ast.expr, arguments: list[ast.expr], keywords: dict[str, ast.expr]) -> ast.expr:
        """Return a call by its name, with `x.sum(axis=0)` as `sum(x, axis=0)` and without conversions of dtype."""
        named = [ast.keyword(None if name == "**" else name, value) for name, value in keywords.items()]
        if isinstance(function, ast.Name):
            return ast.Call(ast.Name(function.id.strip("_"), ast.Load()), arguments, named)
        if not isinstance(function, ast.Attribute):
            return ast.Call(function, arguments, named)
        if self._called(function) is not None:
            return ast.Call(ast.Name(function.attr, ast.Load()), arguments, named)
        owner: ast.expr = self.visit(function.value)
        return (
            owner
            if function.attr == "astype"
            else ast.Call(ast.Name(function.attr, ast.Load()), [owner, *arguments], named)
        )

    def _applied(self, node: ast.expr) -> Any:
        """Return the operation that `node`, such as `sigmoid.apply`, calls with arrays, or None."""
        if not isinstance(node, ast.Attribute) or node.attr != "apply":
            return None
        return getattr(self._called(node.value), "operation", None)

    def _called(self, node: ast.expr) -> Any:
        """Return the object that a name, or a name in a module, refers to; None if only the graph knows it."""
        if isinstance(node, ast.Name) and node.id not in self.names:
            return self.module.get(node.id, getattr(builtins, node.id, None))
        if isinstance(node, ast.Attribute):
            owner = self._called(node.value)
            return getattr(owner, node.attr, None) if isinstance(owner, (ModuleType, np.ufunc)) else None
        return None


def _present(operand: ast.expr) -> ast.expr:
    """Return a value that Python can compute with, which is never None.

    Raises:
        NoFormula: the value is None.
    """
    if is_none(operand):
        raise NoFormula
    return operand


def _written_out(
    function: Any, arguments: list[ast.expr], keywords: dict[str, ast.expr], depth: int
) -> ast.expr | None:
    """Return what a helper computes; None for recorded operations, which are shown by name."""
    if not inspect.isfunction(function) or hasattr(function, "operation"):
        return None
    signature = inspect.signature(function)
    try:
        given = signature.bind(*arguments, **keywords).arguments
    except TypeError:
        return None
    names = {
        name: constant(parameter.default) if is_simple(parameter.default) else symbol(name, None)
        for name, parameter in signature.parameters.items()
    }
    return worked_out(function, {**names, **given}, depth + 1)


def _result(function: Any, arguments: list[ast.expr], keywords: dict[str, ast.expr]) -> ast.expr | None:
    """Return the result of a function if all its arguments are known and it is a number, a tuple or similar."""
    known = [each.value for each in arguments if isinstance(each, ast.Constant)]
    named = {name: each.value for name, each in keywords.items() if isinstance(each, ast.Constant)}
    if len(known) < len(arguments) or len(named) < len(keywords):
        return None
    try:
        value: Any = function(*known, **named)
    except Exception:  # helpers may be user code; the call is then shown unchanged
        return None
    if isinstance(value, (np.generic, np.ndarray)) and value.dtype.kind in "iub" and value.ndim <= 1:
        value = tuple(value.tolist()) if value.ndim else value.item()
    return constant(value) if value is not None and _is_index(value) else None


def _is_index(value: Any) -> bool:
    """Return whether a value has a literal form, including inside the brackets of an index."""
    return is_simple(value) or isinstance(value, slice) or (type(value) is tuple and all(map(_is_index, value)))


def _about_arrays(function: Any, arguments: list[ast.expr]) -> ast.expr | None:
    """Return what follows from the shape of an argument, or the argument itself if the call leaves it unchanged."""
    if function is np.zeros_like:
        return constant(0)
    if function is np.where and len(arguments) == 3 and isinstance(arguments[0], ast.Constant):
        return arguments[1] if arguments[0].value else arguments[2]
    shape = shape_of(arguments[0]) if arguments else None
    if shape is None:
        return None
    for known, answer in ANSWERS.items():
        if function is known and (shape or function is not len):
            return constant(answer(shape))
    given: Any = getattr(arguments[1], "value", None) if len(arguments) > 1 else None
    return arguments[0] if function in (np.broadcast_to, np.reshape) and given == shape else None


def _is_default(value: ast.expr, default: Any) -> bool:
    return isinstance(value, ast.Constant) and type(value.value) is type(default) and value.value == default


def _is_off(value: ast.expr) -> bool:
    """Return whether a keyword repeats its default: `axis=None`, `keepdims=False`."""
    return isinstance(value, ast.Constant) and value.value in (None, False) and not is_number(value)


ANSWERS: dict[Any, Callable[[tuple[int, ...]], Any]] = {
    np.shape: lambda shape: shape,
    np.ndim: len,
    np.size: math.prod,
    len: lambda shape: shape[0],
}
"""What follows from the shape of an argument."""
