"""Reports in a real Chromium: no error, every chart seen, light and dark, on a desk and a phone; the pairs are there to
read.
"""

from pathlib import Path
from typing import Any

import pytest

from prefgen import run
from prefgen.html.blocks import Chart
from prefgen.report import figures, sections
from prefgen.run import Run
from tests.browser import Browser, serious, shot
from tests.report.conftest import Runs
from tests.test_recipes import DATA, FAKES, on_fakes

WIDTHS = {"judged": [1440], "jury": [390], "scored": [1440, 390], "pooled": [390]}
"""A desk's, by day, and a phone's, at night."""
NAMES = tuple(WIDTHS)


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    return run(on_fakes("rewardbench"), folder / "run", fakes=FAKES, take=None if "rewardbench" in DATA else 12).report


def alts(done: Run) -> list[str]:
    """What each chart of a report says that it shows."""
    return [block.alt for one in sections(figures(done.folder)) for block in one.blocks if isinstance(block, Chart)]


def charts(page: Any) -> list[tuple[float, float]]:
    """The size of every chart that is seen."""
    found = page.locator("section svg[role=img]").all()
    boxes = [one.bounding_box() for one in found if one.is_visible()]
    return [(box["width"], box["height"]) for box in boxes if box]


@pytest.mark.parametrize(("name", "width"), [(name, width) for name in NAMES for width in WIDTHS[name]])
def test_every_chart_is_seen(name: str, width: int, runs: Runs, browser: Browser) -> None:
    drawn = alts(runs(name))
    with browser.opened(runs(name).report, width=width, dark=width == 390) as page:
        sizes = charts(page)
        assert len(sizes) == len(drawn)
        assert all(wide > 200 and high > 30 for wide, high in sizes)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        shot(page, f"report-{name}-{width}")


def test_nothing_keeps_people_out(runs: Runs, browser: Browser) -> None:
    report = runs("jury").report
    with browser.opened(report) as page:
        assert serious(page) == []


def test_the_pairs_are_there_to_read(runs: Runs, browser: Browser) -> None:
    report = runs("judged").report
    with browser.opened(report) as page:
        assert page.get_by_text("Both have their merits <script>alert(1)</script>.").first.is_visible()
        assert "merit 0." in page.locator("main").inner_text()


def test_without_scripts_all_but_the_pairs_is_there(runs: Runs, browser: Browser) -> None:
    drawn = alts(runs("scored"))
    with browser.opened(runs("scored").report, scripts=False) as page:
        assert len(charts(page)) == len(drawn) > 4
        assert page.get_by_role("heading", name="At a glance").is_visible()


def test_a_benchmark_is_a_table(benchmark: Path, browser: Browser) -> None:
    with browser.opened(benchmark) as page:
        assert page.get_by_role("heading", name="The benchmark").is_visible()
        assert page.get_by_role("cell", name="Chat Hard").is_visible()
        shot(page, "report-rewardbench-1440")
