"""Pages in a real Chromium: one for each worker of a suite, with no network, and nothing that a page complains of or
asks for goes unseen.

A test asks for the fixture ``browser`` and opens pages in it::

    def test_it(browser: Browser) -> None:
        with browser.opened(page(...), width=390, dark=True) as shown:
            assert shown.get_by_role("heading", level=1).is_visible()
            assert serious(shown) == []

Leaving the block fails where the page had written an error to its console, raised one, asked another host for
anything, opened a window or a dialog. While a page is open, this thread holds a loop: run recipes before, or in a thread.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser as Chromium
    from playwright.sync_api import Page

NAMED = "PREFGEN_CHROMIUM"
"""The variable that names Chromium where it has another name, or lies elsewhere."""
SHOTS = "PREFGEN_SHOTS"
"""The variable that names a folder for pictures of pages, for people who look at them."""
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
HEIGHTS = {390: 844}
"""A phone's; other screens are 900 high."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
]
"""A container has no sandbox to give, and little shared memory; and nothing calls home."""


def executable() -> str:
    """Where Chromium is. Skips the test where there is none, and fails where a name was given and is wrong."""
    named = os.environ.get(NAMED)
    if named:
        return shutil.which(named) or pytest.fail(f"{NAMED} names no program that could be run: {named}")
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or pytest.skip(f"no Chromium on the path; {NAMED} may name one")


@dataclass
class Heard:
    """What an opened page did that nobody asked it for."""

    origin: str
    console: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)
    windows: list[str] = field(default_factory=list)

    def trouble(self) -> dict[str, list[str]]:
        """What was heard, by its kind."""
        kinds = ("console", "errors", "asked", "dialogs", "windows")
        return {kind: told for kind in kinds if (told := getattr(self, kind))}

    def listen(self, page: "Page") -> None:
        """Hears a page out."""
        page.on("console", lambda said: self.console.append(said.text) if said.type in {"error", "warning"} else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self._requested(request.url))
        page.on("dialog", self._dialog)
        page.on("popup", lambda other: self.windows.append(other.url))

    def _requested(self, url: str) -> None:
        if not url.startswith(("data:", "blob:", self.origin)):
            self.asked.append(url)

    def _dialog(self, dialog: Any) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()


@dataclass
class Browser:
    """A Chromium, and a folder for pages that are given as text."""

    chromium: "Chromium"
    folder: Path
    _loop: Any
    _opened: int = 0

    @contextmanager
    def opened(
        self,
        what: str | Path,
        *,
        width: int = 1440,
        dark: bool = False,
        scripts: bool = True,
        complains: str = "",
        **context: Any,
    ) -> Iterator["Page"]:
        """A page, from its file, its text, or the address on loopback that serves it. ``complains`` is what the test
        has it write to its console, ``context`` is Playwright's: ``reduced_motion``, ``accept_downloads``.
        """
        url = self._url(what)
        served = url.startswith("http")
        asyncio._set_running_loop(self._loop)
        apart = self.chromium.new_context(
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            color_scheme="dark" if dark else "light",
            offline=not served,
            java_script_enabled=scripts,
            **context,
        )
        apart.set_default_timeout(15_000)
        heard = Heard("{0.scheme}://{0.netloc}/".format(urlsplit(url)))
        try:
            page = apart.new_page()
            heard.listen(page)
            page.goto(url)
            yield page
            page.evaluate("0")  # what was heard before its answer has come
            heard.console = [said for said in heard.console if not (complains and complains in said)]
            assert not heard.trouble(), f"{url}: {heard.trouble()}"
        finally:
            apart.close()
            asyncio._set_running_loop(None)

    def _url(self, what: str | Path) -> str:
        if isinstance(what, str) and what.startswith(("http://127.0.0.1", "http://localhost")):
            return what
        if isinstance(what, Path):
            return what.resolve().as_uri()
        self._opened += 1
        path = self.folder / f"{self._opened}.html"
        path.write_bytes(what.encode())
        return path.as_uri()


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Chromium, as long as this worker has tests. Its loop is this thread's only while a page is open, for other tests
    have loops of their own.
    """
    from playwright.sync_api import sync_playwright

    program = executable()
    with sync_playwright() as started:
        loop = asyncio.get_running_loop()
        chromium = started.chromium.launch(executable_path=program, args=FLAGS)
        asyncio._set_running_loop(None)
        yield Browser(chromium, tmp_path_factory.mktemp("pages"), loop)
        asyncio._set_running_loop(loop)
        chromium.close()


def until(page: "Page", true: str) -> None:
    """Waits until an expression in the page is true; Playwright's own way is a string that runs, which a page's policy
    may forbid.
    """
    for _ in range(300):
        if page.evaluate(true):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never came true: {true}")


def serious(page: "Page") -> list[str]:
    """What axe-core finds on a page that keeps people out: its rule, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['html'][:200]} ({node.get('failureSummary', '')})"
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def shot(page: "Page", name: str, *, whole: bool = True) -> None:
    """A picture of the page, where somebody wants to look at it: see SHOTS."""
    if folder := os.environ.get(SHOTS):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)
