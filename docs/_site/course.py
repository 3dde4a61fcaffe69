"""Pages of the course: every chapter as a notebook."""

from __future__ import annotations

from pathlib import Path

import nbformat
from files import update

from tensorgrad.examples.notebooks import SOURCES, chapters, copy_modules, notebook, title

INTRODUCTION = """\
# The course

Chapters 1 to 22 build the networks of *Neural Networks from Scratch in Python*, first by hand in NumPy, then on the
engine. Later chapters continue with topics such as convolution, recurrence and attention. Every chapter ends with three
suggestions for experiments.

The pages show short runs. To run a chapter in full, copy it as a notebook and set `TENSORGRAD_FAST` to "0" in its first
cell:

```sh
python -m tensorgrad.examples 8 --to notebooks
```

"""
EXERCISES = """\
## Exercises

The [exercises](exercises/index.md) leave out the central lines of a computation. A grader names the likely mistake in a
wrong answer, and shows a walkthrough of a wrong gradient.

```{toctree}
:maxdepth: 1
:hidden:

exercises/index
```
"""
PARTS = {"nnfs": "The chapters of the book", "beyond": "Beyond the book"}


def write(docs: Path) -> None:
    """Write `course/index.md` and a notebook for each chapter."""
    folder = docs / "course"
    folder.mkdir(exist_ok=True)
    text = INTRODUCTION
    for part, heading in PARTS.items():
        found = {number: path for number, path in chapters().items() if path.parent.name == part}
        text += f"## {heading}\n\n```{{toctree}}\n:maxdepth: 1\n\n"
        text += "".join(f"{number}. {title(path)} <{part}/{path.stem}>\n" for number, path in found.items())
        text += "```\n\n"
        target = folder / part
        copy_modules(SOURCES / part, folder)
        for path in found.values():
            update(target / f"{path.stem}.ipynb", nbformat.writes(notebook(path)))
    text += EXERCISES
    update(folder / "index.md", text)
