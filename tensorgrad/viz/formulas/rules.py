"""Source code of derivative rules, found from the function objects."""

from __future__ import annotations

import ast
import functools
import inspect
import linecache
import re
import textwrap
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=1024)
def as_declared(rule: Callable[..., Any]) -> str:
    """Return a derivative rule as declared: the body of a lambda, or the name of a function.

    Return "" if the source is not available, as for code typed at the Python prompt.

    >>> import tensorgrad as tg
    >>> as_declared(tg.multiply.operation.rules[0]), as_declared(tg.matmul.operation.rules[0])
    ('g * y', '_matmul_left')
    """
    if rule.__name__ != "<lambda>":
        return rule.__name__
    body = _body_of_lambda(rule)
    return "" if body is None else ast.unparse(body)


@functools.lru_cache(maxsize=1024)
def expression(function: Callable[..., Any]) -> ast.expr | None:
    """Return what a rule or helper computes, as one expression of its parameters, or None if that is unknown.

    The expression is taken from a docstring that starts with code in backticks followed by a comma or a full stop.
    Otherwise it is the body of a lambda, or of a function that consists of a return statement.

    >>> def slope(x):
    ...     '''`1 / (2 * x)`, and 0 at 0.'''
    ...     return 0.0 if x == 0 else 0.5 / x
    >>> ast.unparse(expression(slope))
    '1 / (2 * x)'
    """
    if not inspect.isfunction(function):
        return None
    if function.__name__ == "<lambda>":
        found = _body_of_lambda(function)
    else:
        found = _said(function.__doc__ or "") or _only_return(function)
    return None if found is None or any(isinstance(part, _HARD_TO_READ) for part in ast.walk(found)) else found


def _said(doc: str) -> ast.expr | None:
    """Return the code in backticks at the start of a docstring, if it is followed by a comma or a full stop."""
    found = re.match(r"`([^`]+)`[,;:.]", doc)
    try:
        return ast.parse(found[1], mode="eval").body if found else None
    except SyntaxError:
        return None


def _only_return(function: Callable[..., Any]) -> ast.expr | None:
    try:
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, SyntaxError, ValueError):  # no source, or not that of this function alone
        return None
    body = definition.body if isinstance(definition, ast.FunctionDef) else []
    statements = body[1:] if ast.get_docstring(definition) is not None else body  # type: ignore[arg-type]
    only = statements[0] if len(statements) == 1 else None
    return only.value if isinstance(only, ast.Return) else None


def _body_of_lambda(function: Callable[..., Any]) -> ast.expr | None:
    """Return the body of the innermost lambda that contains all source positions of the code of `function`."""
    code = function.__code__
    places = [
        ((first, start), (last, end))
        for first, last, start, end in code.co_positions()
        if first is not None and last is not None and start is not None and end is not None
        if (first, start) < (last, end)
    ]
    if not places:  # python -X no_debug_ranges
        return None
    begin, end = min(at for at, _ in places), max(until for _, until in places)
    names = code.co_varnames[: code.co_argcount]
    found = None
    for each in _lambdas("".join(linecache.getlines(code.co_filename, function.__globals__))):
        body = each.body
        inside = (body.lineno, body.col_offset) <= begin and end <= (body.end_lineno or 0, body.end_col_offset or 0)
        if inside and tuple(argument.arg for argument in each.args.args) == names:
            found = body  # outer ones come first
    return found


_HARD_TO_READ = (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp, ast.Lambda, ast.NamedExpr, ast.Starred)
"""Expressions that are not shown as formulas: they bind names, or take any number of arguments."""


@functools.lru_cache(maxsize=256)
def _lambdas(source: str) -> tuple[ast.Lambda, ...]:
    try:
        return tuple(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Lambda))
    except SyntaxError:
        return ()
