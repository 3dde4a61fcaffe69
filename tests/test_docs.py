"""The table of derivatives in docs is the one that the declarations give, and GitHub can show it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad import numpy_dispatch
from tensorgrad.ops import nondifferentiable

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "derivatives.md").read_text(encoding="utf-8")


def test_the_table_is_up_to_date() -> None:
    written = runpy.run_path(str(DOCS / "derivatives.py"))["table"]()
    assert written == PAGE, "the declarations changed: run `python docs/derivatives.py`"


def test_the_list_in_the_readme_is_up_to_date() -> None:
    written = runpy.run_path(str(DOCS / "derivatives.py"))["readme"]()
    assert written == (DOCS.parent / "README.md").read_text(encoding="utf-8"), "run `python docs/derivatives.py`"


def test_every_public_operation_has_a_row() -> None:
    rows = set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE))
    answering = set(numpy_dispatch.answers.values())
    public = {name for name in tg.ops.__all__ if getattr(tg, name).__name__ == name}
    public |= {f"linalg.{name}" for name in tg.linalg.__all__ if not hasattr(tg, name)}
    questions = {name for name in public if getattr(nondifferentiable, name, None) is getattr(tg, name, "")}
    assert public - questions <= rows
    assert {f.__name__ for f in answering if hasattr(f, "operation")} <= {row.rpartition(".")[2] for row in rows}


def test_every_table_is_rectangular() -> None:
    tables = [lines for lines in re.split(r"\n\n", PAGE) if lines.startswith("|")]
    assert len(tables) == PAGE.count("\n## ")
    for table in tables:
        headings, ruler, *rows = ([*re.split(r"(?<!\\)\|", line)] for line in table.strip().splitlines())
        assert rows
        assert {len(ruler), *map(len, rows)} == {len(headings)}
        assert all(row[0] == row[-1] == "" for row in rows)


@pytest.mark.parametrize("sign", ["`", "**"])
def test_markup_is_closed_within_its_line(sign: str) -> None:
    assert [line for line in PAGE.splitlines() if line.count(sign) % 2] == []


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)]+)\)", PAGE)
    headings = set(re.findall(r"^## (\w+)$", PAGE, re.MULTILINE))
    assert {link[1:] for link in links if link.startswith("#")} == headings
    assert [link for link in links if not link.startswith("#") and not (DOCS / link).exists()] == []
