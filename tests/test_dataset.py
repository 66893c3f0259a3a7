"""What is written loads: in `datasets` from a folder, in TRL's own data functions, and by its JSON schema."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from bench import write as million
from prefgen import Recipe, configs, dataset, do, load, run
from prefgen.card import card
from prefgen.errors import RunError
from prefgen.splits import Splits, assigned
from tests.fakes import writes

ROOT = Path(__file__).parent.parent
LOADS = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
folder = sys.argv[1]
found = {c: load_dataset(folder, c, split="train").to_list() for c in get_dataset_config_names(folder)}
found["default"] = load_dataset(folder, split="train").column_names
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    overrides = [f"models.{model}.use=fake/it" for model in ("writer", "judge")]
    recipe = load(ROOT / "recipes" / "self-taught-evaluators.yaml", overrides)
    return run(recipe, tmp_path_factory.mktemp("run"), fakes={"it": writes}, take=12).dataset


@pytest.fixture(scope="module")
def loaded(written: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    cache = {
        "HF_HOME": str(tmp_path_factory.mktemp("hf")),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    command = [sys.executable, "-c", LOADS, str(written)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **cache}, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_a_row_names_the_replies_that_it_rests_on(tmp_path: Path) -> None:
    """Scores make the pairs, then verdicts judge them: a pair rests on both, a judgment on its own reply alone."""
    steps = {
        "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(6)]),
        "responses": do("answer", "prompts", model="it", n=2),
        "scores": do("score", "responses", model="it"),
        "scored": do("mean", "scores"),
        "pairs": do("best_worst", "scored"),
        "orders": do("both_orders", "pairs"),
        "judgments": do("compare", "orders", model="it", n=2),
    }
    write = {"preferences": "judgments", "judgments": "judgments", "judge_sft": "judgments"}
    done = run(
        Recipe(name="r", steps=steps, models={"it": {"use": "fake/it"}}, write=write), tmp_path, fakes={"it": writes}
    )
    made = {name: pl.read_parquet(done.dataset / name / "*.parquet").to_dicts() for name in write}
    judged, scored = done.table("judgments"), done.table("scores")
    own = dict(judged.select("id", "judgment_reply").iter_rows())
    for name in ("judgments", "judge_sft"):
        assert {row["judgment_id"]: row["judgment_replies"] for row in made[name]} == {i: [r] for i, r in own.items()}
    assert made["preferences"]
    for row in made["preferences"]:
        of_pair = judged.filter(pair_id=row["pair_id"])["judgment_reply"]
        of_prompt = scored.filter(prompt_id=row["prompt_id"])["judgment_reply"]
        assert sorted(row["judgment_replies"]) == sorted({*of_pair, *of_prompt})


def test_datasets_loads_every_config_and_the_default_one(loaded: dict[str, Any]) -> None:
    assert loaded["default"][:2] == ["chosen", "rejected"]
    assert {name: len(rows) for name, rows in loaded.items() if name != "default"}.keys() == {
        "preferences",
        "preferences_text",
        "judgments",
        "judge_sft",
    }
    assert len(loaded["preferences"]) == 12


def test_every_row_keeps_its_json_schema(loaded: dict[str, Any]) -> None:
    for name, rows in loaded.items():
        if name != "default":
            check = Draft202012Validator(configs.json_schema(name))
            assert rows
            for row in rows:
                check.validate(row)


def test_pairs_share_all_but_their_last_turn_and_have_no_prompt_column(loaded: dict[str, Any]) -> None:
    for row in loaded["preferences"]:
        assert "prompt" not in row
        assert row["chosen"][:-1] == row["rejected"][:-1]
        assert row["chosen"][-1]["role"] == row["rejected"][-1]["role"] == "assistant"


def test_rows_lead_back_to_the_replies_that_made_them(loaded: dict[str, Any]) -> None:
    for row in loaded["preferences"]:
        assert len(row["chosen_reply"]) == len(row["rejected_reply"]) == 64
    assert all(row["judgment_replies"] for row in loaded["judgments"])


def test_trl_takes_the_prompt_out_of_a_pair(loaded: dict[str, Any]) -> None:
    """TRL's documented form of an implicit prompt: both sides are conversations that begin alike (its dataset_formats
    page); its own transform takes the longest common beginning, which must be the prompt and no more."""
    for row in loaded["preferences"]:
        common = [a for a, b in zip(row["chosen"], row["rejected"], strict=True) if a == b]
        assert common == row["chosen"][:-1]
        assert common[-1]["role"] == "user"


def test_bytes_do_not_depend_on_how_rows_came_in(tmp_path: Path) -> None:
    frame = configs.preferences(many_pairs(2500))
    dataset.write(tmp_path / "whole", {"preferences": frame})
    dataset.write(tmp_path / "parts", {"preferences": list(frame.iter_slices(7))})
    for config in ("preferences", "preferences_text"):
        files = [list((tmp_path / way / config).iterdir()) for way in ("whole", "parts")]
        assert [f.name for f in files[0]] == ["train-00000-of-00001.parquet"]
        assert files[0][0].read_bytes() == files[1][0].read_bytes()


SHARES = {"test": 0.4, "held.out": 0.2}
EVERY = """
import json, sys
from datasets import get_dataset_config_names, load_dataset
folder, found = sys.argv[1], {}
for config in get_dataset_config_names(folder):
    whole, streamed = load_dataset(folder, config), load_dataset(folder, config, streaming=True)
    found[config] = {split: [whole[split].to_list(), list(streamed[split])] for split in whole}
