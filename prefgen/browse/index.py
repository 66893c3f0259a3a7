"""What is held of each pair, by its number: some bytes, however long its texts are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prefgen.browse.chain import SIDES, Chain, Ids
from prefgen.browse.groups import Numbers
from prefgen.browse.judgments import Heard, Links, judging, links
from prefgen.browse.made import Made, Tables
from prefgen.browse.shaping import columns_of
from prefgen.browse.states import Why, states


@dataclass(frozen=True)
class Index:
    """``pairs`` has a row for each pair: ``why`` (a place in ``reasons``, null where it was kept), ``category`` (a
    place in ``categories``), ``gap``, and whether its judges are in ``disagreement``.
    """

    ids: Ids
    pairs: pl.DataFrame
    reasons: Sequence[Why]
    categories: Sequence[str]
    judges: Sequence[str]
    links: Sequence[Links]


def index(made: Tables, chain: Chain) -> Index:
    """Reads what is held, from the columns that have no texts."""
    roots = [made.steps[table] for table in chain.roots]
    read = [_root(one, chain) for one in roots]
    starts: Numbers = np.cumsum([0, *(one.rows.height for one in roots)], dtype=np.int64)
    known = [
        (rows["id"] + ending, np.arange(start, start + rows.height))
        for one, rows, start in zip(roots, read, starts, strict=False)
        for ending in chain.endings[one.table]
    ]
    ids, total = Ids(known), int(starts[-1])
    found = states(made.steps, chain, ids, total)
    every, judges, disagreement = _judged(made, chain, ids, read, starts)
    whole = pl.concat([_NONE, *(rows.select(_NONE.columns) for rows in read)])
    categories = whole["category"].drop_nulls().unique().sort().to_list()
    places = pl.Series(range(len(categories)), dtype=pl.UInt32)
    why = pl.Series(found.why)
    pairs = pl.DataFrame(
        {
            "why": why.set(why < 0, None),
            "category": whole["category"].replace_strict(categories, places, return_dtype=pl.UInt32),
            "gap": whole["gap"],
            "disagreement": disagreement,
        }
    )
    return Index(ids, pairs, found.reasons, categories, judges, every)


_NONE = pl.DataFrame(schema={"category": pl.String, "gap": pl.Float64})


def _root(step: Made, chain: Chain) -> pl.DataFrame:
    """The ids of a table of pairs, and what else is held or needed of them."""
    names = columns_of(step.columns, of_judgments=chain.of_judgments)
    wanted = {"id", "prompt_id", "category", *(f"{side}_score" for side in SIDES)}
    names = {name: new for name, new in names.items() if new in wanted}
    rows = pl.concat([some.rename(names) for some in step.rows.narrow([*names])])
    scores = [pl.col(f"{side}_score").cast(pl.Float64) for side in SIDES if f"{side}_score" in rows.columns]
    gap = scores[0] - scores[1] if len(scores) == 2 else pl.lit(None, pl.Float64)
    category = pl.col("category").cast(pl.String) if "category" in rows.columns else pl.lit(None, pl.String)
    finite = pl.when(gap.is_finite()).then(gap)
    return rows.select("id", "prompt_id", finite.alias("gap"), category.alias("category"))


def _judged(
    made: Tables, chain: Chain, ids: Ids, read: Sequence[pl.DataFrame], starts: Numbers
) -> tuple[list[Links], list[str], pl.Series]:
    """Where the judgments of pairs are, who judged, and over which pairs judges disagree."""
    heard, every = Heard(int(starts[-1])), list[Links]()
    sides = Ids(part for rows, start in zip(read, starts, strict=False) for part in _responses(rows, int(start)))
    for step in [] if chain.of_judgments else judging(made.steps):
        every += [one for one in links(step, chain.ends(step.table, made), ids, sides, heard) if one.rows.height]
    return every, sorted(heard.judges), pl.Series(heard.disagreement())


def _responses(rows: pl.DataFrame, first: int) -> Iterator[tuple[pl.Series, Numbers]]:
    """The ids of both responses of each pair that was made of scored ones, each with twice the pair's number, and one
    more for the rejected one.
    """
    start = pl.concat_str("prompt_id", pl.lit("."))
    places = pl.col("id").str.strip_prefix(start).str.split_exact("-", 1)
    two = rows.select("prompt_id", places.alias("places")).with_row_index("n", offset=first).unnest("places")
    two = two.filter(pl.col("field_1").is_not_null())
    for side, name in enumerate(("field_0", "field_1")):
        yield (
            two.select(pl.concat_str("prompt_id", pl.lit("."), name))[:, 0],
            two["n"].to_numpy().astype(np.int64) * 2 + side,
        )
