"""Pairs that a server hands out: a page of them at a time, and marks that are saved at once."""

from typing import Any

from playwright.sync_api import expect

from tests.browser import Browser, serious, shot
from tests.html.made import Server, pair, serving


def pages(server: Server) -> list[dict[str, Any]]:
    """What was asked for pages of pairs."""
    return [query for _, path, query in server.asked if path == "/api/rows"]


def test_pages_come_from_the_server_as_they_are_asked_for(browser: Browser) -> None:
    with serving([pair(n) for n in range(120)]) as server, browser.opened(server.url) as shown:
        expect(shown.locator(".where")).to_have_text("Pair 1 of 120")
        shown.locator(".item").nth(49).click()
        shown.keyboard.press("j")
        expect(shown.locator(".where")).to_have_text("Pair 51 of 120")
        assert shown.locator(".item").count() == 50
        assert pages(server) == [{"offset": "0", "limit": "50"}, {"offset": "50", "limit": "50"}]
        shown.get_by_role("searchbox").fill("to 7 is")
        expect(shown.locator(".count")).to_have_text("1 pair fits")
        assert pages(server)[-1] == {"offset": "0", "limit": "50", "q": "to 7 is"}
        with shown.expect_response("**/api/rows?*category=chat*"):
            shown.get_by_label("Category").select_option("chat")
        assert {"category": "chat", "q": "to 7 is"}.items() <= pages(server)[-1].items()


def test_what_a_pair_comes_from_is_shown(browser: Browser) -> None:
    with serving([pair(0)]) as server, browser.opened(server.url) as shown:
        shown.get_by_text("Where it comes from: 1 row").click()
        for words in ("responses by answer p0.1", "said A reply."):
            expect(shown.locator(".lineage")).to_contain_text(words)
        shown.get_by_text("reply m, 4 tokens out").click()
        expect(shown.get_by_text("A raw reply.")).to_be_visible()


def test_an_address_names_a_pair_far_away(browser: Browser) -> None:
    rows = [pair(n) for n in range(90)]
    with serving(rows) as server, browser.opened(f"{server.url}#pair=p80") as shown:
        expect(shown.locator(".where")).to_have_text("The pair of this address")
        assert "The answer to 80" in shown.locator(".detail").inner_text()
        shown.keyboard.press("d")
        expect(shown.get_by_text("Saved: disagree")).to_be_visible()
        assert rows[80]["mark"]["mark"] == "disagree"
        shown.keyboard.press("j")
        expect(shown.locator(".where")).to_have_text("Pair 1 of 90")


def test_marks_are_saved_at_once_and_said(browser: Browser) -> None:
    rows = [pair(n) for n in range(3)]
    with serving(rows) as server, browser.opened(server.url) as shown:
        expect(shown.locator(".lineage")).to_be_visible()
        shown.keyboard.press("a")
        expect(shown.get_by_text("Saved: agree")).to_be_visible()
        assert rows[0]["mark"]["mark"] == "agree"
        expect(shown.locator(".agreement")).to_have_text("1 marked")
        assert server.asked[-2:] == [
            ("PUT", "/api/marks/p0", {"mark": "agree", "text": ""}),
            ("GET", "/api/agreement", {}),
        ]
        assert shown.locator("[data-mark=agree]").get_attribute("aria-pressed") == "true"
        assert shown.locator(".item .own").all_inner_texts()[0] == "Agree"
        shown.keyboard.press("j")
        expect(shown.locator(".where")).to_have_text("Pair 2 of 3")
        shown.locator("[data-mark=disagree]").click()
        expect(shown.get_by_text("Saved: disagree")).to_be_visible()
        shown.keyboard.press("u")
        expect(shown.get_by_text("Taken back")).to_be_visible()
        assert rows[1]["mark"] is None
        shown.reload()
        expect(shown.locator(".where")).to_have_text("Pair 2 of 3")
        shown.keyboard.press("k")
        expect(shown.get_by_text("Marked: agree")).to_be_visible()
        assert serious(shown) == []
        shot(shown, "view-1440")


def test_a_text_that_is_cut_in_the_list_is_asked_for_whole(browser: Browser) -> None:
    whole = pair(0, chosen="The whole answer, and its end.")
    with serving([whole]) as server:
        server.cuts = 16
        with browser.opened(server.url) as shown:
            expect(shown.locator(".side.chosen .text")).to_have_text(whole["chosen"])
            assert "Cut here" not in shown.locator(".detail").inner_text()
            assert shown.locator(".lineage").count() == 1


def test_after_a_mark_comes_the_next_pair_where_that_is_wanted(browser: Browser) -> None:
    rows = [pair(n) for n in range(2)]
    with serving(rows) as server, browser.opened(server.url) as shown:
        shown.get_by_label("then the next").check()
        shown.keyboard.press("d")
        expect(shown.locator(".where")).to_have_text("Pair 2 of 2")
        expect(shown.get_by_text("Saved: disagree, pair 1")).to_be_visible()
        expect(shown.get_by_label("then the next")).to_be_checked()
        shown.keyboard.press("a")
        expect(shown.get_by_text("Saved: agree", exact=True)).to_be_visible()
    assert [one["mark"]["mark"] for one in rows] == ["disagree", "agree"]


def test_a_mark_that_is_not_saved_says_so_and_is_not_shown(browser: Browser) -> None:
    rows = [pair(0)]
    with serving(rows) as server, browser.opened(server.url, complains="status of 500") as shown:
        expect(shown.locator(".lineage")).to_be_visible()
        server.broken = True
        shown.keyboard.press("d")
        expect(shown.get_by_text("Not saved: the disk is full")).to_be_visible()
        assert shown.locator("[data-mark=disagree]").get_attribute("aria-pressed") == "false"
        server.broken = False
        shown.keyboard.press("d")
        expect(shown.get_by_text("Saved: disagree")).to_be_visible()
        assert rows[0]["mark"]["mark"] == "disagree"


def test_a_better_response_is_written_and_saved(browser: Browser) -> None:
    rows = [pair(0), pair(1)]
    with serving(rows) as server, browser.opened(server.url, width=390) as shown:
        shown.locator(".item").nth(0).click()
        expect(shown.locator(".lineage")).to_be_visible()
        shown.keyboard.press("e")
        box = shown.get_by_label("A better response than the chosen one")
        assert box.input_value() == rows[0]["chosen"]
        assert serious(shown) == []
        box.fill("<b>jad?</b>")
        box.press("Control+Enter")
        expect(shown.get_by_text("Saved: edit")).to_be_visible()
        assert (rows[0]["mark"]["mark"], rows[0]["mark"]["text"]) == ("edit", "<b>jad?</b>")
        expect(box).not_to_be_attached()
        shown.locator("[data-mark=edit]").click()
        assert box.input_value() == "<b>jad?</b>"
        box.press("Escape")
        expect(box).not_to_be_attached()
        shot(shown, "view-390")


def test_a_mark_stands_alone_where_nothing_else_is_said_of_a_pair(browser: Browser) -> None:
    bare = {"category": None, "gap": None, "state": "kept", "disagreement": False}
    rows = [pair(n, **bare) if n else pair(n) for n in range(2)]
    before = "[...document.querySelectorAll('.item .own')].map((one) => getComputedStyle(one, '::before').content)"
    with serving(rows) as server, browser.opened(server.url) as shown:
        for n in range(2):
            shown.locator(".item").nth(n).click()
            shown.keyboard.press("a")
            expect(shown.locator(".item .own").nth(n)).to_have_text("Agree")
        assert ["\u00b7" in one for one in shown.evaluate(before)] == [True, False]
