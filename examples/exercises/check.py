"""Check your answers to the exercises.

    python examples/exercises/check.py            all of them
    python examples/exercises/check.py 05 dense   some, by number or by a part of the name
    python examples/exercises/check.py --list     what there is

Open a file such as `05_dense_backward.py`, replace the line that raises NotImplementedError, and check. Where a
gradient is wrong, pages that walk through the backward pass are written to the folder `out`: done right, and with your
rule beside finite differences. Solutions are in the folder `solutions`.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
import textwrap
import traceback
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np
from grading import Pages, Wrong

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[0-9]*.py"))

PAGES = {"": "done right, step by step", "_by_hand": "yours, beside finite differences"}
"""What the pages show, by the ending of the file's name."""


class Result(NamedTuple):
    """What became of an answer.

    Attributes:
        state: "done", "to do" or "wrong".
        diagnosis: the name of the mistake, or what is to do; empty if done.
        explanation: more about it; may be empty.
        pages: for wrong gradients, what makes pages to walk through, by the ending of the file's name.
    """

    state: str
    diagnosis: str = ""
    explanation: str = ""
    pages: Pages = {}  # noqa: RUF012


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0 if all answers asked for are right, 1 if not, 2 if there is no such exercise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="check.py [options] [NAME ...]"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a number, or a part of a name (default: all)")
    parser.add_argument("--list", action="store_true", help="list the exercises and stop")
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder for pages (default: out)")
    parser.add_argument("--answers", type=Path, default=HERE, help="the folder of the answers (default: this one)")
    given = parser.parse_args(arguments)
    names = [name for name in NAMES if not given.names or any(_is_meant(each, name) for each in given.names)]
    for each in given.names:
        if not any(_is_meant(each, name) for name in NAMES):
            parser.error(f"there is no exercise {each!r}. There are: {', '.join(NAMES)}")
    if given.list:
        for name in names:
            print(title(HERE / f"{name}.py"))
        return 0

    states = []
    for name in names:
        result = grade(name, given.answers)
        states.append(result.state)
        print(f"{name:<36}{result.state}{': ' if result.diagnosis else ''}{result.diagnosis}")
        if result.explanation:
            print(textwrap.indent(result.explanation, "    "))
        for path in save(result.pages, name, given.out):
            print(f"    {PAGES[path.stem.removeprefix(name)]}: {path}")
    print(", ".join(f"{states.count(state)} {state}" for state in ("done", "wrong", "to do") if state in states))
    return 0 if set(states) == {"done"} else 1


def title(path: Path) -> str:
    """The first line of an exercise."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or path.stem
    return text.splitlines()[0]


def grade(name: str, answers: Path) -> Result:
    """Judge the answer `name` in the folder `answers`."""
    path = answers / f"{name}.py"
    if not path.exists():
        return Result("wrong", "no file", f"there is no {path}.")
    grader = _load(HERE / "graders" / f"{name}.py")
    try:
        with np.errstate(all="ignore"):  # what is not finite is told with the values
            grader.grade(_load(path))
    except Wrong as wrong:
        return Result("wrong", wrong.diagnosis, wrong.explanation, wrong.pages)
    except Exception as error:
        if isinstance(error, NotImplementedError) and str(error).startswith("exercise"):
            return Result("to do", str(error))
        return Result("wrong", type(error).__name__, f"{_place(error, path)}: {error}")
    return Result("done")


def save(pages: Pages, name: str, out: Path) -> list[Path]:
    """Write the pages, and say where they are."""
    paths = []
    for ending, page in pages.items():
        out.mkdir(parents=True, exist_ok=True)
        paths.append(out / f"{name}{ending}.html")
        page().save(paths[-1])
    return paths


def _is_meant(given: str, name: str) -> bool:
    """Whether `given`, a number, a file or a part of a name, stands for an exercise."""
    given = Path(given).stem
    return int(given) == int(name[:2]) if given.isdecimal() else given in name


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"exercise_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _place(error: Exception, path: Path) -> str:
    """The line of the learner's file; the file alone if it only led to the error, as a missing function does."""
    if isinstance(error, SyntaxError):
        return f"{path.name}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == path]
    if own:
        return f"{path.name}, line {own[-1].lineno}, {own[-1].line}"
    return path.name


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # a file that is saved twice in a second must be read twice
    sys.exit(main())
