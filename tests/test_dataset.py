"""What is written loads: in `datasets` from a folder, in TRL's own data functions, and by its JSON schema."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from prefgen import Recipe, configs, dataset, do, load, run
from prefgen.errors import RunError
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
    talk = [{"role": "user", "content": "why?"}]
    rows = [
        {"prompt_id": "p", "id": f"p.{i}", "prompt": talk, "chosen": f"yes {i}", "rejected": "no"}
        | {f"{side}_{what}": "x" for side in ("chosen", "rejected") for what in ("model", "reply")}
        for i in range(2500)
    ]
    frame = configs.preferences(pl.DataFrame(rows))
    dataset.write(tmp_path / "whole", {"preferences": frame})
    dataset.write(tmp_path / "parts", {"preferences": list(frame.iter_slices(7))})
    for config in ("preferences", "preferences_text"):
        files = [list((tmp_path / way / config).iterdir()) for way in ("whole", "parts")]
        assert [f.name for f in files[0]] == ["train-00000-of-00001.parquet"]
        assert files[0][0].read_bytes() == files[1][0].read_bytes()


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
