"""One row and its draws: what each asks, of which model, and what was read of the replies."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prefgen.asker import Ask, Asker, Reply, Row
from prefgen.errors import RowFailed, Unreadable
from prefgen.llm.client import Asked, Client, settled
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Request
from prefgen.texts import sound


@dataclass(frozen=True)
class At:
    """What all rows of a step share: ``columns`` are those of its table, ``n`` the draws of a row at most."""

    asker: Asker
    models: Sequence[Model]
    columns: Sequence[str]
    client: Client
    seed: int
    tally: Tally


@dataclass(frozen=True)
class Lost:
    """Draw ``k`` brought no row of its own: why, and the reply's text or what ``failed``."""

    k: int
    status: str
    detail: str
    failed: bool = False


class Draws:
    """The draws of one row so far: ``rows`` are those that each was read as, ``lost`` those that said nothing, ``keys``
    the journal's of all replies. ``drawn`` is how many there are, ``asks`` how many requests one of them makes.
    """

    __slots__ = ("at", "blank", "drawn", "found", "keys", "lost", "order", "requests", "row", "rows")

    def __init__(self, at: At, row: Row, order: Sequence[Model]) -> None:
        self.at, self.row, self.order, self.drawn = at, row, order, 0
        self.rows: list[Sequence[Row]] = []
        self.lost: list[Lost] = []
        self.keys: list[bytes] = []
        self.found: list[list[Outcome] | None] = []
        self.requests: list[list[Request]] = []
        self.blank = blank(row, at.columns)
        try:
            asks = at.asker.asks(row)
        except (
            RowFailed
        ) as e:  # a row that is no prompt, more than any model reads: it has failed, and is not drawn again
            self.rows, self.drawn = [()] * at.asker.n, 1
            self.lost.append(Lost(0, e.reason, str(e), failed=True))
        else:
            self.requests = [[request_of(ask, model, at.seed) for ask in asks] for model in order]

    @property
    def asks(self) -> int:
        """None of a row that cannot be asked."""
        return len(self.requests[0]) if self.requests else 0

    def knows(self, more: int, found: list[list[Outcome] | None]) -> bool:
        """Takes so many more draws in, where all of a round's exchanges are found; else holds those that are."""
        if None in found:
            self.found = found
            return False
        self._take(more, [one for one in found if one is not None])
        return True

    async def ask(self, more: int) -> None:
        """Takes so many more draws in, whether or not the journal has them."""
        client, tally, exchanges = self.at.client, self.at.tally, self.exchanges(more)
        there, self.found = self.found or [None] * len(exchanges), []
        left = [client.draw(*one, tally) for one, found in zip(exchanges, there, strict=True) if found is None]
        came = iter(await settled(left))
        self._take(more, [next(came) if found is None else found for found in there])

    def exchanges(self, more: int) -> list[Asked]:
        """What a round asks: all of its draws of one model together, for an endpoint that takes ``n``."""
        if len(self.order) == 1:
            draws = range(self.drawn, self.drawn + more)
            return [(request, draws) for request in self.requests[0]]
        return [(request, own) for i, own in self._turns(more).items() for request in self.requests[i]]

    def _turns(self, more: int) -> dict[int, list[int]]:
        """In a pool, draw k goes to the k-th model, and round again: each model's place, and its draws' numbers."""
        draws, pool = range(self.drawn, self.drawn + more), len(self.order)
        turns = {i: [k // pool for k in draws if k % pool == i] for i in range(pool)}
        return {i: own for i, own in turns.items() if own}

    def _take(self, more: int, results: Sequence[list[Outcome]]) -> None:
        """Reads a round's outcomes, in the order of the draws."""
        for outcomes in self._by_draw(more, results):
            k = self.drawn
            self.drawn = k + 1
            self.keys += [outcome.key for outcome in outcomes]
            self.rows.append(self._read(k, outcomes))

    def _by_draw(self, more: int, results: Sequence[list[Outcome]]) -> Iterator[Sequence[Outcome]]:
        """Each draw's outcomes, one for each of its asks."""
        if len(self.order) == 1:
            return zip(*results, strict=True)
        asks, turns = self.asks, self._turns(more)
        own = {i: zip(*results[place * asks : (place + 1) * asks], strict=True) for place, i in enumerate(turns)}
        return (next(own[k % len(self.order)]) for k in range(self.drawn, self.drawn + more))

    def _read(self, k: int, outcomes: Sequence[Outcome]) -> Sequence[Row]:
        """One draw's rows: the input row, less what the asker replaces, with what it makes."""
        for one in outcomes:
            if one.failure:
                return self._loses(k, one.failure)
        model, asker = self.order[k % len(self.order)], self.at.asker
        replies = [replied(outcome, model) for outcome in outcomes]
        try:
            made = asker.read_all(self.row, replies)
        except Unreadable as e:
            self.lost.append(Lost(k, e.status, replies[0].text))
            made = asker.unread(self.row, replies[0], e.status)
        except RowFailed as e:
            return self._loses(k, e)
        return rows_of(self.blank, made, f"{self.row['id']}.{k}")

    def _loses(self, k: int, why: RowFailed) -> Sequence[Row]:
        self.lost.append(Lost(k, why.reason, str(why), failed=True))
        return ()


def request_of(ask: Ask, model: Model, seed: int) -> Request:
    """What the provider is asked."""
    messages = [{"role": turn["role"], "content": turn["content"]} for turn in ask.messages]
    return Request(model, messages, ask.given, ask.grammar, ask.schema, seed)


def blank(row: Row, columns: Sequence[str]) -> Row:
    """A row of a step's table with what its input row has; null for what is yet to be made."""
    return {column: row.get(column) for column in columns}


def rows_of(blank: Row, made: Sequence[Row], draw: str) -> list[Row]:
    """The rows that a draw (by its id) makes: the row's own columns, with the new ones over them."""
    ids = [draw] if len(made) == 1 else [f"{draw}.{i}" for i in range(len(made))]
    whole = [{**blank, **new, "id": i} for new, i in zip(made, ids, strict=True)]
    return [one if len(one) == len(blank) else {column: one[column] for column in blank} for one in whole]


def replied(outcome: Outcome, model: Model) -> Reply:
    """What a part reads of an outcome."""
    done = outcome.completion
    if done is None:
        raise TypeError("an outcome holds a completion or a failure")
    return Reply(sound(done.text), done.finish, done.logprobs, model.use, outcome.key.hex())


def pool_order(pool: Sequence[Model], seed: int, row: Row) -> Sequence[Model]:
    """A pool's models in the order in which one row asks them: a shuffle by the seed and the row's id alone.

    Where rows have a ``turn``, those of one prompt share a shuffle and begin at their turn's place in it: as many
    rows as the pool has models ask each of them once.
    """
    if len(pool) == 1:
        return pool
    turn = row.get("turn")
    of = row["id"] if turn is None else row["prompt_id"]

    def place(model: Model) -> bytes:
        return hashlib.blake2b(f"{seed}/pool/{of}/{model.use}".encode()).digest()

    order, start = sorted(pool, key=place), (turn or 0) % len(pool)
    return [*order[start:], *order[:start]]
