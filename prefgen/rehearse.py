"""What a run will ask: the recipe walked through with the replies that are known, and stand-ins for the rest.

Rows whose replies are in the journal go on as they would in the run. The others go on with stand-ins that filters
keep where they can, and that count as long as a reply may be, so that what is told is about the most that there can be;
a stop's least is counted beside it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from prefgen.applied import split
from prefgen.asker import Ask, Asker, Row
from prefgen.drawing import blank, pool_order, replied, request_of, rows_of
from prefgen.errors import RowFailed, Unreadable
from prefgen.llm.batch.endpoints import in_batches, share
from prefgen.llm.client import Client
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Model, Request
from prefgen.planned import Plan, Planned
from prefgen.rounds import groups
from prefgen.rows import DROPPED, TableVerb
from prefgen.standins import CHARACTERS, length, stand_in, stand_ins
from prefgen.stopping import WHOLE

SAMPLE = 500
"""Prompts that are walked through at most; counts of a longer source are scaled up."""
FEW = 40
"""Rows on which a filter is tried."""
ENOUGH = 10
"""Groups whose draws are all known, before it is said how the others may go."""


@dataclass
class Cost:
    """Tokens and dollars; tokens of replies are None where nothing limits them, dollars where that makes them unknown,
    or no price is known (``priced``).
    """

    prompt: float = 0
    completion: float | None = 0
    dollars: float | None = 0
    priced: bool = True

    def add(self, other: "Cost", times: float = 1) -> None:
        """Adds ``times`` as much as another."""
        self.prompt += other.prompt * times
        self.completion = _more(self.completion, other.completion, times)
        self.dollars = _more(self.dollars, other.dollars, times)
        self.priced &= other.priced


def _more(number: float | None, other: float | None, times: float) -> float | None:
    """A sum; of something that is not known, nobody knows it."""
    return None if number is None or other is None else number + other * times


@dataclass
class Estimate:
    """One step's rows and draws. ``cached`` draws are known, ``least`` and ``most`` are still to be asked for; tokens
    and dollars belong to ``most``, with output at the model's limit: None where there is none. Dollars are None where
    that makes them unknown, or where no price is known (``priced``). Draws that share one request (``n``) are counted
    as draws. ``likely`` is what a stop will leave to ask if the others go as those whose draws are known: after a
    pilot; None where none is.
    """

    table: str
    verb: str
    rows: float = 0
    cached: float = 0
    least: float = 0
    most: float = 0
    prompt_tokens: float = 0
    completion_tokens: float | None = 0
    dollars: float | None = 0
    priced: bool = True
    likely: float | None = None


@dataclass
class _Asked:
    """What the sample's rows ask for, and what that costs: ``new`` for draws to come, ``old`` for known ones."""

    cached: int = 0
    least: int = 0
    most: int = 0
    new: Cost = field(default_factory=Cost)
    old: Cost = field(default_factory=Cost)
    groups: int = 0
    ended: int = 0
    ended_whole: int = 0
    whole: int = 0
    begun: int = 0

    def grouped(self, known: int, whole: int, *, ended: bool) -> None:
        """Notes what is known of a group that a stop sees, of the ``whole`` that it may come to."""
        self.whole, self.begun = self.whole + whole, self.begun + known
        if ended:
            self.groups, self.ended, self.ended_whole = self.groups + 1, self.ended + known, self.ended_whole + whole

    def likely(self, by: float) -> float | None:
        """What is to be asked where all groups go as those did whose draws are known; None where they are too few."""
        if self.groups < ENOUGH or not self.most:
            return None
        return max(0.0, self.ended / self.ended_whole * self.whole * by - self.begun)

    def count(self, asks: int, cost: Cost, *, known: bool) -> None:
        """Counts requests that are made in any case."""
        if known:
            self.cached += asks
            self.old.add(cost)
        else:
            self.least, self.most = self.least + asks, self.most + asks
            self.new.add(cost)

    def told(self, estimate: Estimate, by: float) -> None:
        """Fills an estimate for ``by`` times as many prompts; nothing is known of those beyond the sample."""
        estimate.cached = self.cached
        estimate.least = (self.cached + self.least) * by - self.cached
        estimate.most = (self.cached + self.most) * by - self.cached
        if (likely := self.likely(by)) is not None:
            estimate.likely = min(max(likely, estimate.least), estimate.most)
        cost = Cost()
        for part, times in ((self.new, by), (self.old, by - 1)):
            if times:
                cost.add(part, times)
        estimate.prompt_tokens, estimate.completion_tokens = cost.prompt, cost.completion
        estimate.dollars, estimate.priced = cost.dollars, cost.priced


