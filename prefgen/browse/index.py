"""What is held of each pair, by its number: some bytes, however long its texts are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from prefgen.browse.chain import SIDES, Chain, Ids, Numbered, hashed
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
    read = _Read()
    for table in chain.roots:
        read.add(made.steps[table], chain)
    ids, total = Ids(read.ids), read.total
    found = states(made.steps, chain, ids, total)
    heard, every, sides = Heard(total), list[Links](), Ids(read.sides)
    for step in [] if chain.of_judgments else judging(made.steps):
        every += [one for one in links(step, chain.ends(step.table, made), ids, sides, heard) if one.rows.height]
    pairs = pl.concat([_NONE, *read.parts])
    why = pl.Series(found.why)
    pairs = pairs.with_columns(why=why.set(why < 0, None), disagreement=pl.Series(heard.disagreement()))
    return Index(ids, pairs, found.reasons, [*read.categories], sorted(heard.judges), every)


_NONE = pl.DataFrame(schema={"category": pl.UInt32, "gap": pl.Float64})


class _Read:
    """What is read of the tables of pairs: the ids of pairs and of their responses with numbers, and kind and gap."""

    def __init__(self) -> None:
        self.total = 0
        self.ids: list[Numbered] = []
        self.sides: list[Numbered] = []
        self.parts: list[pl.DataFrame] = []
        self.categories: dict[str, int] = {}

    def add(self, step: Made, chain: Chain) -> None:
        """Takes a table."""
        names = columns_of(step.columns, of_judgments=chain.of_judgments)
        wanted = {"id", "prompt_id", "category", *(f"{side}_score" for side in SIDES)}
        names = {name: new for name, new in names.items() if new in wanted}
        for some in step.rows.narrow([*names]):
            rows = some.rename(names)
            numbers = np.arange(self.total, self.total + rows.height)
            self.ids += [(hashed(rows["id"] + ending), numbers) for ending in chain.endings[step.table]]
            self.sides += _responses(rows, numbers)
            self.parts.append(rows.select(self._category(rows), gap(rows.columns)))
            self.total += rows.height

    def _category(self, rows: pl.DataFrame) -> pl.Series:
        """The place of each row's kind."""
        kinds = rows["category"].cast(pl.String, strict=False) if "category" in rows.columns else None
        if kinds is None or kinds.null_count() == rows.height:
            return pl.Series("category", [None], pl.UInt32).new_from_index(0, rows.height)
        for one in kinds.drop_nulls().unique().sort():
            self.categories.setdefault(one, len(self.categories))
        places = pl.Series(self.categories.values(), dtype=pl.UInt32)
        return kinds.replace_strict([*self.categories], places, return_dtype=pl.UInt32).alias("category")


def gap(columns: Sequence[str]) -> pl.Expr:
    """The chosen response's score less the rejected one's, null where it is no number."""
    scores = [
        pl.col(name).cast(pl.Float64, strict=False) for name in (f"{side}_score" for side in SIDES) if name in columns
    ]
    apart = scores[0] - scores[1] if len(scores) == 2 else pl.lit(None, pl.Float64)
    return pl.when(apart.is_finite()).then(apart).alias("gap")


def _responses(rows: pl.DataFrame, numbers: Numbers) -> Iterator[Numbered]:
    """The ids of both responses of each pair that was made of scored ones, each with twice the pair's number, and one
    more for the rejected one.
    """
    start = pl.concat_str("prompt_id", pl.lit("."))
    places = pl.col("id").str.strip_prefix(start).str.split_exact("-", 1)
    two = rows.select("prompt_id", places.alias("places"), pl.Series("n", numbers)).unnest("places")
    two = two.filter(pl.col("field_1").is_not_null())
    for side, name in enumerate(("field_0", "field_1")):
        ids = two.select(pl.concat_str("prompt_id", pl.lit("."), name)).to_series()
        yield hashed(ids), two["n"].to_numpy() * 2 + side
