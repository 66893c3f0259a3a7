"""RewardBench 2's score: the plain mean of its six domains. arXiv:2506.01937; allenai/reward-bench, issue 255."""

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import polars as pl

from prefgen.rows import because, drops, finite, whole
from prefgen.scores._results import OF_CREDIT, RESULTS, Tally, interval, result, said_by, tallies, together

SIX = "6-domain"
"""The only convention for the overall score: the plain mean."""
DOMAINS = ("Factuality", "Precise IF", "Math", "Safety", "Focus", "Ties")


def _uncounted(*, credit: str = "credit", subset: str = "subset") -> pl.Expr:
    own = pl.col("kind").is_null()
    return because(
        ("no credit", own & finite(credit).is_null()),
        ("no subset", own & pl.col(subset).is_null()),
    )


def _with_results(rows: pl.DataFrame, *, credit: str = "credit", subset: str = "subset") -> pl.DataFrame:  # noqa: ARG001
    """The rows with all columns of a result table, so that a table of credits alone will do."""
    missing = {name: kind for name, kind in RESULTS.items() if name not in rows.columns}
    return rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in missing.items())


@whole
@drops(_uncounted, prepared=_with_results)
def domains(rows: pl.DataFrame, *, credit: str = "credit", subset: str = "subset") -> pl.DataFrame:
    """The result table: a row for each domain, and one for the whole.

    Takes one row for each set of responses, with its credit and its ``subset``, and beside them the rows of ``ties``:
    ``concat`` puts the two into one table. ``low`` and ``high`` are the 95 % Wilson interval of a domain's mean credit,
    null for Ties. A domain without rows counts as 0, and ``note`` says so. ``mode`` tells rankings from ratings: the
    paper gives the better of the two for each judge, which makes judges look better than either mode does.
    """
    credited, ready = rows.filter(pl.col("kind").is_null()), rows.filter(pl.col("kind").is_not_null())
    same = {
        "mode": said_by(credited, "credit_mode"),
        "judge_model": said_by(rows, "judge_model"),
    }
    found = tallies(credited, credit, subset)
    made = [_domain(tally, same) for tally in found.values()]
    made += [{name: row[name] for name in RESULTS} | _named(row, same) for row in ready.iter_rows(named=True)]
    return pl.DataFrame([*made, _overall(made, same)], schema=RESULTS)


domains.looks_at = lambda settings: (
    settings.get("credit", "credit"), settings.get("subset", "subset"), *OF_CREDIT, *RESULTS
)  # fmt: skip


def _domain(tally: Tally, same: Mapping[str, Any]) -> dict[str, Any]:
    note = None if tally.name in DOMAINS else "in no domain"
    return result("domain" if note is None else "subset", tally, **interval(tally), note=note, **same)


def _named(row: Mapping[str, Any], same: Mapping[str, Any]) -> dict[str, Any]:
    """A result's own id, which ``concat`` has lengthened; and the judge, where nothing of it could be read."""
    own = f"{row['kind']}/{row['name']}"
    return {"prompt_id": own, "id": own, "judge_model": row["judge_model"] or same["judge_model"]}


def _overall(made: list[dict[str, Any]], same: Mapping[str, Any]) -> dict[str, Any]:
    parts = {
        row["name"]: Tally(row["name"], row["score"] / 100, row["rows"], row["unreadable"], row["disagreement"])
        for row in made
        if row["kind"] == "domain" and row["rows"]
    }
    missing = [name for name in DOMAINS if name not in parts]
    mean = fmean(parts[name].accuracy if name in parts else 0.0 for name in DOMAINS)
    note = f"without rows, counted as 0: {', '.join(missing)}" if missing else None
    return result("overall", together(SIX, mean, parts.values()), convention=SIX, note=note, **same)
