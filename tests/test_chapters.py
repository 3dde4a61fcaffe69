"""Every chapter of examples/nnfs and examples/beyond runs by itself, agrees with NumPy, and saves its picture."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.image import imread

FOLDER = Path(__file__).parent.parent / "examples" / "nnfs"
GALLERY = FOLDER.parent / "gallery" / "gallery.py"
OF_THE_BOOK = sorted(FOLDER.glob("[0-9][0-9]_*.py"))
BEYOND = sorted((FOLDER.parent / "beyond").glob("[0-9][0-9]_*.py"))
CHAPTERS = OF_THE_BOOK + BEYOND


def test_chapters_cover_the_book():
    assert [int(path.name[:2]) for path in OF_THE_BOOK] == list(range(1, 23))


def test_chapters_beyond_the_book_follow_it():
    numbers = [int(path.name[:2]) for path in BEYOND]
    assert len(set(numbers)) == len(numbers)
    assert set(numbers) <= set(range(23, 40))


def run(folder, *command):
    """Without Fashion-MNIST, so that the result does not depend on what the machine has."""
    environment = {**os.environ, "TENSORGRAD_DATA": "", "XDG_CACHE_HOME": str(folder), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", *map(str, command), "--out", str(folder / "out")]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_runs_and_agrees_with_numpy(path, tmp_path):
    dark = (
        "figure.facecolor",
        "axes.facecolor",
        "savefig.facecolor",
    )  # settings of a user, which pictures must not use
    (tmp_path / "matplotlibrc").write_text("".join(f"{name}: black\n" for name in dark), encoding="utf-8")
    assert "  equal: " in run(tmp_path, path, "--fast")
    picture = tmp_path / "out" / f"{path.stem}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert (imread(picture)[0, 0, :3] == 1).all()


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_chapter_opens_as_a_notebook_with_the_same_parts(path):
    """Jupyter and VS Code read `# %%` as the beginning of a cell."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# %% [markdown]\n# # Chapter " + str(int(path.name[:2])) + ".")
    headings = re.findall(r"^# ## (.*)", text, re.MULTILINE)
    assert "# What you will understand:" in text
    assert any(heading.startswith("By hand") for heading in headings)
    assert any(heading.startswith("The picture") for heading in headings)
    assert headings[-1] == "Three things to try"
    assert text.count("#    *Answer.*") == 3
    for cell in re.split(r"^# %%(?: \[markdown\])?\n", text, flags=re.MULTILINE)[1:]:
        compile(cell, path.name, "exec")


@pytest.mark.slow
def test_chapter_ignores_arguments_of_a_kernel(tmp_path):
    assert "  equal: " in run(tmp_path, CHAPTERS[2], "--f=/kernel.json")


@pytest.mark.slow
def test_gallery_makes_a_page_with_every_picture(tmp_path):
    run(tmp_path, GALLERY)
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    shown = re.findall(r'(?:src|href)="([^"]+)"', page)
    made = {path.name for path in (tmp_path / "out").iterdir()} - {"index.html"}
    assert {name for name in shown if not name.startswith("#")} == made
    assert len(made) == 49
    assert page.count("<pre>") == 49 + 3  # the code of each picture, and of what they share
