"""What people see of two runs: on a screen, as JSON, and as a page in a real browser."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from prefgen.comparison import compare, write
from prefgen.comparison.words import each_pair
from prefgen.display_compare import show
from tests.browser import Browser, serious, shot
from tests.commands import commanded
from tests.comparison.planted import dataset

HOSTILE = (
    "</script><script>document.title = 'gone'</script> [a](javascript:alert(1)) \u202eright \x1b[31mred " + "x" * 9000
)


def verdict(prompt: int, judge: str, a: str, b: str, said: str) -> dict[str, Any]:
    gold = "A" if a.startswith("good") else "B"
    shown = {"response_a": a, "response_b": b, "gold": gold, "verdict": said, "judgment": f"So [[{said}]] <b>"}
    return {"prompt": prompt, "pair_id": f"p{prompt}", "judge_model": judge, **shown}


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two datasets: of 6 pairs one flipped, one has other texts, one prompt is in one alone; 12 verdicts, of which 3
    differ.
    """
    pairs = [(n, f"good {n} {HOSTILE if n == 1 else ''}", f"bad {n}") for n in range(6)]
    others = [pairs[0], (1, pairs[1][2], pairs[1][1]), *pairs[2:5], (5, "good five", "bad five"), (7, "yes", "no")]
    judged = [(n, x, y) for n, good, bad in pairs for x, y in ((good, bad), (bad, good))]
    weak = [verdict(n, "weak", x, y, "A" if k % 4 else "B") for k, (n, x, y) in enumerate(judged)]
    strong = [verdict(n, "strong", x, y, "A") for n, x, y in judged]
    return dataset(tmp_path / "one" / "run", pairs, weak), dataset(tmp_path / "other" / "run", others, strong)


def screen(found: Any, width: int, *, terminal: bool = True) -> str:
    out = StringIO()
    show(found, Console(file=out, width=width, force_terminal=terminal, color_system=None, highlight=False))
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_a_screen_says_what_differs_and_fits(width: int, two: tuple[Path, Path]) -> None:
    said = screen(compare(*two, examples=1), width)
    lines = [line.rstrip() for line in said.splitlines()]
    assert max(map(len, lines[2:])) <= width
    assert len(lines) < 60
    flat = " ".join(said.split())
    assert "Of 5 pairs in both, the labels agree on 80.0% (37.6 to 96.4): 1 flipped, Cohen's kappa 0.60" in flat
    assert "Of 12 verdicts on the same texts in the same order (judgments: weak | strong), 3 differ" in flat
    assert "prompts with pairs 6 0 1" in flat
    assert "pairs: same prompt, same two texts 5 1 2" in flat
    assert "Of 6 prompts with pairs in both, 1 has other texts." in flat
    assert "Pairs that flipped: Question 1?" in flat
    assert "chosen in one, rejected in other" in flat
    assert "weak" in said
    assert "\x1b" not in said.replace("\x1b[", "")
    assert "\u202e" not in said


def test_on_a_narrow_terminal_measures_have_their_names_and_long_settings_are_cut(two: tuple[Path, Path]) -> None:
    setting = {"path": "models.judge.system", "a": "be strict " * 90, "b": None}
    found = {**compare(*two, examples=0), "recipe": [setting]}
    for width in (50, 80):
        lines = screen(found, width).splitlines()[2:]
        assert max(map(len, lines)) <= width
        assert any(line.startswith("chosen is longer ") for line in lines)
        assert sum("strict" in line for line in lines) < 20
    assert "gold longer  100.0% n 12 | 100.0% n 12 | +0.0" in screen(found, 50)
    assert max(map(len, screen(found, 80, terminal=False).splitlines()[:8])) < 125


