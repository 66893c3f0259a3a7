"""What run.json and a dataset's card say of its judges."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.statistics import (
    accuracy,
    bradley_terry,
    cohens_kappa,
    elo_points,
    first_read,
    first_shown_share,
    fleiss_kappa,
    flip_rate,
    gold_longer_share,
    krippendorff_alpha,
    longer_share,
    share,
)


def judge_report(rows: pl.DataFrame) -> dict[str, Any]:
    """What run.json and the card say of a table of judgments: each judge's agreement and bias, and how far judges
    agree with one another. Empty for a table without verdicts or scores. ``looked_at`` is what it looks at.
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


def looked_at(judgments: Path) -> pl.DataFrame:
    """What ``judge_report`` looks at of a table on disk: of responses their lengths, so that no text is held."""
    table = pl.scan_parquet(judgments)
    names = [name for name in table.collect_schema().names() if name in _LOOKED_AT]
    lengths = pl.col("^response_[ab]$").str.len_chars()
    return table.select(names).with_columns(lengths).collect(engine="streaming")


_LOOKED_AT = {"pair_id", "gold", "verdict", "response_a", "response_b", "judge_model", "response_id", "score"}


def _of_pairs(rows: pl.DataFrame) -> dict[str, Any]:
    judges: dict[str, Any] = {}
    for (judge,), own in rows.group_by("judge_model", maintain_order=True):
        measured = {name: measure(own) for name, measure in PAIR_MEASURES.items()}
        counts = {"judgments": own.height, "pairs": own["pair_id"].n_unique()}
        judges[str(judge)] = counts | {name: asdict(one) for name, one in measured.items() if one}
    return {"kind": "pairs", "judges": judges, **_agreement(rows)}


def _agreement(rows: pl.DataFrame) -> dict[str, Any]:
    """How far several judges of the same ordered pairs agree: Krippendorff's alpha, Fleiss' kappa over what all of
    them judged, and Cohen's kappa of each two.
    """
    first = first_read(rows)
    if first["judge_model"].n_unique() < 2:
        return {}
    wide = first.pivot("judge_model", index=["pair_id", "gold"], values="verdict")
    same, wide = wide["pair_id"].to_list(), wide.drop("pair_id", "gold")
    alpha = krippendorff_alpha(wide.rows(), same=same)
    kappas = {
        f"{a} | {b}": cohens_kappa(wide[a].to_list(), wide[b].to_list()) for a, b in combinations(wide.columns, 2)
    }
    fleiss = fleiss_kappa(wide.drop_nulls().rows())
    return {"alpha": asdict(alpha) if alpha else None, "fleiss_kappa": fleiss, "kappas": kappas}


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
            shares = [
                in_words(one.get(name)) for name in ("agrees_with_gold", "first_shown", "flips", "prefers_longer")
            ]
            mean = "" if one.get("mean") is None else f"{one['mean']:.2f}"
            rows.append((table, judge, f"{one['judgments']:,}", *shares, mean, in_words(one.get("alpha"))))
    return HEAD, rows


AGREEMENT = ("table", "judges", "measure", "value")


def agreement_rows(judges: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """How far judges of the same pairs agree, in words, with the head AGREEMENT."""
    rows: list[tuple[str, ...]] = []
    for table, report in judges.items():
        if "kappas" in report:
            rows.append((table, "all", "Krippendorff's alpha", in_words(report["alpha"])))
            kappas = {"all": ("Fleiss' kappa", report["fleiss_kappa"])}
            kappas |= {two: ("Cohen's kappa", value) for two, value in report["kappas"].items()}
            rows += [(table, who, name, f"{value:.2f}") for who, (name, value) in kappas.items() if value is not None]
    return rows


def in_words(measured: Mapping[str, Any] | None) -> str:
    """A share, or a measure, with its interval; nothing where there is none."""
    return f"{measured['value']:.2f} ({measured['low']:.2f} to {measured['high']:.2f})" if measured else ""


def in_percent(measured: Mapping[str, Any]) -> str:
    """A share with its interval."""
    return f"{measured['value']:.0%} ({measured['low']:.0%} to {measured['high']:.0%})"


# --- lengths --------------------------------------------------------------------------------


def pair_measures(pairs: pl.DataFrame) -> pl.DataFrame:
    """What the reports of pairs look at, without their texts: of each side, ``chosen`` and ``rejected``, the
    ``_model``, the ``_score``, and the response's ``_characters``.
    """
    last = {side: pl.col(side).list.last().struct.field("content") for side in ("chosen", "rejected")}
    lengths = [text.str.len_chars().cast(pl.Int64).alias(f"{side}_characters") for side, text in last.items()]
    return pairs.select("^(chosen|rejected)_(model|score)$", *lengths)


def pair_report(measured: pl.DataFrame) -> dict[str, Any]:
    """Of the pairs that are written (``pair_measures``): how many they are, the mean lengths of both responses in
    characters, and the share of unequal ones whose chosen response is the ``longer`` one.
    """
    if measured.is_empty():
        return {}
    chosen, rejected = measured["chosen_characters"], measured["rejected_characters"]
    longer = share(int((chosen > rejected).sum()), int((chosen != rejected).sum()))
    means = {one.name: round(float(one.mean()), 1) for one in (chosen, rejected)}  # type: ignore[arg-type]
    return {"pairs": measured.height, **means, "longer": longer and asdict(longer)}


# --- authors --------------------------------------------------------------------------------


def author_report(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Which model tends to be chosen where two different ones meet: what a reward model could learn instead of quality.

    Takes pairs with ``chosen_model`` and ``rejected_model``. A row for each model, strongest first: how often it was
    ``chosen`` and ``rejected``, the share with its interval, and its Bradley-Terry ``elo`` with interval. Empty where
    no two different models meet.
    """
    apart = pairs.filter(pl.col("chosen_model") != pl.col("rejected_model"))
    if apart.is_empty():
        return []
    battles = apart.select(model_a="chosen_model", model_b="rejected_model", outcome=pl.lit(1.0))
    won, lost = (dict(apart[f"{side}_model"].value_counts().iter_rows()) for side in ("chosen", "rejected"))
    return [_author(row, won.get(row["model"], 0), lost.get(row["model"], 0)) for row in _strengths(battles)]


def _strengths(battles: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows of ``bradley_terry``, their intervals on Elo's scale."""
    rows: list[dict[str, Any]] = bradley_terry(battles).to_dicts()
    return [{**row, "low": elo_points(row["low"]), "high": elo_points(row["high"])} for row in rows]


def _author(row: Mapping[str, Any], chosen: int, rejected: int) -> dict[str, Any]:
    told = share(chosen, chosen + rejected)
    counts = {"model": row["model"], "chosen": chosen, "rejected": rejected, "share": told and asdict(told)}
    return {**counts, "elo": {"value": row["elo"], "low": row["low"], "high": row["high"]}, "group": row["group"]}


AUTHORS = ("model", "chosen", "rejected", "share chosen", "Elo")


def author_rows(authors: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The report in words, with the head AUTHORS."""
    return [
        (a["model"], f"{a['chosen']:,}", f"{a['rejected']:,}", in_words(a["share"]),
         f"{a['elo']['value']:,.0f} ({a['elo']['low']:,.0f} to {a['elo']['high']:,.0f})")
        for a in authors
    ]  # fmt: skip
