"""A real browser without a window; where none is installed its tests are skipped, and say so."""

import shutil
from dataclasses import dataclass, field

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed (pip install playwright)"
    )
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip(f"no browser is installed: none of {', '.join(PROGRAMS)} was found")
    with playwright.sync_playwright() as running:
        started = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@dataclass
class Opened:
    """A page in the browser, and everything it complained of or asked the network for."""

    page: object
    address: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector):
        return self.page.locator(selector).text_content()

    def texts(self, selector):
        return self.page.locator(selector).all_text_contents()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def step(self):
        """(the step, how many there are), as the page says."""
        _, step, _, count = self.text("#place").split()
        return int(step), int(count)

    def open_table(self):
        """Open the table of all steps."""
        self.page.locator("summary").click()
        self.page.locator("#all-steps tbody tr").first.wait_for()

    def go(self, fragment):
        """Follow a link to another part of the same page."""
        self.page.evaluate("fragment => { location.hash = fragment; }", fragment)
        self.page.wait_for_timeout(30)


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a page from a file, offline. At the end nobody may have complained or asked for anything else."""
    opened = []

    def open_page(html, fragment="", *, width=1280, height=800, **settings):
        path = tmp_path / f"page{len(opened)}.html"
        path.write_text(html, encoding="utf-8")
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **settings)
        context.set_default_timeout(5000)
        found = Opened(context.new_page(), path.as_uri())
        found.page.on("console", lambda m: m.type in ("error", "warning") and found.complaints.append(m.text))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.goto(found.address + fragment)
        opened.append((found, context))
        return found

    yield open_page
    for found, context in opened:
        context.close()
        assert found.complaints == []
        assert {url.partition("#")[0] for url in found.requests} <= {found.address, "data:,"}
