"""Writes the table of derivatives, docs/derivatives.md, and the list in the README: `python docs/derivatives.py`."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import domains, numpy_dispatch, ops
from tensorgrad.op import operation_of, registry
from tensorgrad.viz.formulas.rules import as_declared

PAGE = Path(__file__).with_suffix(".md")
README = PAGE.parent.parent / "README.md"

INTRODUCTION = """\
# The table of derivatives

Every operation of `tensorgrad`, a section per file of [tensorgrad/ops](../tensorgrad/ops). Names are those under `tg`;
those with a file's name in front are the inner parts that the others are written with.

- **Rule**: the gradient of each input as the code has it, `g` being the gradient of the result `out`. Names that begin
  with `_` are helpers in the file. *Composed* operations are other operations in a row, and need no rule.
- **Tested on**: where the tests take their samples, if not simply from -2 to 2; it keeps clear of kinks and poles.

Made by `python docs/derivatives.py`; do not edit.
"""

SECTION_HEADS = ("Args:", "Raises:", "Returns:", "Attributes:", ">>>")
HEADINGS = ["Function", "NumPy", "What it is, and at kinks", "Rule", "Tested on"]


def by_family() -> dict[str, list[Callable[..., Any]]]:
    """The operations of each file."""
    families: dict[str, list[Callable[..., Any]]] = {}
    for function in functions():
        families.setdefault(function.__module__, []).append(function)
    return families


def readme() -> str:
    """The README with the list of functions between its two marks brought up to date."""
    lines = []
    for module_name, members in sorted(by_family().items()):
        family = stem(module_name)
        public = [name for name in map(public_name, members) if not name.startswith(f"{family}.")]
        if public:
            lines.append(f"| [{family}](docs/derivatives.md#{family}) | {', '.join(map(code, public))} |")
    listed = "\n".join(["| family | functions |", "|---|---|", *lines])
    before, mark, rest = README.read_text(encoding="utf-8").partition("<!-- functions -->\n")
    _, end, after = rest.partition("<!-- end -->\n")
    return f"{before}{mark}{listed}\n{end}{after}"


def table() -> str:
    """The whole page."""
    families = by_family()
    names = sorted(families)
    contents = " · ".join(f"[{stem(name)}](#{stem(name)})" for name in names)
    sections = [section(name, families[name]) for name in names]
    return "\n".join([INTRODUCTION, contents, "", *sections])


def functions() -> Iterator[Callable[..., Any]]:
    """What was declared in `tensorgrad.ops`, and the functions that were given to NumPy by hand."""
    yield from (function for name, function in registry.items() if name.startswith(f"{ops.__name__}."))
    by_hand = {f for f in numpy_dispatch.answers.values() if not hasattr(f, "operation")}
    yield from sorted((f for f in by_hand if not f.__name__.startswith("_")), key=lambda f: f.__name__)


def section(module_name: str, members: list[Callable[..., Any]]) -> str:
    """The heading of a file, what it says of itself, and a row for each of its operations."""
    module = importlib.import_module(module_name)
    about = "\n\n".join(as_markdown(paragraph) for paragraph in paragraphs(module.__doc__))
    rows = [row(function) for function in members]
    used = [column for column in zip(HEADINGS, *rows) if any(column[1:])]
    headings, *cells = (f"| {' | '.join(line)} |" for line in zip(*used))
    return "\n".join(
        [
            f"## {stem(module_name)}",
            "",
            f"{about} ([source](../{module_name.replace('.', '/')}.py))",
            "",
            headings,
            "|---" * len(used) + "|",
            *cells,
            "",
        ]
    )


def row(function: Callable[..., Any]) -> list[str]:
    """The cells of one operation."""
    numpys = [in_numpy(f) for f, answer in numpy_dispatch.answers.items() if answer is function]
    gradients = [f"∂{name}: {code(rule)}" for name, rule in rules_of(function).items()]
    return [
        code(public_name(function)),
        ", ".join(map(code, numpys)),
        "<br>".join(as_markdown(paragraph).replace("|", "\\|") for paragraph in paragraphs(function.__doc__)),
        "<br>".join(gradients) or "*composed*",
        tested_on(function),
    ]


def public_name(function: Callable[..., Any]) -> str:
    """What it is called under `tg`, or in its file if it is an inner part."""
    name = function.__name__
    if getattr(tg, name, None) is function:
        return name
    if getattr(tg.linalg, name, None) is function:
        return f"linalg.{name}"
    return f"{stem(function.__module__)}.{name}"


def in_numpy(function: Any) -> str:
    """What a NumPy function is called: `np.linalg.inv`, `np.add.reduce`."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{in_numpy(owner)}.{function.__name__}"
    module = "numpy" if isinstance(function, np.ufunc) else function.__module__
    return f"{module}.{function.__name__}".replace("numpy", "np", 1)


def rules_of(function: Callable[..., Any]) -> dict[str, str]:
    """The rule of each input as it is written in the source; none if the function is written with others."""
    operation = getattr(function, "operation", None)
    if operation is None or not operation.saves:
        return {}
    if operation.joint is not None:
        return {", ∂".join(operation.inputs): operation.joint.__name__}
    rules = {name: operation.rules[position] for position, name in enumerate(operation.inputs)}
    in_order = [name for name in inspect.signature(function).parameters if rules.get(name) is not None]
    return {name: as_declared(rules[name]) for name in in_order}


def tested_on(function: Callable[..., Any]) -> str:
    """The domains that are not the usual one: one for all inputs, or by name."""
    if not hasattr(function, "operation"):
        return ""
    declared = operation_of(function).domain
    every = {name: interval(domain) for name, domain in declared.items() if domain != domains.REAL}
    if len(set(every.values())) == 1 and len(every) == len(declared):
        return next(iter(every.values()))
    return "<br>".join(f"{code(name)}: {words}" for name, words in every.items())


def interval(domain: domains.Domain) -> str:
    """A domain in words."""
    if type(domain) is not domains.Domain:
        return paragraphs(type(domain).__doc__)[0].rstrip(".")
    inside = [point for point in domain.avoid if domain.low < point < domain.high]
    without = f" without {', '.join(f'{point:g}' for point in inside)}" if inside else ""
    return f"{domain.low:g} … {domain.high:g}{without}"


def stem(module_name: str) -> str:
    """The last part of a module's name, without the underscore of a private one."""
    return module_name.rpartition(".")[2].lstrip("_")


def paragraphs(doc: str | None) -> list[str]:
    """The prose of a docstring, up to its arguments, errors and examples."""
    blocks = inspect.cleandoc(doc or "").split("\n\n")
    stop = next((n for n, block in enumerate(blocks) if block.startswith(SECTION_HEADS)), len(blocks))
    return [" ".join(block.split()) for block in blocks[:stop]]


def as_markdown(text: str) -> str:
    """`text` with the signs that Markdown would take for markup escaped, but not in code."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([_<\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


def code(text: str) -> str:
    """`text` as code in the cell of a table."""
    return f"`{text}`".replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(table(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
