"""The pairs that a run kept, counted: scores, gaps, lengths, and which models met. No text is held."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import polars as pl

from prefgen.card.bins import SCORES, counted, edges, scored, squares
from prefgen.card.measures import MODELS, Measures
from prefgen.judged import author_report, pair_report
from prefgen.report.folder import RunFolder, Table
from prefgen.tablefile import batches

WANTED = (*SCORES, *MODELS)
"""What a pair may have beside its responses."""


class Taker(Protocol):
    """What pairs go by."""

    def add(self, pairs: pl.DataFrame) -> None:
        """Takes some."""


def frames(tables: Iterable[Table]) -> Iterator[pl.DataFrame]:
    """The pairs of some tables, each once, no prompt in two frames: ``prompt_id``, ``chosen`` and ``rejected``, scores
    and models, null where a table has none.
    """
    for table in tables:
        there = [name for name in WANTED if name in table.columns]
        for rows in batches(table.path, columns=["prompt_id", table.pair, "chosen", "rejected", *there]):
            once = rows.filter(pl.col(table.pair).is_first_distinct())
            whole = once.drop(table.pair).filter(pl.col("chosen").is_not_null(), pl.col("rejected").is_not_null())
            yield whole.with_columns(_known(name, there) for name in WANTED)


def _known(name: str, there: Sequence[str]) -> pl.Expr:
    """A score or a model, whatever a table took for one; null where it has none."""
    kind = pl.Float64 if name in SCORES else pl.String
    return pl.col(name).cast(kind, strict=False) if name in there else pl.lit(None, kind).alias(name)


def kept(run: RunFolder, *takers: Taker) -> dict[str, Any]:
    """What there is to say of the pairs that were written, or else of those in the last table of pairs; ``takers`` see
    each of them go by. Empty where there is no table of pairs.
    """
    table = run.last_pairs
    tables = run.written or ([run.tables[table]] if table else [])
    if not tables:
        return {}
    measures, prompts = Measures(), 0
    for rows in frames(tables):
        prompts += rows["prompt_id"].n_unique()
        for taker in (measures, *takers):
            taker.add(rows)
    source = {"table": table, "written": bool(run.written), "pairs": measures.height, "prompts": prompts}
    return source | (_measured(measures) if measures.height else {})


def _measured(measures: Measures) -> dict[str, Any]:
    cuts, filled = squares(measures)
    return {
        **pair_report(measures),
        "lengths": {"edges": cuts, "squares": filled},
        **_scores(measures),
        "models": models(measures.met),
    }


# --- scores ---------------------------------------------------------------------------------


def _scores(measures: Measures) -> dict[str, Any]:
    """Scores of both sides in the same bins, and how far they are apart, of the pairs that have both."""
    n = sum(rows.height for rows in scored(measures))
    if not n:
        return {}
    cuts = edges(scored(measures))
    sides = {side.removesuffix("_score"): counted(scored(measures), side, cuts) for side in SCORES}
    return {"scores": {"n": n, "edges": cuts, **sides}, "gaps": _gaps(measures, n)}


def _gaps(measures: Measures, n: int) -> dict[str, Any]:
    """How much higher the chosen one's score is; of how many pairs it is not at all, or is lower."""
    cuts = edges(_gap(measures))
    counts = counted(_gap(measures), "gap", cuts)
    gaps = [rows["gap"] for rows in _gap(measures)]
    mean = math.fsum(chain.from_iterable(gaps)) / n
    equal, below = (sum(int(found.sum()) for found in some) for some in ([g == 0 for g in gaps], [g < 0 for g in gaps]))
    return {"n": n, "edges": cuts, "counts": counts, "mean": mean, "equal": equal, "reversed": below}


def _gap(measures: Measures) -> Iterator[pl.DataFrame]:
    for rows in scored(measures):
        yield rows.select(gap=pl.col("chosen_score") - pl.col("rejected_score"))


# --- models ---------------------------------------------------------------------------------


def models(met: pl.DataFrame) -> dict[str, Any]:
    """Who was chosen where two models met: ``met`` holds how often one was chosen over another, ``same`` the pairs
    within one model, ``unknown`` those of which an author is not known; ``strengths`` is
    ``prefgen.judged.author_report``.
    """
    chosen, rejected = (pl.col(name) for name in MODELS)
    known = met.drop_nulls(MODELS)
    apart = known.filter(chosen != rejected).sort(MODELS)
    return {
        "met": apart.select("n", chosen="chosen_model", rejected="rejected_model").to_dicts(),
        "same": int(known.filter(chosen == rejected)["n"].sum()),
        "unknown": int(met["n"].sum()) - int(known["n"].sum()),
        "strengths": author_report(apart),
    }


def names(met: Sequence[Mapping[str, Any]]) -> list[str]:
    """The models that met another one, those with most battles first."""
    often: dict[str, int] = {}
    for one in met:
        for side in ("chosen", "rejected"):
            often[one[side]] = often.get(one[side], 0) + one["n"]
    return sorted(often, key=lambda name: (-often[name], name))
