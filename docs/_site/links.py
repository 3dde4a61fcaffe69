"""Pages that are files of the repository, and links from pages to files of the repository that are not pages."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from files import update

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = {
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/whats-new.md",
    "SECURITY.md": "project/security.md",
}
"""Pages of the site that are copies of files."""


def write(docs: Path) -> None:
    """Write the pages that are copies, with adapted links."""
    (docs / "project").mkdir(exist_ok=True)
    for file, page in PAGES.items():
        update(docs / page, within_site((ROOT / file).read_text(encoding="utf-8"), ROOT, docs / "project"))


def read(app: Any, name: str, content: list[str]) -> None:
    """Adapt the links of a page that Sphinx has read."""
    folder = Path(app.env.doc2path(name)).parent
    if folder.is_relative_to(DOCS):
        content[0] = within_site(content[0], folder, folder)


def within_site(text: str, written: Path, shown: Path) -> str:
    """Return Markdown whose links lead to pages of the site. Links to other files are replaced by their paths.

    Args:
        text: the Markdown.
        written: the folder to which its links are relative.
        shown: the folder of the page.
    """

    def changed(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        path = Path(os.path.normpath(written / target))
        if "://" in target or not path.exists():
            return match[0]
        inside = path.relative_to(ROOT).as_posix()
        page = DOCS / PAGES[inside] if inside in PAGES else path
        if page.is_relative_to(DOCS) and page.suffix in (".md", ".ipynb", ".svg", ".png"):
            return f"[{words}]({os.path.relpath(page, shown)}{anchor})"
        return words if inside in words or "`" in words else f"{words} (`{inside}`)"

    return re.sub(r"(?<!!)\[([^]]+)\]\(([^)#\s]+)(#[^)\s]+)?\)", changed, text)
