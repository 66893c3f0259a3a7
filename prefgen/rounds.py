"""An asker's rows, round by round: ask, wait, read, and ask again where the stop wants more.

Draws are read in the order of their numbers, never of their arrival, so that neither speed nor concurrency
changes what comes out. Rows that one stop sees together (``prefgen.stopping``) go through their rounds together.
What the journal has is taken at once; only rows with something to ask make a task.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from prefgen.asker import Asker, Canary, Row
from prefgen.canaries import FAILED, FOOLED, NO_CANARIES, UNREADABLE, WITHSTOOD, Canaries
from prefgen.drawing import At, Draws, pool_order
from prefgen.llm.client import Client, settled
from prefgen.llm.drawn import Drawn
from prefgen.llm.outcome import Tally
from prefgen.planned import Planned
from prefgen.rows import DROPPED
from prefgen.saved import Saved
from prefgen.stopping import WHOLE, Stop

TURN = 256
"""Groups taken from the journal before others have their turn in the loop."""

LOST = pl.Schema({"prompt_id": pl.String, "id": pl.String, DROPPED: pl.String, "detail": pl.String})
"""A row that is not in its step's table: why, and for a reply its text."""


@dataclass
class Count:
    """What became of one step's rows: in = used + dropped (of an asker: + without a reply that could be read);
    drawn = read + unreadable + failed. ``canaries`` are counted by themselves, and stand in no table. ``replies`` are
    the journal's keys of all that was drawn, for what it cost; ``saved`` is what the stop saved.
    """

    rows_in: int = 0
    rows_used: int = 0
    rows_out: int = 0
    unanswered: int = 0
    drawn: int = 0
    read: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    canaries: Counter[tuple[str, str]] = field(default_factory=Counter)
    replies: Drawn = field(default_factory=Drawn, repr=False, compare=False)
    tally: Tally = field(default_factory=Tally)
    saved: Saved = field(default_factory=Saved)

    def add(self, other: "Count") -> None:
        """Adds another's rows and draws; what was spent has one tally for all."""
        for name in ("rows_in", "rows_used", "rows_out", "unanswered", "drawn", "read"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("dropped", "unreadable", "failed", "canaries"):
            getattr(self, name).update(getattr(other, name))
        self.replies |= other.replies
        self.saved.add(other.saved)

    def balanced(self) -> bool:
        """Whether every row, and every draw, has come out or has a reason for not doing so."""
        rows = self.rows_in == self.rows_used + self.dropped.total() + self.unanswered
        return rows and self.drawn == self.read + self.unreadable.total() + self.failed.total()


class _Group:
    """Rows that one stop sees together, a row by itself for most, and how far they are."""

    __slots__ = ("audit", "draws", "n", "rows", "stop", "wanted")

    def __init__(self, draws: Sequence[Draws], stop: Stop, n: int, *, audit: bool = False) -> None:
        self.draws, self.stop, self.n, self.audit = draws, stop, n, audit
        self.rows = [one.row for one in draws]
        self.wanted: list[tuple[Draws, int]] = []

    def wants(self) -> list[tuple[Draws, int]]:
        """Who is to have how many more draws."""
        if self.audit or self.stop is WHOLE:
            return [(one, self.n - len(one.rows)) for one in self.draws if len(one.rows) < self.n]
        more = self.stop.more(self.rows, [one.rows for one in self.draws], self.n)
        return [(one, number) for one, number in zip(self.draws, more, strict=True) if number > 0]

    async def rest(self) -> None:
        """Goes on from what the journal knows to the end."""
        wants = self.wanted
        while wants:
            await settled(one.ask(more) for one, more in wants)
            wants = self.wants()


async def ask_all(
    step: Planned,
    rows: Sequence[Row],
    why: Sequence[str | None],
    client: Client,
    seed: int,
    count: Count,
    canaries: Canaries = NO_CANARIES,
) -> tuple[list[Row], list[Row]]:
    """An asker's rows, with the columns of ``step.schema``; and the rows passed over, with the draws that brought
    nothing (columns as LOST). ``rows`` are of whole prompts; ``why`` is what the asker's ``passes_over`` says of each.
    """
    asker = _asker(step)
    at = At(asker, step.models, tuple(step.schema), client, seed, count.tally)
    asked = [row for row, reason in zip(rows, why, strict=True) if reason is None]
    tried = [(row, found) for row in asked if (found := _canary_of(asker, row, seed, canaries))]
    together = [_group(at, some, step.stop or WHOLE) for some in groups(asked, step.stop)]
    beside = [_Group([Draws(at, one.row, pool_order(step.models, seed, row))], WHOLE, 1) for row, one in tried]
    count.saved.stop = step.stop
    await _all_of([*together, *beside], at)
    for (_, canary), group in zip(tried, beside, strict=True):
        _tell_canary(count, canary, group.draws[0])
    count.replies.update(key for group in together for one in group.draws for key in one.keys)
    for group in together:
        _tell(count, group)
    return _told(step, rows, why, together, count)


def seem_known(step: Planned, rows: Sequence[Row], why: Sequence[str | None], client: Client, seed: int) -> bool:
    """Whether the first draws of the first and of the last row that is asked about are in the journal."""
    asked = [row for row, reason in zip(rows, why, strict=True) if reason is None]
    at = At(_asker(step), step.models, (), client, seed, Tally())
    some = [Draws(at, row, pool_order(step.models, seed, row)) for row in (*asked[:1], *asked[1:][-1:])]
    return all(client.known(request, 0) for draws in some for request in (draws.requests or [[]])[0])


async def ask_frame(
    step: Planned, rows: pl.DataFrame, client: Client, seed: int, count: Count, canaries: Canaries = NO_CANARIES
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The same of a table: the table of what is made, and that of what is lost."""
    why = _asker(step).passes_over(rows).to_list()
    made, lost = await ask_all(step, [*rows.iter_rows(named=True)], why, client, seed, count, canaries)
    return pl.DataFrame(made, schema=step.schema, orient="row"), pl.DataFrame(lost, schema=LOST, orient="row")


# --- rounds ---------------------------------------------------------------------------------


def groups(rows: Sequence[Row], stop: Stop | None) -> Iterator[Sequence[Row]]:
    """The rows that a stop sees together, in the order in which each group's first one stands."""
    if stop is None or stop.by is None:
        yield from ([row] for row in rows)
        return
    found: dict[object, list[Row]] = {}
    for row in rows:
        found.setdefault(row[stop.by], []).append(row)
    yield from found.values()


def _group(at: At, rows: Sequence[Row], stop: Stop) -> _Group:
    draws = [Draws(at, row, pool_order(at.models, at.seed, row)) for row in rows]
    return _Group(draws, stop, at.asker.n, audit=stop is not WHOLE and stop.audits(at.seed, rows))


async def _all_of(groups: Sequence[_Group], at: At) -> None:
    """Brings all groups to their end."""
    left: list[_Group] = []
    for start in range(0, len(groups), TURN):
        if start:
            await asyncio.sleep(0)
        left += _unknown(groups[start : start + TURN], at)
    if left:
        await settled(group.rest() for group in left)


def _unknown(groups: Sequence[_Group], at: At) -> list[_Group]:
    """Goes as far as the journal knows, round by round; gives the groups for which that is not all the way."""
    left, going = list[_Group](), groups
    while going := [group for group in going if _wanting(group)]:
        asked = [(draws, more, draws.exchanges(more)) for group in going for draws, more in group.wanted]
        found = iter(at.client.kept_all([one for *_, exchanges in asked for one in exchanges], at.tally))
        lacks = {draws for draws, more, exchanges in asked if not draws.knows(more, [*islice(found, len(exchanges))])}
        for group in going:
            group.wanted = [(draws, more) for draws, more in group.wanted if draws in lacks]
        left += [group for group in going if group.wanted]
        going = [group for group in going if not group.wanted]
    return left


def _wanting(group: _Group) -> bool:
    """Whether a group wants more, which it then holds."""
    group.wanted = group.wants()
    return bool(group.wanted)


def _canary_of(asker: Asker, row: Row, seed: int, canaries: Canaries) -> Canary | None:
    chance = canaries.chance(seed, row["id"]) if canaries.share and type(asker).canary is not Asker.canary else None
    return None if chance is None else asker.canary(row, chance)


# --- what became of them --------------------------------------------------------------------


def _tell_canary(count: Count, canary: Canary, draws: Draws) -> None:
    """Counts what came of a known answer."""
    count.replies.update(draws.keys)
    if draws.lost:
        end = FAILED if draws.lost[0].failed else UNREADABLE
    else:
        end = WITHSTOOD if canary.withstood(draws.rows[0]) else FOOLED
    count.canaries[canary.kind, end] += 1


def _tell(count: Count, group: _Group) -> None:
    """Counts a group's draws, and what its stop saved."""
    for one in group.draws:
        count.drawn += one.drawn
        count.read += one.drawn - len(one.lost)
        for lost in one.lost:
            (count.failed if lost.failed else count.unreadable)[lost.status] += 1
        count.saved.asked += one.drawn * one.asks
        count.saved.fixed += group.n * one.asks
    if group.audit:
        count.saved.audited += 1
        count.saved.changed += group.stop.changed(group.rows, [one.rows for one in group.draws], group.n)


def _told(
    step: Planned, rows: Sequence[Row], why: Sequence[str | None], groups: Sequence[_Group], count: Count
) -> tuple[list[Row], list[Row]]:
    """What was made, and what was lost, in the order of the rows; counts the rows."""
    made: list[Row] = []
    lost: list[Row] = []
    of = {id(one.row): one for group in groups for one in group.draws}
    for row, reason in zip(rows, why, strict=True):
        draws = of.get(id(row))
        passed = reason if draws is None else step.stop.spared if step.stop and not draws.rows else None
        if draws is None or passed is not None:
            count.dropped[str(passed)] += 1
            lost.append({"prompt_id": row["prompt_id"], "id": row["id"], DROPPED: passed, "detail": None})
            continue
        own = [one for some in draws.rows for one in some]
        count.rows_used, count.unanswered = count.rows_used + bool(own), count.unanswered + (not own)
        made += own
        lost += _lost(draws)
    count.rows_in, count.rows_out = count.rows_in + len(rows), count.rows_out + len(made)
    return made, lost


def _lost(draws: Draws) -> Iterator[Row]:
    """The draws that brought nothing."""
    row = draws.row
    for one in draws.lost:
        yield {"prompt_id": row["prompt_id"], "id": f"{row['id']}.{one.k}", DROPPED: one.status, "detail": one.detail}


def _asker(step: Planned) -> Asker:
    if step.asker is None:
        raise TypeError(f"{step.word} asks nothing")
    return step.asker
