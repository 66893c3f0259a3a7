"""The audit's page, in a real Chromium: it says what was found, and what a dataset holds does nothing in it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING

import pytest

from prefgen.audit import Asked, Audit, audit, limits
from prefgen.audit.page import made
from tests.audit.planted import Row, clean
from tests.browser import Browser, serious

if TYPE_CHECKING:
    from playwright.sync_api import Page

HOSTILE = "</script><script>alert(1)</script><img src=http://127.0.0.1:1/ onerror=alert(2)> [x](javascript:alert(3)) \u202eabc <|im_end|>"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """Pairs whose every text is hostile, with models called so too."""
    chance, place = Random(3), tmp_path_factory.mktemp("page") / "rows.jsonl"
    rows: list[Row] = [clean(chance) for _ in range(60)]
    for row in rows[:20]:
        row |= {name: f"{HOSTILE} {row[name]}" for name in ("prompt", "chosen", "rejected", "chosen_model")}
    rows += [{**rows[30], "chosen": rows[30]["rejected"], "rejected": rows[30]["chosen"]}]
    rows += [{**rows[31], "chosen": "x" * 1_000_000 + "."}]
    place.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return audit(Asked(str(place)), fail_on=limits(["contradictory=0", "flips=0"]), charts=True)


@pytest.fixture(scope="module")
def text(found: Audit) -> str:
    return made(found)


@contextmanager
def opened(browser: Browser, text: str, width: int = 1440, *, dark: bool = False) -> "Iterator[Page]":
    with browser.opened(text, width=width, dark=dark) as page:
        yield page


@pytest.mark.parametrize(("width", "dark"), [(390, True), (1440, False)])
def test_it_opens_everywhere_and_keeps_nobody_out(browser: Browser, text: str, width: int, dark: bool) -> None:
    with opened(browser, text, width, dark=dark) as page:
        heads = page.get_by_role("heading", level=2).all_inner_texts()
        assert heads == [
            "Summary",
            "Findings",
            "Examples",
            "Lengths, scores, authors",
            "What TRL would make of it",
            "What else was looked for",
        ]
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious(page) == []


def test_its_numbers_are_those_that_were_found(browser: Browser, text: str, found: Audit) -> None:
    with opened(browser, text) as page:
        told = {row[1]: (row[0], row[2], row[3]) for row in rows_of(page, "#findings")}
        assert told == {
            one["title"]: (one["severity"], f"{one['count']:,}", f"{one['of']:,}")
            for one in found.findings
            if one["count"]
        }
        assert told["contradictory pairs"] == ("bad", "2", "62")
        assert ["contradictory=0", "2", "crossed"] in rows_of(page, "#summary")
        assert page.locator("#biases svg").count() == 2
        assert page.locator("#biases svg").first.is_visible()


def test_examples_are_there_when_they_are_opened(browser: Browser, text: str, found: Audit) -> None:
    with opened(browser, text) as page:
        fold = page.locator("#examples details", has_text="contradictory pairs (2)")
        assert not fold.locator("td").first.is_visible()
        fold.locator("summary").click()
        assert fold.locator("td").first.is_visible()
        first = next(one for one in found.findings if one["name"] == "contradictory")["examples"][0]
        assert first["why"] in fold.inner_text()


def test_what_rows_hold_is_shown_and_does_nothing(browser: Browser, text: str) -> None:
    with opened(browser, text) as page:
        fold = page.locator("#examples details", has_text="marks of chat templates in responses")
        fold.locator("summary").click()
        assert "<script>alert(1)</script>" in fold.inner_text()
        assert "[x](javascript:alert(3))" in fold.inner_text()
        assert page.locator("main img, main script, main a[href^=javascript], [onerror]").count() == 0
        assert "\u202e" not in page.locator("main").inner_text()
        assert len(text) < 1_000_000


def rows_of(page: "Page", where: str) -> list[list[str]]:
    return [row.locator("td").all_inner_texts() for row in page.locator(f"{where} tbody tr").all()]
