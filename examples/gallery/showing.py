"""How the gallery is made: functions return pictures, and the page shows each beside the code of its function."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

SHOWN: list[Shown] = []
"""All pictures, in the order of the page."""

BESIDE = 680
"""The width in pixels up to which a picture is shown beside its code. Wider ones are shown below it."""
LETTERS = 66
"""The longest line of code, in characters, that fits beside a picture. Otherwise, the picture is shown below."""


@dataclass(frozen=True)
class Shown:
    """A picture of the gallery.

    Attributes:
        section, title: where it is shown, and its heading.
        file: the name of its file.
        make: a function that returns a figure, a page or a drawing; or that takes a path, and writes the file itself.
    """

    section: str
    title: str
    file: str
    make: Callable[..., Any]

    @property
    def caption(self) -> str:
        """The docstring of the function."""
        return inspect.cleandoc(self.make.__doc__ or "").replace("\n", " ")

    @property
    def code(self) -> str:
        """The body of the function without its docstring. Instead of returning a page or a drawing, it saves it."""
        source = textwrap.dedent(inspect.getsource(self.make)).replace("  # fmt: skip", "")
        (function,) = ast.parse(source).body
        assert isinstance(function, ast.FunctionDef)
        body = textwrap.dedent("\n".join(source.splitlines()[function.body[1].lineno - 1 :]))
        if self._writes:
            return body.rstrip().replace("path=path", f'path="{self.file}"')
        before, _, result = body.rpartition("return ")
        return f"{before}{result}" if self.file.endswith(".png") else f'{before}{result}.save("{self.file}")'

    def save(self, folder: Path) -> None:
        """Make the picture, and write its file."""
        if self._writes:
            self.make(folder / self.file)
            return
        made = self.make()
        if hasattr(made, "save"):
            made.save(folder / self.file)
        else:
            made.savefig(folder / self.file, dpi=150)

    @property
    def _writes(self) -> bool:
        return bool(inspect.signature(self.make).parameters)


def shows(section: str, title: str, suffix: str = ".png") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add a function to the gallery. Its docstring is the caption."""

    def add(make: Callable[..., Any]) -> Callable[..., Any]:
        SHOWN.append(Shown(section, title, make.__name__ + suffix, make))
        return make

    return add


def index(title: str, introduction: str, setups: dict[str, str], folder: Path) -> str:
    """Return the page: sections with pictures, captions and code.

    Args:
        title: the title of the page.
        introduction: a sentence below it.
        setups: code that the pictures of a section share, by section.
        folder: where the pictures have been saved.
    """
    sections = list(dict.fromkeys(each.section for each in SHOWN))
    anchors = {section: section.lower().replace(" ", "-") for section in sections}
    links = "".join(f'<a href="#{anchors[section]}">{escape(section)}</a>' for section in sections)
    parts = [f"<header><h1>{escape(title)}</h1><p>{escape(introduction)}</p><nav>{links}</nav></header>"]
    for section in sections:
        parts.append(f'<section id="{anchors[section]}"><h2>{escape(section)}</h2>')
        if section in setups:
            parts.append(f"<details><summary>Shared code</summary><pre>{escape(setups[section])}</pre></details>")
        parts += [_article(each, folder) for each in SHOWN if each.section == section]
        parts.append("</section>")
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{style}</style>"
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def _article(shown: Shown, folder: Path) -> str:
    caption = escape(shown.caption.replace("`", ""))
    text = re.sub("`(.*?)`", r"<code>\1</code>", escape(shown.caption))
    words = f"<div><h3>{escape(shown.title)}</h3><p>{text}</p><pre>{escape(shown.code)}</pre></div>"
    if not shown.file.endswith(".html"):
        width = _width(folder / shown.file)
        image = f'<a href="{shown.file}"><img src="{shown.file}" width="{width}" alt="{caption}"></a>'
        longest = max(map(len, shown.code.splitlines()))
        place = "beside" if width <= BESIDE and longest <= LETTERS else "below"
        return f'<article class="{place}">{words}{image}</article>'
    frame = f'<iframe src="{shown.file}" title="{escape(shown.title)}" loading="lazy"></iframe>'
    link = f'<p><a href="{shown.file}">Open the page alone</a></p>'
    return f'<article class="below">{words}<div>{frame}{link}</div></article>'


def _width(path: Path) -> int:
    """Return the width in pixels at which the text of a picture has its intended size."""
    if path.suffix == ".svg":
        width, unit = re.findall(r'<svg[^>]*? width="([\d.]+)(pt)?', path.read_text(encoding="utf-8"))[0]
        return round(float(width) * (4 / 3 if unit else 1))
    with Image.open(path) as image:
        dots_per_inch = image.info.get("dpi", (96, 96))[0]
        return round(image.width * 96 / dots_per_inch)
