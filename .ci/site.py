"""Open every page of the documentation in Chromium: `python .ci/site.py docs/_build`.

A page fails if it writes an error to the console, requests anything but its own files, is wider than the screen at 1280
or 390 pixels, links to a file or an anchor that does not exist, or has an image without an alternative text.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page, sync_playwright

WIDTHS = (1280, 390)
SKIPPED = ("_static", "_modules")


def main() -> None:
    """Check all pages, and exit with 1 if one fails."""
    root = Path(sys.argv[1]).resolve()
    pages = [path for path in sorted(root.rglob("*.html")) if path.relative_to(root).parts[0] not in SKIPPED]
    problems: list[str] = []
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(120_000)  # so that nothing times out on a busy machine
        seen: list[str] = []
        page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.append(str(error)))
        page.on("request", lambda request: seen.append(request.url) if not _local(request.url) else None)
        for path in pages:
            seen.clear()
            name = path.relative_to(root).as_posix()
            page.goto(path.as_uri())
            problems += [
                f"{name}: {each}" for each in (*_wide(page), *_dead_links(page, path), *_without_text(page), *seen)
            ]
        browser.close()
    print("\n".join(problems))
    print(f"{len(pages)} pages, {len(problems)} problems")
    sys.exit(bool(problems))


def _local(url: str) -> bool:
    return urlsplit(url).scheme in ("file", "data", "blob", "about")


def _wide(page: Page) -> list[str]:
    found = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        excess = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if excess > 0:
            found.append(f"{excess} pixels too wide at {width}")
    return found


def _dead_links(page: Page, path: Path) -> list[str]:
    links = page.evaluate("[...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))")
    found = []
    for link in set(links):
        parts = urlsplit(link)
        if parts.scheme or not parts.path:
            continue
        target = (path.parent / unquote(parts.path)).resolve()
        if not target.exists() or (parts.fragment and not _has_anchor(target, unquote(parts.fragment))):
            found.append(f"link to {link}")
    return found


def _has_anchor(path: Path, anchor: str) -> bool:
    return path.suffix != ".html" or f'id="{anchor}"' in path.read_text(encoding="utf-8")


def _without_text(page: Page) -> list[str]:
    images = page.evaluate("[...document.images].filter(image => !image.alt).map(image => image.getAttribute('src'))")
    return [f"image without alternative text: {image[:60]}" for image in images]


if __name__ == "__main__":
    main()
