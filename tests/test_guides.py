"""The code of the pages of the site runs, from the first cell of each page to the last."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import matplotlib as mpl
import pytest

from tests.site_pages import written_pages

PAGES = [page for page in written_pages() if "\n```{code-cell} ipython3" in page.read_text(encoding="utf-8")]
CELL = re.compile(r"^```\{code-cell\}[^\n]*\n((?::[^\n]*\n)*)(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_guide_runs_from_top_to_bottom(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell with the tag `raises-exception` raises, the others do not."""
    mpl.use("agg")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__main__"}
    for options, code in CELL.findall(page.read_text(encoding="utf-8")):
        if "raises-exception" in options:
            with contextlib.suppress(Exception):
                exec(compile(code, page.name, "exec"), names)
                pytest.fail("this cell raises no exception")
        else:
            exec(compile(code, page.name, "exec"), names)
