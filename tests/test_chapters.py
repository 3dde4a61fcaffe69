"""Every chapter of examples/nnfs runs by itself, agrees with what it does by hand, and makes its picture."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "examples" / "nnfs"
CHAPTERS = sorted(FOLDER.glob("[0-9][0-9]_*.py"))


def test_there_is_a_chapter_for_each_of_the_book():
    assert [int(path.name[:2]) for path in CHAPTERS] == list(range(1, 23))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path):
    """Without the network's data, so that the result does not depend on what the machine has."""
    environment = {**os.environ, "TENSORGRAD_DATA": "", "XDG_CACHE_HOME": str(tmp_path), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", str(path), "--fast", "--out", str(tmp_path / "out")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "  equal: " in done.stdout
    picture = tmp_path / "out" / f"{path.stem}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_it_opens_as_a_notebook_with_the_same_parts(path):
    """Jupyter and VS Code read `# %%` as the beginning of a cell."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # Chapter " + str(int(path.name[:2])) + ".")
    headings = re.findall(r"^# ## (.*)", text, re.MULTILINE)
    assert "# What you will understand:" in text
    assert any(heading.startswith("By hand") for heading in headings)
    assert any(heading.startswith("The picture") for heading in headings)
    assert headings[-1] == "Three things to try"
    for cell in re.split(r"^# %%(?: \[markdown\])?\n", text, flags=re.MULTILINE)[1:]:
        compile(cell, path.name, "exec")
