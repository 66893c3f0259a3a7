"""The browser that tests open pages in sees what a page does."""

import asyncio
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import browser as browsers
from tests.browser import Browser, serious, shot

PAGE = "<!doctype html><html lang=en><title>t</title><main><h1>A page</h1><p>Words.</p></main></html>"


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1440])
def test_a_page_opens_as_wide_and_dark_as_asked(browser: Browser, width: int, dark: bool) -> None:
    with browser.opened(PAGE, width=width, dark=dark) as page:
        assert page.get_by_role("heading", level=1).inner_text() == "A page"
        assert page.evaluate("innerWidth") == width
        assert page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark
        assert serious(page) == []


@pytest.mark.parametrize(
    "script",
    [
        "console.error('bad')",
        "throw new Error('bad')",
        "alert('bad')",
        "fetch('https://prefgen.invalid/').catch(() => 0)",
        "new Image().src = 'http://127.0.0.1:1/'",
        "document.querySelector('main').innerHTML = '<img src=http://127.0.0.1:1/>'",
    ],
)
def test_what_a_page_does_unasked_fails_its_test(browser: Browser, script: str) -> None:
    with pytest.raises(AssertionError), browser.opened(f"{PAGE}<script>{script}</script>"):
        pass


def test_axe_finds_what_keeps_people_out(browser: Browser) -> None:
    bad = PAGE.replace("Words.", '<button></button><span style="color:#ccc">pale</span>')
    with browser.opened(bad) as page:
        assert {one.partition(":")[0] for one in serious(page)} == {"button-name", "color-contrast"}


def test_other_tests_of_this_thread_have_their_own_loop(browser: Browser) -> None:
    with browser.opened(PAGE):
        pass
    assert asyncio.run(asyncio.sleep(0, "done")) == "done"


@pytest.fixture
def served() -> Iterator[str]:
    class One(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write((PAGE + "<link rel=icon href=data:,><script>fetch('/rows')</script>").encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), One) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_page_may_ask_the_server_that_it_is_from(browser: Browser, served: str) -> None:
    with browser.opened(served) as page:
        page.wait_for_load_state("networkidle")


def test_pictures_are_taken_where_somebody_wants_to_look(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with browser.opened(PAGE) as page:
        shot(page, "none")
        monkeypatch.setenv(browsers.SHOTS, str(tmp_path))
        shot(page, "one")
    assert [path.name for path in tmp_path.iterdir()] == ["one.png"]


def test_a_wrong_name_of_chromium_fails_and_no_chromium_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(browsers.NAMED, "/no/such/chromium")
    with pytest.raises(pytest.fail.Exception, match="names no program"):
        browsers.executable()
    monkeypatch.delenv(browsers.NAMED)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(pytest.skip.Exception, match="no Chromium"):
        browsers.executable()
