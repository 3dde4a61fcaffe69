"""Format formulas as text: `1 - c²`, `xᵀ @ dY`."""

from __future__ import annotations

import ast
from collections.abc import Callable

from tensorgrad.viz.recording.options import written

COMPARED = {ast.Eq: "=", ast.NotEq: "≠", ast.Lt: "<", ast.LtE: "≤", ast.Gt: ">", ast.GtE: "≥"}
INFIX: dict[type, tuple[str, int]] = {
    ast.BitOr: (" or ", 0), ast.BitAnd: (" and ", 1), ast.Add: (" + ", 3), ast.Sub: (" - ", 3), ast.Mult: (" · ", 4),
    ast.Div: (" / ", 4), ast.MatMult: (" @ ", 4),
}  # fmt: skip
"""The sign between two operands, and how tightly it binds them."""

COMPARISON, SUM, PRODUCT, POWER, ATOM = 2, 3, 4, 5, 6
NAMED_OPERATORS = {
    "matmul": ast.MatMult, "divide": ast.Div, "multiply": ast.Mult, "add": ast.Add, "logical_and": ast.BitAnd,
    "logical_or": ast.BitOr,
}  # fmt: skip
"""Functions that are written as signs."""

_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def mathematics(formula: ast.expr) -> str:
    """Format a formula in mathematical notation.

    >>> mathematics(ast.parse("(1 - c ** 2) * transpose(x) @ sqrt(y)", mode="eval").body)
    '((1 - c²) · xᵀ) @ √y'
    """
    return _written(formula)[0]


def _written(node: ast.expr) -> tuple[str, int]:
    """Return the text and its operator precedence."""
    if isinstance(node, ast.Name):
        return node.id, ATOM
    if isinstance(node, ast.Constant):
        return _constant(node.value)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        return _power(node.left, node.right)
    if isinstance(node, ast.BinOp) and type(node.op) in INFIX:
        return _infix(node.left, type(node.op), node.right)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{_inside(node.operand, PRODUCT)}", SUM
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARED:
        left, right = _inside(node.left, SUM), _inside(node.comparators[0], SUM)
        return f"{left} {COMPARED[type(node.ops[0])]} {right}", COMPARISON
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node, node.func.id)
    if isinstance(node, ast.Subscript):
        return f"{_inside(node.value, ATOM)}[{_index(node.slice)}]", ATOM
    if isinstance(node, ast.List):
        return f"[{', '.join(map(mathematics, node.elts))}]", ATOM
    return ast.unparse(node), 0


def _inside(node: ast.expr, least: int) -> str:
    """Return the text, in parentheses if its precedence requires it."""
    text, tightness = _written(node)
    return text if tightness >= least else f"({text})"


def _constant(value: object) -> tuple[str, int]:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value) if isinstance(value, tuple) else repr(value), ATOM
    text = str(value) if isinstance(value, int) else f"{value:.4g}"
    return text, SUM if value < 0 else ATOM


def _infix(left: ast.expr, operator: type, right: ast.expr) -> tuple[str, int]:
    """Format an infix operation. Operands of equal precedence need parentheses only on the right, if order matters."""
    sign, tightness = INFIX[operator]
    mixed = operator is ast.MatMult or _is_matrix_product(left)
    first = _inside(left, tightness + (mixed and not (operator is ast.MatMult and _is_matrix_product(left))))
    associative = operator in (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr) and not _is_matrix_product(right)
    return f"{first}{sign}{_inside(right, tightness + (not associative))}", tightness


def _is_matrix_product(node: ast.expr) -> bool:
    return (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)) or (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "matmul"
    )


def _power(base: ast.expr, exponent: ast.expr) -> tuple[str, int]:
    text = mathematics(exponent)
    if text.lstrip("-").isdigit():
        return f"{_inside(base, ATOM)}{text.translate(_SUPERSCRIPTS)}", POWER
    return f"{_inside(base, ATOM)}^{_inside(exponent, ATOM)}", POWER


def _call(node: ast.Call, name: str) -> tuple[str, int]:
    arguments = node.args
    if name in NAMED_OPERATORS and len(arguments) == 2 and not node.keywords:
        return _infix(arguments[0], NAMED_OPERATORS[name], arguments[1])
    if name in SIGNS and (len(arguments) == 1 or (name == "swapaxes" and _last_two(arguments[1:]))):
        return SIGNS[name](arguments[0])
    if name == "greater" and len(arguments) == 2:
        return _written(ast.Compare(arguments[0], [ast.Gt()], [arguments[1]]))
    keywords = [f"{f'{each.arg}=' if each.arg else '**'}{mathematics(each.value)}" for each in node.keywords]
    return f"{name}({', '.join([*map(mathematics, arguments), *keywords])})", ATOM


def _last_two(axes: list[ast.expr]) -> bool:
    return [getattr(axis, "value", None) for axis in axes] == [-1, -2]


def _transposed(x: ast.expr) -> tuple[str, int]:
    return f"{_inside(x, ATOM)}ᵀ", ATOM


SIGNS: dict[str, Callable[[ast.expr], tuple[str, int]]] = {
    "transpose": _transposed,
    "swapaxes": _transposed,
    "sqrt": lambda x: (f"√{_inside(x, ATOM)}", ATOM),
    "square": lambda x: _power(x, ast.Constant(2)),
    "absolute": lambda x: (f"|{mathematics(x)}|", ATOM),
    "asarray": lambda x: _written(x),
}
"""Functions of one argument with a special notation."""


def _index(node: ast.expr) -> str:
    """Return the text between the brackets of an index: `0, 1:`."""
    if not isinstance(node, ast.Constant):
        return mathematics(node)
    text = written(node.value)
    return text[1:-1].rstrip(",") if isinstance(node.value, tuple) else text
