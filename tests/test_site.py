"""The site: every verb, command and paper stands in it, it builds without a warning, asks nobody for anything, and can
be read and searched from a disk.
"""

import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from docs.generate import pages, rooms
from prefgen import verbs
from prefgen.schema import settings
from prefgen.shown import page, stop_page
from tests.browser import Browser, serious, shot

ROOT = Path(__file__).parent.parent
TITLE = (ROOT / "docs" / "reading.md").read_text(encoding="utf-8").partition("\n")[0].strip("# ")
VERBS = [(room, name) for room, names in rooms().items() for name in names]


# --- the pages that are made of the code ----------------------------------------------------


def words(text: str) -> str:
    """A text without its marks: no links, code, tables or headings."""
    text = re.sub(r"\[([^\[\]]*)\]\([^()]*\)", r"\1", text)
    return re.sub(r"[\s`|*#-]+", " ", text)


def test_every_verb_and_stop_has_its_page() -> None:
    known = {*verbs.names()} - {*verbs.rooms().get("plug-ins", ())} | {*verbs.files("stops")}
    assert {name for _, name in VERBS} == known
    assert {f"verbs/{room}/{name}.md" for room, name in VERBS} <= {*pages()}
    assert all(f"](verbs/{room}/{name}.md)" in pages()["verbs.md"] for room, name in VERBS)


@pytest.mark.parametrize(("room", "name"), VERBS)
def test_a_page_says_what_the_command_says(room: str, name: str) -> None:
    verb = verbs.find_stop(name) if room == "stops" else verbs.find(name)
    told, said = pages()[f"verbs/{room}/{name}.md"], stop_page(verb) if room == "stops" else page(verb)
    about = re.split(r"\n(?:looks at the columns|sees|settings)\n", said.replace("docs/reading.md", TITLE))[0]
    for paragraph in filter(None, map(str.strip, map(words, about.split("\n\n")))):
        assert paragraph in words(told)
    for line in said.partition("\nsettings\n")[2].splitlines():
        setting, *_, default = line.split()
        (row,) = [row for row in told.splitlines() if row.startswith(f"| `{setting}` |")]
        assert default in row


def test_settings_with_a_tuple_by_default_are_not_required() -> None:
    """As `prefgen verbs show majority` has it."""
    assert settings(verbs.find("majority"))["by"]["default"] == ["pair_id", "gold"]


def test_every_command_has_its_options() -> None:
    from tests.test_docs_examples import APP

    told = pages()["commands.md"]
    for name, command in APP.commands.items():
        for inner, one in getattr(command, "commands", {"": command}).items():
            part = told.partition(f"\n## {f'prefgen {name} {inner}'.strip()}\n")[2].partition("\n## ")[0]
            assert part, (name, inner)
            assert all(option in part for p in one.params for option in p.opts if option.startswith("-"))
    assert "130 interrupted" in told
    assert ("audit" in APP.commands) == ("### What it looks for" in told)


def test_every_recipe_has_its_page_with_the_recipe() -> None:
    for path in (ROOT / "recipes").glob("*.yaml"):
        whole = path.read_text(encoding="utf-8")
        assert whole[whole.index("recipe:") :] in pages()[f"papers/{path.stem}.md"]


def test_every_decision_is_listed() -> None:
    files = [path.name for path in (ROOT / "docs" / "decisions").glob("0*.md")]
    assert all(f"]({name})" in pages()["decisions/index.md"] for name in files)


# --- the site -------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The site, built once for all workers of a suite."""
    home = tmp_path_factory.getbasetemp()
    shared = home if worker_id == "master" else home.parent
    with FileLock(shared / "site.lock"):
        if not (shared / "site" / "index.html").exists():
            command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(shared / "site")]
            env = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)}
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            assert "WARNING" not in done.stderr
    return shared / "site"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="session")
def served(site: Path) -> Iterator[str]:
    """The site from a server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Asked(HTMLParser):
    """What a page fetches when it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.classes |= {*given.get("class", "").split()}
        if tag in {"script", "img", "iframe", "source", "video", "audio", "embed", "object"} or (
            tag == "link" and given.get("rel") not in {"canonical", "prev", "next"}
        ):
            self.found += [given[name] for name in ("src", "href", "srcset", "data") if name in given]


NAMED = {"https://unpkg.com", "https://api.github.com"}
"""What Material's script would fetch: for diagrams and in old browsers, and the stars of a repository. There are no
diagrams and no repository, and the policy of each page forbids the rest.
"""


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    every = [path for path in site.rglob("*") if path.suffix in {".html", ".css", ".js"}]
    files = [path for path in every if "lunr" not in path.parts and path.name != "search_index.js"]  # languages, words
    assert {path.suffix for path in files} == {".html", ".css", ".js"}
    for path in files:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".html":
            asked = Asked()
            asked.feed(text)
            assert asked.found
            assert [one for one in asked.found if re.match(r"(\w+:)?//", one)] == [], path
            assert not asked.classes & {"mermaid", "md-source"}
            assert "default-src 'self'" in text
        elif path.suffix == ".js":
            assert {*re.findall(r"[\"'`](https?://[\w.-]+)", text)} <= NAMED, path
        else:
            assert not re.search(r"@import|url\(\s*[\"']?(https?:)?//", text), path


def test_pages_are_short() -> None:
    lines = {
        path.name: sum(map(bool, path.read_text(encoding="utf-8").splitlines()))
        for path in (ROOT / "docs").glob("*.md")
    }
    assert {name for name, n in lines.items() if n > 150} == {"papers.md"}  # a page for each paper, in the site


LOOKED_AT = [
    "index.html",
    "judging.html",
    "verbs/filters/length_control.html",
    "papers/meta-rewarding.html",
    "commands.html",
]


WAYS = [(390, False), (1440, True), (390, True), (1440, False)]
"""Widths, and whether it is dark: the first page in all, the others in two, which hold each width and each of these."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "dark"), [(name, *way) for name in LOOKED_AT for way in WAYS[: 4 if name == LOOKED_AT[0] else 2]]
)
def test_pages_can_be_read_by_everybody(browser: Browser, served: str, name: str, width: int, dark: bool) -> None:
    with browser.opened(f"{served}/{name}", width=width, dark=dark) as shown:
        assert shown.locator("h1").is_visible()
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        ground = shown.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(19, 23, 27)") is dark
        shot(shown, f"site-{name.replace('/', '-')}-{width}-{'dark' if dark else 'light'}", whole=False)
        assert serious(shown) == []


@pytest.mark.parametrize("width", [390, 1440])
def test_search_finds_a_verb_with_the_network_off(browser: Browser, site: Path, width: int) -> None:
    with browser.opened(site / "index.html", width=width) as shown:
        if width < 1000:
            shown.locator("label[for=__search].md-icon").first.click()
        shown.get_by_role("textbox", name="Search").press_sequentially("length_control")
        found: Any = shown.locator(".md-search-result__link").first
        found.wait_for()
        assert "length_control" in found.inner_text()
        shot(shown, f"site-search-{width}", whole=False)
        found.click()
        shown.wait_for_url("**/verbs/filters/length_control.html*")
        assert shown.locator("h1").inner_text().startswith("length_control")
