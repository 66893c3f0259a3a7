from typing import Any

import polars as pl
import pytest
from scipy.stats import binomtest

from prefgen.scores.sections import WEIGHTS, section_scores, sections

EXAMPLE = {
    "alpacaeval-easy": 0.5, "alpacaeval-hard": 0.7052631578947368, "alpacaeval-length": 0.5894736842105263,
    "donotanswer": 0.8235294117647058, "hep-cpp": 0.6280487804878049, "hep-go": 0.6341463414634146,
    "hep-java": 0.7073170731707317, "hep-js": 0.6646341463414634, "hep-python": 0.5487804878048781,
    "hep-rust": 0.6463414634146342, "llmbar-adver-GPTInst": 0.391304347826087,
    "llmbar-adver-GPTOut": 0.46808510638297873, "llmbar-adver-manual": 0.3695652173913043,
    "llmbar-adver-neighbor": 0.43283582089552236, "llmbar-natural": 0.52, "math-prm": 0.2953020134228188,
    "mt-bench-easy": 0.5714285714285714, "mt-bench-hard": 0.5405405405405406, "mt-bench-med": 0.725,
    "refusals-dangerous": 0.97, "refusals-offensive": 1, "xstest-should-refuse": 1, "xstest-should-respond": 0.284,
}  # fmt: skip
"""The metrics of the official README's example."""


def credited(subsets: dict[str, list[float]]) -> pl.DataFrame:
    rows = [
        (f"{name}{n}", f"{name}{n}.0", name, credit)
        for name, found in subsets.items()
        for n, credit in enumerate(found)
    ]
    schema = {"prompt_id": pl.String, "id": pl.String, "subset": pl.String, "credit": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def rows_of(made: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in made.iter_rows(named=True)}


def test_the_official_example() -> None:
    scores = section_scores(EXAMPLE)
    assert {name: round(score, 6) for name, score in scores.items()} == {
        "Chat": 0.608939,
        "Chat Hard": 0.449561,
        "Safety": 0.721622,
        "Reasoning": 0.466757,
        "4-section": 0.561720,
    }
    assert round(section_scores(EXAMPLE, prior=0.6)["with-prior"], 6) == 0.565973


def test_the_weights_are_the_official_ones() -> None:
    assert {name: sum(weights.values()) for name, weights in WEIGHTS.items()} == {
        "Chat": 358,
        "Chat Hard": 456,
        "Safety": 740,
        "Reasoning": 1968,
    }
    assert sum(len(weights) for weights in WEIGHTS.values()) == 23


def test_prior_sets_make_a_fifth_section_of_half_the_weight() -> None:
    priors = {"anthropic_helpful": 0.5, "anthropic_hhh": 0.7, "shp": 0.6, "summarize": 0.6, "mtbench_human": 0.0}
    assert section_scores(EXAMPLE | priors)["Prior"] == pytest.approx(0.6)
    assert round(section_scores(EXAMPLE | priors)["with-prior"], 6) == 0.565973


def test_a_sample_is_weighted_as_the_whole() -> None:
    made = rows_of(sections(credited({"math-prm": [1.0] * 9, "hep-go": [0.0], "hep-js": [0.0, 0.0]})))
    assert made["Reasoning"]["score"] == pytest.approx(100 * 984 / (984 + 164 + 164))
    assert made["Reasoning"]["note"] == "without hep-cpp, hep-java, hep-python, hep-rust"
    assert made["Reasoning"]["rows"] == 12


def test_a_section_without_rows_is_0_and_says_so() -> None:
    made = rows_of(sections(credited({"alpacaeval-easy": [1, 1], "mine": [1, 0]})))
    assert (made["Safety"]["score"], made["Safety"]["note"]) == (0, "no rows: counts as 0")
    assert made["4-section"]["score"] == 25
    assert made["4-section"]["note"] == "without rows, counted as 0: Chat Hard, Safety, Reasoning"
    assert (made["mine"]["weight"], made["mine"]["note"]) == (None, "in no section")


def test_the_result_table() -> None:
    made = sections(credited({"hep-go": [1, 0, 0.5, 0.5], "alpacaeval-easy": [1, 1, 0]}), prior=0.5)
    assert made["id"].to_list() == made["prompt_id"].to_list()
    assert made["id"].to_list() == [
        "subset/alpacaeval-easy", "subset/hep-go", "section/Chat", "section/Chat Hard", "section/Safety",
        "section/Reasoning", "section/Prior", "overall/4-section", "overall/with-prior",
    ]  # fmt: skip
    assert made["convention"].to_list() == [*[None] * 7, "4-section", "with-prior"]
    assert made["weight"].to_list() == [100, 164, 2, 2, 2, 2, 1, None, None]
    assert rows_of(made)["Prior"]["note"] == "given, not evaluated here"
    easy = rows_of(made)["alpacaeval-easy"]
    interval = binomtest(2, 3).proportion_ci(method="wilson")
    assert (easy["low"], easy["high"]) == pytest.approx((100 * interval.low, 100 * interval.high))
    assert rows_of(made)["Chat"]["low"] is None


def test_how_often_the_two_readings_differ() -> None:
    rows = credited({"hep-go": [1, 0, 1, 1], "hep-js": [1]}).with_columns(
        pl.Series("credit_robust", [1.0, 0, 1, 1, 1]),
        pl.Series("credit_official", [0.0, 0, 1, 1, 1]),
        pl.Series("unreadable", [0.0, 1, 0, 0, 0]),
        pl.lit("m/1").alias("judge_model"),
        pl.lit("single").alias("credit_mode"),
    )
    made = rows_of(sections(rows))
    assert (made["hep-go"]["disagreement"], made["4-section"]["disagreement"]) == (0.25, 0.2)
    assert (made["hep-go"]["unreadable"], made["4-section"]["unreadable"]) == (0.25, 0.2)
    assert (made["4-section"]["mode"], made["4-section"]["judge_model"]) == ("single", "m/1")


def test_an_unreadable_judge_has_exactly_half() -> None:
    made = rows_of(sections(credited({name: [0.5] * 3 for weights in WEIGHTS.values() for name in weights})))
    assert {row["score"] for row in made.values()} == {50.0}


def test_each_reason_and_no_rows() -> None:
    rows = credited({"hep-go": [1]}).vstack(credited({"hep-js": [float("nan")]}))
    rows = rows.vstack(credited({"x": [1]}).with_columns(subset=pl.lit(None, pl.String)))
    assert sections.marked(rows)["dropped"].to_list() == [None, "no credit", "no subset"]
    assert sections(credited({})).schema == sections(rows).schema
    assert sections.whole
    with pytest.raises(ValueError, match="prior must be an accuracy from 0 to 1; it is 60"):
        sections(rows, prior=60)
    for column in ("credit", "subset"):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
            sections(rows.drop(column))
