"""Write a picture as a self-contained web page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from tensorgrad.viz.layout.theme import THEMES, ThemeName


def html(elements: Mapping[ThemeName, str], title: str) -> str:
    """Return a page that shows an SVG element, centred, at the available width up to a readable size.

    Args:
        elements: the element in each of its themes. With two, the page follows the reader's system.
        title: the title of the page.
    """
    colours = {name: f"color-scheme: {name}; background: {THEMES[name].background};" for name in elements}
    first, *others = elements
    rules = [f":root {{ {colours[first]} }}"]
    for other in others:
        inner = f":root {{ {colours[other]} }} main.{first} {{ display: none; }}"
        rules.append(f"@media (prefers-color-scheme: {other}) {{ {inner} }}")
        rules.append(f"@media not (prefers-color-scheme: {other}) {{ main.{other} {{ display: none; }} }}")
    style = "\n".join(rules)
    shown = "\n".join(f'<main class="{name}">\n{element}</main>' for name, element in elements.items())
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{style}
body {{ margin: 0; padding: 1rem; text-align: center; }}
</style>
</head>
<body>
{shown}
</body>
</html>
"""
