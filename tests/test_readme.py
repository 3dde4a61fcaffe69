"""The README keeps its word: its code runs and prints what it says, and its commands and links are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tensorgrad as tg

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_code_prints_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in BLOCKS:
        exec(compile(block, "README.md", "exec"), names)
        promised = re.findall(r"# → ?(.*)", block)
        assert capsys.readouterr().out.splitlines() == promised


def test_the_picture_is_what_the_code_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in BLOCKS if "tg.draw(" in block]
    exec(compile(block, "README.md", "exec"), {"tg": tg})
    assert (tmp_path / "graph.svg").read_bytes() == (ROOT / "docs" / "graph.svg").read_bytes()


def test_each_of_the_three_uses_is_shown() -> None:
    code = "\n".join(BLOCKS)
    assert all(use in code for use in ("backward()", "tg.draw(", "tg.gradcheck(", "model.fit("))


@pytest.mark.parametrize("name", ["quickstart", "tests"])
def test_one_command_each(name: str) -> None:
    found = re.search(rf"<!-- command: {name} -->\n```sh\n(.*?)```", README, re.DOTALL)
    assert found is not None
    assert len(found[1].splitlines()) == 1


def test_links_lead_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link.partition("#")[0]).exists()] == []
