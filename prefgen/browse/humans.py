"""How far people agree with a run: with its labels, with each of its judges, and by kind of prompt.

A mark is a verdict on the pair's label, the chosen response: "agree" says that it is the better one, "disagree" that
the rejected one is. A pair that was edited has no verdict: neither was good enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

import polars as pl

from prefgen.agreement import cohens_kappa
from prefgen.browse.marks import Mark
from prefgen.browse.shaping import Json, PairRow
from prefgen.statistics import Share, Sums, first_read, percent, share

VERDICTS = {"agree": "chosen", "disagree": "rejected"}
LABELS: Mapping[str, Any] = {
    "pair_id": pl.String,
    "prompt": pl.List(pl.Struct({"role": pl.String, "content": pl.String})),
    "chosen": pl.String,
    "rejected": pl.String,
    "mark": pl.String,
    "human_verdict": pl.String,
    "text": pl.String,
    "at": pl.String,
}
"""The columns of a table of human labels."""
_SAID = {
    "pair_id": pl.String, "judge_model": pl.String, "gold": pl.String, "verdict": pl.String, "human": pl.String,
    "category": pl.String,
}  # fmt: skip


def label(row: PairRow, mark: Mark) -> Json:
    """A row of human labels, from a whole pair and its mark."""
    own = {name: row[name] for name in ("prompt", "chosen", "rejected")}
    return {"pair_id": row["id"], **own, **mark.shown(), "human_verdict": VERDICTS.get(mark.mark)}


class Agreement:
    """Sums up marked pairs."""

    def __init__(self) -> None:
        self.marks = dict.fromkeys((*VERDICTS, "edit"), 0)
        self.kinds: dict[str, list[int]] = {}
        self.parts = [pl.DataFrame(schema=_SAID)]

    def add(self, row: Json, mark: str) -> None:
        """Takes a pair (``id``, ``category``, and what ``verdicts`` its judges gave) with its mark."""
        self.marks[mark] += 1
        if human := VERDICTS.get(mark):
            if row["category"]:
                counts = self.kinds.setdefault(row["category"], [0, 0])
                counts[0] += mark == "agree"
                counts[1] += 1
            said = [{"pair_id": row["id"], "human": human, **one} for one in row["verdicts"]]
            self.parts.append(pl.DataFrame(said, schema=_SAID))

    def told(self) -> Json:
        """``marks`` by kind; ``label``, the share of verdicts that the chosen response is the better one; ``judges``
        with the share of their verdicts that are the human's, Cohen's kappa, the pairs, and the verdicts that are ties;
        ``categories`` with the share of labels that the human agrees with. A share has ``value``, ``low``, ``high`` (95
        %) and ``n``, and is None where nothing tells; so is a kappa where it is not defined.
        """
        agree, disagree = self.marks["agree"], self.marks["disagree"]
        kinds = {name: _told(share(right, n)) for name, (right, n) in sorted(self.kinds.items())}
        judged = pl.concat(self.parts).sort("judge_model", maintain_order=True)
        judges = {str(name): _judge(own) for (name,), own in judged.group_by("judge_model", maintain_order=True)}
        found = {"marks": self.marks, "label": _told(share(agree, agree + disagree)), "judges": judges}
        return found | {"categories": kinds}


def verdicts(judgments: Sequence[Json]) -> Iterator[Json]:
    """What each judge says of a pair: its verdict on each order; one that scores says it by its mean scores."""
    scores: dict[tuple[str, str], dict[str, list[float]]] = {}
    for one in judgments:
        if one["of"] is None and one["verdict"] and one["judge"]:
            gold = {"chosen": "A", "rejected": "B"}.get(one["first"])
            yield {"judge_model": one["judge"], "gold": gold, "verdict": one["verdict"]}
        elif one["of"] and one["score"] is not None and one["judge"]:
            scores.setdefault((one["table"], one["judge"]), {}).setdefault(one["of"], []).append(one["score"])
    for (_, judge), sides in scores.items():
        if len(sides) == 2:
            apart = fmean(sides["chosen"]) - fmean(sides["rejected"])
            said = "chosen" if apart > 0 else "rejected" if apart < 0 else "tie"
            yield {"judge_model": judge, "gold": None, "verdict": said}


def _judge(rows: pl.DataFrame) -> Json:
    """One judge beside the human. Of several draws of one ordered pair the first counts, and a tie tells nothing."""
    first = first_read(rows)
    told = first.filter(pl.col("verdict") != "tie")
    sums = Sums()
    sums.add(told.select("pair_id", (pl.col("verdict") == pl.col("human")).alias("holds")))
    letters = [told.select(_letter(name)).to_series().to_list() for name in ("verdict", "human")]
    kappa = cohens_kappa(*letters)
    counts = {"pairs": told["pair_id"].n_unique(), "ties": first.height - told.height}
    return {"share": _told(sums.share()), "kappa": kappa, **counts}


def _letter(name: str) -> pl.Expr:
    """A verdict as a place, where the order is known: labels alone are all of one class, of which kappa tells
    nothing.
    """
    said, gold = pl.col(name), pl.col("gold")
    other = pl.when(gold == "A").then(pl.lit("B")).otherwise(pl.lit("A"))
    return pl.when(gold.is_null()).then(said).when(said == "chosen").then(gold).otherwise(other).alias(name)


def _told(found: Share | None) -> Json | None:
    return asdict(found) if found else None


def said(told: Json) -> str:
    """The agreement in a sentence or two."""
    marks, of = told["marks"], told["label"]
    if of is None:
        return f"{marks['edit']:,} edited, no other marks yet." if marks["edit"] else ""
    share_of = f"{percent(of['value'])} (95 %: {percent(of['low'])} to {percent(of['high'])})"
    edited = f", {marks['edit']:,} edited" if marks["edit"] else ""
    words = f"You agree with {marks['agree']:,} of {of['n']:,} labels, {share_of}{edited}."
    for name, one in told["judges"].items():
        if one["share"]:
            kappa = "" if one["kappa"] is None else f", kappa {one['kappa']:.2f}"
            words += f" {name}: {percent(one['share']['value'])} of {one['share']['n']:,} verdicts{kappa}."
    return words