async def rehearse(plan: Plan, client: Client) -> Mapping[str, Estimate]:
    """The estimate of each step. Sends nothing."""
    made: dict[str, pl.DataFrame] = {}
    estimates: dict[str, Estimate] = {}
    scale: dict[str, float] = {}
    for table, step in plan.steps.items():
        estimate = estimates[table] = Estimate(table, step.word)
        scale[table] = max((scale[name] for name in step.inputs), default=1.0)
        if step.source is not None:
            made[table] = step.source.first(SAMPLE)
            scale[table] = max(1.0, step.source.rows / max(1, made[table].height))
        elif step.asker:
            asked = _Asked()
            known = made[step.inputs[0]].filter(step.asker.passes_over(made[step.inputs[0]]).is_null())
            made[table] = await _table(step, step.asker, known, client, plan.recipe.seed, asked)
            _canaries(step, step.asker, known, client, plan, asked)
            asked.told(estimate, scale[table])
        else:
            made[table] = _reshaped(step, [made[name] for name in step.inputs])
        estimate.rows = made[table].height * scale[table]
    return estimates


def _reshaped(step: Planned, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A table verb's table. A filter that looks at one row at a time keeps every stand-in: nobody knows what will stand
    there.
    """
    if isinstance(step.verb, TableVerb) and step.verb.keeps_most:
        return _with_most(step, frames[0], step.verb.keeps_most)
    if not (isinstance(step.verb, TableVerb) and step.verb.reshape is None):
        return split(step.verb, frames, step.settings)[0]
    marked = step.verb.marked(frames[0], **step.settings)
    stays = marked[DROPPED].is_null()
    if not stays.all() and _looks_at_one_row(step.verb, frames[0], marked[DROPPED], step.settings):
        stays |= stand_ins(frames[0])
    return frames[0].filter(stays)


def _with_most(step: Planned, rows: pl.DataFrame, most: Mapping[str, Any]) -> pl.DataFrame:
    """What a verb makes of prompts that are known, and the most that it may make of the others."""
    unknown = rows.with_columns(stand_ins(rows).alias("_unknown")).select(pl.col("_unknown").any().over("prompt_id"))
    parts = [(rows.filter(~unknown["_unknown"]), {}), (rows.filter(unknown["_unknown"]), most)]
    return pl.concat([split(step.verb, [part], {**step.settings, **more})[0] for part, more in parts])


def _looks_at_one_row(
    verb: "TableVerb[Any]", rows: pl.DataFrame, reasons: pl.Series, settings: Mapping[str, Any]
) -> bool:
    """Whether a filter says of a row by itself what it says of it among the others; tried on a few that it drops."""
    return all(
        verb.marked(rows[place : place + 1], **settings)[DROPPED].item() == reasons[place]
        for place in reasons.is_not_null().arg_true().head(FEW)
    )


async def _table(
    step: Planned, asker: Asker, rows: pl.DataFrame, client: Client, seed: int, asked: _Asked
) -> pl.DataFrame:
    """An asker's table, of known replies and stand-ins."""
    every = [_Rehearsed(step, asker, row, client, seed, asked) for row in rows.iter_rows(named=True)]
    by_row = {id(one.row): one for one in every}
    for group in groups([one.row for one in every], step.stop):
        await _rehearsed(step, asker, [by_row[id(row)] for row in group], seed, asked)
    made = [one for row in every for draw in row.drawn for one in draw]
    return pl.DataFrame(made, schema=step.schema, orient="row")


def _canaries(step: Planned, asker: Asker, rows: pl.DataFrame, client: Client, plan: Plan, asked: _Asked) -> None:
    """Counts what is asked with a known answer, beside the rows."""
    seed = plan.recipe.seed
    for row in rows.iter_rows(named=True):
        chance = plan.canaries.chance(seed, row["id"])
        canary = None if chance is None else asker.canary(row, chance)
        if asks := _asks(asker, canary.row) if canary else []:
            model = pool_order(step.models, seed, row)[0]
            known = all(client.known(request_of(ask, model, seed), 0) for ask in asks)
            asked.count(len(asks), _cost(client, model, asks), known=known)


def _asks(asker: Asker, row: Row) -> Sequence[Ask]:
    """What one draw of a row asks; nothing, for a row that is no prompt: more than any model reads."""
    try:
        return asker.asks(row)
    except RowFailed:
        return []


class _Rehearsed:
    """One row's draws, known ones and stand-ins for the others."""

    def __init__(self, step: Planned, asker: Asker, row: Row, client: Client, seed: int, asked: _Asked) -> None:
        self.step, self.asker, self.row, self.client, self.asked = step, asker, row, client, asked
        order, self.drawn, self.unknown = pool_order(step.models, seed, row), list[Sequence[Row]](), 0
        self.asks = _asks(asker, row)
        self.requests = [[request_of(ask, model, seed) for ask in self.asks] for model in order] if self.asks else []
        if not self.asks:
            self.drawn = [()] * asker.n

    async def draw(self, *, wanted: bool) -> None:
        """One draw more, which the stop wants or which it may come to want."""
        k, pool = len(self.drawn), len(self.requests)
        requests, draw, asks = self.requests[k % pool], k // pool, len(self.asks)
        cost = _cost(self.client, requests[0].model, self.asks)
        if all(self.client.known(request, draw) for request in requests):
            self.asked.cached, known = self.asked.cached + asks, await self._known(k, requests, draw)
            self.asked.old.add(cost)
            self.drawn.append(known if wanted else ())
            return
        self.unknown += asks
        self.asked.least += asks if wanted else 0
        self.asked.most += asks
        self.asked.new.add(cost)
        self.drawn.append(self._stand_ins(k) if wanted else ())

    def _stand_ins(self, k: int) -> list[Row]:
        rows = self.asker.most_rows(self.row)
        names = [f"{k}"] if rows == 1 else [f"{k}.{i}" for i in range(rows)]
        return [stand_in(self.step, self.row, name, self.client) for name in names]

    async def _known(self, k: int, requests: Sequence[Request], draw: int) -> list[Row]:
        outcomes = [(await self.client.draw(request, [draw], Tally()))[0] for request in requests]
        if any(outcome.failure for outcome in outcomes):
            return []
        replies = [replied(o, r.model) for o, r in zip(outcomes, requests, strict=True)]
        try:
            made = self.asker.read_all(self.row, replies)
        except Unreadable as e:
            made = self.asker.unread(self.row, replies[0], e.status)
        except RowFailed:
            return []
        return rows_of(blank(self.row, tuple(self.step.schema)), made, f"{self.row['id']}.{k}")


async def _rehearsed(step: Planned, asker: Asker, group: Sequence[_Rehearsed], seed: int, asked: _Asked) -> None:
    """The draws of rows that a stop sees together. It ends them for good where all are known; where some are not, they
    may want all, and stand-ins may have it end too late for the least that there is.
    """
    rows, before = [one.row for one in group], (asked.cached, asked.least)
    stop = step.stop or WHOLE
    ends = WHOLE if stop.audits(seed, rows) else stop
    while any(more := ends.more(rows, [one.drawn for one in group], asker.n)):
        for one, number in zip(group, more, strict=True):
            for _ in range(number):
                await one.draw(wanted=True)
    asks, whole = max(len(one.asks) for one in group), sum(asker.n * len(one.asks) for one in group)
    known, unknown = asked.cached - before[0], asked.least - before[1]
    if step.stop and whole:
        asked.grouped(known, whole, ended=not unknown)
    if not unknown:
        return
    if stop.by is not None and ends is stop:
        asked.least = before[1] + min(unknown, max(0, stop.least(rows, asker.n) * asks - known))
    for one in group:
        while len(one.drawn) < asker.n:
            await one.draw(wanted=False)


def _cost(client: Client, model: Model, asks: Sequence[Ask]) -> Cost:
    """What one draw may cost at most."""
    limit = client.provider(model).limit(model)
    text = sum(length(m["content"]) for ask in asks for m in ask.messages) + sum(length(a.given or "") for a in asks)
    written = sum(ask.given is None for ask in asks)
    cost = Cost(text / CHARACTERS, written * limit if limit else None if written else 0, dollars=None)
    price, part = client.provider(model).price(model), share(model, in_batches=in_batches(client))
    cost.priced = price is not None
    if price and not (cost.completion is None and price["output"]):
        cost.dollars = part * (cost.prompt * price["input"] + (cost.completion or 0) * price["output"]) / 1e6
    return cost
