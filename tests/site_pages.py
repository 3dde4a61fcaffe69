"""The pages of the site that are written by hand."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
GENERATED = {"_build", "course", "gallery", "jupyter_execute", "project", "reference"}
"""Folders that a build of the site writes."""


def written_pages() -> list[Path]:
    """Return the Markdown files in `docs`, except generated ones."""
    return [page for page in sorted(DOCS.rglob("*.md")) if page.relative_to(DOCS).parts[0] not in GENERATED]
