"""Files that a build of the site writes."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo


def update(path: Path, text: str) -> None:
    """Write a file unless it is the same already, so that only changed pages are read and executed again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def archive(folder: Path, path: Path) -> None:
    """Write a folder to a ZIP file that is the same in every build."""
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for source in sorted(folder.rglob("*")):
            if source.is_file() and "__pycache__" not in source.parts:
                entry = ZipInfo(f"{folder.name}/{source.relative_to(folder).as_posix()}")
                file.writestr(entry, source.read_bytes(), ZIP_DEFLATED)
