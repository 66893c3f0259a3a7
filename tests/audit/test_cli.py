"""The command: what it says, and with which exit code it ends."""

import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from prefgen.resources import resources
from tests.audit.planted import Row, clean, planted
from tests.commands import Said, commanded
from tests.hub import Hub, Job


def lines(rows: list[Row]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with one contradiction among clean rows, a folder of planted faults, and files that cannot be read."""
    made, chance = tmp_path_factory.mktemp("audit"), Random(2)
    rows = [clean(chance) for _ in range(40)]
    rows.append({**rows[0], "chosen": rows[0]["rejected"], "rejected": rows[0]["chosen"], "prompt": rows[0]["prompt"]})
    (made / "pairs.jsonl").write_text(lines(rows))
    (made / "numbers.jsonl").write_text(lines([{"score": 1}]))
    (made / "broken.jsonl").write_text("{")
    (made / "benchmark.jsonl").write_text(lines([{"question": rows[7]["prompt"]}]))
    seeds = resources("recipes") / "data" / "user_oriented_prompts.jsonl"
    asks = [json.loads(line)["prompt"] for line in seeds.read_text().splitlines()[:5]]
    (made / "seeds.jsonl").write_text(lines([{**rows[0], "prompt": ask} for ask in asks]))
    for folder in ("stopped/tables", "pilots/take-5/dataset", "pilots/take-20/dataset"):
        (made / folder).mkdir(parents=True)
        (made / folder.split("/")[0] / "journal.sqlite").touch()
    planted(9, 30).folder(made / "planted")
    return made


COMMANDS: Mapping[str, list[str]] = {
    "plain": ["pairs.jsonl"],
    "json": ["pairs.jsonl", "--json", "-q"],
    "kept": ["pairs.jsonl", "-q", "--fail-on", "contradictory=2,leaks=0", "--fail-on", "longer=1.0"],
    "crossed": ["pairs.jsonl", "-q", "--fail-on", "contradictory=1,tied=0"],
    "against": ["pairs.jsonl", "-q", "--json", "--against", "benchmark.jsonl", "--fail-on", "contaminated=0"],
    "written": ["planted", "-q", "--json", "--out", "found", "--html", "pages/audit.html"],
    "few": ["planted", "--json", "--take", "5", "--split", "test"],
    "no limit": ["nowhere.jsonl", "--fail-on", "contradictry=0"],
    "nowhere": ["nowhere.jsonl"],
    "numbers": ["numbers.jsonl"],
    "broken": ["broken.jsonl"],
    "no benchmark": ["pairs.jsonl", "--against", "numbers.jsonl"],
    "no split": ["planted", "--split", "tset"],
    "no config": ["planted", "--config", "other"],
    "seeds": ["seeds.jsonl", "-q", "--json", "--against", "seeds.jsonl"],
    "no column": ["pairs.jsonl", "--chosen", "good"],
    "no split of a file": ["pairs.jsonl", "--split", "nope"],
    "stopped": ["stopped"],
    "pilots": ["pilots"],
    "no folder": ["pairs.jsonl", "--out", "pairs.jsonl"],
    "no room": ["pairs.jsonl", "-q", "--html", "pairs.jsonl/page.html"],
}


@pytest.fixture(scope="module")
def said(place: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Said]:
    cache = str(tmp_path_factory.mktemp("cache"))
    found = commanded(
        [(place, ["audit", *words]) for words in COMMANDS.values()], HF_DATASETS_CACHE=cache, COLUMNS="110"
    )
    return dict(zip(COMMANDS, found, strict=True))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("plain", 0), ("json", 0), ("kept", 0), ("crossed", 7), ("against", 7), ("written", 0), ("few", 0), ("no limit", 2), ("nowhere", 1),
        ("numbers", 1), ("broken", 1), ("no benchmark", 1), ("no split", 1), ("no config", 1), ("no column", 1), ("no room", 1),
        ("no split of a file", 1), ("stopped", 1), ("pilots", 1), ("no folder", 1), ("seeds", 0),
    ],
)  # fmt: skip
def test_exit_codes(said: dict[str, Said], name: str, code: int) -> None:
    assert said[name][0] == code, said[name]


def test_the_screen_says_what_was_found_on_one_screen(said: dict[str, Said]) -> None:
    _, out, told = said["plain"]
    assert told.splitlines()[0] == (
        "pairs.jsonl: takes it for pairs (ultrafeedback_binarized): chosen against rejected, scores from score_chosen and"
        " score_rejected"
    )
    assert "bad   contradictory pairs" in out
    assert "4.88%" in out
    assert "41 pairs, 40 prompts; rows: train 41" in out
    assert "not looked for: 3 for want of a held-out split" in out
    assert "DPOTrainer, RewardTrainer" in out
    assert len(out.splitlines()) < 24


def test_errors_are_one_line_with_a_cure(said: dict[str, Said]) -> None:
    for name in (
        "no limit",
        "nowhere",
        "numbers",
        "broken",
        "no benchmark",
        "no split",
        "no config",
        "no column",
        "no room",
        "no split of a file",
        "stopped",
        "pilots",
        "no folder",
    ):
        _, out, told = said[name]
        assert out == ""
        errors = [line for line in told.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, told
        assert "Traceback" not in told
    assert (
        said["no limit"][2] == "error: --fail-on: no finding is called 'contradictry'; did you mean 'contradictory'?\n"
    )
    assert "did you mean 'test'?" in said["no split"][2]
    assert said["no split of a file"][2].startswith("error: pairs.jsonl has no split 'nope'; a file has one, train")
    assert said["stopped"][2].startswith("error: stopped is a run that has no dataset yet; run its recipe again")
    assert said["pilots"][2].endswith("name one of them: pilots/take-20, pilots/take-5\n")
    assert "looks at" not in said["no folder"][2]
    assert said["crossed"][2] == "more than may be: contradictory=1\n"


def test_json_is_all_of_it(said: dict[str, Said]) -> None:
    told = json.loads(said["json"][1])
    assert said["json"][2] == ""
    assert told["taken"] == {
        "kind": "pairs", "layout": "ultrafeedback_binarized", "config": None, "configs": [],
        "reads": "chosen against rejected, scores from score_chosen and score_rejected",
    }  # fmt: skip
    found = {one["name"]: one["count"] for one in told["findings"] if one["count"]}
    assert found == {"contradictory": 2, "prompts_repeated": 1}
    assert told["trl"]["trainers"].startswith("DPOTrainer")


def test_benchmarks_are_named_with_what_is_there(said: dict[str, Said]) -> None:
    assert json.loads(said["against"][1])["against"] == {"user_oriented_prompts.jsonl": 0, "benchmark.jsonl": 1}


def test_seeds_that_ship_are_told_from_the_prompts_of_other_benchmarks(said: dict[str, Said]) -> None:
    told = {one["name"]: (one["severity"], one["count"]) for one in json.loads(said["seeds"][1])["findings"]}
    assert (told["shipped_prompts"], told["contaminated"]) == (("warn", 5), ("bad", 5))


def test_every_row_that_was_found_is_written(said: dict[str, Said], place: Path) -> None:
    told = json.loads(said["written"][1])
    counts = {one["name"]: one["count"] for one in told["findings"] if one["count"]}
    table = pl.DataFrame(pq.read_table(place / "found" / "findings.parquet"))
    assert dict(table.group_by("finding").len().iter_rows()) == counts
    rows = [json.loads(line) for line in (place / "planted" / "test.jsonl").read_text().splitlines()]
    leaked = table.filter(pl.col("finding") == "leaked")
    train = {json.loads(line)["prompt"] for line in (place / "planted" / "train.jsonl").read_text().splitlines()}
    assert all(rows[n - 1]["prompt"] in train for n in leaked["row"])
    assert leaked["why"].str.contains(r"^row \d+ of train$").all()
    assert (place / "pages" / "audit.html").read_text().startswith("<!doctype html>")


def test_a_quick_look_says_that_it_is_one(said: dict[str, Said]) -> None:
    told = json.loads(said["few"][1])
    assert [(part["split"], part["rows"]) for part in told["splits"]] == [("test", 5)]
    assert told["notes"] == ["the first 5 rows of each split alone (--take)"]


# --- on the Hub -----------------------------------------------------------------------------

CARD = b"""---
configs:
- config_name: main
  default: true
  data_files:
  - {split: train, path: main/train.jsonl}
  - {split: test, path: main/test.jsonl}
- config_name: other
  data_files: other/*.jsonl
---
"""


def test_a_dataset_on_the_hub(tmp_path: Path) -> None:
    chance = Random(6)
    train, test = [clean(chance) for _ in range(6)], [clean(chance) for _ in range(3)]
    test[1]["prompt"] = train[4]["prompt"].upper()
    files = {"README.md": CARD, "main/train.jsonl": lines(train).encode(), "main/test.jsonl": lines(test).encode(),
             "other/train.jsonl": lines([{"prompt": row["prompt"]} for row in train]).encode()}  # fmt: skip
    with Hub() as hub:
        hub.made("somebody/pairs", files)
        hub.made("somebody/bench", {"test.jsonl": lines([{"question": train[0]["prompt"]}]).encode()})
        words = ["audit", "somebody/pairs", "-q", "--json"]
        whole, other, fewer, wrong = hub.did(
            [Job([*words, "--against", "somebody/bench"]), Job([*words, "--config", "other"]), Job([*words, "--take", "2"]),
             Job(["audit", "somebody/nothing"])],
            tmp_path,
        )  # fmt: skip
    assert (whole.code, other.code, fewer.code, wrong.code) == (0, 0, 0, 1)
    told: Any = json.loads(whole.out)
    assert [(part["split"], part["rows"]) for part in told["splits"]] == [("train", 6), ("test", 3)]
    assert {one["name"]: one["count"] for one in told["findings"] if one["count"]} == {
        "leaked_normalised": 1,
        "contaminated": 1,
    }
    assert told["taken"]["configs"] == ["main", "other"]
    assert told["notes"] == ["other configs, not audited: other (--config)"]
    assert json.loads(other.out)["taken"]["kind"] == "prompts"
    assert [part["rows"] for part in json.loads(fewer.out)["splits"]] == [2, 2]
    assert wrong.last.startswith("error: cannot load somebody/nothing (no file of that name here, so from the Hub): ")
