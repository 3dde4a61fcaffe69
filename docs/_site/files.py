"""Files that a build of the site writes."""

from __future__ import annotations

from pathlib import Path


def update(path: Path, text: str) -> None:
    """Write a file unless it is the same already, so that only changed pages are read and executed again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
