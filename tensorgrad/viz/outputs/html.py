"""Write a picture as a self-contained web page."""

from __future__ import annotations

from html import escape

from tensorgrad.viz.layout.theme import Theme


def html(element: str, theme: Theme, title: str) -> str:
    """Return a page that shows the SVG `element`, centred, at the available width up to a readable size."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
:root {{ color-scheme: {theme.name}; background: {theme.background}; }}
body {{ margin: 0; padding: 1rem; text-align: center; }}
</style>
</head>
<body>
<main>
{element}</main>
</body>
</html>
"""
