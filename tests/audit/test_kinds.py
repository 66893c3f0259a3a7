"""Audits of what is no plain file of pairs: unpaired responses, configs, splits, runs, and data of which nothing can be read."""

import json
import re
from pathlib import Path
from random import Random
from typing import Any

import datasets
import pytest

from prefgen.audit import Asked, Audit, audit
from prefgen.audit.checks import GROUPS, NAMES
from prefgen.audit.page import made
from prefgen.audit.taken import UnknownLayout
from prefgen.audit.thresholds import MEASURES, limits
from prefgen.audit.told import about
from prefgen.sources._read import LoadError
from tests.audit.planted import Row, clean
from tests.layouts import says, user

ROOT = Path(__file__).parent.parent.parent


def written(path: Path, rows: list[Row]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def audited(rows: list[Row], place: Path, **said: Any) -> Audit:
    found = audit(Asked(str(written(place / "rows.jsonl", rows))), charts=True, **said)
    assert made(found)
    return found


def counts(found: Audit) -> dict[str, int]:
    return {one["name"]: one["count"] for one in found.findings if one["count"]}


def responses(n: int) -> list[Row]:
    chance = Random(n)
    rows = [clean(chance) for _ in range(n)]
    return [{"prompt": row["prompt"], "completion": row["chosen"], "label": k % 2 == 0} for k, row in enumerate(rows)]


def test_unpaired_responses(tmp_path: Path) -> None:
    rows = responses(40)
    rows += [
        {**rows[0], "label": False},
        {**rows[2], "completion": ""},
        {**rows[1], "completion": "I can't help with that."},
        dict(rows[3]),
    ]
    found = audited(rows, tmp_path)
    assert counts(found) == {
        "empty_chosen": 1, "refused_rejected": 1, "contradictory": 2, "duplicated": 1, "prompts_repeated": 4,
    }  # fmt: skip
    of = {one["name"]: one["of"] for one in found.findings}
    assert (of["empty_chosen"], of["empty_rejected"], of["identical"], of["cycles"]) == (21, 23, 0, 0)
    assert found.biases["lengths"] == {}
    assert sum(found.biases["spread"]["chosen"]) == 21


def test_single_responses_and_conversations(tmp_path: Path) -> None:
    chance = Random(1)
    rows: list[Row] = [
        {"messages": [user(row["prompt"]), says(row["chosen"])], "score": 3.5}
        for row in (clean(chance) for _ in range(9))
    ]
    rows[4]["messages"][1]["content"] += "<|im_end|>"
    found = audited(rows, tmp_path)
    assert (found.taken.kind, found.taken.layout, counts(found)) == ("completions", "messages", {"markers": 1})


def test_nothing_that_can_be_read(tmp_path: Path) -> None:
    found = audited(
        [{"chosen": [user("p")], "rejected": [user("q")]}] * 3, tmp_path, fail_on=limits(["unread=0.5", "bad=0"])
    )
    assert found.parts == [
        {"split": "train", "rows": 3, "pairs": 0, "prompts": 0, "unread": {"ends with no answer": 3}}
    ]
    assert counts(found) == {}
    assert [(one.value, one.crossed) for one in found.held] == [(1.0, True), (None, False)]


def test_a_pair_of_several_in_a_row_is_told_by_its_place(tmp_path: Path) -> None:
    row = {"prompt": "Name a grain.", "chosen": ["Rye.", "Oats."], "rejected": ["Coal.", ""], "num_correct": 2}
    found = audited([row], tmp_path)
    (empty,) = [one for one in found.findings if one["name"] == "empty_rejected"]
    assert [(one["row"], one["pair"]) for one in empty["examples"]] == [(1, 1), (1, 3)]
    assert (found.parts[0]["rows"], found.parts[0]["pairs"], found.parts[0]["prompts"]) == (1, 4, 1)
    assert counts(found) == {"empty_rejected": 2}


def test_rows_of_which_some_pairs_can_be_read_are_read(tmp_path: Path) -> None:
    """Each pair that cannot be is told with its reason; a share of rows is never above 1."""
    row = {"prompt": "Name a grain.", "chosen": ["Rye.", "Oats."], "num_correct": 2}
    some, none = ({**row, "rejected": [one, [{"role": "x"}]]} for one in ("Coal.", [{"role": "x"}]))
    found = audited([some, none, some, some], tmp_path)
    assert (found.parts[0]["rows"], found.parts[0]["unread"]) == (4, {"bad messages": 10})
    assert found.measures()["unread"] == 1 / 4


def test_scores_that_are_infinitely_far_apart_have_no_gap(tmp_path: Path) -> None:
    chance = Random(4)
    rows = [clean(chance) | {"score_chosen": 3.0, "score_rejected": 1.0} for _ in range(40)]
    found = audited([*rows, clean(chance) | {"score_chosen": 1e308, "score_rejected": -1e308}], tmp_path)
    assert found.biases["gap"] == {"mean": 2.0, "n": 40}


# --- configs, splits, runs ------------------------------------------------------------------


def folder(place: Path, *, default: str = "") -> Path:
    """A dataset of three configs: numbers, pairs, and prompts in two splits."""
    chance = Random(2)
    rows = [clean(chance) for _ in range(5)]
    written(place / "numbers" / "train.jsonl", [{"name": "x", "value": 1.0}])
    written(place / "pairs" / "train.jsonl", rows)
    written(place / "prompts" / "dev.jsonl", [{"prompt": row["prompt"]} for row in rows[:2]])
    written(place / "prompts" / "test.jsonl", [{"prompt": row["prompt"]} for row in rows])
    lines = ["---", "configs:"]
    for name in ("numbers", "pairs"):
        lines += [f"- config_name: {name}", f"  data_files: {name}/*.jsonl"] + (
            ["  default: true"] if name == default else []
        )
    lines += [
        "- config_name: prompts",
        "  data_files:",
        *(f"  - {{split: {s}, path: prompts/{s}.jsonl}}" for s in ("dev", "test")),
    ]
    (place / "README.md").write_text("\n".join([*lines, "---"]))
    return place


def test_the_first_config_that_can_be_audited_is(tmp_path: Path) -> None:
    found = audit(Asked(str(folder(tmp_path / "d", default="numbers"))))
    assert (found.dataset.config, found.taken.kind, found.notes) == (
        "pairs",
        "pairs",
        ["other configs, not audited: numbers, prompts (--config)"],
    )
    with pytest.raises(UnknownLayout, match="it has name, value"):
        audit(Asked(str(tmp_path / "d"), config="numbers"))


def test_a_prompt_of_two_splits_is_one_prompt(tmp_path: Path) -> None:
    rows = [clean(Random(n)) for n in range(6)]
    for split, some in (("train", rows), ("test", rows[4:])):
        written(tmp_path / "d" / f"{split}.jsonl", some)
    found = audit(Asked(str(tmp_path / "d")))
    assert {part["split"]: part["prompts"] for part in found.parts} == {"train": 6, "test": 2}
    assert about(found).startswith("6 prompts; rows: ")


def beside(place: Path, judged: dict[str, list[Row]]) -> Path:
    """Pairs with judgments beside them, in the same splits."""
    lines = ["---", "configs:"]
    for name in ("preferences", "judgments"):
        lines += [f"- config_name: {name}", f"  default: {str(name == 'preferences').lower()}", "  data_files:"]
        lines += [f"  - {{split: {split}, path: {name}/{split}.jsonl}}" for split in judged]
    for n, (split, rows) in enumerate(judged.items()):
        written(place / "preferences" / f"{split}.jsonl", [clean(Random(n))])
        written(place / "judgments" / f"{split}.jsonl", rows)
    (place / "README.md").write_text("\n".join([*lines, "---"]))
    return place


def verdict(pair: int, said: str | None, **more: Any) -> Row:
    texts = {"response_a": "yes", "response_b": "no"}
    return {
        "prompt_id": f"{pair}",
        "pair_id": f"{pair}",
        "judge_model": "j",
        "gold": "A",
        "verdict": said,
        **texts,
    } | more


def test_judges_are_told_of_the_splits_that_are_audited(tmp_path: Path) -> None:
    judged = {"train": [verdict(n, "A") for n in range(6)], "test": [verdict(n, "B") for n in range(6, 10)]}
    place = str(beside(tmp_path / "d", judged))
    for split, right, n in ((None, 0.6, 10), ("train", 1.0, 6), ("test", 0.0, 4)):
        (one,) = audit(Asked(place, split=split)).judges["judgments"]["judges"].values()
        assert (one["judgments"], one["agrees_with_gold"]["value"], one["agrees_with_gold"]["n"]) == (n, right, n)


def test_scores_in_a_table_of_both_kinds_are_scores(tmp_path: Path) -> None:
    """As prefgen writes judgments: of one response, which may be one of a pair's. What is no number is none."""
    of_none = {"response_a": None, "response_b": None, "gold": None}
    scores = [1.0, 2.0, None, 6.0]
    rows = [verdict(0, None, response_id=f"0.{n}", score=score, **of_none) for n, score in enumerate(scores)]
    rows.append({**rows[0], "response_id": "0.9", "score": float("inf")})
    (told,) = audit(Asked(str(beside(tmp_path / "d", {"train": rows})))).judges.values()
    (one,) = told["judges"].values()
    assert told["kind"] == "scores"
    assert (one["judgments"], one["responses"], one["mean"]) == (5, 5, 3.0)


def test_without_a_default_one_must_be_named(tmp_path: Path) -> None:
    place = str(folder(tmp_path / "d"))
    with pytest.raises(
        LoadError, match="has the configs numbers, pairs, prompts, and none is the default; name one with --config"
    ):
        audit(Asked(place))
    with pytest.raises(LoadError, match=r"has no config 'pears'; did you mean 'pairs'\?"):
        audit(Asked(place, config="pears"))


def test_where_all_splits_are_held_out_there_is_nothing_to_leak_into(tmp_path: Path) -> None:
    found = audit(Asked(str(folder(tmp_path / "d")), config="prompts"))
    assert [(part["split"], part["rows"]) for part in found.parts] == [("dev", 2), ("test", 5)]
    assert {one["of"] for one in found.findings if one["name"].startswith("leaked")} == {0}
    assert counts(found) == {}


def test_what_datasets_saved(tmp_path: Path) -> None:
    chance = Random(3)
    rows = [clean(chance) for _ in range(4)]
    both = {"train": datasets.Dataset.from_list(rows[:3]), "test": datasets.Dataset.from_list([rows[0], rows[3]])}
    datasets.DatasetDict(both).save_to_disk(tmp_path / "both")
    assert counts(audit(Asked(str(tmp_path / "both")))) == {"leaked": 1}
    both["train"].save_to_disk(tmp_path / "one")
    assert [part["rows"] for part in audit(Asked(str(tmp_path / "one"))).parts] == [3]


def test_a_folder_of_pilots_names_one(tmp_path: Path) -> None:
    (tmp_path / "run" / "take-20" / "dataset").mkdir(parents=True)
    (tmp_path / "run" / "journal.sqlite").touch()
    with pytest.raises(LoadError, match=r"holds pilots and no dataset of its own; name one of them: .*take-20"):
        audit(Asked(str(tmp_path / "run")))


def test_the_page_of_the_docs_has_every_name() -> None:
    said = set(re.findall(r"`([\w-]+)`", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8")))
    assert {*NAMES, *MEASURES, *GROUPS, "bad", "warn"} <= said
