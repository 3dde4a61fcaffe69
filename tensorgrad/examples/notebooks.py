"""Copies of the chapters as notebooks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

INSTALLED = Path(__file__).parent / "files"
SOURCES = INSTALLED if INSTALLED.exists() else Path(__file__).parents[2] / "examples"  # in a checkout
"""The folder with the chapters and exercises."""

SWITCH = """\
import os

os.environ["TENSORGRAD_FAST"] = "1"  # "0" runs the whole chapter, which may take minutes"""
"""The first code cell of each notebook."""


def chapters() -> dict[int, Path]:
    """Return the paths of the chapters by number."""
    files = [path for folder in ("nnfs", "beyond") for path in (SOURCES / folder).glob("[0-9][0-9]_*.py")]
    return {int(path.name[:2]): path for path in sorted(files, key=lambda path: path.name)}


def title(path: Path) -> str:
    """Return the title in the first heading of a chapter, without its number.

    >>> title(chapters()[8])
    'Gradients, partial derivatives, and the chain rule'
    """
    heading = path.read_text(encoding="utf-8").splitlines()[1]
    return heading.removeprefix("# # ").partition(". ")[2]


def notebook(path: Path) -> Any:
    """Return a chapter as an `nbformat` notebook. The cell after its heading selects the short or the full run.

    Raises:
        ModuleNotFoundError: jupytext is not installed.
    """
    try:
        import jupytext
        from nbformat import v4
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "notebooks are written with jupytext. Install it: python -m pip install jupytext"
        ) from None
    parts = [(cell.cell_type, cell.source) for cell in jupytext.read(path).cells]
    parts.insert(1, ("code", SWITCH))
    new = {"markdown": v4.new_markdown_cell, "code": v4.new_code_cell}
    cells = [new[kind](text) for kind, text in parts]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # the same in each copy
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})


def copy_modules(part: Path, folder: Path) -> None:
    """Copy the modules that the chapters of a part import.

    Args:
        part: the folder of the chapters.
        folder: where the part is copied to, under the name that it has.
    """
    ignored = shutil.ignore_patterns("[0-9]*", "__pycache__")
    for source in (part, *([SOURCES / "pretrained"] if part.name == "beyond" else [])):
        shutil.copytree(source, folder / source.name, dirs_exist_ok=True, ignore=ignored)


def copy(
    numbers: Sequence[int], folder: Path, *, exercises: bool = False, overwrite: bool = False
) -> Iterator[tuple[Path, bool]]:
    """Write chapters as notebooks, together with the modules that they import.

    Args:
        numbers: the numbers of the chapters.
        folder: the destination, created if necessary. Chapters of the book are written to its subfolder `nnfs`, later
            ones to `beyond`.
        exercises: whether to copy the exercises too.
        overwrite: whether to replace existing notebooks and exercises. By default they are kept, because they may
            contain a reader's work.

    Yields:
        The path of each notebook and exercise, and whether it has been written.

    Raises:
        ModuleNotFoundError: jupytext is not installed.
    """
    found = chapters()
    made = [(path, notebook(path)) for path in (found[number] for number in numbers)]
    import nbformat

    for path, each in made:
        copy_modules(path.parent, folder)
        target = folder / path.parent.name / f"{path.stem}.ipynb"
        written = overwrite or not target.exists()
        if written:
            nbformat.write(each, target)
        yield target, written
    if exercises:
        yield from _copy_exercises(folder / "exercises", overwrite)


def _copy_exercises(folder: Path, overwrite: bool) -> Iterator[tuple[Path, bool]]:
    source = SOURCES / "exercises"
    names = sorted(path.name for path in source.glob("[0-9]*.py"))
    kept = [] if overwrite else [name for name in names if (folder / name).exists()]

    def ignored(directory: str, _: list[str]) -> list[str]:
        return ["__pycache__", *(kept if Path(directory) == source else [])]  # graders have the same names

    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=ignored)
    yield from ((folder / name, name not in kept) for name in names)
