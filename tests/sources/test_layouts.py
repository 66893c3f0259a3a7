"""What others publish, as they publish it: recognised, read the right way round, and re-published."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefgen import do, run
from prefgen.recipe import Recipe
from prefgen.rows import DROPPED
from prefgen.sources._layouts import COLUMNS, LAYOUTS, recognised
from prefgen.sources._read import LoadError
from prefgen.sources.load_pairs import load_pairs
from tests.fakes import writes
from tests.layouts import BRIEF, NO_PAIRS, SAMPLES, Pair, Sample, says, user

IDS = [f"{sample.layout}-{n}" for n, sample in enumerate(SAMPLES)]
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=IDS)


@pytest.fixture(autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


def parquet(rows: Sequence[Any], place: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), place / "x.parquet")
    return place / "x.parquet"


def folder(rows: Sequence[Any], place: Path) -> Path:
    """A dataset folder as ``datasets`` reads one: Parquet under a split's name."""
    (place / "d" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), place / "d" / "data" / "train-00000-of-00001.parquet")
    return place / "d"


def saved(rows: Sequence[Any], place: Path) -> Path:
    datasets.Dataset.from_list(list(rows)).save_to_disk(place / "s")
    return place / "s"


def jsonl(rows: Sequence[Any], place: Path) -> Path:
    (place / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place / "x.jsonl"


WAYS: dict[str, Callable[[Sequence[Any], Path], Any]] = {
    "parquet": parquet,
    "folder": folder,
    "saved": saved,
    "jsonl": jsonl,
    "list": lambda rows, place: list(rows),
}


def read(made: pl.DataFrame) -> list[Pair]:
    """The pairs that were kept, as the samples tell them."""
    kept = made.filter(pl.col(DROPPED).is_null())
    scored = "chosen_score" in made.columns
    return [
        Pair(
            row["prompt"],
            row["chosen"],
            row["rejected"],
            (row["chosen_model"], row["rejected_model"]),
            (row["chosen_score"], row["rejected_score"]) if scored else None,
        )
        for row in kept.iter_rows(named=True)
    ]


def wanted(sample: Sample) -> list[Pair]:
    return [Pair(pair.talk(), pair.chosen, pair.rejected, pair.models, pair.scores) for pair in sample.pairs]


def gone(made: pl.DataFrame) -> Counter[str]:
    return Counter(made[DROPPED].drop_nulls().to_list())


@pytest.mark.parametrize("way", WAYS)
@each_sample
def test_a_layout_is_known_and_read_the_right_way_round(sample: Sample, way: str, tmp_path: Path) -> None:
    told: list[str] = []
    made = load_pairs(WAYS[way](sample.rows, tmp_path), tell=told.append)
    assert read(made) == wanted(sample)
    assert gone(made) == sample.gone
    assert [words.partition(" as ")[2].partition(":")[0] for words in told] == [sample.layout] * (sample.layout != "pairs")


@each_sample
def test_where_few_rows_are_read_they_are_read_alike(sample: Sample, tmp_path: Path) -> None:
    """A dataset folder is streamed then; of JSON its columns are not known beforehand."""
    first = load_pairs(list(sample.rows), take=1)
    assert load_pairs(folder(sample.rows, tmp_path), take=1).equals(first)
    (tmp_path / "j").mkdir()
    jsonl(sample.rows, tmp_path / "j")
    assert load_pairs(tmp_path / "j", take=1).equals(first)


@each_sample
def test_exactly_one_layout_is_meant(sample: Sample) -> None:
    """Also with columns beside it that say where a row is from, as who re-publishes a set adds them."""
    columns = list(sample.rows[0])
    assert recognised("x", columns).name == sample.layout
    assert recognised("x", [*columns, "source", "subset", "category", "language", "id"]).name == sample.layout


def test_every_layout_has_a_sample() -> None:
    assert {sample.layout for sample in SAMPLES} == {layout.name for layout in LAYOUTS if not layout.instead}
    assert len({layout.name for layout in LAYOUTS}) == len({layout.marks for layout in LAYOUTS}) == len(LAYOUTS)


def test_what_is_read_is_what_marks_a_layout() -> None:
    for layout in LAYOUTS:
        if not layout.instead:
            assert {*layout.reading.needs, *([layout.prompt] if layout.prompt else [])} <= layout.marks
        assert layout.columns() <= COLUMNS


@each_sample
def test_what_is_loaded_is_judged_and_published_again(sample: Sample, tmp_path: Path) -> None:
    """Each row that came in is a pair in the dataset or is counted with its reason."""
    source = parquet(sample.rows, tmp_path)
    steps = {
        "pairs": do("load_pairs", str(source)),
        "orders": do("both_orders", "pairs"),
        "judgments": do("compare", "orders", model="judge", guard=sample.layout != "prefgen_judge"),  # it quotes verdicts
    }
    recipe = Recipe(name="again", models={"judge": {"use": "fake/it"}}, steps=steps, write={"preferences": "judgments"})
    done = run(recipe, tmp_path / "run", fakes={"it": writes})
    loaded = json.loads((done.folder / "run.json").read_text())["steps"][0]
    assert (loaded["rows_in"], loaded["rows_out"]) == (len(sample.pairs) + sum(sample.gone.values()), len(sample.pairs))
    assert loaded["dropped"] == sample.gone
    written = pl.concat(pl.read_parquet(file) for file in sorted((done.dataset / "preferences").iterdir()))
    assert sorted(map(str, zip(written["chosen"].to_list(), written["rejected"].to_list(), strict=True))) == sorted(
        str(([*pair.talk(), says(pair.chosen)], [*pair.talk(), says(pair.rejected)])) for pair in sample.pairs
    )
    scores = [pair.scores or (None, None) for pair in sample.pairs]
    assert Counter(written.select("chosen_score", "rejected_score").rows()) == Counter(scores)
