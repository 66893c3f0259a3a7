"""A page opens with no network, on screens and phones, by day and night, and says all that its sections say."""

import re
from functools import cache
from html import unescape
from pathlib import Path

import pytest

from prefgen.html.blocks import Fact, Facts, Section, Table, Words
from prefgen.html.page import HERE, page
from tests.browser import Browser, serious, shot, until
from tests.html.made import pair, sample, sections


@cache
def made(*, pairs: int = 0) -> str:
    """The page that most of these tests open."""
    rows = sample([pair(n) for n in range(pairs)], 5000) if pairs else None
    return page("A run", "What came of it.", sections(), rows=rows)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1440])
def test_it_opens_whole_and_keeps_nobody_out(browser: Browser, width: int, dark: bool) -> None:
    with browser.opened(made(pairs=30), width=width, dark=dark) as shown:
        assert serious(shown) == []
        assert shown.evaluate("document.documentElement.scrollWidth") <= width
        boxes = [one.bounding_box() for one in shown.locator("svg").all() if one.is_visible()]
        assert len(boxes) == 3
        assert all(box and box["height"] > 50 and 300 < box["width"] <= width for box in boxes)
        assert shown.locator("svg:visible text").count() > 10
        shot(shown, f"page-{width}-{'dark' if dark else 'light'}")


def test_what_the_sections_say_stands_there_in_order(browser: Browser) -> None:
    with browser.opened(made()) as shown:
        assert shown.get_by_role("heading").all_inner_texts() == [
            "A run", "At a glance", "From prompts to pairs", "Judges", "More",
        ]  # fmt: skip
        assert [one.inner_text() for one in shown.locator(".fact").nth(0).locator("dt, dd").all()] == [
            "words",
            "1,204",
            "words",
        ]
        assert shown.locator("table").nth(0).locator("tbody tr").all_inner_texts()[1] == f"a\t1,204\t{'x' * 40}"
        assert shown.get_by_role("img", name="The funnel: words").count() == 1  # another one, for phones, is hidden
        assert shown.locator("blockquote").inner_text() == "words"
        assert not shown.locator("details table").is_visible()
        shown.get_by_text("Shut").click()
        assert shown.locator("details table").is_visible()


def test_without_scripts_all_of_it_is_there(browser: Browser) -> None:
    with browser.opened(made(), scripts=False, width=390) as shown:
        assert shown.locator("svg:visible").count() == 3
        assert shown.get_by_role("link", name="Judges").is_visible()


def test_columns_are_sorted_as_numbers_or_as_words(browser: Browser) -> None:
    with browser.opened(made()) as shown:
        table = shown.locator("table").nth(0)

        def column(place: int) -> list[str]:
            return [row.locator("td").nth(place).inner_text() for row in table.locator("tbody tr").all()]

        table.get_by_role("button", name="rows").click()
        assert column(1) == ["9", "1,204", "—"]
        table.get_by_role("button", name="rows").press("Enter")
        assert column(1) == ["1,204", "9", "—"]
        assert table.get_by_role("columnheader", name="rows").get_attribute("aria-sort") == "descending"
        table.get_by_role("button", name="step").click()
        assert column(0) == ["a", "b", "c"]


def test_colours_follow_the_system_until_they_are_chosen_and_paper_is_white(browser: Browser) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    bar = "getComputedStyle(document.querySelector('svg path[fill]')).fill"
    with browser.opened(made(), dark=True) as shown:
        night, mark = shown.evaluate(ground), shown.evaluate(bar)
        button = shown.get_by_role("button", name="Colours: automatic")
        button.click()
        day = shown.evaluate(ground)
        assert (night, day) == ("rgb(19, 23, 27)", "rgb(255, 255, 255)")
        assert shown.evaluate(bar) != mark
        for _ in range(5):  # what a page has stored may reach the next one a moment later
            shown.reload()
            if shown.evaluate(ground) == day:
                break
        assert shown.evaluate(ground) == day
        shown.get_by_role("button", name="Colours: light").click()
        assert shown.evaluate(ground) == night
        shown.emulate_media(media="print")
        assert shown.evaluate(ground) == day


def test_paper_has_charts_and_tables_and_no_browser(browser: Browser) -> None:
    with browser.opened(made(pairs=30), width=390) as shown:
        shown.emulate_media(media="print")
        assert shown.locator("svg:visible").count() == 3
        assert shown.locator("details table").is_visible()
        assert not shown.locator(".pairs, .contents, #pf-scheme").filter(visible=True).count()


def test_the_contents_follow_and_are_a_menu_on_phones(browser: Browser) -> None:
    with browser.opened(made(), width=390, reduced_motion="reduce") as shown:
        assert not shown.get_by_role("link", name="Judges").is_visible()
        shown.get_by_text("Contents").click()
        shown.get_by_role("link", name="Judges").click()
        assert not shown.get_by_role("link", name="Judges").is_visible()
        top = shown.evaluate("document.getElementById('judges').getBoundingClientRect().top")
        assert 0 <= top < 400
    with browser.opened(made(), reduced_motion="reduce") as shown:
        shown.get_by_role("link", name="More").click()
        until(shown, "document.querySelector('.contents [aria-current]').textContent === 'More'")


def test_a_table_scrolls_in_its_own_box_and_by_the_keyboard(browser: Browser) -> None:
    one = page("One", "", [Section("a", "A", [Table(["name"] * 9, [["a name"] * 9] * 4, caption="words")])])
    with browser.opened(one, width=390) as shown:
        box = shown.get_by_role("region", name="words")
        box.focus()
        shown.keyboard.press("ArrowRight")
        until(shown, "document.querySelector('.scroll').scrollLeft > 0")
    with browser.opened(made()) as shown:  # where it has room, the keyboard passes it by
        until(shown, "!document.querySelector('.scroll').hasAttribute('tabindex')")


def test_it_asks_for_nothing_and_names_no_other_place(tmp_path: Path) -> None:
    found = set(re.findall(r"(?:https?:)?//[a-z][\w./-]+", made()))
    assert found <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in unescape(made().partition("<style>")[0])


def test_the_same_sections_make_the_same_page() -> None:
    assert page("A run", "What came of it.", sections()) == made()


def test_a_page_of_one_section_has_no_contents(browser: Browser) -> None:
    with browser.opened(page("One", "", [Section("a", "A", [Words("b")])])) as shown:
        assert shown.get_by_role("navigation").count() == 0
        assert serious(shown) == []


@pytest.mark.parametrize(
    ("facts", "by"), [(1, 4), (2, 4), (3, 3), (4, 4), (5, 5), (6, 3), (7, 4), (8, 4), (9, 3), (10, 5)]
)
def test_facts_stand_so_that_the_last_row_lacks_few(facts: int, by: int) -> None:
    one = page("One", "", [Section("a", "A", [Facts([Fact("a", "b")] * facts)])])
    assert f'class="facts by-{by}"' in one


@pytest.mark.parametrize("names", [["a", "a"], ["rows"], ["browse"]])
def test_two_parts_of_one_name_are_refused(names: list[str]) -> None:
    with pytest.raises(ValueError, match=f"named {names[0]}; give each"):
        page("One", "", [Section(name, "A", []) for name in names], rows=sample([]))


def test_no_file_of_the_page_is_over_300_lines() -> None:
    files = [path for path in HERE.iterdir() if path.suffix in {".js", ".css", ".html"}]
    assert len(files) >= 9
    assert [path.name for path in files if len(path.read_text().splitlines()) > 300] == []
    assert not [path.name for path in files if "innerHTML" in path.read_text() or "document.write" in path.read_text()]
