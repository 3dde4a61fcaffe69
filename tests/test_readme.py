"""The README's code prints what it says, its pictures are what the code draws, and its commands and links exist."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.fixture(autouse=True)
def in_an_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(blocks: list[str]) -> dict[str, object]:
    """Run blocks of code one after the other and return their names."""
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    return names


@pytest.mark.slow
def test_readme_code_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    run(BLOCKS)
    promised = re.findall(r"# → ?(.*)", "\n".join(BLOCKS))
    assert capsys.readouterr().out.splitlines() == promised


def test_readme_graph_is_what_the_code_draws(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "tg.draw(" in block]
    run([BLOCKS[0], block])
    assert (tmp_path / "graph.svg").read_bytes() == (ROOT / "docs" / "graph.svg").read_bytes()


def test_readme_network_is_what_the_code_draws(tmp_path: Path) -> None:
    (block,) = [block for block in BLOCKS if "nn.plots.network(" in block]
    run(["import nn\n" + block])
    assert (tmp_path / "network.svg").read_bytes() == (ROOT / "docs" / "network.svg").read_bytes()


def test_readme_walkthrough_is_that_of_the_first_example() -> None:
    names = run(BLOCKS[:1])
    script = runpy.run_path(str(ROOT / "docs" / "walkthrough.py"))
    shown = (ROOT / "docs" / "walkthrough.svg").read_text(encoding="utf-8")
    assert shown == script["Animation"](names["loss"]).svg(), "run `python docs/walkthrough.py`"
    ElementTree.fromstring(shown)


def test_readme_shows_each_of_the_uses() -> None:
    code = "\n".join(BLOCKS)
    assert all(use in code for use in ("backward()", "tg.walkthrough(", "tg.draw(", "tg.gradcheck(", "model.fit("))


def test_readme_first_screen_has_the_installation_and_the_walkthrough() -> None:
    first = README.partition("\n## ")[0]
    assert "pip install ." in first
    assert "docs/walkthrough.svg" in first


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_readme_command_is_one_line(name: str) -> None:
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) == 1
