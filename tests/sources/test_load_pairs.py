from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.asker import MESSAGES
from prefgen.rows import DROPPED
from prefgen.scores.sections import WEIGHTS
from prefgen.sources.load import LoadError, load
from prefgen.sources.load_pairs import load_pairs

DATA = Path(__file__).parents[1] / "data" / "rewardbench.jsonl"
WHY, SO, NO = (
    {"role": "user", "content": "why?"},
    {"role": "assistant", "content": "so"},
    {"role": "assistant", "content": "no"},
)


def why(*rows: dict[str, Any]) -> list[str | None]:
    return load_pairs(list(rows))[DROPPED].to_list()


def test_rewardbench_s_layout() -> None:
    pairs = load_pairs(DATA.name, keep={"subset": "subset", "item": "id"}, folder=DATA.parent)
    assert pairs.height == 69
    assert pairs[DROPPED].null_count() == 69
    assert set(pairs["subset"]) == {name for names in WEIGHTS.values() for name in names}
    assert pairs["item"].dtype == pl.Int64
    assert pairs["chosen_model"][0] == "a-good-model"
    assert pairs["prompt_id"].to_list() == load(DATA, folder=DATA.parent)["prompt_id"].to_list()
    assert pairs["id"].to_list() == [f"{prompt}.0" for prompt in pairs["prompt_id"]]
    assert pairs.columns == [
        "prompt_id", "id", "prompt", "chosen", "rejected", "chosen_model", "rejected_model", "chosen_reply",
        "rejected_reply", "subset", "item", DROPPED,
    ]  # fmt: skip
    assert pairs.schema["prompt"] == MESSAGES


@pytest.mark.parametrize("kind", ["json", "csv", "parquet"])
def test_files_of_other_kinds(kind: str, tmp_path: Path) -> None:
    frame, path = (
        pl.DataFrame({"prompt": ["1 + 1?", "how?"], "chosen": ["2", "3"], "rejected": ["4", "5"]}),
        tmp_path / f"x.{kind}",
    )
    {"json": frame.write_json, "csv": frame.write_csv, "parquet": frame.write_parquet}[kind](path)  # type: ignore[operator]
    assert load_pairs(path)["chosen"].to_list() == ["2", "3"]


def test_the_pairs_of_one_prompt_are_numbered() -> None:
    rows = [{"prompt": p, "chosen": c, "rejected": "no"} for p, c in [("a", "1"), ("b", "2"), ("a", ""), ("a", "3")]]
    pairs = load_pairs(rows)
    first, second = pairs["prompt_id"][:2]
    assert pairs["id"].to_list() == [f"{first}.0", f"{second}.0", "row 3", f"{first}.1"]
    assert pairs["chosen_model"].to_list() == [None] * 4


def test_the_common_beginning_of_two_conversations_is_the_prompt() -> None:
    talks = {"chosen": [WHY, SO], "rejected": [WHY, NO]}
    for row in (talks, {"prompt": "another", **talks}, {"prompt": [WHY], "chosen": [SO], "rejected": [NO]}):
        pair = load_pairs([row]).row(0, named=True)
        assert (pair["prompt"], pair["chosen"], pair["rejected"]) == ([WHY], "so", "no")
    long = {side: [WHY, SO, WHY, end] for side, end in (("chosen", SO), ("rejected", NO))}
    assert load_pairs([long])["prompt"].to_list() == [[WHY, SO, WHY]]


def test_each_reason() -> None:
    told = {"chosen": "so", "rejected": "no"}
    assert why({"prompt": "why?", **told}, {"prompt": " ", **told}, {"prompt": None, **told}) == [
        None,
        *["empty prompt"] * 2,
    ]
    assert why({"prompt": [WHY, SO], **told}, {"prompt": [{"role": "?"}], **told}) == ["bad messages"] * 2
    rows = [{"prompt": "why?", "chosen": c, "rejected": r} for c, r in (("so", None), (" ", "no"), ("so", "so\n"))]
    assert why(*rows) == ["empty response", "empty response", "equal texts"]
    two, later = [WHY, SO, WHY, SO], [WHY, NO, WHY, NO]
    assert (
        why({"chosen": two, "rejected": later}, {"chosen": [WHY, SO], "rejected": [WHY, WHY]}) == ["bad messages"] * 2
    )
    assert why({"prompt": "p", "chosen": [WHY, SO], "rejected": "no"}) == ["bad messages"]
    assert why({"chosen": [WHY, SO], "rejected": [WHY, SO]}) == ["equal texts"]
    assert why({"chosen": [SO], "rejected": [NO]}) == ["empty prompt"]


def test_a_pilot_is_the_beginning_of_the_whole() -> None:
    for shuffle in (False, True):
        whole = load_pairs(DATA, shuffle=shuffle, seed=3)["id"].to_list()
        assert load_pairs(DATA, shuffle=shuffle, seed=3, take=7)["id"].to_list() == whole[:7]
    bad = [{"prompt": "", "chosen": "a", "rejected": "b"}] * 9 + [{"prompt": "p", "chosen": "a", "rejected": "b"}] * 3
    assert load_pairs(bad, take=2)[DROPPED].null_count() == 2


def test_no_rows_have_the_same_columns() -> None:
    none = pl.DataFrame(schema={"prompt": pl.String, "chosen": pl.String, "rejected": pl.String})
    assert load_pairs(none).schema == load_pairs(DATA).schema


def test_errors_say_what_and_what_would_do() -> None:
    row = {"prompt": "p", "chosen": "a", "rejected": "b"}
    for how, words in (
        ({"chosen": "choosen"}, "no 'choosen'; did you mean 'chosen'"),
        ({"prompt": "question"}, "no 'question'"),
        ({"keep": "chosen"}, "makes itself"),
        ({"take": 0}, "take is 0"),
    ):
        with pytest.raises(LoadError, match=words):
            load_pairs([row], **how)
    with pytest.raises(LoadError, match=r"'chosen' holds a list of texts; name one of them: chosen\.0"):
        load_pairs([{"prompt": "p", "chosen": ["a"], "rejected": ["b"]}])
    assert load_pairs([{"prompt": "p", "chosen": ["a"], "rejected": ["b"]}], chosen="chosen.0", rejected="rejected.0")[
        "chosen"
    ].to_list() == ["a"]
