"""`python -m tensorgrad.examples` lists all chapters and copies them as notebooks that run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tensorgrad.examples import notebooks
from tensorgrad.examples.__main__ import main


def test_examples_lists_every_chapter(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    listed = capsys.readouterr().out
    assert " 8  Gradients, partial derivatives, and the chain rule\n" in listed
    assert len(listed.splitlines()) == len(notebooks.chapters()) + 2


@pytest.mark.parametrize("asked", ["99", "x", "-1"])
def test_examples_refuses_chapters_that_do_not_exist(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--", asked])
    assert f"or 'all', got '{asked}'" in capsys.readouterr().err


def test_examples_names_the_package_that_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "jupytext", None)
    with pytest.raises(SystemExit):
        main(["8"])
    assert capsys.readouterr().err.endswith("Install it: python -m pip install jupytext\n")


def test_examples_copies_a_chapter_with_a_switch_in_its_first_code_cell(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("jupytext")
    main(["8", "25", "--to", str(tmp_path)])
    assert (tmp_path / "nnfs" / "chapter.py").exists()
    assert (tmp_path / "beyond" / "25_convolutional_network.ipynb").exists()
    made = nbformat.read(tmp_path / "nnfs" / "08_chain_rule.ipynb", as_version=4)
    nbformat.validate(made)
    assert [cell.cell_type for cell in made.cells[:3]] == ["markdown", "code", "code"]
    assert 'os.environ["TENSORGRAD_FAST"] = "1"' in made.cells[1].source
    source = notebooks.chapters()[8].read_text(encoding="utf-8")
    assert all(cell.source in source for cell in made.cells[2:] if cell.cell_type == "code")


def test_examples_keeps_what_a_reader_has_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("jupytext")
    chapter = tmp_path / "nnfs" / "08_chain_rule.ipynb"
    answer, module = (tmp_path / "exercises" / name for name in ("05_dense_backward.py", "grading.py"))
    for path in (chapter, answer, module):
        path.parent.mkdir(exist_ok=True)
        path.write_text("edited")
    copied = dict(notebooks.copy([8], tmp_path, exercises=True))
    assert not copied[chapter]
    assert not copied[answer]
    assert copied[tmp_path / "exercises" / "06_activations_backward.py"]
    assert [path.read_text() == "edited" for path in (chapter, answer, module)] == [True, True, False]
    main(["8", "--to", str(tmp_path), "--overwrite"])
    assert capsys.readouterr().out.split() == [str(chapter)]
    assert chapter.read_text() != "edited"


@pytest.mark.slow
@pytest.mark.parametrize("number", [8, 24])
def test_examples_notebook_runs_from_top_to_bottom(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    root = str(Path(__file__).parent.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    ((path, _),) = notebooks.copy([number], tmp_path)
    made = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(made, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    shown = "".join(output.get("text", "") for cell in made.cells for output in cell.get("outputs", []))
    assert "  equal: " in shown
