"""Which pairs of a run were kept, and at which step, and why, the others were dropped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from prefgen.browse.chain import Chain, Ids, key
from prefgen.browse.groups import Groups, Numbers
from prefgen.browse.made import Made
from prefgen.rows import DROPPED

Why = tuple[str, str | None]
"""A step, and the reason that it gives; None where it gives none."""


@dataclass(frozen=True)
class States:
    """Of each pair the place in ``reasons`` of why it was dropped; -1 where it was kept."""

    why: NDArray[np.int32]
    reasons: Sequence[Why]


def states(steps: Mapping[str, Made], chain: Chain, ids: Ids, total: int) -> States:
    """What became of each pair. A pair is dropped by the last step that had rows of it and gave none; its reasons are
    those of all of these rows.
    """
    there = {table: _present(steps[table].rows, ids, chain.endings[table], total) for table in chain.tables}
    kept = there[chain.last] if chain.last else np.zeros(total, bool)
    last = np.full(total, -1, np.int64)
    for place, table in enumerate(chain.tables):
        before = [there[one] for one in steps[table].inputs if one in there]
        if before:
            last[np.logical_or.reduce(before) & ~there[table] & ~kept] = place
    why, reasons = np.full(total, -1, np.int32), list[Why]()
    for place in np.unique(last[last >= 0]):
        table = chain.tables[place]
        told = _told(steps, chain, table, ids, last == place)
        for reason, numbers in told:
            why[numbers] = len(reasons)
            reasons.append((table, reason))
    return States(why, reasons)


def _present(rows: Groups, ids: Ids, endings: Sequence[str], total: int) -> NDArray[np.bool_]:
    """Whether a table has rows of each pair."""
    found = np.zeros(total, bool)
    for numbers in owners(rows, ids, endings):
        found[numbers[numbers >= 0]] = True
    return found


def owners(rows: Groups, ids: Ids, endings: Sequence[str]) -> Iterator[Numbers]:
    """The pair that each row is of, some rows at a time."""
    column = key(rows.columns)
    for some in rows.narrow([column]):
        yield ids.of(some[column], endings)


def _told(
    steps: Mapping[str, Made], chain: Chain, table: str, ids: Ids, gone: NDArray[np.bool_]
) -> Iterator[tuple[str | None, Numbers]]:
    """The pairs that are ``gone`` at a step, by the reasons for their rows."""
    endings = [end for one in steps[table].inputs if one in chain.endings for end in chain.endings[one]]
    missing, names = gone.copy(), dict[str, int]()
    each = pl.concat([_NONE, *_lost(steps[table], ids, list(dict.fromkeys(endings)), gone, names)]).unique()
    codes = each.sort("pair", "code").group_by("pair").agg(pl.col("code").cast(pl.String).str.join(" "))
    spelt = list(names)
    for (code,), own in sorted(codes.group_by("code"), key=lambda one: str(one[0])):
        numbers = own["pair"].to_numpy()
        missing[numbers] = False
        yield "; ".join(sorted(spelt[int(number)] for number in str(code).split())), numbers
    if missing.any():
        yield None, np.flatnonzero(missing)


_NONE = pl.DataFrame(schema={"pair": pl.UInt32, "code": pl.UInt32})


def _lost(
    step: Made, ids: Ids, endings: Sequence[str], gone: NDArray[np.bool_], names: dict[str, int]
) -> Iterator[pl.DataFrame]:
    """Which of the pairs that are gone lost rows here, with the places in ``names`` of the reasons, which grow."""
    for some in step.lost.narrow(["id", DROPPED]) if step.lost else ():
        pairs = ids.of(some["id"], endings)
        own = pl.DataFrame({"pair": pairs, DROPPED: some[DROPPED]}).filter(pl.Series((pairs >= 0) & gone[pairs]))
        for name in own[DROPPED].unique().sort():
            names.setdefault(str(name), len(names))
        places = pl.Series(range(len(names)), dtype=pl.UInt32)
        if own.height:
            code = pl.col(DROPPED).fill_null("None").replace_strict([*names], places, return_dtype=pl.UInt32)
            yield own.select(pl.col("pair").cast(pl.UInt32), code.alias("code")).unique()
