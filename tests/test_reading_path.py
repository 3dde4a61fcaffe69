"""The engine can be read: five files in order, short, and all that runs in plain mode."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg

PACKAGE = Path(tg.__file__).parent
READING_PATH = ["node.py", "record.py", "backward.py", "op.py", "ops/elementwise/arithmetic.py"]
LONGEST_FUNCTION = 60


def test_the_reading_path_is_at_most_620_lines() -> None:
    lengths = {name: len((PACKAGE / name).read_text(encoding="utf-8").splitlines()) for name in READING_PATH}
    assert sum(lengths.values()) <= 620, lengths


@pytest.mark.parametrize("name", READING_PATH)
def test_functions_of_the_reading_path_fit_on_a_screen(name: str) -> None:
    tree = ast.parse((PACKAGE / name).read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    lengths = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


TRACE = """
import sys
import tensorgrad as tg
a, b = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 4.0], requires_grad=True)
(a * b).sum().backward()  # what is computed once is computed
a.grad = b.grad = None
entered = set()
sys.setprofile(lambda frame, event, argument: entered.add(frame.f_code.co_filename) if event == "call" else None)
(a * b).sum().backward()
sys.setprofile(None)
print(*sorted(entered), sep="\\n")
"""


def test_plain_mode_enters_only_the_reading_path_the_tensor_and_the_operations() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TRACE], capture_output=True, text=True, check=True, cwd=PACKAGE.parent,
        env={**os.environ, "TENSORGRAD_PLAIN": "1"},
    )  # fmt: skip
    entered = {Path(line) for line in done.stdout.splitlines() if str(PACKAGE) in line or "<tensorgrad" in line}
    helpers = ["_gradients.py", "ops/_reduced_axes.py"]  # the copies of gradients that are views; axes, for `sum`
    assert entered == {PACKAGE / name for name in [*READING_PATH, "tensor.py", "ops/reductions/sums.py", *helpers]}
