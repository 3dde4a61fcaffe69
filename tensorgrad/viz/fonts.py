"""Fonts of figures. Matplotlib's default font has no Chinese, Japanese or Korean characters."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache

FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "Source Han Sans",
    "PingFang SC",
    "Hiragino Sans",
    "Apple SD Gothic Neo",
    "Microsoft YaHei",
    "Yu Gothic",
    "Meiryo",
    "Malgun Gothic",
    "MS Gothic",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "IPAexGothic",
    "IPAGothic",
    "NanumGothic",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Unifont",
)
"""Fonts of common systems with these characters, the most complete first."""


FIRST = "\u2e80"
"""The first character of the scripts that Matplotlib's default font lacks."""


def fallbacks(text: str) -> list[str]:
    """Return the installed fonts of `FALLBACKS`, to try after Matplotlib's for the characters of `text`.

    >>> fallbacks("weight")
    []
    """
    return list(_installed()) if max(text, default="") >= FIRST else []


@contextmanager
def quiet_about_missing_glyphs() -> Iterator[None]:
    """Suppress Matplotlib's warnings about characters that no font has. They are drawn as empty squares."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        warnings.filterwarnings("ignore", "Matplotlib currently does not support", UserWarning)
        yield


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    from matplotlib.font_manager import findSystemFonts, fontManager

    known = {entry.fname for entry in fontManager.ttflist}
    for path in findSystemFonts():  # Matplotlib does not notice fonts that are installed after it listed them
        if path not in known:
            with suppress(Exception):  # as Matplotlib does for files that are no fonts
                fontManager.addfont(path)
    names = {entry.name for entry in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in names)
