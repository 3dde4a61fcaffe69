"""The gallery as a page of the site: the pictures of examples/gallery with their code."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

GALLERY = Path(__file__).parents[2] / "examples" / "gallery"


def write(docs: Path) -> None:
    """Write `gallery/index.md` and the pictures, unless the scripts of the gallery are unchanged."""
    folder, page = docs / "_static" / "gallery", docs / "gallery" / "index.md"
    newest = max(path.stat().st_mtime for path in (*GALLERY.iterdir(), Path(__file__)))
    if page.exists() and page.stat().st_mtime > newest:
        return
    sys.path.insert(0, str(GALLERY))
    import gallery  # selects Matplotlib's backend for files

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    sections: dict[str, str] = {}
    for shown in sorted(gallery.SHOWN, key=lambda each: gallery.SECTIONS.index(each.section)):
        shown.save(folder)
        text = sections.setdefault(shown.section, f"## {shown.section}\n\n{_shared(gallery.SETUPS, shown.section)}")
        sections[shown.section] = text + _entry(shown)
    page.parent.mkdir(exist_ok=True)
    page.write_text(f"# Gallery\n\n{gallery.INTRODUCTION}\n\n" + "".join(sections.values()), encoding="utf-8")


def _entry(shown: object) -> str:
    code = f"```python\n{shown.code}\n```\n\n"
    alternative = shown.caption.replace("`", "").replace('"', "&quot;")
    if shown.file.endswith(".html"):
        frame = f'<iframe src="../_static/gallery/{shown.file}" title="{alternative}" loading="lazy"></iframe>'
        picture = f'{frame}\n<p><a href="../_static/gallery/{shown.file}">Open on a separate page</a></p>'
    else:
        picture = f'<img src="../_static/gallery/{shown.file}" alt="{alternative}" loading="lazy">'
    return f"### {shown.title}\n\n{shown.caption}\n\n{code}<figure>{picture}</figure>\n\n"


def _shared(setups: dict[str, str], section: str) -> str:
    if section not in setups:
        return ""
    return f"The pictures of this section share this code:\n\n```python\n{setups[section]}\n```\n\n"
