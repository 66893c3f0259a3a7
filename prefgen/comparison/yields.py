"""What two runs made of their prompts, and what that cost."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.comparison.paired import Paired, measure
from prefgen.comparison.parts import rows_of
from prefgen.comparison.sides import Paths, Side
from prefgen.comparison.verdicts import matched
from prefgen.statistics import Sums

COUNTS = ("rows_in", "rows_out", "dropped", "unreadable", "failed")


def steps(a: Side, b: Side) -> list[dict[str, Any]]:
    """The counts of each step of both, in the order of A's recipe, what B alone has behind."""
    both = [{one["table"]: one for one in side.told.get("steps") or ()} for side in (a, b)]
    return [
        {"table": table, "a": _counts(both[0].get(table)), "b": _counts(both[1].get(table))}
        for table in dict.fromkeys([*both[0], *both[1]])
    ]


def _counts(step: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return {"verb": step["verb"], **{name: step[name] for name in COUNTS}} if step else None


class OfYield:
    """Prompts that were taken, and those of them that gave a pair."""

    def __init__(self, a: Side, b: Side) -> None:
        self.sides = (a, b)
        self.sums, self.paired = (Sums(), Sums()), Paired()
        self.strange, self.pairs = False, 0

    def add(self, taken: Sequence[pl.DataFrame], made: Sequence[pl.DataFrame]) -> None:
        """Takes a part of the prompts of both sources, and of both tables of pairs."""
        told = []
        for prompts, pairs in zip(taken, made, strict=True):
            once, with_pairs = prompts.unique(), pairs["prompt"].unique()
            self.pairs += pairs.height
            self.strange |= pairs.join(once, on="prompt", how="anti").height > 0
            told.append(once.select(pair_id="prompt", holds=pl.col("prompt").is_in(with_pairs.implode())))
        for sums, rows in zip(self.sums, told, strict=True):
            sums.add(rows)
        self.paired.add(told[0], told[1])

    def told(self) -> dict[str, Any] | None:
        """The share of prompts that gave a pair; None where pairs are of prompts that no source gave, or there are no
        pairs, or no source. A run that did not come to all of its prompts has no share, and there is no difference:
        what was not come to did not fail.
        """
        known = self.pairs and not self.strange and any(one.rows for one in self.sums)
        if not known or all(side.is_part for side in self.sides):
            return None
        found, part = measure(*self.sums, self.paired), [side.is_part for side in self.sides]
        gone = {place: None for place, is_part in zip("ab", part, strict=True) if is_part}
        return found | gone | ({"difference": None} if gone else {})


# --- money ----------------------------------------------------------------------------------

BILL = ("replies", "prompt_tokens", "completion_tokens", "dollars", "unpriced")


def costs(told: Mapping[str, Any], pairs: int) -> dict[str, Any] | None:
    """What the replies came to on which a run's rows rest, by step and in all, and for each pair; of a run that ended
    early what its steps asked. None of a dataset alone, and of a run that asked nothing.
    """
    known = told.get("costs") or {}
    known = known if known and known["total"]["replies"] else {}  # a run that was stopped may have no row
    steps = {one["table"]: _bill(one) for one in known["steps"]} if known else _spent(told.get("steps") or ())
    total = _bill(known["total"]) if known else {name: sum(one[name] for one in steps.values()) for name in BILL}
    if not total["replies"]:
        return None
    each = {name: total[name] / pairs for name in BILL[:-1]} if pairs else None
    return {**total, "steps": steps, "each": each, "pairs": pairs}


def _bill(one: Mapping[str, Any]) -> dict[str, Any]:
    return {name: one[name] for name in BILL}


def _spent(steps: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a run asked itself, where it came to no end."""
    found = {}
    for step in steps:
        spent = step["spent"]
        if asked := spent["calls"] + spent["cached"]:
            found[step["table"]] = {"replies": asked, **{name: spent[name] for name in BILL[1:]}}
    return found


# --- benchmarks -----------------------------------------------------------------------------


def results(a: Side, b: Side) -> list[dict[str, Any]]:
    """A benchmark's numbers of both, judge by judge."""
    both = [_results(side.results) for side in (a, b)]
    judges = [list(dict.fromkeys(judge for judge, *_ in side)) for side in both]
    found = []
    for two in matched(*judges):
        own = [
            {row: told for (judge, *row_), told in side.items() if judge == one for row in [tuple(row_)]}
            for side, one in zip(both, two, strict=True)
        ]
        for kind, name in dict.fromkeys([*own[0], *own[1]]):
            told = {place: side.get((kind, name)) for place, side in zip("ab", own, strict=True)}
            found.append({"judges": dict(zip("ab", two, strict=True)), "kind": kind, "name": name, **told})
    return found


def _results(paths: Paths) -> dict[tuple[str, str, str], dict[str, Any]]:
    found = {}
    for rows in rows_of(paths) if paths else ():
        for row in rows.iter_rows(named=True):
            score = {name: None if row[name] is None else _sound(row[name]) for name in ("score", "low", "high")}
            found[row["judge_model"] or "-", row["kind"], row["name"]] = {**score, "rows": row["rows"]}
    return found


def _sound(number: float) -> float | None:
    return number if math.isfinite(number) else None
