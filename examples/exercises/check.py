"""Check your answers to the exercises.

    python examples/exercises/check.py            all of them
    python examples/exercises/check.py 05 dense   some, by number or by a part of the name
    python examples/exercises/check.py 05 --hint 1   a hint; there are three for each exercise, each more detailed
    python examples/exercises/check.py --progress    what is done, and what is next
    python examples/exercises/check.py --list     all exercises

Open a file such as `05_dense_backward.py`, replace the line that raises NotImplementedError, and check. Where a
gradient is wrong, pages that walk through the backward pass are written to the folder `out`: one of the correct pass,
and one of yours with its gradients checked against finite differences. Solutions are in the folder `solutions`.

In a notebook beside this file, define the function in a cell and grade it in the next:

    import check
    check.grade("05", dense_backward)
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from grading import Pages, Wrong
from time_limit import TookTooLong, time_limit

HERE = Path(__file__).parent
NAMES = sorted(path.stem for path in HERE.glob("[0-9]*.py"))

PAGES = {"": "the correct backward pass, step by step", "_by_hand": "yours, checked against finite differences"}
"""What the pages show, by the ending of the file's name."""

SECONDS = 20.0
"""The time limit for grading an exercise. Correct answers take less than one second."""

MARKS = {"done": "✓", "wrong": "✗", "to do": "·"}

IN_PLACE = (
    "The inputs must not be changed, because the caller still uses them. Make a new array with `x = x - 1` instead "
    "of `x -= 1`, or start with `x = x.copy()`."
)


class Result(NamedTuple):
    """The outcome of grading an answer. Notebooks show it with the walkthrough of a wrong gradient.

    Attributes:
        state: "done", "to do" or "wrong".
        diagnosis: the name of the mistake, or what remains to be done; empty if done.
        explanation: more about it; may be empty.
        pages: for wrong gradients, functions that return walkthroughs, by the ending of the file's name.
    """

    state: str
    diagnosis: str = ""
    explanation: str = ""
    pages: Pages = {}  # noqa: RUF012

    def __repr__(self) -> str:
        line = f"{self.state}: {self.diagnosis}" if self.diagnosis else self.state
        return f"{line}\n{textwrap.indent(self.explanation, '    ')}" if self.explanation else line

    def _repr_html_(self) -> str:
        page = self.pages.get("_by_hand", self.pages.get(""))
        walkthrough = page()._repr_mimebundle_()["text/html"] if page else ""
        return f"<pre>{escape(repr(self))}</pre>{walkthrough}"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line. Return 0 if all answers are correct, else 1. Exit with 2 if there is no such exercise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage="check.py [options] [NAME ...]"
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a number, or a part of a name (default: all)")
    parser.add_argument("--list", action="store_true", help="list the exercises and stop")
    parser.add_argument("--hint", type=int, metavar="N", help="print hint N of an exercise and stop")
    parser.add_argument("--progress", action="store_true", help="print one line for each exercise, and no diagnoses")
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder for pages (default: out)")
    parser.add_argument("--answers", type=Path, default=HERE, help="the folder of the answers (default: this one)")
    given = parser.parse_args(arguments)
    names = [name for name in NAMES if not given.names or any(_is_meant(each, name) for each in given.names)]
    for each in given.names:
        if not any(_is_meant(each, name) for name in NAMES):
            parser.error(f"there is no exercise {each!r}. There are: {', '.join(NAMES)}")
    if given.hint is not None:
        if len(names) != 1:
            parser.error(f"--hint expects one exercise, got {len(names)}. Name it: check.py 05 --hint 1")
        try:
            print(hint(names[0], given.hint))
        except ValueError as error:
            parser.error(str(error))
        return 0
    if given.list:
        for name in names:
            print(title(name))
        return 0

    results = {}
    for name in names:
        results[name] = grade(name, answers=given.answers)
        if not given.progress:
            _report(name, results[name], given.out)
    if given.progress:
        print(progress({name: result.state for name, result in results.items()}))
    else:
        states = [result.state for result in results.values()]
        print(", ".join(f"{states.count(state)} {state}" for state in ("done", "wrong", "to do") if state in states))
    return 0 if all(result.state == "done" for result in results.values()) else 1


