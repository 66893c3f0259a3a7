from typing import Any

import polars as pl
import pytest

from prefgen.scores.domains import DOMAINS, domains
from prefgen.scores.ties import ties
from prefgen.tables.concat import concat
from tests.scores.test_ties import GOLDEN, rated

SCHEMA = {"prompt_id": pl.String, "id": pl.String, "subset": pl.String, "credit": pl.Float64, "credit_mode": pl.String}


def credited(subsets: dict[str, list[float]]) -> pl.DataFrame:
    rows = [
        (f"{s}{n}", f"{s}{n}.0", s, credit, "rankings")
        for s, found in subsets.items()
        for n, credit in enumerate(found)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def rows_of(made: pl.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in made.iter_rows(named=True)}


FOUR = credited({"Factuality": [1, 0], "Precise IF": [0.25], "Math": [1, 1], "Safety": [0, 0, 1, 1], "Focus": [1]})


def test_the_whole_is_the_plain_mean_of_six_domains() -> None:
    made = rows_of(domains(concat(FOUR, ties(rated(GOLDEN)))))
    assert made["6-domain"]["score"] == pytest.approx((50 + 25 + 100 + 50 + 100 + 65.0579) / 6, abs=1e-4)
    assert made["6-domain"]["rows"] == FOUR.height + 4
    assert (made["6-domain"]["mode"], made["Ties"]["mode"], made["6-domain"]["note"]) == ("rankings", "ratings", None)
    assert (made["Factuality"]["kind"], made["p1"]["kind"]) == ("domain", "measure")
    assert made["Ties"]["id"] == made["Ties"]["prompt_id"] == "domain/Ties"
    assert made["Math"]["low"] < 100 <= made["Math"]["high"]
    assert set(DOMAINS) < set(made)


def test_a_domain_without_rows_is_0_and_says_so() -> None:
    made = rows_of(domains(FOUR))
    assert made["6-domain"]["score"] == pytest.approx((50 + 25 + 100 + 50 + 100) / 6)
    assert made["6-domain"]["note"] == "without rows, counted as 0: Ties"


def test_a_subset_that_is_no_domain_does_not_count() -> None:
    made = rows_of(domains(concat(FOUR, credited({"mine": [1, 1]}))))
    assert (made["mine"]["kind"], made["mine"]["note"]) == ("subset", "in no domain")
    assert made["6-domain"]["score"] == rows_of(domains(FOUR))["6-domain"]["score"]


def test_an_unreadable_judge_has_exactly_a_quarter_outside_ties() -> None:
    made = rows_of(domains(credited({name: [0.25] * 5 for name in DOMAINS[:-1]})))
    assert {made[name]["score"] for name in DOMAINS[:-1]} == {25.0}


def test_each_reason_and_no_rows() -> None:
    bad = credited({"Math": [float("nan")], "Focus": [1]}).with_columns(
        subset=pl.when(pl.col("subset") == "Math").then("subset")
    )
    rows = concat(bad, ties(rated(GOLDEN)))
    assert domains.marked(rows)["dropped"].to_list() == ["no credit", "no subset", *[None] * 6]
    assert domains(credited({})).schema == domains(FOUR).schema
    assert domains.whole
    for column in ("credit", "subset"):
        with pytest.raises(pl.exceptions.ColumnNotFoundError, match=column):
            domains(FOUR.drop(column))
