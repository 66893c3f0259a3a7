from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.rows import DROPPED
from prefgen.sources.load import LoadError
from prefgen.sources.load_responses import load_responses

DATA = Path(__file__).parents[1] / "data" / "rewardbench2.jsonl"
SETS = {"chosen": "chosen", "rejected": "rejected"}
OWN = ["prompt_id", "id", "prompt", "response", "response_model", "truncated", "response_reply"]


def loaded(source: Any, **how: Any) -> pl.DataFrame:
    return load_responses(source, **how)


def test_rewardbench_2_s_layout() -> None:
    rows = loaded(DATA, **SETS, keep={"subset": "subset", "item": "id", "num_correct": "num_correct"})
    assert rows.columns == [*OWN, "correct", "correct_ids", "subset", "item", "num_correct", DROPPED]
    assert rows[DROPPED].null_count() == rows.height
    assert rows["id"].is_unique().all()
    sets = rows.group_by("item", maintain_order=True).agg("correct", "id", pl.col("correct_ids", "num_correct").first())
    for found in sets.iter_rows(named=True):
        right = found["correct"].count(True)
        assert found["correct"] == [True] * right + [False] * (len(found["correct"]) - right)
        assert (found["correct_ids"], found["num_correct"]) == (found["id"][:right], right)
    four = sets.filter(~pl.col("item").str.contains(":"))
    assert four["correct"].to_list() == [[True, False, False, False]] * 15
    assert {item for item in sets["item"] if ":" in item} == {f"{k}:{n}" for k in ("ref", "tied") for n in range(3)} | {
        "ref:3"
    }


def test_lists_with_ranks_and_scores() -> None:
    row = {"prompt": "p", "texts": ["a", "b"], "ranks": [2, 1], "scores": [1, 2.5], "models": ["m", None], "topic": "t"}
    each = {"rank": "ranks", "score": "scores", "response_model": "models"}
    rows = loaded([row, {**row, "ranks": [1]}], response="texts", each=each, keep="topic")
    assert rows.columns == [*OWN, "rank", "score", "topic", DROPPED]
    assert rows.select("response", "response_model", "rank", "score", "topic").rows()[:2] == [
        ("a", "m", 2, 1.0, "t"),
        ("b", None, 1, 2.5, "t"),
    ]
    assert rows[DROPPED].to_list() == [None, None, "not one rank for each response"]
    assert rows["id"].to_list()[2] == "row 2"


def test_one_response_a_row() -> None:
    texts = [("p", "a", 1), ("q", "b", 1), ("p", "c", 2)]
    rows = loaded([{"prompt": p, "response": r, "rank": k} for p, r, k in texts], keep="rank")
    p, q = rows["prompt_id"][:2]
    assert rows["id"].to_list() == [f"{p}.0", f"{q}.0", f"{p}.1"]
    assert rows["rank"].to_list() == [1, 1, 2]
    assert loaded([{"prompt": p, "response": r} for p, r, _ in texts], take=1)["response"].to_list() == ["a", "c"]


def test_each_reason() -> None:
    good = {"prompt": "p", "chosen": ["a"], "rejected": ["b", " ", None]}
    bad = [{**good, "prompt": ""}, {**good, "prompt": [{"role": "user"}]}, {**good, "chosen": [], "rejected": []}]
    rows = loaded([good, *bad], **SETS)
    assert rows.select("id", DROPPED).rows()[2:] == [
        ("row 1.2", "empty response"),
        ("row 1.3", "empty response"),
        ("row 2", "empty prompt"),
        ("row 3", "bad messages"),
        ("row 4", "no response"),
    ]
    assert loaded([{"prompt": "p", "response": None}])[DROPPED].to_list() == ["empty response"]


def test_a_reply_may_be_a_message() -> None:
    reply = {"role": "assistant", "content": "a"}
    assert loaded([{"prompt": "p", "response": [reply]}])["response"].to_list() == ["a"]


def test_a_pilot_takes_whole_prompts() -> None:
    for shuffle in (False, True):
        whole = loaded(DATA, **SETS, shuffle=shuffle, seed=2)["id"].to_list()
        some = loaded(DATA, **SETS, shuffle=shuffle, seed=2, take=4)
        assert some["prompt_id"].n_unique() == 4
        assert some["id"].to_list() == whole[: some.height]


def test_no_rows_have_the_same_columns() -> None:
    texts = pl.List(pl.String)
    none = pl.DataFrame(schema={"prompt": pl.String, "chosen": texts, "rejected": texts, "response": pl.String})
    assert loaded(none, **SETS).schema == loaded(DATA, **SETS).schema
    assert loaded(none).schema == loaded([{"prompt": "p", "response": "a"}]).schema


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"chosen": "chosen"}, "go together"),
        ({**SETS, "keep": "correct"}, "makes itself"),
        ({**SETS, "keep": "score"}, "makes itself"),
        ({**SETS, "keep": "topic", "each": "topic"}, "both in each and in keep"),
        ({**SETS, "chosen": "prompt.0"}, "prompt.0"),
        ({"response": "meta"}, "holds an object with x; a response is text"),
        ({"response": "topic", "each": {"score": "topic"}}, "score holds what are no numbers"),
    ],
)
def test_errors_say_what_and_what_would_do(how: dict[str, Any], words: str) -> None:
    row = {"prompt": "p", "chosen": ["a"], "rejected": ["b"], "topic": "t", "score": 1, "correct": 1, "meta": {"x": 1}}
    with pytest.raises(LoadError, match=words):
        loaded([row], **how)
