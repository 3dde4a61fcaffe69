"""A real browser without a window; where none is installed its tests are skipped, and say so."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

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
    allowed: str  # prefix of every URL that the page may request
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def text(self, selector):
        return self.page.locator(selector).text_content()

    def texts(self, selector):
        return self.page.locator(selector).all_text_contents()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def repeat(self, key, count, found):
        """Press `key` `count` times, and return the value of the JavaScript expression `found` after each press.

        The events are dispatched inside the page, which is faster than `press`.
        """
        return self.page.evaluate(
            f"""([key, count]) => Array.from({{ length: count }}, () => {{
                  const target = document.activeElement ?? document.body;
                  target.dispatchEvent(new KeyboardEvent("keydown", {{ key, bubbles: true, cancelable: true }}));
                  return {found};
                }})""",
            [key, count],
        )

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


@pytest.fixture(scope="session")
def shared_page(browser):
    """One page for all tests. Opening one takes a second; loading a file into an open one takes a quarter of that."""
    context = browser.new_context(offline=True)
    context.set_default_timeout(120_000)  # so that nothing times out on a busy machine
    return context.new_page()


@pytest.fixture
def open_page(shared_page, tmp_path):
    """Return a function that opens HTML, or a file that may load others from its directory, offline.

    At teardown, check that the page reported no errors or warnings and made no other requests.
    """
    opened = []

    def open_page(html, fragment="", *, width=1280, height=800, color_scheme="light", reduced_motion="no-preference"):
        if isinstance(html, Path):
            path, allowed = html, html.parent.as_uri()
        else:
            path = tmp_path / f"page{len(opened)}.html"
            path.write_text(html, encoding="utf-8")
            allowed = path.as_uri()
        opened.append(Opened(shared_page, path.as_uri(), allowed))
        shared_page.set_viewport_size({"width": width, "height": height})
        shared_page.emulate_media(color_scheme=color_scheme, reduced_motion=reduced_motion)
        shared_page.goto(path.as_uri() + fragment)
        return opened[-1]

    def on_console(message):
        if message.type in ("error", "warning"):
            opened[-1].complaints.append(message.text)

    listeners = {
        "console": on_console,
        "pageerror": lambda error: opened[-1].complaints.append(str(error)),
        "request": lambda request: opened[-1].requests.append(request.url),
    }
    shared_page.mouse.move(0, 0)
    for event, listener in listeners.items():
        shared_page.on(event, listener)
    yield open_page
    shared_page.evaluate("0")  # returns only after all pending events have arrived
    for event, listener in listeners.items():
        shared_page.remove_listener(event, listener)
    for found in opened:
        assert found.complaints == []
        assert [url for url in found.requests if not url.startswith((found.allowed, "data:,"))] == []