def grade(exercise: str, *functions: Callable[..., Any], answers: Path = HERE, seconds: float = SECONDS) -> Result:
    """Grade the answer to an exercise.

    Args:
        exercise: its number, such as "05", or a part of its name.
        functions: answers defined in a notebook, under the names that they have in the exercise. They replace those of
            the file.
        answers: the folder of the answer's file.
        seconds: the time limit.

    Raises:
        ValueError: there is no such exercise, or there are several, or it has no function of this name.
    """
    name = _named(exercise)
    for function in functions:
        if not hasattr(_load(HERE / f"{name}.py"), function.__name__):
            raise ValueError(f"check: {name} has no function {function.__name__!r}. Give it the name in the exercise.")
    path = answers.resolve() / f"{name}.py"  # tracebacks name absolute paths
    if not path.exists():
        return Result("wrong", "no file", f"there is no {path}.")
    grader, answer = _grader(name), None
    place = partial(_place, path=path, functions=functions)
    try:
        with np.errstate(all="ignore"), time_limit(seconds):  # the grader reports what is not finite
            answer = _load(path)
            vars(answer).update({function.__name__: function for function in functions})
            grader.grade(answer)
    except Wrong as wrong:
        return Result("wrong", wrong.diagnosis, wrong.explanation, wrong.pages)
    except TookTooLong as error:
        advice = "Look for a loop whose condition never changes."
        return Result("wrong", "endless loop", f"{place(error)}: stopped after {seconds:g} seconds. {advice}")
    except (Exception, SystemExit) as error:
        if isinstance(error, AttributeError) and answer is not None and error.obj is answer:
            missing = f"{path.name} has no function {error.name}. Give it the name in the exercise."
            return Result("wrong", "no function", missing)
        if isinstance(error, NotImplementedError) and str(error).startswith("exercise"):
            return Result("to do", str(error))
        if isinstance(error, ValueError) and "read-only" in str(error):
            return Result("wrong", "changed in place", f"{place(error)}: {error}.\n{IN_PLACE}")
        message = error.msg if isinstance(error, SyntaxError) else error
        return Result("wrong", type(error).__name__, f"{place(error)}: {message}")
    return Result("done")


def hint(exercise: str, number: int) -> str:
    """Return a hint for an exercise; each is more detailed than the one before.

    Raises:
        ValueError: there is no such exercise, or no hint of this number.
    """
    name = _named(exercise)
    hints = _grader(name).HINTS
    if not 1 <= number <= len(hints):
        raise ValueError(f"hint: {name} has hints 1 to {len(hints)}, got {number}.")
    return f"{name}, hint {number} of {len(hints)}: {hints[number - 1]}"


def progress(states: dict[str, str]) -> str:
    """Return a line for each exercise, a bar, and the exercise to do next; `states` maps names to states."""
    lines = [f"{MARKS[state]} {title(name).removeprefix('Exercise ')}" for name, state in states.items()]
    done = sum(state == "done" for state in states.values())
    filled = round(24 * done / len(states))
    lines += ["", f"[{'#' * filled}{'-' * (24 - filled)}] {done} of {len(states)} done"]
    lines += [f"next: {name}.py" for name, state in states.items() if state != "done"][:1]
    return "\n".join(lines)


def title(name: str) -> str:
    """Return the first line of an exercise."""
    text = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text(encoding="utf-8"))) or name
    return text.splitlines()[0]


def save(pages: Pages, name: str, out: Path) -> list[Path]:
    """Write the pages, and return their paths."""
    paths = []
    for ending, page in pages.items():
        out.mkdir(parents=True, exist_ok=True)
        paths.append(out / f"{name}{ending}.html")
        page().save(paths[-1])
    return paths


def _report(name: str, result: Result, out: Path) -> None:
    print(f"{name:<36}{result.state}{': ' if result.diagnosis else ''}{result.diagnosis}")
    if result.explanation:
        print(textwrap.indent(result.explanation, "    "))
    for path in save(result.pages, name, out):
        print(f"    {PAGES[path.stem.removeprefix(name)]}: {path}")


def _named(exercise: str) -> str:
    """Return the full name of an exercise."""
    found = [name for name in NAMES if _is_meant(exercise, name)]
    if len(found) != 1:
        problem = f"{exercise!r} matches {', '.join(found)}" if found else f"there is no exercise {exercise!r}"
        raise ValueError(f"check: {problem}. There are: {', '.join(NAMES)}")
    return found[0]


def _is_meant(given: str, name: str) -> bool:
    """Return whether `given`, a number, a file or a part of a name, refers to an exercise."""
    given = Path(given).stem
    return int(given) == int(name[:2]) if given.isdecimal() else given in name


def _grader(name: str) -> ModuleType:
    return _load(HERE / "graders" / f"{name}.py")


def _load(path: Path) -> ModuleType:
    specification = importlib.util.spec_from_file_location(f"exercise_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _place(error: BaseException, path: Path, functions: Sequence[Callable[..., Any]]) -> str:
    """Return the line of the learner's code; the file alone if it only led to the error, as with a missing function."""
    if isinstance(error, SyntaxError):
        return f"{path.name}, line {error.lineno}"
    codes = [getattr(function, "__code__", None) for function in functions]
    files = {str(path): path.name} | {code.co_filename: "your cell" for code in codes if code is not None}
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    if own:
        return f"{files[own[-1].filename]}, line {own[-1].lineno}, {own[-1].line}"
    return path.name


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # a file that is saved twice in a second must be read twice
    sys.exit(main())
