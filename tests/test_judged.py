import json
from pathlib import Path

import polars as pl
import pytest

from prefgen.judged import (
    AGREEMENT,
    AUTHORS,
    HEAD,
    agreement_rows,
    author_report,
    author_rows,
    judge_report,
    looked_at,
    pair_measures,
    pair_report,
    report_rows,
)
from tests.test_statistics import judged


def test_a_judge_of_pairs() -> None:
    report = judge_report(judged(100, 0.8, 0.1, 0))
    one = report["judges"]["m"]
    assert (one["judgments"], one["pairs"]) == (200, 100)
    assert one["agrees_with_gold"]["n"] == 200
    assert set(one) > {"first_shown", "flips", "prefers_longer", "gold_is_longer"}
    assert "alpha" not in report
    json.dumps(report, allow_nan=False)


def test_several_judges_agree_or_not() -> None:
    rows = [
        judged(60, right, 0.0, seed).with_columns(judge_model=pl.lit(name))
        for name, right, seed in (("x", 0.95, 1), ("y", 0.95, 2), ("z", 0.5, 3))
    ]
    report = judge_report(pl.concat(rows))
    assert set(report["kappas"]) == {"x | y", "x | z", "y | z"}
    assert report["kappas"]["x | y"] > 0.6
    assert abs(report["kappas"]["x | z"]) < 0.3
    assert report["alpha"]["low"] < report["alpha"]["value"] < report["alpha"]["high"]
    assert report["fleiss_kappa"] == pytest.approx(report["alpha"]["value"], abs=0.01)
    said = agreement_rows({"t": report})
    assert [row[1:3] for row in said] == [
        ("all", "Krippendorff's alpha"),
        ("all", "Fleiss' kappa"),
        ("x | y", "Cohen's kappa"),
        ("x | z", "Cohen's kappa"),
        ("y | z", "Cohen's kappa"),
    ]
    assert {len(row) for row in said} == {len(AGREEMENT)}


def test_a_judge_of_scores() -> None:
    rows = pl.DataFrame({"response_id": ["a", "a", "b", "b"], "score": [4.0, 5.0, 1.0, 1.0], "judge_model": ["m"] * 4})
    one = judge_report(rows)["judges"]["m"]
    assert (one["judgments"], one["responses"], one["mean"]) == (4, 2, 2.75)
    assert one["scores"] == {"1.0": 2, "4.0": 1, "5.0": 1}
    assert one["alpha"]["value"] > 0.8


def test_tables_without_judgments_say_nothing() -> None:
    assert judge_report(pl.DataFrame({"id": ["a"]})) == {}
    empty = judge_report(judged(0, 0.5, 0.5, 0))
    assert empty["judges"] == {}
    assert report_rows({"t": empty}) == (HEAD, [])


def test_lengths_of_pairs_are_measured_without_their_texts() -> None:
    talk = [
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}] for text in ("aaa", "b", "cc", "dd")
    ]
    pairs = pl.DataFrame(
        {"chosen": talk[:3], "rejected": talk[1:], "chosen_model": ["x"] * 3, "rejected_score": [1.0] * 3}
    )
    measured = pair_measures(pairs)
    assert measured.columns == ["chosen_model", "rejected_score", "chosen_characters", "rejected_characters"]
    assert measured["chosen_characters"].to_list() == [3, 1, 2]
    found = pair_report([measured])
    assert (found["pairs"], found["chosen_characters"], found["rejected_characters"]) == (3, 2.0, 1.7)
    assert (found["longer"]["value"], found["longer"]["n"]) == (0.5, 2)
    assert pair_report([measured.head(0)]) == {}
    assert pair_report([measured.tail(1)])["longer"] is None


def test_of_a_table_on_disk_no_text_is_held_and_the_report_is_the_same(tmp_path: Path) -> None:
    """The other columns are more than one row group's, so that their order would show."""
    pairs = judged(1500, 0.8, 0.1, 0).with_columns(judgment=pl.lit("a long judgment"), id=pl.col("pair_id"))
    scores = pl.DataFrame(
        {"response_id": ["a", "b"] * 20, "score": [1.0, 5.0] * 20, "judge_model": "m", "judgment": "x"}
    )
    for rows in (pairs, scores):
        whose = rows.with_columns(prompt_id=pl.col("^(pair|response)_id$"))
        whose.write_parquet(tmp_path / "t.parquet", row_group_size=1000)
        found = list(looked_at(tmp_path / "t.parquet"))
        assert judge_report(found) == judge_report(rows)
        for frame in found:
            assert "judgment" not in frame.columns
            assert pl.String not in [frame.schema.get(name) for name in ("response_a", "response_b")]


def test_a_report_in_words() -> None:
    _, rows = report_rows({"t": judge_report(judged(100, 1.0, 0.0, 0))})
    assert rows[0][:4] == ("t", "m", "200", "1.00 (0.96 to 1.00)")
    assert rows[0][5] == "0.00 (0.00 to 0.04)"


def test_which_model_tends_to_be_chosen() -> None:
    pairs = pl.DataFrame(
        [("a", "b")] * 30 + [("b", "a")] * 10 + [("a", "a")] * 5 + [(None, "a")],
        schema=["chosen_model", "rejected_model"],
        orient="row",
    )
    first, second = author_report(pairs)
    assert (first["model"], first["chosen"], first["rejected"], first["share"]["value"]) == ("a", 30, 10, 0.75)
    assert (second["model"], second["chosen"], second["rejected"]) == ("b", 10, 30)
    assert first["elo"]["low"] < first["elo"]["value"] < first["elo"]["high"]
    assert first["elo"]["value"] - second["elo"]["value"] == pytest.approx(191, abs=2)  # 400 log10(3)
    assert author_rows([first])[0][:4] == ("a", "30", "10", "0.75 (0.60 to 0.86)")
    assert len(author_rows([first])[0]) == len(AUTHORS)
    json.dumps([first, second], allow_nan=False)


def test_one_model_alone_says_nothing_of_models() -> None:
    pairs = pl.DataFrame([("a", "a")], schema=["chosen_model", "rejected_model"], orient="row")
    assert author_report(pairs) == author_report(pairs.clear()) == []
