"""The pages in docs: generated ones are up to date, GitHub can show them, and their links and names exist."""

from __future__ import annotations

import functools
import importlib
import inspect
import re
import runpy
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import numpy_dispatch
from tensorgrad.op import Operation
from tensorgrad.ops import nondifferentiable
from tests.site_pages import DOCS, GENERATED, written_pages

PAGE = (DOCS / "derivatives.md").read_text(encoding="utf-8")
HOW_IT_WORKS = (DOCS / "how-it-works.md").read_text(encoding="utf-8")
PAGES = written_pages() + sorted(DOCS.parent.glob("*.md"))


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if target.is_relative_to(DOCS) and target.relative_to(DOCS).parts[0] in GENERATED:
            continue  # Sphinx checks it
        assert target.exists(), link
        assert not anchor or anchor in headings(target), link


def test_exercise_pages_show_the_statement_and_the_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(DOCS / "_site")
    (tmp_path / "course").mkdir()
    importlib.import_module("exercises").write(tmp_path)
    folder = tmp_path / "course" / "exercises"
    pages = {page.stem: page.read_text(encoding="utf-8") for page in folder.glob("[0-9]*.md")}
    assert len(pages) == 24
    for name, text in pages.items():
        assert re.search(rf"^# Exercise {int(name[:2])}\. [A-Z]", text)
        assert "    raise NotImplementedError(" in text
        assert f"{{download}}`{name}.py`" in text
    assert "[9. Backpropagation](../nnfs/09_backpropagation.ipynb)" in pages["05_dense_backward"]
    assert "exercises/check.py" in zipfile.ZipFile(folder / "exercises.zip").namelist()


def test_every_page_is_linked_from_another() -> None:
    linked = {DOCS / "index.md"}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        listed = [
            f"{name}.md" for tree in re.findall(r"```\{toctree\}\n(.*?)```", text, re.DOTALL) for name in tree.split()
        ]
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        linked |= {(page.parent / path).resolve() for path in listed + links}
    assert [page.name for page in PAGES if page.is_relative_to(DOCS) and page.resolve() not in linked] == []


# -- the pages that docs/derivatives.py generates ---------------------------------------------------------


@pytest.mark.skipif(not hasattr(np, "matvec"), reason="the pages name functions that this NumPy lacks")
@pytest.mark.parametrize(("page", "function"), [("derivatives.md", "table"), ("functions.md", "function_list")])
def test_generated_page_is_up_to_date(page: str, function: str) -> None:
    pytest.importorskip("scipy", reason="SciPy, whose functions are listed, is not installed")
    written = runpy.run_path(str(DOCS / "derivatives.py"))[function]()
    assert written == (DOCS / page).read_text(encoding="utf-8"), "run `python docs/derivatives.py`"


def test_derivatives_has_a_row_for_every_public_operation() -> None:
    rows = set(re.findall(r"^\| `([\w.]+)` \|", PAGE, re.MULTILINE))
    answering = set(numpy_dispatch.answers.values())
    public = {name for name in tg.ops.__all__ if getattr(tg, name).__name__ == name}
    public |= {f"linalg.{name}" for name in tg.linalg.__all__ if not hasattr(tg, name)}
    questions = {name for name in public if getattr(nondifferentiable, name, None) is getattr(tg, name, "")}
    questions |= {f"linalg.{name}" for name in tg.linalg.__all__ if hasattr(nondifferentiable, name)}
    assert public - questions <= rows
    assert {f.__name__ for f in answering if hasattr(f, "operation")} <= {row.rpartition(".")[2] for row in rows}


def test_derivatives_tables_are_rectangular() -> None:
    tables = [lines for lines in re.split(r"\n\n", PAGE) if lines.startswith("|")]
    assert len(tables) == PAGE.count("\n## ")
    for table in tables:
        headings, ruler, *rows = ([*re.split(r"(?<!\\)\|", line)] for line in table.strip().splitlines())
        assert rows
        assert {len(ruler), *map(len, rows)} == {len(headings)}
        assert all(row[0] == row[-1] == "" for row in rows)


@pytest.mark.parametrize("sign", ["`", "**"])
def test_derivatives_markup_is_closed_within_its_line(sign: str) -> None:
    assert [line for line in PAGE.splitlines() if line.count(sign) % 2] == []


def test_derivatives_contents_list_every_section() -> None:
    links = re.findall(r"\]\(#(\w+)\)", PAGE)
    assert links == re.findall(r"^## (\w+)$", PAGE, re.MULTILINE)


# -- how it works -----------------------------------------------------------------------------------------


ROWS = re.findall(r"^\| (`.+?) \| (\[.+?) \| (.*)\|$", HOW_IT_WORKS, re.MULTILINE)


@pytest.mark.parametrize("target", re.findall(r"\[`([\w.]+)`\]\((\S+\.py)\)", HOW_IT_WORKS), ids=lambda t: str(t[0]))
def test_how_it_works_names_functions_that_exist(target: tuple[str, str]) -> None:
    dotted, path = target
    file = (DOCS / path).resolve()
    module = ".".join(file.relative_to(DOCS.parent).with_suffix("").parts)
    inside = f"tensorgrad.{dotted}".removeprefix(f"{module}.")
    found = functools.reduce(getattr, inside.split("."), importlib.import_module(module))
    declared = getattr(found, "operation", None)
    assert Path(inspect.getfile(declared.forward if isinstance(declared, Operation) else found)) == file


def test_how_it_works_maps_every_class_and_function_of_its_engine() -> None:
    defined = set(re.findall(r"^(?:>>>|\.\.\.) (?:def|class) (\w+)", HOW_IT_WORKS, re.MULTILINE))
    defined |= set(re.findall(r"^>>> (\w+) = namedtuple", HOW_IT_WORKS, re.MULTILINE))
    assert len(defined) >= 10
    assert defined == {name for here, _, _ in ROWS for name in re.findall(r"`(\w+)`", here)}


def test_how_it_works_uses_the_names_of_the_engine() -> None:
    for here, there, _ in ROWS:
        names = [name.rpartition(".")[2] for name in re.findall(r"\[`([\w.]+)`\]", there)]
        assert here.startswith("`lambda") or re.findall(r"`(\w+)`", here) == names
