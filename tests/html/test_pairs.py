"""Pairs that stand in a page: the list, the filters, one pair whole, and the keys."""

from typing import Any

from playwright.sync_api import Page, expect

from prefgen.html.page import page
from tests.browser import Browser, serious, shot, until
from tests.html.made import pair, sample

PAIRS = [pair(n) for n in range(130)]
PAGE = page("A run", "", [], rows=sample(PAIRS, 104233))


def listed(shown: Page) -> list[str]:
    return shown.locator(".item .ask").all_inner_texts()


def asked(numbers: "list[int] | range") -> list[str]:
    return [f"Question {n}?" for n in numbers]


def test_it_says_what_is_left_out_and_shows_a_page_of_the_list(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        assert "130 of 104,233 pairs, a seeded sample." in shown.locator("#browse").inner_text()
        assert listed(shown) == asked(range(50))
        for start, end in ((50, 100), (100, 130)):
            shown.locator(".pager").get_by_role("button", name="Next").click()
            assert listed(shown) == asked(range(start, end))
        assert shown.locator(".pager").get_by_role("button", name="Next").is_disabled()
        assert shown.locator(".pager").inner_text() == "Previous\n101\u2013130 of 130\nNext"


def accepted(shown: Page, name: str) -> None:
    """By day and by night nobody is kept out."""
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        assert serious(shown) == []
        shot(shown, f"{name}-{scheme}")


FOUND = [
    ("Category", "safety", [n for n in range(130) if n % 3 == 1]),
    ("State", "dropped", [n for n in range(130) if n % 4 == 3]),
    ("Dropped by", "agreed: verdict differs from gold", [n for n in range(130) if n % 4 == 3]),
    ("Score gap from", "5", [n for n in range(130) if n % 7 >= 5]),
    ("to", "0.5", [n for n in range(130) if n % 7 == 0]),
]


def test_filters_leave_those_that_fit(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        for label, value, left in FOUND:
            field = shown.get_by_label(label, exact=True)
            if label in {"Score gap from", "to"}:
                field.fill(value)
                field.press("Enter")
            else:
                field.select_option(value)
            expect(shown.locator(".count")).to_have_text(f"{len(left)} pairs fit")
            assert listed(shown) == asked(left[:50])
            shown.get_by_role("button", name="Clear filters").click()
            assert listed(shown) == asked(range(50))


def test_search_and_filters_work_together_and_say_where_none_fits(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        shown.get_by_role("checkbox", name="Judges disagree").check()
        shown.get_by_role("searchbox").fill("QUESTION 1")
        left = [n for n in range(130) if n % 5 == 0 and str(n).startswith("1")]
        expect(shown.locator(".count")).to_have_text(f"{len(left)} pairs fit")
        assert listed(shown) == asked(left)
        shown.get_by_role("searchbox").fill("nobody wrote this")
        expect(shown.get_by_text("No pair fits these filters.")).to_be_visible()
        assert serious(shown) == []
        shown.locator(".detail").get_by_role("button", name="Clear filters").click()
        assert listed(shown) == asked(range(50))
        assert shown.get_by_role("searchbox").input_value() == ""


def test_pairs_are_sorted_and_those_without_a_gap_come_last(browser: Browser) -> None:
    made = [99, *range(30)]
    agree = {n for n in made if n % 5}
    orders = {
        "-gap": [*sorted(range(30), key=lambda n: -(n % 7)), 99],
        "gap": [*sorted(range(30), key=lambda n: n % 7), 99],
        "disagreement": sorted(made, key=lambda n: n in agree),
        "": made,
    }
    rows = [pair(99, gap=None), *PAIRS[:30]]
    with browser.opened(page("A run", "", [], rows=sample(rows))) as shown:
        for order, wanted in orders.items():
            shown.get_by_label("Order").select_option(order)
            assert listed(shown) == asked(wanted)


def test_a_pair_is_shown_whole_with_its_differences_marked(browser: Browser) -> None:
    told: list[dict[str, Any]] = [
        {"judge": "fake/a", "verdict": "rejected", "first": "chosen", "text": "Because."},
        {"judge": None, "verdict": "tie"},
        {"judge": "fake/b", "of": "chosen", "score": 7.5},
        {"judge": "fake/c", "unreadable": "out_of_range", "text": "no"},
    ]
    blank = {
        "id": "j",
        "table": "judgments",
        "verdict": None,
        "first": None,
        "of": None,
        "score": None,
        "text": "",
        "unreadable": None,
    }
    rows = [pair(3, judgments=[{**blank, **one} for one in told], cut={"chosen": 9000})]
    with browser.opened(page("A run", "", [], rows=sample(rows))) as shown:
        detail = shown.locator(".detail")
        assert "Dropped by agreed: verdict differs from gold" in detail.inner_text()
        assert detail.locator("ins").all_inner_texts() == ["good"]
        assert detail.locator("del").all_inner_texts() == ["bad"]
        assert detail.locator(".side.chosen .text").inner_text() == rows[0]["chosen"]
        assert "fake/good · score 4 · 9,000 characters" in detail.locator(".side.chosen").inner_text()
        assert "Cut here: 40 of 9,000 characters." in detail.locator(".side.chosen").inner_text()
        assert [one.replace("\n", " ") for one in detail.locator(".judgment").all_inner_texts()] == [
            "fake/a prefers the rejected one judgments · shown first: the chosen one",
            "a judge calls it a tie judgments",
            "fake/b gives the chosen one 7.5 judgments",
            "fake/c could not be read (out_of_range) judgments",
        ]
        detail.locator("summary").nth(0).click()
        expect(detail.get_by_text("Because.")).to_be_visible()
        accepted(shown, "pair-1440")
        shown.get_by_label("Mark differences").uncheck()
        assert detail.locator("ins, del").count() == 0


def test_texts_that_share_few_words_are_marked_only_when_asked(browser: Browser) -> None:
    rows = [pair(0, chosen="one two three", rejected="vier fünf sechs")]
    with browser.opened(page("A run", "", [], rows=sample(rows))) as shown:
        assert shown.locator("ins, del").count() == 0
        assert shown.get_by_text("0 % of their words in common").is_visible()
        shown.get_by_label("Mark differences").check()
        assert shown.locator("ins").all_inner_texts() == ["one two three"]


def test_keys_go_from_pair_to_pair_and_across_pages(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        where = shown.locator(".where")
        shown.locator(".item").nth(48).click()
        for key, place in (("j", 50), ("ArrowDown", 51), ("j", 52), ("k", 51), ("ArrowUp", 50), ("k", 49)):
            shown.keyboard.press(key)
            expect(where).to_have_text(f"Pair {place} of 130")
        expect(shown.locator(".item:focus")).to_have_text("Question 48?chat · gap 6")
        shown.keyboard.press("/")
        shown.keyboard.type("jk?")
        assert shown.get_by_role("searchbox").input_value() == "jk?"
        assert shown.get_by_role("dialog").count() == 0


def test_help_tells_the_keys_and_turns_them_off(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        shown.locator(".item").nth(0).click()
        shown.keyboard.press("?")
        help_ = shown.get_by_role("dialog")
        assert "next pair" in help_.inner_text()
        assert "agree" not in help_.inner_text()
        assert serious(shown) == []
        help_.get_by_label("Single keys do this").uncheck()
        help_.get_by_role("button", name="Close").click()
        shown.locator(".item").nth(0).focus()
        shown.keyboard.press("j")
        shown.keyboard.press("ArrowDown")
        expect(shown.locator(".where")).to_have_text("Pair 2 of 130")


def test_outside_the_browser_keys_of_a_report_do_nothing(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        shown.keyboard.press("j")
        assert shown.locator(".where").inner_text() == "Pair 1 of 130"


def test_on_a_phone_a_pair_takes_the_place_of_the_list(browser: Browser) -> None:
    with browser.opened(PAGE, width=390) as shown:
        assert listed(shown) == asked(range(20))
        assert not shown.locator(".detail").is_visible()
        shown.locator(".item").nth(1).click()
        assert not shown.locator(".list").is_visible()
        boxes = [shown.locator(f".side.{side}").bounding_box() for side in ("chosen", "rejected")]
        assert boxes[0]
        assert boxes[1]
        assert boxes[0]["x"] == boxes[1]["x"]
        assert boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
        assert shown.evaluate("document.documentElement.scrollWidth") == 390
        accepted(shown, "pair-390")
        shown.get_by_role("button", name="List").click()
        assert shown.locator(".list").is_visible()
        expect(shown.locator(".item:focus .ask")).to_have_text("Question 1?")


def test_an_address_names_the_pair_that_is_read(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        assert "#" not in shown.url
        shown.locator(".item").nth(7).click()
        assert shown.url.endswith("#pair=p7")
        shown.goto(shown.url.replace("p7", "p77"))
        shown.reload()
        expect(shown.locator(".where")).to_have_text("Pair 78 of 130")
        expect(shown.locator(".item[aria-current] .ask")).to_have_text("Question 77?")
        shown.goto(shown.url.replace("p77", "%E0%A4%A"))
        shown.reload()
        expect(shown.locator(".where")).to_have_text("Pair 1 of 130")


def test_a_reload_finds_search_and_filters_again(browser: Browser) -> None:
    left = [n for n in range(130) if n % 3 == 1 and n % 5 == 0 and str(n).startswith("1")]
    with browser.opened(PAGE) as shown:
        shown.get_by_role("searchbox").fill("Question 1")
        shown.get_by_label("Category").select_option("safety")
        shown.get_by_role("checkbox", name="Judges disagree").check()
        expect(shown.locator(".count")).to_have_text(f"{len(left)} pairs fit")
        shown.locator(".item").nth(2).click()
        shown.reload()
        expect(shown.locator(".count")).to_have_text(f"{len(left)} pairs fit")
        expect(shown.locator(".where")).to_have_text(f"Pair 3 of {len(left)}")
        assert listed(shown) == asked(left)
        assert shown.get_by_role("searchbox").input_value() == "Question 1"
        assert shown.get_by_label("Category").input_value() == "safety"
        assert shown.get_by_role("checkbox", name="Judges disagree").is_checked()
        shown.get_by_role("button", name="Clear filters").click()
        expect(shown.locator(".count")).to_have_text("130 pairs")
        assert shown.url.endswith("#pair=p0")


def test_on_a_phone_back_leads_from_a_pair_to_the_list(browser: Browser) -> None:
    with browser.opened(PAGE, width=390) as shown:
        shown.locator(".item").nth(1).click()
        shown.get_by_role("button", name="Next").click()
        expect(shown.locator(".where")).to_have_text("Pair 3 of 130")
        shown.go_back()
        expect(shown.locator(".list")).to_be_visible()
        assert not shown.locator(".detail").is_visible()
        shown.go_forward()
        expect(shown.locator(".where")).to_have_text("Pair 3 of 130")
        shown.reload()
        expect(shown.locator(".where")).to_be_visible()
        shown.get_by_role("button", name="List").click()
        expect(shown.locator(".list")).to_be_visible()
        until(shown, "!history.state.pair")
        assert listed(shown) == asked(range(20))


def test_of_no_pairs_it_says_so(browser: Browser) -> None:
    with browser.opened(page("A run", "", [], rows=sample([]))) as shown:
        assert shown.get_by_text("There are no pairs.").is_visible()
        assert serious(shown) == []


def test_thousands_of_pairs_are_listed_a_page_at_a_time(browser: Browser) -> None:
    made = page("A run", "", [], rows=sample([pair(n) for n in range(5000)]))
    with browser.opened(made) as shown:
        assert shown.locator("#browse *").count() < 600
        shown.get_by_role("searchbox").fill("question 4999")
        expect(shown.locator(".count")).to_have_text("1 pair fits")
