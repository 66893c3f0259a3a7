"""An asker's rows, draw by draw: ask, wait, read, and ask again where the stop wants more.

Draws are read in the order of their numbers, never of their arrival, so that neither speed nor concurrency
changes what comes out.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import polars as pl

from prefgen.asker import Ask, Asker, Canary, Reply, Row
from prefgen.canaries import FAILED, FOOLED, NO_CANARIES, UNREADABLE, WITHSTOOD, Canaries
from prefgen.errors import RowFailed, Unreadable
from prefgen.llm.client import Client, settled
from prefgen.llm.drawn import Drawn
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Request
from prefgen.planned import Planned
from prefgen.rows import DROPPED
from prefgen.texts import sound

LOST = pl.Schema({"prompt_id": pl.String, "id": pl.String, DROPPED: pl.String, "detail": pl.String})
"""A row that is not in its step's table: why, and for a reply its text."""


@dataclass
class Count:
    """What became of one step's rows: in = used + dropped (of an asker: + without a reply that could be read);
    drawn = read + unreadable + failed. ``canaries`` are counted by themselves, and stand in no table. ``replies`` are
    the journal's keys of all that was drawn, for what it cost.
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

    def add(self, other: "Count") -> None:
        """Adds another's rows and draws; what was spent has one tally for all."""
        for name in ("rows_in", "rows_used", "rows_out", "unanswered", "drawn", "read"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in ("dropped", "unreadable", "failed", "canaries"):
            getattr(self, name).update(getattr(other, name))
        self.replies |= other.replies

    def balanced(self) -> bool:
        """Whether every row, and every draw, has come out or has a reason for not doing so."""
        rows = self.rows_in == self.rows_used + self.dropped.total() + self.unanswered
        return rows and self.drawn == self.read + self.unreadable.total() + self.failed.total()


@dataclass
class _Drawn:
    """One draw of one row: the rows read from it, or why it could not be read."""

    rows: list[Row] = field(default_factory=list)
    status: str = ""
    detail: str = ""
    failed: bool = False


async def ask_all(
    step: Planned, rows: pl.DataFrame, client: Client, seed: int, count: Count, canaries: Canaries = NO_CANARIES
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """An asker's table; and the rows passed over, with the draws that brought nothing (columns as LOST)."""
    asker, every = _asker(step), list(rows.iter_rows(named=True))
    why = asker.passes_over(rows).to_list()
    asked = [row for row, reason in zip(every, why, strict=True) if reason is None]
    tried = [(row, found) for row in asked if (found := _canary_of(asker, row, seed, canaries))]
    work = [_row(step, row, client, seed, count) for row in asked]
    drawn = (await settled([*work, *(_canary(step, *one, client, seed, count) for one in tried)]))[: len(work)]
    made = [row for row_drawn in drawn for one in row_drawn for row in one.rows]
    used = sum(any(one.rows for one in row_drawn) for row_drawn in drawn)
    count.rows_in, count.rows_used = count.rows_in + rows.height, count.rows_used + used
    count.dropped.update(reason for reason in why if reason is not None)
    count.unanswered, count.rows_out = count.unanswered + len(drawn) - used, count.rows_out + len(made)
    return pl.DataFrame(made, schema=step.schema, orient="row"), _lost(every, why, drawn)


def _lost(rows: Sequence[Row], why: Sequence[str | None], drawn: Sequence[Sequence[_Drawn]]) -> pl.DataFrame:
    """Rows passed over, and draws without a row, in the order of the rows."""
    lost, rest = [], iter(drawn)
    for row, reason in zip(rows, why, strict=True):
        of = {"prompt_id": row["prompt_id"]}
        if reason is not None:
            lost.append({**of, "id": row["id"], DROPPED: reason, "detail": None})
            continue
        draws = enumerate(next(rest))
        lost += [{**of, "id": f"{row['id']}.{k}", DROPPED: d.status, "detail": d.detail} for k, d in draws if d.status]
    return pl.DataFrame(lost, schema=LOST, orient="row")


async def _row(step: Planned, row: Row, client: Client, seed: int, count: Count) -> list[_Drawn]:
    """All draws of one row, in rounds."""
    asker, drawn = _asker(step), list[_Drawn]()
    order = pool_order(step.models, seed, row)
    try:
        asks = asker.asks(row)
    except RowFailed as e:  # a row that is no prompt: more than any model reads
        count.drawn += 1
        drawn.append(_Drawn(status=e.reason, detail=str(e), failed=True))
        _tell(count, drawn[-1])
        return drawn
    while more := _more(step, asker, drawn):
        draws = range(len(drawn), len(drawn) + more)
        count.drawn += more
        replies = await settled(_replies(ask, draws, order, client, seed, count.tally) for ask in asks)
        count.replies.update(outcome.key for outcomes in replies for outcome in outcomes)
        for k, outcomes in zip(draws, zip(*replies, strict=True), strict=True):
            drawn.append(_read(asker, row, k, order, outcomes, step.schema))
            _tell(count, drawn[-1])
    return drawn


def _canary_of(asker: Asker, row: Row, seed: int, canaries: Canaries) -> Canary | None:
    chance = canaries.chance(seed, row["id"])
    return None if chance is None else asker.canary(row, chance)


async def _canary(step: Planned, row: Row, canary: Canary, client: Client, seed: int, count: Count) -> list[_Drawn]:
    """Asks once with a known answer, of the model that the row asks first, and counts what came of it."""
    asker, order = _asker(step), pool_order(step.models, seed, row)
    try:
        asks = asker.asks(canary.row)
    except RowFailed:
        count.canaries[canary.kind, FAILED] += 1
        return []
    replies = await settled(_replies(ask, range(1), order, client, seed, count.tally) for ask in asks)
    count.replies.update(outcome.key for outcomes in replies for outcome in outcomes)
    one = _read(asker, canary.row, 0, order, [outcomes[0] for outcomes in replies], step.schema)
    end = FAILED if one.failed else UNREADABLE if one.status else WITHSTOOD if canary.withstood(one.rows) else FOOLED
    count.canaries[canary.kind, end] += 1
    return []


def _more(step: Planned, asker: Asker, drawn: Sequence[_Drawn]) -> int:
    if step.stop is None:
        return asker.n - len(drawn)
    return min(step.stop([one.rows for one in drawn], asker.n), asker.n - len(drawn))


async def _replies(
    ask: Ask, draws: range, order: Sequence[Model], client: Client, seed: int, tally: Tally
) -> list[Outcome]:
    """The outcomes of one ask, in the order of the draws. In a pool, draw k goes to the k-th model, and round again."""
    turns = {i: [k // len(order) for k in draws if k % len(order) == i] for i in range(len(order))}
    asked = {i: own for i, own in turns.items() if own}
    found = await settled(client.draw(request_of(ask, order[i], seed), own, tally) for i, own in asked.items())
    outcomes = {i: iter(result) for i, result in zip(asked, found, strict=True)}
    return [next(outcomes[k % len(order)]) for k in draws]


def request_of(ask: Ask, model: Model, seed: int) -> Request:
    """What the provider is asked."""
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in ask.messages]
    return Request(model, messages, ask.given, ask.grammar, ask.schema, seed)


def _read(
    asker: Asker, row: Row, k: int, order: Sequence[Model], outcomes: Sequence[Outcome], schema: pl.Schema
) -> _Drawn:
    """One draw's rows: the input row, less what the asker replaces, with what it makes."""
    failure = next((o.failure for o in outcomes if o.failure), None)
    if failure:
        return _Drawn(status=failure.reason, detail=str(failure), failed=True)
    replies = [replied(outcome, order[k % len(order)]) for outcome in outcomes]
    try:
        made = asker.read_all(row, replies)
    except Unreadable as e:
        kept = asker.unread(row, replies[0], e.status)
        return _Drawn(rows_of(row, kept, k, schema), e.status, replies[0].text)
    except RowFailed as e:
        return _Drawn(status=e.reason, detail=str(e), failed=True)
    return _Drawn(rows_of(row, made, k, schema))


def rows_of(row: Row, made: Sequence[Row], k: int, schema: pl.Schema) -> list[Row]:
    """The rows that draw k of a row makes: the row's own columns, with the new ones over them."""
    ids = [f"{row['id']}.{k}"] if len(made) == 1 else [f"{row['id']}.{k}.{i}" for i in range(len(made))]
    whole = [{**row, **new, "id": i} for new, i in zip(made, ids, strict=True)]
    return [{column: one.get(column) for column in schema} for one in whole]


def replied(outcome: Outcome, model: Model) -> Reply:
    """What a part reads of an outcome."""
    done = outcome.completion
    if done is None:
        raise TypeError("an outcome holds a completion or a failure")
    return Reply(sound(done.text), done.finish, done.logprobs, model.use, outcome.key.hex())


def _tell(count: Count, one: _Drawn) -> None:
    if one.failed:
        count.failed[one.status] += 1
    elif one.status:
        count.unreadable[one.status] += 1
    else:
        count.read += 1


def pool_order(pool: Sequence[Model], seed: int, row: Row) -> Sequence[Model]:
    """A pool's models in the order in which one row asks them: a shuffle by the seed and the row's id alone.

    Where rows have a ``turn``, those of one prompt share a shuffle and begin at their turn's place in it: as many
    rows as the pool has models ask each of them once.
    """
    turn = row.get("turn")
    of = row["id"] if turn is None else row["prompt_id"]

    def place(model: Model) -> bytes:
        return hashlib.blake2b(f"{seed}/pool/{of}/{model.use}".encode()).digest()

    order, start = sorted(pool, key=place), (turn or 0) % len(pool)
    return [*order[start:], *order[:start]]


def _asker(step: Planned) -> Asker:
    if step.asker is None:
        raise TypeError(f"{step.word} asks nothing")
    return step.asker
