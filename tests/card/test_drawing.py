"""Pictures are drawn by a process of their own, with the same bytes, and once."""

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from pathlib import Path
from typing import Any

import pytest

from prefgen.card import charts, drawer, drawing

CHART = charts.funnel([{"step": "1. a", "rows": 10, "lost": 2}, {"step": "2. b", "rows": 7, "lost": 3}])
OTHER = charts.funnel([{"step": "1. a", "rows": 11, "lost": 2}])


def test_another_process_draws_what_this_one_would() -> None:
    texts = [json.dumps(one) for one in (CHART, OTHER)]
    assert drawing.by_another("png", texts) == [drawer.png(text) for text in texts]
    assert drawing.by_another("svg", texts) == [drawer.svg(text) for text in texts]
    assert drawing.by_another("png", []) == []


@pytest.mark.parametrize("python", ["", "/usr/bin/a-program-that-holds-us", "/no/such/python"])
def test_where_no_process_can_be_started_this_one_draws(python: str) -> None:
    text = json.dumps(CHART)

    def none_drawn_before() -> None:
        with pytest.raises(OSError, match=r"no interpreter|No such file"):
            drawing.by_another("png", [text], python)
        assert drawing.drawn("png", [text], python) == [drawer.png(text)]

    Context().run(none_drawn_before)


def test_what_no_process_draws_raises_here() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        drawing.by_another("png", ["no chart"])
    with pytest.raises(ValueError, match="Failed to parse"):
        drawing.drawn("png", ["no chart"])


def kept(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_what_was_drawn_is_kept_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / ".pictures"
    first = drawing.png([CHART, OTHER], folder)
    assert sorted(kept(folder).values()) == sorted(first)
    stand_in = b"not what would be drawn"
    (path,) = [path for path in folder.iterdir() if path.read_bytes() == first[0]]
    path.unlink()
    name = path.name.split("-")[0]
    (folder / f"{name}-{drawing._sum(stand_in)}.png").write_bytes(stand_in)
    assert drawing.png([CHART, OTHER], folder) == [stand_in, first[1]]  # so it was read, and not drawn


def test_a_damaged_picture_is_drawn_again_and_one_that_is_not_wanted_goes(tmp_path: Path) -> None:
    folder = tmp_path / ".pictures"
    both = drawing.png([CHART, OTHER], folder)
    for path in folder.iterdir():
        path.write_bytes(b"damaged")
    assert drawing.png([CHART], folder) == both[:1]
    assert list(kept(folder)) == [name for name in kept(folder) if "damaged" not in name]
    assert len(kept(folder)) == 1


def test_other_charts_and_other_drawers_have_other_names() -> None:
    one: Any = json.dumps(CHART)
    assert drawing._name("png", one) == drawing._name("png", one) != drawing._name("png", json.dumps(OTHER))
    assert drawing._name("png", one) != drawing._name("svg", one)


def started(draw: Callable[[], object]) -> int:
    """How many processes this one starts meanwhile, as Python itself reports them. What draws for other tests does not
    draw for it: whom that is lies in the context.
    """
    found = list[str]()
    _HEARD.append(found)
    try:
        Context().run(draw)
    finally:
        _HEARD.remove(found)
    return len(found)


_HEARD: list[list[str]] = []


def hear(event: str, _: object) -> None:
    for found in _HEARD if event == "subprocess.Popen" else []:
        found.append(event)


sys.addaudithook(hear)


def test_one_process_draws_for_all_who_ask_together() -> None:
    def apart() -> None:
        drawing.png([CHART])
        drawing.svg([CHART, OTHER])

    def together() -> None:
        with drawing.together():
            apart()

    def together_within() -> None:
        with drawing.together():
            together()
            apart()

    assert started(apart) == 2
    assert started(together) == 1
    assert started(together_within) == 1


def test_several_threads_that_ask_one_process_get_each_its_own() -> None:
    made = [charts.funnel([{"step": "1. a", "rows": rows, "lost": 2}]) for rows in range(10, 16)]
    alone = drawing.svg(made)
    with drawing.together(), ThreadPoolExecutor(3) as pool:
        work = [pool.submit(copy_context().run, drawing.svg, [one]) for one in made]
        assert [one.result() for one in work] == [[one] for one in alone]


def test_after_a_chart_that_none_can_draw_the_next_is_drawn() -> None:
    with drawing.together():
        with pytest.raises(ValueError, match="Failed to parse"):
            drawing.drawn("svg", ["no chart"])
        assert drawing.svg([CHART]) == [drawer.svg(json.dumps(CHART)).decode()]


def test_drawings_are_kept_as_pictures_are(tmp_path: Path) -> None:
    first = drawing.svg([CHART], tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".svg"]
    assert started(lambda: drawing.svg([CHART], tmp_path)) == 0
    assert drawing.svg([CHART], tmp_path) == first
