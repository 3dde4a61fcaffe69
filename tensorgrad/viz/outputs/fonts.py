"""Fonts of PNG and PDF files. Matplotlib's default font has no Chinese, Japanese or Korean characters."""

from __future__ import annotations

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


def family(*, mono: bool) -> list[str]:
    """Return the fonts to try for each character: Matplotlib's, and then those of `FALLBACKS` that are installed."""
    return ["monospace" if mono else "sans-serif", *_installed()]


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    names = {entry.name for entry in fontManager.ttflist}
    return tuple(name for name in FALLBACKS if name in names)
