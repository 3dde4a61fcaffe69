"""Type checkers accept code as users write it, and see no `Any` where it asserts a type."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CODE = Path(__file__).parent / "typing" / "typical_use.py"


def check(*command: str) -> None:
    """Run a type checker on the code in a separate process."""
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run([*command, str(CODE)], capture_output=True, text=True, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_typical_use_is_accepted_by_mypy() -> None:
    pytest.importorskip("mypy", reason="mypy is not installed")
    check(sys.executable, "-m", "mypy", "--strict")


@pytest.mark.slow
def test_typical_use_is_accepted_by_pyright() -> None:
    pyright = shutil.which("pyright", path=str(Path(sys.executable).parent)) or shutil.which("pyright")
    if pyright is None:
        pytest.skip("pyright is not installed")
    check(pyright, "--pythonpath", sys.executable)


def test_typical_use_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "typical_use"}
    exec(compile(CODE.read_text(encoding="utf-8"), str(CODE), "exec"), names)
    for use in ("tensors", "operations", "transforms", "own_operation", "networks", "loop"):
        names[use]()  # type: ignore[operator]