def test_a_difference_stands_beside_the_numbers_that_it_is_of(tmp_path: Path) -> None:
    """Of A's 4 pairs the longer is chosen in 2, of B's 4 in 3; of the 2 that are in both in none, and in one."""
    a = [(1, "long", "l"), (2, "long", "l"), (3, "s", "long"), (4, "s", "long")]
    b = [(3, "long", "s"), (4, "s", "long"), (5, "long", "l"), (6, "long", "l")]
    found = compare(dataset(tmp_path / "a", a), dataset(tmp_path / "b", b))
    lines = [" ".join(line.split()) for line in screen(found, 90).splitlines()]
    place = next(number for number, line in enumerate(lines) if line.startswith("chosen is longer"))
    assert lines[place] == "chosen is longer 50.0% n 4 75.0% n 4"
    assert lines[place + 1].startswith("of these in both 0.0% n 2 50.0% n 2 +50.0 (")
    write(found, tmp_path / "it.html")
    assert "chosen is longer, of those in both" in (tmp_path / "it.html").read_text()


def test_without_a_terminal_no_number_is_cut(two: tuple[Path, Path]) -> None:
    said = screen(compare(*two), 40, terminal=False)
    assert "75.0% (57.1 to 87.0)" not in said  # no such measure here: what follows is
    assert "50.0% (" in said
    assert "…" in said  # texts alone


def test_what_has_nothing_in_common_is_told_so(tmp_path: Path) -> None:
    found = compare(dataset(tmp_path / "x", [(1, "yes", "no")]), dataset(tmp_path / "y", [(2, "yes", "no")]))
    assert "They have nothing in common: no prompt is in both." in screen(found, 100)
    found = compare(
        dataset(tmp_path / "p", [(1, "yes", "no")]), dataset(tmp_path / "q", [], [verdict(1, "j", "good", "bad", "A")])
    )
    assert "q has no pairs." in screen(found, 100)


def test_the_command_prints_json_writes_a_page_and_tells_errors_in_a_line(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    one, other = map(str, two)
    page = tmp_path / "pages" / "it.html"
    said = commanded(
        [
            (tmp_path, ["compare", one, other, "--json", "--examples", "0", "--html", str(page)]),
            (tmp_path, ["compare", one, other]),
            (tmp_path, ["compare", one, "nothing"]),
            (tmp_path, ["compare", one, str(tmp_path / "one")]),
        ]
    )
    found = json.loads(said[0][1])
    assert (said[0][0], found["pairs"]["flipped"], found["examples"]["flipped"]) == (0, 1, [])
    assert "Content-Security-Policy" in page.read_text()
    assert said[1][0] == 0
    assert said[2] == (
        1,
        "",
        "error: nothing: no such folder; name a run's folder, such as runs/quickstart, or a dataset's\n",
    )
    assert said[3][0] == 1
    assert "holds no run and no dataset" in said[3][2]


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (390, True)])
def test_the_page_shows_it_all_and_hostile_text_does_nothing(
    width: int, dark: bool, two: tuple[Path, Path], tmp_path: Path, browser: Browser
) -> None:
    write(compare(*two), tmp_path / "it.html")
    with browser.opened(tmp_path / "it.html", width=width, dark=dark) as page:
        assert page.title() == "one and other"
        heads = [head.inner_text() for head in page.get_by_role("heading", level=2).all()]
        assert heads == [
            "What differs",
            "Prompts to pairs",
            "What is in both",
            "Judges",
            "Pairs that flipped",
            "Verdicts that differ",
            "Other texts",
        ]
        assert page.locator("#summary .fact").first.inner_text().split("\n")[:2] == ["pairs in both", "5"]
        assert page.locator("#judges svg:visible").count() == 1
        cells = page.locator("#flipped td").all_inner_texts()
        assert any("</script><script>" in cell for cell in cells)
        assert max(map(len, cells)) < 2200
        assert page.locator("#flipped td script, #flipped td a").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert serious(page) == []
        shot(page, f"comparison-{width}-{'dark' if dark else 'light'}")


def test_a_pair_has_no_price_where_some_of_its_replies_have_none() -> None:
    def bill(unpriced: int) -> dict[str, Any]:
        each = {"replies": 3.0, "dollars": 0.5}
        return {"unpriced": unpriced, "each": each}

    named = {"a": {"name": "weak"}, "b": {"name": "strong"}}
    assert each_pair(named | {"cost": {"a": bill(0), "b": bill(0)}}) == ("$0.5", "in strong; $0.5 in weak")
    assert each_pair(named | {"cost": {"a": bill(0), "b": bill(2)}}) == ("3.0 replies", "in strong; 3.0 in weak")