print(json.dumps(found))
"""


def test_datasets_loads_every_split_of_every_config_whole_and_streaming(tmp_path: Path) -> None:
    rows = many_pairs(60)
    splits = Splits(SHARES, assigned(rows.unique("prompt_id", maintain_order=True), SHARES))
    told = {"kind": "overall", "name": "x", "judge_model": "m", "score": 1.0, "rows": 3, "mode": "", "note": ""}
    numbers = pl.DataFrame([told | dict.fromkeys(["low", "high", "weight", "unreadable", "disagreement"])])
    tables = {
        "preferences": configs.preferences(rows),
        "results": configs.results(numbers.with_columns(convention=None)),
    }
    card_of = lambda of: card(Recipe(name="mine", steps={}), "x", of, [])  # noqa: E731
    done = dataset.write(tmp_path / "d", tables, splits=splits, readme=card_of)
    assert list(done["preferences"]) == ["train", "test", "held.out"]
    assert done["results"] == {"train": 1}
    cache = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    command = [sys.executable, "-c", EVERY, str(tmp_path / "d")]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **cache}, check=True).stdout
    loaded = json.loads(said.splitlines()[-1])
    assert {config: {split: len(of[0]) for split, of in by.items()} for config, by in loaded.items()} == done
    for config, by in loaded.items():
        for split, (whole, streamed) in by.items():
            here = pl.read_parquet(tmp_path / "d" / config / f"{split}-*.parquet").to_dicts()
            assert whole == streamed == here


def many_pairs(number: int) -> pl.DataFrame:
    """Pairs of responses, three for each prompt."""
    whose = {f"{side}_{what}": "x" for side in ("chosen", "rejected") for what in ("model", "reply")}
    return pl.DataFrame(
        [
            {
                "prompt_id": f"{i // 3:016x}",
                "id": f"{i // 3:016x}.{i % 3}",
                "chosen": f"yes {i}",
                "rejected": "no",
                **whose,
            }
            | {"prompt": [{"role": "user", "content": f"why {i // 3}?"}]}
            for i in range(number)
        ]
    )


def test_files_are_cut_by_size_in_every_split_and_hold_small_row_groups_with_a_page_index(tmp_path: Path) -> None:
    rows = configs.preferences(many_pairs(9000))
    prompts = rows.select("prompt_id", prompt="pair_id").unique("prompt_id", maintain_order=True)
    dataset.write(
        tmp_path / "d", {"preferences": rows}, splits=Splits(SHARES, assigned(prompts, SHARES)), shard_bytes=1
    )
    names = sorted(path.name for path in (tmp_path / "d" / "preferences").iterdir())
    for split, rows_of in (("train", 3600), ("test", 3600), ("held.out", 1800)):
        number = -(-rows_of // 1000)
        own = [name for name in names if name.startswith(f"{split}-")]
        assert own == [f"{split}-{n:05d}-of-{len(own):05d}.parquet" for n in range(len(own))]
        assert abs(len(own) - number) <= 1
    for name in names:
        told = pq.ParquetFile(tmp_path / "d" / "preferences" / name).metadata
        assert 0 < told.row_group(0).num_rows <= 1000
        assert told.row_group(0).column(0).has_offset_index


def test_one_row_more_leaves_pages_as_they_were(tmp_path: Path) -> None:
    """Content-defined chunks: pages end where the text says, so that a store finds a good part of them again, and without them hardly any."""
    found = []
    for name, rows in (("before", many_long(0)), ("after", many_long(-1))):
        dataset.write(tmp_path / name, {"preferences": configs.preferences(rows)})
        file = pq.ParquetFile(next((tmp_path / name / "preferences").iterdir()))
        data = next((tmp_path / name / "preferences").iterdir()).read_bytes()
        group = file.metadata.row_group(0)
        chosen = next(
            group.column(n)
            for n in range(group.num_columns)
            if "chosen.list.element.content" in group.column(n).path_in_schema
        )
        start = chosen.dictionary_page_offset or chosen.data_page_offset
        found.append(data[start : start + chosen.total_compressed_size])
    pieces = [found[0][at : at + 5000] for at in range(0, len(found[0]), 50_000)]
    assert sum(piece in found[1] for piece in pieces) > len(pieces) / 4


def many_long(first: int) -> pl.DataFrame:
    rows = many_pairs(900).with_row_index("n")
    chance = [random.Random(n) for n in range(first, 900)]
    texts = pl.Series([one.randbytes(4000).hex() for one in chance])[:900]
    return rows.drop("n").with_columns(chosen=texts)


def test_no_empty_split_is_written(tmp_path: Path) -> None:
    nothing = pl.DataFrame(schema=pl.DataFrame(configs.arrow_schema("preferences").empty_table()).schema)
    assert dataset.write(tmp_path / "d", {"preferences": nothing}) == {}
    assert not list((tmp_path / "d").rglob("*.parquet"))


def test_a_pair_of_equal_responses_is_refused_and_the_old_dataset_stays(written: Path, tmp_path: Path) -> None:
    rows = pl.read_parquet(next((written / "preferences").iterdir()))
    dataset.write(tmp_path / "d", {"preferences": rows})
    with pytest.raises(RunError, match="the same response"):
        dataset.write(tmp_path / "d", {"preferences": rows.with_columns(rejected="chosen")})
    assert (tmp_path / "d" / "preferences").exists()


@pytest.mark.slow
def test_many_rows_are_written_loaded_and_grown_within_bounds(tmp_path: Path) -> None:
    """A short form of `make million`: twice the rows want no more memory, and every step says what it should."""
    rows = 60_000
    found = dict(million.steps(tmp_path / "all", rows))
    assert found["compared"]["said"].endswith("the same bytes")
    assert f'"train": {rows}' in found["written, all in train"]["said"]
    assert found["loaded by datasets"]["said"].count(f'"train": {rows}') == 2
    assert found["read by polars"]["said"].startswith(f"{rows:,} rows")
    assert "added: preferences 5,000" in found["grown by it"]["said"]
    million.child("table", tmp_path / "half", [0, rows // 2], {})
    half = million.child("write", tmp_path / "half", [0, 10_000, "whole"], {"splits": False})
    assert f'"train": {rows // 2}' in half["said"]
    assert found["written, all in train"]["peak"] < 1.2 * half["peak"] < 1000


BOTH = """
import json, sys
from datasets import load_dataset
print(json.dumps([load_dataset(folder, split="train")["pair_id"][:] for folder in sys.argv[1:]]))
"""


def test_two_runs_folders_of_one_name_are_two_datasets_to_those_who_load_them(written: Path, tmp_path: Path) -> None:
    """Both are called ``dataset``, with the same configs; what is read of the first is in the cache of the second."""
    pairs = pl.read_parquet(next((written / "preferences").glob("*.parquet")))
    folders = [tmp_path / name / "dataset" for name in ("one", "other")]
    text = (written / "README.md").read_text()
    for folder, rows in zip(folders, (pairs[:3], pairs[3:5]), strict=True):
        dataset.write(folder, {"preferences": rows}, readme=lambda _: text)
    again = dataset.write(tmp_path / "again", {"preferences": pairs[:3]}, readme=lambda _: text)
    assert again["preferences"] == {"train": 3}
    assert (tmp_path / "again" / "README.md").read_bytes() == (folders[0] / "README.md").read_bytes()
    quiet = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", BOTH, *map(str, folders)], capture_output=True, text=True, env={**os.environ, **quiet}, check=True
    )  # fmt: skip
    assert json.loads(done.stdout.splitlines()[-1]) == [pairs["pair_id"][:3].to_list(), pairs["pair_id"][3:5].to_list()]
