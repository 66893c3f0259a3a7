"""What run.json and a dataset's card say of its judges."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import combinations
from typing import Any

import polars as pl

from prefgen.statistics import (
    accuracy,
    cohens_kappa,
    first_read,
    first_shown_share,
    flip_rate,
    gold_longer_share,
    krippendorff_alpha,
    longer_share,
)


def judge_report(rows: pl.DataFrame) -> dict[str, Any]:
    """What run.json and the card say of a table of judgments: each judge's agreement and bias, and how far judges
    agree with one another. Empty for a table without verdicts or scores.
    """
    if {"pair_id", "gold", "verdict", "response_a", "response_b", "judge_model"} <= set(rows.columns):
        return _of_pairs(rows)
    if {"response_id", "score", "judge_model"} <= set(rows.columns):
        return _of_scores(rows)
    return {}


PAIR_MEASURES = {
    "agrees_with_gold": accuracy,
    "first_shown": first_shown_share,
    "flips": flip_rate,
    "prefers_longer": longer_share,
    "gold_is_longer": gold_longer_share,
}


def _of_pairs(rows: pl.DataFrame) -> dict[str, Any]:
    judges: dict[str, Any] = {}
    for (judge,), own in rows.group_by("judge_model", maintain_order=True):
        measured = {name: measure(own) for name, measure in PAIR_MEASURES.items()}
        counts = {"judgments": own.height, "pairs": own["pair_id"].n_unique()}
        judges[str(judge)] = counts | {name: asdict(one) for name, one in measured.items() if one}
    return {"kind": "pairs", "judges": judges, **_agreement(rows)}


def _agreement(rows: pl.DataFrame) -> dict[str, Any]:
    """How far several judges of the same ordered pairs agree: Krippendorff's alpha, and Cohen's kappa of each two."""
    first = first_read(rows)
    if first["judge_model"].n_unique() < 2:
        return {}
    wide = first.pivot("judge_model", index=["pair_id", "gold"], values="verdict")
    same, wide = wide["pair_id"].to_list(), wide.drop("pair_id", "gold")
    alpha = krippendorff_alpha(wide.rows(), same=same)
    kappas = {
        f"{a} | {b}": cohens_kappa(wide[a].to_list(), wide[b].to_list()) for a, b in combinations(wide.columns, 2)
    }
    return {"alpha": asdict(alpha) if alpha else None, "kappas": kappas}


def _of_scores(rows: pl.DataFrame) -> dict[str, Any]:
    judges: dict[str, Any] = {}
    for (judge,), own in rows.group_by("judge_model", maintain_order=True):
        scores = own["score"].drop_nulls()
        units = own.group_by("response_id", maintain_order=True).agg("score")["score"].to_list()
        alpha = krippendorff_alpha(units, level="interval")
        counts = {str(value): n for value, n in scores.value_counts().sort("score").iter_rows()}
        judges[str(judge)] = {
            "judgments": own.height, "responses": len(units), "mean": scores.mean(), "sd": scores.std(),
            "scores": counts if len(counts) <= MOST_SCORES else {}, "alpha": asdict(alpha) if alpha else None,
        }  # fmt: skip
    return {"kind": "scores", "judges": judges}


MOST_SCORES = 30
"""Different scores beyond which they are not counted one by one."""

HEAD = (
    "table",
    "judge",
    "judgments",
    "agrees with gold",
    "says the first",
    "flips",
    "prefers the longer",
    "mean score",
    "alpha",
)


def report_rows(judges: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The reports of several tables as one: head and rows, in words."""
    rows = []
    for table, report in judges.items():
        for judge, one in report.get("judges", {}).items():
            shares = [_words(one.get(name)) for name in ("agrees_with_gold", "first_shown", "flips", "prefers_longer")]
            mean = "" if one.get("mean") is None else f"{one['mean']:.2f}"
            alpha = _words(one.get("alpha") or report.get("alpha"))
            rows.append((table, judge, f"{one['judgments']:,}", *shares, mean, alpha))
    return HEAD, rows


def _words(measured: Mapping[str, Any] | None) -> str:
    return f"{measured['value']:.2f} ({measured['low']:.2f} to {measured['high']:.2f})" if measured else ""
