"""`prefgen export`: a folder that loads, whole or not at all, in which every row is there or is counted and named."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.errors import RecipeError, RunError
from prefgen.export import BATCH, export
from prefgen.trainers import names
from tests.commands import commanded
from tests.formats.samples import PROMPTS, judge_sft, pairs, written
from tests.formats.test_formats import HOLDS


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return written(tmp_path / "run", "preferences", pairs())


def loaded(folder: Path, cache: Path) -> Any:
    import datasets

    return datasets.load_dataset(str(folder), cache_dir=str(cache))


@pytest.mark.parametrize("form", HOLDS)
def test_every_format_loads_as_the_folder_it_is(form: str, run: Path, tmp_path: Path) -> None:
    written(run, "judge_sft", judge_sft())
    done = export(run, form)
    found = loaded(done.folder, tmp_path / "cache")
    assert {split: rows.num_rows for split, rows in found.items()} == done.rows
    assert done.read["train"] == len(PROMPTS)
    assert sum(done.reasons().values()) == len(PROMPTS) - len(HOLDS[form])
    assert "large" not in str(found["train"].features)


def test_what_is_left_out_is_counted_and_named(run: Path) -> None:
    done = export(run, "text")
    assert done.folder == run / "exports" / "preferences" / "text"
    with (done.folder / "left_out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [name for name in PROMPTS if name not in HOLDS["text"]]
    assert Counter(row["reason"] for row in rows) == done.reasons() == done.left_out["train"]
    told = json.loads((done.folder / "export.json").read_text())
    assert (told["format"], told["config"], told["read"], told["rows"]) == (
        "text",
        "preferences",
        {"train": 6},
        {"train": 1},
    )
    assert "left_out.csv" in (done.folder / "README.md").read_text()


def test_a_format_that_holds_everything_has_no_side_file(run: Path) -> None:
    assert not (export(run, "conversational").folder / "left_out.csv").exists()


def test_splits_stay_apart_and_one_without_rows_is_not_written(run: Path, tmp_path: Path) -> None:
    written(run, "preferences", pairs().filter(pl.col("pair_id") == "one"), "validation")
    written(run, "preferences", pairs().filter(pl.col("pair_id") == "tool"), "test")
    done = export(run, "text")
    assert (done.rows, done.read) == (
        {"train": 1, "test": 0, "validation": 1},
        {"train": 6, "test": 1, "validation": 1},
    )
    assert set(loaded(done.folder, tmp_path / "cache")) == {"train", "validation"}
    assert done.left_out["test"] == {"the prompt has a tool message": 1}
    only = export(run, "text", tmp_path / "only", splits=["validation"])
    assert only.rows == {"validation": 1}
    info = json.loads((export(run, "llama-factory").folder / "dataset_info.json").read_text())
    assert {name: about["file_name"] for name, about in info.items()} == {
        f"preferences_{split}": f"{split}.jsonl" for split in ("train", "test", "validation")
    }


@pytest.mark.parametrize("form", ["text", "sharegpt", "prompt-only"])
def test_files_are_read_in_order_and_bytes_do_not_depend_on_their_cut(form: str, tmp_path: Path) -> None:
    one = pairs().filter(pl.col("pair_id") == "one")
    ids = pl.DataFrame(
        {"pair_id": [f"p{i}" for i in range(BATCH + 7)], "prompt_id": [f"{i:016x}" for i in range(BATCH + 7)]}
    )
    rows = one.drop("pair_id", "prompt_id").join(ids, how="cross").select(one.columns)
    made = [export(written(tmp_path / str(n), "preferences", rows, files=n), form) for n in (1, 3)]
    assert made[0].rows == made[1].rows == {"train": BATCH + 7}
    data = next(path.name for path in made[0].folder.glob("train.*"))
    assert (made[0].folder / data).read_bytes() == (made[1].folder / data).read_bytes()
    if form == "text":
        assert pl.read_parquet(made[1].folder / data)["id"].to_list() == ids["pair_id"].to_list()


def test_an_export_takes_the_place_of_an_older_one_and_of_nothing_else(run: Path, tmp_path: Path) -> None:
    first = export(run, "text").folder
    assert export(run, "text").folder == first
    (first / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match=r"holds mine\.txt, which no export made; name another folder with --out"):
        export(run, "text")
    assert (first / "mine.txt").read_text() == "mine"
    other = tmp_path / "other"
    other.mkdir()
    export(run, "text", other)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "export.json").write_text('{"made_by": "me", "files": ["export.json"]}')
    with pytest.raises(RunError, match=r"export\.json, which no export made"):
        export(run, "text", tmp_path / "full")
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is no folder"):
        export(run, "text", tmp_path / "file")


def test_a_failed_export_leaves_what_was_there(run: Path) -> None:
    folder = export(run, "text").folder
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    part = run / "dataset" / "preferences" / "train-00000-of-00001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(RunError, match="cannot be read"):
        export(run, "text")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["text"]


def test_formats_of_one_run_do_not_meet(run: Path) -> None:
    written(run, "judge_preferences", judged_pairs())
    places = {
        export(run, "text").folder,
        export(run, "text", config="judge_preferences").folder,
        export(run, "judge-dpo").folder,
    }
    assert places == {
        run / "exports" / config / form
        for config, form in (
            ("preferences", "text"),
            ("judge_preferences", "text"),
            ("judge_preferences", "conversational"),
        )
    }


def judged_pairs() -> pl.DataFrame:
    from tests.formats.samples import as_config

    rows = pairs().with_columns(judge_pair_id=pl.format("{}.1-2", "pair_id")).to_dicts()
    return as_config("judge_preferences", rows)


@pytest.mark.parametrize(
    ("form", "more", "message"),
    [
        ("txet", {}, "no format 'txet'; did you mean 'text'?"),
        ("llama_factry", {}, "no format 'llama_factry'; did you mean 'llama-factory'?"),
        (
            "text",
            {"config": "judgments"},
            "format 'text' is made of preferences or judge_preferences, not of 'judgments'",
        ),
        ("judge-sft", {}, "its dataset has no judge_sft; it has preferences"),
        ("judge-dpo", {}, "its dataset has no judge_preferences; it has preferences"),
        ("text", {"splits": ["tarin"]}, "preferences has no split 'tarin'; did you mean 'train'?"),
    ],
)
def test_what_is_asked_for_and_not_there(form: str, more: dict[str, Any], message: str, run: Path) -> None:
    with pytest.raises(RecipeError) as raised:
        export(run, form, **more)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (run / "exports").exists()


def test_a_run_without_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run is here; name a run's folder"):
        export(tmp_path / "nothing", "text")
    with pytest.raises(RunError, match="no dataset is written here"):
        export(tmp_path, "text")


def test_a_dataset_of_which_nothing_can_be_held(tmp_path: Path) -> None:
    run = written(tmp_path, "preferences", pairs().filter(pl.col("pair_id") == "tool"))
    with pytest.raises(
        RunError, match=r"text can hold no row \(1: the prompt has a tool message\); conversational holds"
    ):
        export(run, "text")
    assert not (run / "exports" / "preferences" / "text").exists()


def test_a_link_in_a_run_leads_nowhere(run: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (run / "exports").symlink_to(tmp_path / "theirs")
    with pytest.raises(RunError, match="is a link"):
        export(run, "text")
    assert not list((tmp_path / "theirs").iterdir())


def test_the_commands(run: Path) -> None:
    said = commanded(
        [
            (run.parent, ["export", "run", "--format", "text"]),
            (run.parent, ["export", "run", "--format", "trl", "--out", "there", "--json"]),
            (run.parent, ["export", "run", "--format", "txet"]),
            (run.parent, ["export", "nothing", "--format", "text"]),
            (run.parent, ["formats"]),
        ]
    )
    assert (said[0][0], said[0][2]) == (0, "")
    assert said[0][1].splitlines() == [
        "run/exports/preferences/text: train 1",
        "left out 2: the prompt has a system message",
        "left out 1: the prompt has a tool message",
        "left out 2: the prompt has several turns",
        "their ids: run/exports/preferences/text/left_out.csv",
    ]
    assert json.loads(said[1][1])["rows"] == {"train": len(PROMPTS)}
    assert said[2] == (2, "", "error: no format 'txet'; did you mean 'text'?\n")
    assert said[3] == (1, "", "error: nothing: no run is here; name a run's folder, such as runs/quickstart\n")
    assert [line.split()[0] for line in said[4][1].splitlines()] == list(names())
