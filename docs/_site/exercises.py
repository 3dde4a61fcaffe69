"""Pages of the exercises: their statements, the code to complete, and how to grade an answer."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from files import archive, update

from tensorgrad.examples.notebooks import SOURCES, chapters, title

EXERCISES = SOURCES / "exercises"
INTRODUCTION = """\
---
file_format: mystnb
kernelspec:
  name: python3
---

# Exercises

Each exercise is a file with code to complete. Fourteen belong to the chapters of the book, ten to later chapters.

1. Download the {download}`exercises <exercises.zip>` and unpack them, or copy them together with all chapters:

   ```sh
   python -m tensorgrad.examples all --to notebooks
   ```

2. Open a file such as `05_dense_backward.py`, and replace the line that raises `NotImplementedError`.
3. Check the answer:

   ```sh
   python exercises/check.py 05
   ```

`--hint 1` to `--hint 3` print hints, and `--progress` shows which exercises are done. The folder `solutions` contains a
solution of each exercise.

## Grading in a notebook

In a notebook in the folder of the exercises, define the function in a cell and grade it in the next. Here the gradient
of the biases is wrong:

```{code-cell} ipython3
import check

def dense_backward(g, x, weights, biases):
    return g @ weights.T, x.T @ g, g.mean(axis=0)

check.grade("05", dense_backward)
```

The output names the likely mistake, and shows a walkthrough of the answer in which the wrong gradient is marked.

## All exercises

```{toctree}
:maxdepth: 1

"""


def write(docs: Path) -> None:
    """Write `course/exercises/index.md`, a page for each exercise, and an archive of all files."""
    folder = docs / "course" / "exercises"
    shutil.copytree(EXERCISES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    archive(EXERCISES, folder / "exercises.zip")
    text = INTRODUCTION
    for path in sorted(EXERCISES.glob("[0-9]*.py")):
        number, name = path.stem[:2], _docstring(path).partition(".")[2].partition(" (")[0].strip()
        text += f"{int(number)}. {name} <{path.stem}>\n"
        update(folder / f"{path.stem}.md", _page(path, name))
    update(folder / "index.md", text + "```\n")


def _page(path: Path, name: str) -> str:
    """Return the page of an exercise as Markdown."""
    number = path.stem[:2]
    first, _, statement = _docstring(path).partition("\n\n")
    code = path.read_text(encoding="utf-8").split('"""', 2)[2].strip()
    about = re.search(r"chapters? ([0-9 and]+)", first)
    return f"""\
# Exercise {int(number)}. {name}

{_chapters(about[1]) if about else ""}{statement}

## Code to complete

```python
{code}
```

Download {{download}}`{path.name}`, or {{download}}`all exercises <exercises.zip>` with their graders.

## Grading

```sh
python exercises/check.py {number}
python exercises/check.py {number} --hint 1
```

The [introduction](index.md) explains how to set up the exercises, and how to grade an answer in a notebook.
"""


def _chapters(numbers: str) -> str:
    """Return links to chapters, whose numbers are separated by "and"."""
    found = [(int(each), chapters()[int(each)]) for each in re.findall("[0-9]+", numbers)]
    links = [f"[{number}. {title(path)}](../{path.parent.name}/{path.stem}.ipynb)" for number, path in found]
    return f"This exercise belongs to {'chapters' if len(links) > 1 else 'chapter'} {' and '.join(links)}.\n\n"


def _docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
