"""Whatever a model wrote is text in a page: it runs nothing, asks for nothing, becomes no element, and is found again."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from prefgen import texts
from prefgen.html.escaped import data, element, words
from prefgen.html.page import page
from tests.browser import Browser
from tests.hostile import HALVES, STEERS, STRINGS
from tests.html.made import pair, sample, sections, serving

EVERY = [*STRINGS, *HALVES]
TAGS = "[...document.querySelectorAll('*')].map((one) => one.localName)"
HANDLERS = """[...document.querySelectorAll('*')].flatMap((one) => [...one.attributes].map((a) => [a.name, a.value]))
  .filter(([name, value]) => name.startsWith('on') || (/^(href|src|action|data)$/.test(name) && !/^(#|data:image.svg)/.test(value)))"""


def evil(n: int, text: str) -> dict[str, Any]:
    """A pair with a text wherever a text may stand."""
    judgment = {
        "id": text,
        "table": text,
        "judge": text,
        "verdict": None,
        "first": None,
        "of": None,
        "score": None,
        "text": text,
        "unreadable": text,
    }
    prompt = [{"role": text, "content": text}, {"role": "user", "content": text}]
    models = {"chosen_model": text, "rejected_model": text, "category": text, "step": text, "reason": text}
    return pair(
        n,
        id=f"{n}{text}",
        prompt=prompt,
        chosen=f"{text} a",
        rejected=f"b {text}",
        judgments=[judgment],
        state="dropped",
        **models,
    )


def is_harmless(shown: Page) -> None:
    """Whether a page has no element that ours have not, no handler, and no link away from it."""
    tags = set(shown.evaluate(TAGS))
    assert not tags & {
        "iframe",
        "img",
        "object",
        "embed",
        "form-x",
        "math",
        "base",
        "frame",
        "audio",
        "video",
        "marquee",
        "b",
        "mi",
    }
    assert shown.evaluate("document.scripts.length") <= 2
    assert shown.evaluate("document.querySelectorAll('style, meta').length") == 1 + 5
    assert shown.evaluate("document.querySelectorAll('link').length") == 1
    assert shown.evaluate(HANDLERS) == []


def test_sections_of_hostile_text_are_made_of_the_same_elements(browser: Browser) -> None:
    with browser.opened(page("t", "a", sections("harmless"))) as shown:
        wanted = shown.evaluate(TAGS)
    text = "\n".join(EVERY)
    with browser.opened(page(text, text, sections(text))) as shown:
        assert shown.evaluate(TAGS) == wanted
        is_harmless(shown)
        assert not STEERS.search(shown.locator("body").inner_text())
        told = shown.locator("blockquote").text_content()
        assert told == texts.visible(text.replace("\r\n", "\n"))


def test_pairs_of_hostile_text_do_nothing_and_are_shown(browser: Browser) -> None:
    rows = [evil(n, text) for n, text in enumerate(EVERY)]
    with browser.opened(page("A run", "", [], rows=sample(rows))) as shown:
        for n, text in enumerate(EVERY):
            shown.evaluate("document.querySelector('.bar button:nth-of-type(3)').click()") if n else None
            assert shown.locator(".where").inner_text() == f"Pair {n + 1} of {len(EVERY)}"
            shown.evaluate("document.querySelectorAll('.detail details').forEach((one) => { one.open = true; })")
            told = shown.locator(".side.chosen .text").text_content()
            assert told == texts.visible(f"{texts.sound(text)} a".replace("\r\n", "\n"))
        is_harmless(shown)
        assert not STEERS.search(shown.locator("body").inner_text())


def test_pairs_that_a_server_hands_out_do_nothing_either(browser: Browser) -> None:
    text = "\n".join(STRINGS)
    with serving([evil(0, text)]) as server, browser.opened(server.url) as shown:
        shown.get_by_text("Where it comes from").click()
        is_harmless(shown)
        shown.keyboard.press("a")
        expect(shown.get_by_text("Saved: agree")).to_be_visible()


@pytest.mark.parametrize("asked", ["</script>", "<!--", "[click](https://evil.example)", "\u202e", "a\u200db"])
def test_hostile_text_is_found_by_search(browser: Browser, asked: str) -> None:
    with browser.opened(page("A run", "", [], rows=sample([evil(n, text) for n, text in enumerate(STRINGS)]))) as shown:
        shown.get_by_role("searchbox").fill(asked)
        some = sum(asked.lower() in json.dumps(text, ensure_ascii=False).lower() for text in STRINGS)
        expect(shown.locator(".count")).to_have_text(re.compile(rf"{some} pairs? fits?$"))


def test_rows_of_a_megabyte_are_shown_in_part_and_answer_at_once(browser: Browser) -> None:
    long = "word <b>x</b> \u202e " * 60_000
    rows = [pair(0), pair(1, chosen=long, rejected=long[:500_000] + "x" * 600_000), pair(2)]
    with browser.opened(page("A run", "", [], rows=sample(rows))) as shown:
        shown.locator(".item").nth(1).click()
        sides = shown.locator(".side .text")
        assert all(len(sides.nth(place).text_content() or "") < 60_000 for place in (0, 1))
        assert "too long to compare word by word" in shown.locator(".detail").inner_text()
        more = shown.locator(".side.chosen .more")
        assert more.inner_text() == "Show more: 940,000 characters are left"
        more.click()
        assert more.inner_text() == "Show more: 740,000 characters are left"
        shown.keyboard.press("j")
        assert shown.locator(".where").inner_text() == "Pair 3 of 3"
        is_harmless(shown)


def test_a_text_in_parts_has_whole_characters(browser: Browser) -> None:
    text = "x" * 19_999 + "\U0001f600" * 2 + "y" * 199_997 + "\r\nz"
    prompt = [{"role": "user", "content": "x" * 199 + "\U0001f600"}]
    with browser.opened(
        page("A run", "", [], rows=sample([pair(0, chosen=text, rejected="", prompt=prompt)]))
    ) as shown:
        assert shown.locator(".item .ask").text_content() == prompt[0]["content"]
        told = shown.locator(".side.chosen .text")
        assert told.text_content() == text[:20_000]
        shown.locator(".more").click()
        assert told.text_content() == text.replace("\r\n", "\n")[: len(told.text_content() or "")]
        shown.locator(".more").click()
        assert told.text_content() == text.replace("\r\n", "\n")


@pytest.mark.parametrize("text", EVERY)
def test_data_in_a_script_element_cannot_end_it(text: str) -> None:
    told = data({"a": [text], text: 1})
    assert not re.search("[<>&\u2028\u2029]", told)
    assert json.loads(told) == {"a": [texts.sound(text)], texts.sound(text): 1}
    told.encode()


def test_numbers_that_json_has_not_are_null() -> None:
    assert json.loads(data([float("nan"), float("inf"), 1.5])) == [None, None, 1.5]


@pytest.mark.parametrize("text", ["a</style>", "</SCRIPT >", "<!-- "])
def test_a_script_of_ours_that_would_end_its_element_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="would end"):
        element(text)


def test_words_are_as_they_are_but_for_what_steers() -> None:
    assert words("a\r\nb\t\u05d0") == "a\nb\t\u05d0"
    assert words("\x00\u202e\ud800") == "\\u0000\\u202e\\ud800"
