"""What run.json and a dataset's card say of its judges."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.agreement import Units, cohens_kappa, fleiss_kappa
from prefgen.statistics import MEASURES, Sums, bradley_terry, elo_points, first_read, percent, share
from prefgen.tablefile import batches

PAIRS = {"pair_id", "gold", "verdict", "response_a", "response_b", "judge_model"}
SCORES = {"response_id", "score", "judge_model"}
"""The columns by which tables of judgments are known."""


def judge_report(rows: pl.DataFrame | Iterable[pl.DataFrame]) -> dict[str, Any]:
    """What run.json and the card say of a table of judgments, in a frame or in frames of whole prompts: each judge's
    agreement and bias, and how far judges agree with one another. Empty for a table without verdicts or scores.
    ``looked_at`` is what it looks at.
    """
    report: _OfPairs | _OfScores | None = None
    for some in [rows] if isinstance(rows, pl.DataFrame) else rows:
        columns = set(some.columns)
        report = report or (_OfPairs() if columns >= PAIRS else _OfScores() if columns >= SCORES else None)
        if report is None:
            return {}
        report.add(some)
    return report.told() if report else {}


def looked_at(judgments: Path) -> Iterator[pl.DataFrame]:
    """What ``judge_report`` looks at of a table on disk, prompts by prompts: of responses their lengths, so that no
    text is held. Nothing of a table without verdicts or scores.
    """
    there = set(pl.read_parquet_schema(judgments))
    wanted = PAIRS if there >= PAIRS else SCORES if there >= SCORES else set[str]()
    for rows in batches(judgments, columns=sorted({"prompt_id", *wanted})) if wanted else ():
        yield rows.with_columns(pl.col("^response_[ab]$").str.len_chars())


class _OfPairs:
    """Judges of pairs."""

    def __init__(self) -> None:
        self.judges: dict[str, dict[str, Any]] = {}
        self.units, self.classes, self.agreed = Units("nominal"), list[str](), Counter[tuple[tuple[str, str], ...]]()

    def add(self, rows: pl.DataFrame) -> None:
        for (judge,), own in rows.group_by("judge_model", maintain_order=True):
            one = self.judges.setdefault(str(judge), {"judgments": 0, "pairs": 0, **{n: Sums() for n in MEASURES}})
            one["judgments"] += own.height
            one["pairs"] += own["pair_id"].n_unique()
            for name, measure in MEASURES.items():
                one[name].add(measure(own))
        self._add_units(first_read(rows))

    def _add_units(self, first: pl.DataFrame) -> None:
        """The ordered pairs: what each judge said first of it."""
        self.classes += sorted({*first["verdict"].unique()} - {*self.classes})
        said = pl.struct("judge_model", "verdict").sort_by("judge_model").alias("said")
        counts = [(pl.col("verdict") == one).sum().alias(f"n{place}") for place, one in enumerate(self.classes)]
        units = first.group_by("pair_id", "gold", maintain_order=True).agg(said, *counts)
        self.units.add(units.drop("pair_id", "gold", "said").to_numpy().astype(float), units["pair_id"].to_list())
        for unit, often in units.group_by("said").len().iter_rows():
            self.agreed[tuple((one["judge_model"], one["verdict"]) for one in unit)] += often

    def told(self) -> dict[str, Any]:
        judges: dict[str, dict[str, Any]] = {}
        for judge, one in self.judges.items():
            shares = {name: one[name].share() for name in MEASURES}
            counts = {name: one[name] for name in ("judgments", "pairs")}
            judges[judge] = counts | {name: asdict(told) for name, told in shares.items() if told}
        return {"kind": "pairs", "judges": judges, **self._agreement()}

    def _agreement(self) -> dict[str, Any]:
        """How far several judges of the same ordered pairs agree: Krippendorff's alpha, Fleiss' kappa over what all of
        them judged, and Cohen's kappa of each two, with the number of ordered pairs that ``both`` judged.
        """
        told = {judge for unit in self.agreed for judge, _ in unit}
        if len(told) < 2:
            return {}
        units, often = [dict(unit) for unit in self.agreed], list(self.agreed.values())
        alpha, names = self.units.alpha(), [judge for judge in self.judges if judge in told]
        kappas, both = dict[str, float | None](), dict[str, int]()
        for a, b in combinations(names, 2):
            first, second = ([unit.get(judge) for unit in units] for judge in (a, b))
            kappas[f"{a} | {b}"] = cohens_kappa(first, second, often)
            both[f"{a} | {b}"] = sum(n for unit, n in zip(units, often, strict=True) if a in unit and b in unit)
        whole = [(list(unit.values()), n) for unit, n in zip(units, often, strict=True) if len(unit) == len(names)]
        fleiss = fleiss_kappa([said for said, _ in whole], [n for _, n in whole])
        alphas = {"alpha": asdict(alpha) if alpha else None, "fleiss_kappa": fleiss}
        return {**alphas, "kappas": kappas, "both": both}


class _OfScores:
    """Judges of single responses."""

    def __init__(self) -> None:
        self.judges: dict[str, _Scores] = {}

    def add(self, rows: pl.DataFrame) -> None:
        for (judge,), own in rows.group_by("judge_model", maintain_order=True):
            self.judges.setdefault(str(judge), _Scores()).add(own)

    def told(self) -> dict[str, Any]:
        return {"kind": "scores", "judges": {judge: one.told() for judge, one in self.judges.items()}}


class _Scores:
    """One judge's scores, summed up: less the first of them, for squares of what is far from 0 hide what is between."""

    def __init__(self) -> None:
        self.units = Units("interval")
        self.origin: float | None = None
        self.judgments = self.responses = self.n = 0
        self.total = self.squares = 0.0
        self.counts: dict[float, int] = {}

    def add(self, rows: pl.DataFrame) -> None:
        scores = rows["score"].drop_nulls()
        self.origin = float(scores[0]) if self.origin is None and len(scores) else self.origin
        x = pl.col("score") - (self.origin or 0.0)
        each = rows.group_by("response_id", maintain_order=True).agg(
            pl.col("score").count().cast(float).alias("n"), x.sum().alias("sum"), (x * x).sum().alias("squares")
        )
        self.units.add(each.drop("response_id").to_numpy())
        self.judgments, self.responses, self.n = (
            self.judgments + rows.height,
            self.responses + each.height,
            self.n + len(scores),
        )
        self.total, self.squares = self.total + float(each["sum"].sum()), self.squares + float(each["squares"].sum())
        if len(self.counts) <= MOST_SCORES:
            for value, often in scores.value_counts().iter_rows():
                self.counts[value] = self.counts.get(value, 0) + often

    def told(self) -> dict[str, Any]:
        counts = {str(value): n for value, n in sorted(self.counts.items())} if len(self.counts) <= MOST_SCORES else {}
        alpha = self.units.alpha()
        mean = self.total / self.n if self.n else 0.0
        spread = max(self.squares - self.n * mean * mean, 0.0)
        return {
            "judgments": self.judgments, "responses": self.responses,
            "mean": (self.origin or 0.0) + mean if self.n else None,
            "sd": (spread / (self.n - 1)) ** 0.5 if self.n > 1 else None,
            "scores": counts, "alpha": asdict(alpha) if alpha else None,
        }  # fmt: skip


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
    value, low, high = (percent(measured[name]) for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


# --- lengths --------------------------------------------------------------------------------


def pair_measures(pairs: pl.DataFrame) -> pl.DataFrame:
    """What the reports of pairs look at, without their texts: of each side, ``chosen`` and ``rejected``, the
    ``_model``, the ``_score``, and the response's ``_characters``.
    """
    texts = {side: _response(pairs, side) for side in ("chosen", "rejected")}
    lengths = [text.str.len_chars().cast(pl.Int64).alias(f"{side}_characters") for side, text in texts.items()]
    return pairs.select("^(chosen|rejected)_(model|score)$", *lengths)


def _response(pairs: pl.DataFrame, side: str) -> pl.Expr:
    """A response as text: where its conversation is held whole, the last turn."""
    of = pl.col(side)
    return of if pairs.schema[side] == pl.String else of.list.last().struct.field("content")


def pair_report(measured: Iterable[pl.DataFrame]) -> dict[str, Any]:
    """Of the pairs that are written (``pair_measures``, in frames): how many they are, the mean lengths of both
    responses in characters, and the share of unequal ones whose chosen response is the ``longer`` one.
    """
    chosen, rejected = pl.col("chosen_characters"), pl.col("rejected_characters")
    sums = (pl.len(), chosen.sum(), rejected.sum(), (chosen > rejected).sum(), (chosen != rejected).sum())
    found = [rows.select(one.alias(str(i)) for i, one in enumerate(sums)).row(0) for rows in measured]
    pairs, *characters, right, unequal = (int(sum(column)) for column in zip(*found, strict=True)) if found else [0] * 5
    if not pairs:
        return {}
    means = {one: round(of / pairs, 1) for one, of in zip(_LENGTHS, characters, strict=True)}
    longer = share(right, unequal)
    return {"pairs": pairs, **means, "longer": longer and asdict(longer)}


_LENGTHS = ("chosen_characters", "rejected_characters")


# --- authors --------------------------------------------------------------------------------


def author_report(pairs: pl.DataFrame) -> list[dict[str, Any]]:
    """Which model tends to be chosen where two different ones meet: what a reward model could learn instead of quality.

    Takes pairs with ``chosen_model`` and ``rejected_model``, and ``n`` where a row is of so many. A row for each model,
    strongest first: how often it was ``chosen`` and ``rejected``, the share with its interval, and its Bradley-Terry
    ``elo`` with interval. Empty where no two different models meet.
    """
    often = pairs if "n" in pairs.columns else pairs.with_columns(n=pl.lit(1))
    apart = often.filter(pl.col("chosen_model") != pl.col("rejected_model"))
    if apart.is_empty():
        return []
    battles = apart.select("n", model_a="chosen_model", model_b="rejected_model", outcome=pl.lit(1.0))
    won, lost = (
        dict(apart.group_by(f"{side}_model").agg(pl.col("n").sum()).iter_rows()) for side in ("chosen", "rejected")
    )
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
