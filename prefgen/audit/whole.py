"""What is seen only of all rows of a split: pairs that come again, contradict one another or go round in a circle, and
prompts that come again.

Texts are numbers of 64 bits here, so that a million rows take some ten MB: two different texts of so many have the same
number once in thirty million such datasets.
"""

from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.uint64]

ODD = 0x9E3779B97F4A7C15
FOUND = {"n": pl.UInt32, "detail": pl.String}
"""The places of the rows that were found, and why each was."""


def digests(rows: pl.DataFrame, plain_prompt: pl.Expr) -> pl.DataFrame:
    """The numbers of a row's texts: of its prompt, of that without case and white space, of both responses."""
    kinds = {"p": pl.col("prompt"), "q": plain_prompt, "c": pl.col("chosen"), "r": pl.col("rejected")}
    numbers = {
        name: pl.when(text.is_not_null()).then(text.hash(seed=n)) for n, (name, text) in enumerate(kinds.items())
    }
    same = {"r": pl.when(pl.col("rejected").is_not_null()).then(pl.col("rejected").hash(seed=2))}  # as chosen
    return rows.select(**{**numbers, **same})


def _mixed(*numbers: Any) -> "Numbers":
    """Several numbers as one, in which their order counts."""
    import numpy as np

    made = np.zeros(len(numbers[0]), np.uint64)
    for own in numbers:
        made = (made ^ own) * np.uint64(ODD)
        made ^= made >> np.uint64(29)
    return made


def _filled(rows: pl.DataFrame, *names: str) -> "list[Numbers]":
    return [rows[name].fill_null(0).to_numpy() for name in names]


def _found(places: pl.Series, details: pl.Series | str) -> pl.DataFrame:
    told = details if isinstance(details, pl.Series) else pl.Series([details] * len(places), dtype=pl.String)
    return pl.DataFrame({"n": places.cast(pl.UInt32), "detail": told}, schema=FOUND)


def _again(keys: pl.Series, rows: pl.Series) -> pl.DataFrame:
    """The places of keys that stood there before, with the row in which each stood first."""
    several = keys.is_duplicated().arg_true()
    some = pl.DataFrame({"n": several, "key": keys.gather(several), "row": rows.gather(several)})
    some = some.filter(pl.col("key").is_not_null())
    first = some.with_columns(
        pl.col("row").first().over("key").alias("first"), pl.col("n").first().over("key").alias("at")
    )
    later = first.filter(pl.col("n") != pl.col("at"))
    return _found(later["n"], later.select(pl.format("row {} has the same", "first")).to_series())


def duplicated(keys: pl.DataFrame) -> pl.DataFrame:
    """Rows whose prompt and responses are all those of an earlier one. Takes ``p``, ``c``, ``r`` and ``row``."""
    return _again(pl.Series(_mixed(*_filled(keys, "p", "c", "r"))), keys["row"])


def contradictory(keys: pl.DataFrame, *, unpaired: bool = False) -> pl.DataFrame:
    """Rows of which another says the opposite: the same prompt, and the responses the other way round; of ``unpaired``
    ones the same response with the other label.
    """
    p, c, r = _filled(keys, "p", "c", "r")
    own, other = pl.Series(_mixed(p, c, r)), pl.Series(_mixed(p, r, c))
    differ = pl.Series(c != r)
    first = (
        pl.DataFrame({"key": own, "row": keys["row"]}).filter(differ).unique("key", keep="first", maintain_order=True)
    )
    asked = pl.DataFrame({"n": pl.int_range(keys.height, eager=True), "key": other}).filter(differ)
    met = asked.join(first, on="key", how="inner", maintain_order="left")
    said = "row {} says the opposite" if not unpaired else "row {} has the other label"
    return _found(met["n"], met.select(pl.format(said, "row")).to_series())


def cycles(keys: pl.DataFrame) -> pl.DataFrame:
    """Pairs of one prompt that go round: both responses are in one strongly connected part of three or more."""
    p, c, r = _filled(keys, "p", "c", "r")
    edges = pl.DataFrame({"n": pl.int_range(keys.height, eager=True), "a": _mixed(p, c), "b": _mixed(p, r)})
    edges = edges.filter(pl.Series(c != r) & keys["c"].is_not_null() & keys["r"].is_not_null())
    while edges.height:  # who is never chosen, or never rejected, is in no circle
        inner = edges.filter(pl.col("a").is_in(edges["b"].implode()), pl.col("b").is_in(edges["a"].implode()))
        if inner.height == edges.height:
            break
        edges = inner
    return _round(edges) if edges.height else pl.DataFrame(schema=FOUND)


def _round(edges: pl.DataFrame) -> pl.DataFrame:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    nodes = pl.concat([edges["a"], edges["b"]]).rank("dense") - 1
    a, b = nodes.head(edges.height).to_numpy(), nodes.tail(edges.height).to_numpy()
    size = int(nodes.max() or 0) + 1  # type: ignore[arg-type]
    links = coo_array(([1] * edges.height, (a, b)), shape=(size, size)).tocsr()
    part = pl.Series(connected_components(links, connection="strong")[1])
    members = part.to_frame("part").group_by("part").len()
    told = pl.DataFrame({"n": edges["n"], "part": part.gather(a), "other": part.gather(b)})
    told = told.filter(pl.col("part") == pl.col("other")).join(members, on="part", maintain_order="left")
    told = told.filter(pl.col("len") >= 3)
    return _found(told["n"], told.select(pl.format("among {} responses that go round", "len")).to_series())


def prompts_again(asks: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows whose prompt came before in the same words, and rows whose prompt came before in other case or white space
    alone. Takes ``n``, ``p``, ``q`` and ``row`` of rows that have a prompt.
    """
    same = _again(asks["p"], asks["row"])
    firsts = asks.filter(pl.col("p").is_first_distinct())
    alike = _again(firsts["q"], firsts["row"])
    return same.with_columns(asks["n"].gather(same["n"]).alias("n")), alike.with_columns(
        firsts["n"].gather(alike["n"]).alias("n")
    )
