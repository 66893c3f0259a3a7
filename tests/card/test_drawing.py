"""Pictures are drawn by a process of their own, with the same bytes, and once."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from prefgen.card import charts, drawer, drawing

CHART = charts.funnel([{"step": "1. a", "rows": 10, "lost": 2}, {"step": "2. b", "rows": 7, "lost": 3}])
OTHER = charts.funnel([{"step": "1. a", "rows": 11, "lost": 2}])


def test_another_process_draws_what_this_one_would() -> None:
    texts = [json.dumps(one) for one in (CHART, OTHER)]
    assert drawing.by_another(texts) == [drawer.png(text) for text in texts]
    assert drawing.by_another([]) == []


@pytest.mark.parametrize("python", ["", "/usr/bin/a-program-that-holds-us", "/no/such/python"])
def test_where_no_process_can_be_started_this_one_draws(python: str) -> None:
    text = json.dumps(CHART)
    with pytest.raises(OSError, match=r"no interpreter|No such file"):
        drawing.by_another([text], python)
    assert drawing.drawn([text], python) == [drawer.png(text)]


def test_what_no_process_draws_raises_here() -> None:
    with pytest.raises(subprocess.SubprocessError):
        drawing.by_another(["no chart"])
    with pytest.raises(ValueError, match="Expecting value"):
        drawing.drawn(["no chart"])


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
    assert drawing._name(one) == drawing._name(one) != drawing._name(json.dumps(OTHER))
