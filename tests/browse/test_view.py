"""`prefgen view` in a real Chromium: pages, filters, marks that stay, keys, and rows that mean harm."""

import json
from pathlib import Path
from shutil import copytree

import pytest
from playwright.sync_api import expect

from prefgen.browse.marks import FILE
from prefgen.browse.pairs import Filters, PairTable
from tests.browse.planted import pairs, plain_run, rlcd
from tests.browse.served import serving
from tests.browser import Browser, serious, shot, until
from tests.hostile import LETTERS, MARKDOWN, SCRIPTS, TERMINAL

expect.set_options(timeout=15_000)  # as pages have it: machines that test may be busy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rlcd(tmp_path_factory.mktemp("viewed")).folder


def marks_in(folder: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in (folder / FILE).read_text().splitlines()]
    return [(line["pair_id"], line["mark"]) for line in lines]


def test_a_person_pages_filters_marks_and_finds_all_of_it_again(browser: Browser, folder: Path) -> None:
    table = PairTable(folder)
    names = [row["id"] for row in table.page(Filters(), 0, 99)["rows"]]
    with serving(folder) as client, browser.opened(client.url) as shown:
        where, saved = shown.locator(".where"), shown.locator(".saved")
        expect(where).to_have_text("Pair 1 of 70")
        for _ in range(2):
            shown.keyboard.press("j")
        expect(where).to_have_text("Pair 3 of 70")
        shown.keyboard.press("a")
        expect(saved).to_have_text("Saved: agree")
        assert marks_in(folder) == [(names[2], "agree")]
        shown.keyboard.press("k")
        shown.keyboard.press("d")
        expect(saved).to_have_text("Saved: disagree")
        expect(shown.locator(".agreement")).to_contain_text("You agree with 1 of 2 labels, 50%")
        shown.get_by_role("button", name="Next").first.click()  # the list's
        expect(where).to_have_text("Pair 51 of 70")
        expect(shown.locator(".lineage")).to_contain_text("Where it comes from")
        shown.keyboard.press("e")
        shown.keyboard.type("Better: ")
        shown.keyboard.press("Control+Enter")
        expect(saved).to_have_text("Saved: edit")
        assert marks_in(folder)[-1] == (names[50], "edit")
        shown.reload()
        expect(shown.locator(".agreement")).to_contain_text("1 edited")
        shown.get_by_label("Mark", exact=True).select_option("any")
        expect(shown.locator(".count")).to_have_text("3 pairs fit")
        assert shown.locator(".item .own").all_inner_texts() == ["Disagree", "Agree", "Edited"]
        shown.get_by_label("Mark", exact=True).select_option("")
        shown.get_by_label("State").select_option("dropped")
        dropped = table.page(Filters(state="dropped"), 0, 1)["total"]
        expect(shown.locator(".count")).to_have_text(f"{dropped} pairs fit")
        shown.keyboard.press("Escape")
        shown.keyboard.press("/")
        shown.keyboard.type("question 7?")
        found = table.page(Filters("question 7?", state="dropped"), 0, 9)["total"]
        expect(shown.locator(".count")).to_have_text("1 pair fits" if found == 1 else f"{found} pairs fit")
        until(shown, "getComputedStyle(document.querySelector('.items')).opacity === '1'")  # what loads is pale
        assert serious(shown) == []


@pytest.mark.parametrize(("width", "dark"), [(1440, True), (390, False)])
def test_a_pair_is_shown_with_all_behind_it(browser: Browser, folder: Path, width: int, dark: bool) -> None:
    row = PairTable(folder).page(Filters(state="dropped", disagreement=True), 0, 1)["rows"][0]
    with serving(folder) as client, browser.opened(f"{client.url}#pair={row['id']}", width=width, dark=dark) as shown:
        if width < 400:
            expect(shown.locator(".item").first).to_be_visible()
            shown.get_by_role("searchbox").fill(row["id"])
            expect(shown.locator(".count")).to_have_text("1 pair fits")
            shown.locator(".item").first.click()
        expect(shown.locator(".state")).to_have_text(f"Dropped by {row['step']}: {row['reason']}")
        expect(shown.locator(".judgments h3")).to_have_text("2 judgments that decided")
        shown.get_by_text("Where it comes from").click()
        expect(shown.locator(".lineage li strong").first).to_have_text("pairs")
        shown.locator(".lineage li").first.get_by_text("reply ").first.click()
        expect(shown.locator(".lineage .text").first).to_contain_text(row["chosen"][:40])
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert serious(shown) == []
        shot(shown, f"view-run-{width}-{'dark' if dark else 'light'}")


def test_rows_that_mean_harm_do_nothing(browser: Browser, tmp_path: Path) -> None:
    """The page fails its test by itself where it asks anybody, says anything, or opens something."""
    harm = [*SCRIPTS[::2], *TERMINAL[::3], *MARKDOWN[:4], *LETTERS[:6:2], "\u202e" * 500, "<b>x</b>" * 125_000]
    frame = pairs([(one, one, f"{one} or not") for one in harm], id=[f"{n}{one[:40]}" for n, one in enumerate(harm)], category=[one[:300] for one in harm])  # fmt: skip
    with serving(plain_run(tmp_path, frame)) as client, browser.opened(client.url) as shown:
        expect(shown.locator(".where")).to_have_text(f"Pair 1 of {len(harm)}")
        for n in range(2, len(harm) + 1):
            shown.keyboard.press("j")
            expect(shown.locator(".where")).to_have_text(f"Pair {n} of {len(harm)}")
        expect(shown.locator(".more").first).to_contain_text("characters are left")
        shown.keyboard.press("a")
        expect(shown.locator(".saved")).to_have_text("Saved: agree")
        elements = "script, iframe, img, svg, object, embed, math, link, base, meta[http-equiv=refresh], form[action], [onerror], [onload]"
        inside = f"[...document.querySelectorAll('#browse {elements.replace(', ', ', #browse ')}')].length"
        assert shown.evaluate(inside) == 0
        assert shown.evaluate("location.href").startswith(client.url)


def test_what_is_wrong_is_said_where_the_server_is_gone(browser: Browser, tmp_path: Path) -> None:
    folder = plain_run(tmp_path, pairs([(f"q{n}?", "a", "b") for n in range(60)]))
    with serving(folder) as client:
        opened = browser.opened(client.url)
        shown = opened.__enter__()
        expect(shown.locator(".where")).to_have_text("Pair 1 of 60")
    shown.keyboard.press("a")
    expect(shown.locator(".saved")).to_have_text(
        "Not saved: the server does not answer; is prefgen view still running?"
    )
    assert not (folder / FILE).exists()
    with pytest.raises(AssertionError, match="ERR_CONNECTION_REFUSED"):  # which Chromium says by itself
        opened.__exit__(None, None, None)


def test_a_run_that_was_stopped_before_it_had_pairs_says_so(browser: Browser, folder: Path, tmp_path: Path) -> None:
    stopped = Path(copytree(folder, tmp_path / "run"))
    account = json.loads((stopped / "run.json").read_text())
    first = account["steps"][:1]
    (stopped / "run.json").write_text(json.dumps({"recipe": "x", "status": "Interrupted", "steps": first, "write": {}}))
    with serving(stopped) as client, browser.opened(client.url) as shown:
        expect(shown.locator(".none")).to_contain_text("There are no pairs. This run was stopped before its end.")
        expect(shown.locator(".none")).to_contain_text("The command that began it goes on from there.")
