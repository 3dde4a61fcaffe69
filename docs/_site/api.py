"""Pages of the API reference: every public name, with its docstring."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from pathlib import Path
from types import ModuleType
from typing import Any

from files import update

import nn
import tensorgrad as tg

PACKAGES = {"tensorgrad": tg, "nn": nn}


def write(docs: Path) -> None:
    """Write `reference/index.rst` and a page for each public module."""
    folder = docs / "reference"
    folder.mkdir(exist_ok=True)
    modules = [module for package in PACKAGES.values() for module in _public_modules(package)]
    for module in modules:
        update(folder / f"{module.__name__}.rst", _page(module))
    names = "".join(f"   {module.__name__}\n" for module in modules)
    index = "API reference\n=============\n\nEvery public name, with examples that the tests run.\n\n"
    update(folder / "index.rst", f"{index}.. toctree::\n   :maxdepth: 2\n\n{names}")


def _public_modules(package: ModuleType) -> list[ModuleType]:
    below = [getattr(package, name) for name in _names(package)]
    return [package, *(each for each in below if inspect.ismodule(each))]


def _names(module: ModuleType) -> list[str]:
    if hasattr(module, "__all__"):
        return sorted(module.__all__, key=str.lower)
    return [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__ and n[0] != "_"]


def _page(module: ModuleType) -> str:
    """Return the page of a module. Its names are grouped by the files that define them."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in _names(module):
        value = getattr(module, name)
        if not inspect.ismodule(value):
            groups[_file(module, value)].append(name)
    parts = [_heading(module.__name__, "="), f".. automodule:: {module.__name__}\n   :no-members:\n"]
    for file, names in sorted(groups.items()):
        if len(groups) > 1:
            parts.append(_heading(file, "-"))
        parts += [_directive(module, name) for name in names]
    return "\n".join(parts)


def _file(module: ModuleType, value: Any) -> str:
    """Return a title for the file that defines a value: `Reductions` for `tensorgrad.ops.reductions.sums`."""
    parts = getattr(inspect.unwrap(value) if callable(value) else value, "__module__", "").split(".")[1:]
    if parts[:1] == ["ops"] and len(parts) > 1:
        parts = parts[1:2]
    words = [part.strip("_").replace("_", " ") for part in parts if part.strip("_") not in ("layers", "functional")]
    return " ".join(words[-1:]).capitalize() or "General"


def _directive(module: ModuleType, name: str) -> str:
    value = getattr(module, name)
    kind = "autoclass" if inspect.isclass(value) else "autofunction" if callable(value) else "autodata"
    return f".. {kind}:: {module.__name__}.{name}\n"


def _heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


def as_restructured_text(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Mark indented code, and quote what reStructuredText would read as references and substitutions."""
    literal = False
    for number, line in enumerate(lines):
        if literal or line.lstrip().startswith((">>>", "...", "..")):
            literal = literal and (not line.strip() or line.startswith("    "))
            continue
        parts = re.split(r"(`[^`]+`)", line)  # text, code, text, ...
        parts[::2] = [re.sub(r"(\|[^|]+\|[²₂]?|\b\w+_\b)", r"``\1``", text) for text in parts[::2]]
        parts[1::2] = [f"`{code}`" for code in parts[1::2]]
        lines[number] = "".join(parts)
        if line[:1].strip() and line.endswith(":") and [each[:4] for each in lines[number + 1 :][:2]] == ["", "    "]:
            lines[number] += ":"
            literal = True
