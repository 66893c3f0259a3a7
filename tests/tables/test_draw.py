import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import prefgen.tables
from prefgen.tables.draw import draw

SHIPPED = sorted(Path(prefgen.tables.__file__).parent.glob("*.jsonl"))


def rows(n: int) -> pl.DataFrame:
    ids = [f"p{i}" for i in range(n)]
    columns = {"prompt_id": ids, "id": ids, "word": ["mine"] * n}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def entries(folder: Path, *weights: float | None) -> Path:
    path = folder / "entries.jsonl"
    said = [{"tone": f"t{i}", **({} if w is None else {"weight": w})} for i, w in enumerate(weights)]
    path.write_text("".join(json.dumps(one) + "\n" for one in said))
    return path


def test_each_row_gets_an_entry_and_keeps_its_own(tmp_path: Path) -> None:
    made = draw(rows(40), among=entries(tmp_path, *[None] * 4))
    assert made.columns == ["prompt_id", "id", "word", "entry", "tone"]
    assert made["id"].to_list() == rows(40)["id"].to_list()
    assert set(made.select("entry", "tone").rows()) == {(i, f"t{i}") for i in range(4)}


def test_the_seed_and_the_id_decide_and_nothing_else(tmp_path: Path) -> None:
    among = entries(tmp_path, *[None] * 4)
    made = draw(rows(40), among=among)
    assert made.equals(draw(rows(40), among=among))
    assert made.tail(5).equals(draw(rows(40).tail(5), among=among))
    assert not made.equals(draw(rows(40), among=among, seed=1))


def test_several_draws_are_without_replacement_and_in_turns(tmp_path: Path) -> None:
    made = draw(rows(10), among=entries(tmp_path, *[None] * 4), n=4)
    assert made.height == 40
    assert made["id"].head(4).to_list() == ["p0.0", "p0.1", "p0.2", "p0.3"]
    for _, own in made.group_by("prompt_id"):
        assert sorted(own["entry"]) == [0, 1, 2, 3]
        assert own["turn"].to_list() == [0, 1, 2, 3]


def test_weights_are_kept_to(tmp_path: Path) -> None:
    """6,000 draws: five standard deviations of a share of 0.6 are 0.032."""
    made = draw(rows(6000), among=entries(tmp_path, 6, 3, 1))
    shares = {entry: n / 6000 for entry, n in Counter(made["entry"].to_list()).items()}
    assert shares == pytest.approx({0: 0.6, 1: 0.3, 2: 0.1}, abs=0.032)


def test_an_entry_without_weight_is_never_drawn(tmp_path: Path) -> None:
    assert set(draw(rows(100), among=entries(tmp_path, 1, 0, 1))["entry"]) == {0, 2}


def test_columns_that_are_there_are_drawn_anew(tmp_path: Path) -> None:
    among = entries(tmp_path, *[None] * 4)
    twice = draw(draw(rows(30), among=among), among=among, seed=5)
    assert twice.equals(draw(rows(30), among=among, seed=5).select(twice.columns))


@pytest.mark.parametrize("n", [0, 3])
def test_as_many_as_there_are(n: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="n must be from 1 to 2"):
        draw(rows(1), among=entries(tmp_path, None, None), n=n)


@pytest.mark.parametrize("text", [None, "{", "[1, 2"])
def test_a_file_that_cannot_be_read(text: str | None, tmp_path: Path) -> None:
    path = tmp_path / "no.jsonl"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match="among must be a JSONL file"):
        draw(rows(1), among=path)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_files_that_come_with_prefgen(path: Path) -> None:
    made = draw(rows(300), among=path)
    assert made.null_count().sum_horizontal().item() == 0
    assert made.drop("prompt_id", "id", "word", "entry").width > 0


def test_none_of_nothing(tmp_path: Path) -> None:
    among = entries(tmp_path, None, None)
    for n in (1, 2):
        assert draw(rows(0), among=among, n=n).schema == draw(rows(2), among=among, n=n).schema


def test_a_file_may_be_named_by_text(tmp_path: Path) -> None:
    verb: Any = draw
    path = entries(tmp_path, None, None)
    assert verb(rows(3), among=str(path)).equals(draw(rows(3), among=path))
