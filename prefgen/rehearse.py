"""What a run will ask: the recipe walked through with the replies that are known, and stand-ins for the rest.

Rows whose replies are in the journal go on as they would in the run. The others go on with stand-ins that filters
keep where they can, and that count as long as a reply may be, so that what is told is about the most that there can be;
a stop's least is counted beside it.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from prefgen.applied import split
from prefgen.asker import Ask, Asker, Row
from prefgen.errors import RowFailed, Unreadable
from prefgen.llm.batch.endpoints import in_batches, share
from prefgen.llm.client import Client
from prefgen.llm.outcome import Tally
from prefgen.llm.request import Model, Request
from prefgen.planned import Plan, Planned
from prefgen.rounds import pool_order, replied, request_of, rows_of
from prefgen.rows import DROPPED, TableVerb
from prefgen.shards import in_shards

SAMPLE = 500
"""Prompts that are walked through at most; counts of a longer source are scaled up."""
FEW = 40
"""Rows on which a filter is tried."""
CHARACTERS = 4
"""Characters in one token, about; the usual rule of thumb for English."""


_MARK = re.compile(r"\ue000(\d+)\ue000")
"""How a stand-in says how many characters long it may be."""


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
    as draws.
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


@dataclass
class _Asked:
    """What the sample's rows ask for, and what that costs: ``new`` for draws to come, ``old`` for known ones."""

    cached: int = 0
    least: int = 0
    most: int = 0
    new: Cost = field(default_factory=Cost)
    old: Cost = field(default_factory=Cost)

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
            rows = _kept(step.source)
            made[table] = next(in_shards(rows, SAMPLE))
            scale[table] = max(1.0, rows.height / max(1, made[table].height))
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


def _kept(source: pl.DataFrame) -> pl.DataFrame:
    return source.filter(pl.col(DROPPED).is_null()).drop(DROPPED) if DROPPED in source.columns else source


def _reshaped(step: Planned, frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """A table verb's table. A filter that looks at one row at a time keeps every stand-in: nobody knows what will stand
    there.
    """
    if not (isinstance(step.verb, TableVerb) and step.verb.reshape is None):
        return split(step.verb, frames, step.settings)[0]
    marked = step.verb.marked(frames[0], **step.settings)
    stays = marked[DROPPED].is_null()
    if not stays.all() and _looks_at_one_row(step.verb, frames[0], marked[DROPPED], step.settings):
        stays |= _stand_ins(frames[0])
    return frames[0].filter(stays)


def _looks_at_one_row(
    verb: "TableVerb[Any]", rows: pl.DataFrame, reasons: pl.Series, settings: Mapping[str, Any]
) -> bool:
    """Whether a filter says of a row by itself what it says of it among the others; tried on a few that it drops."""
    return all(
        verb.marked(rows[place : place + 1], **settings)[DROPPED].item() == reasons[place]
        for place in reasons.is_not_null().arg_true().head(FEW)
    )


def _stand_ins(rows: pl.DataFrame) -> pl.Series:
    """Which rows hold a stand-in's text."""
    texts = [
        pl.col(c).str.contains(_MARK.pattern).fill_null(value=False) for c, t in rows.schema.items() if t == pl.String
    ]
    return rows.select(pl.any_horizontal(pl.lit(value=False), *texts)).to_series()


async def _table(
    step: Planned, asker: Asker, rows: pl.DataFrame, client: Client, seed: int, asked: _Asked
) -> pl.DataFrame:
    """An asker's table, of known replies and stand-ins."""
    made: list[Row] = []
    for row in rows.iter_rows(named=True):
        made += await _row(step, asker, row, client, seed, asked)
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


async def _row(step: Planned, asker: Asker, row: Row, client: Client, seed: int, asked: _Asked) -> list[Row]:
    """One row's draws. A stop ends them for good where all are known; stand-ins may end them too early."""
    order, drawn, ended, unknown = pool_order(step.models, seed, row), list[list[Row]](), False, False
    if not (asks := _asks(asker, row)):
        return []
    for k in range(asker.n):
        ended = ended or bool(step.stop and step.stop(drawn, asker.n) == 0)
        if ended and not unknown:
            break
        model, draw = order[k % len(order)], k // len(order)
        requests, cost = [request_of(ask, model, seed) for ask in asks], _cost(client, model, asks)
        if all(client.known(request, draw) for request in requests):
            asked.cached += len(asks)
            asked.old.add(cost)
            drawn.append(await _known(step, asker, row, k, requests, draw, client))
            continue
        unknown = True
        asked.least += 0 if ended else len(asks)
        asked.most += len(asks)
        asked.new.add(cost)
        if not ended:
            rows = asker.most_rows(row)
            names = [f"{k}"] if rows == 1 else [f"{k}.{i}" for i in range(rows)]
            drawn.append([_stand_in(step, row, name, client) for name in names])
    return [one for rows in drawn for one in rows]


async def _known(
    step: Planned, asker: Asker, row: Row, k: int, requests: Sequence[Request], draw: int, client: Client
) -> list[Row]:
    outcomes = [(await client.draw(request, [draw], Tally()))[0] for request in requests]
    if any(outcome.failure for outcome in outcomes):
        return []
    replies = [replied(o, r.model) for o, r in zip(outcomes, requests, strict=True)]
    try:
        made = asker.read_all(row, replies)
    except Unreadable as e:
        made = asker.unread(row, replies[0], e.status)
    except RowFailed:
        return []
    return rows_of(row, made, k, step.schema)


def _cost(client: Client, model: Model, asks: Sequence[Ask]) -> Cost:
    """What one draw may cost at most."""
    limit = client.provider(model).limit(model)
    text = sum(_length(m["content"]) for ask in asks for m in ask.messages) + sum(_length(a.given or "") for a in asks)
    written = sum(ask.given is None for ask in asks)
    cost = Cost(text / CHARACTERS, written * limit if limit else None if written else 0, dollars=None)
    price, part = client.provider(model).price(model), share(model, in_batches=in_batches(client))
    cost.priced = price is not None
    if price and not (cost.completion is None and price["output"]):
        cost.dollars = part * (cost.prompt * price["input"] + (cost.completion or 0) * price["output"]) / 1e6
    return cost


def _length(text: str) -> int:
    """Characters of a text, with what its stand-ins may come to; one that is not ASCII may be a token of its own."""
    rare = len(text) - len(text.encode("ascii", "ignore"))
    return len(text) + (CHARACTERS - 1) * rare + sum(int(mark[1]) for mark in _MARK.finditer(text))


def _stand_in(step: Planned, row: Row, name: str, client: Client) -> Row:
    """A row such as the asker might make: every text its own, scores of a row's neighbours far apart, and a judge that
    is always right.
    """
    own = f"{row['id']}.{name}"
    limits = [client.provider(model).limit(model) or 0 for model in step.models]
    text = f"\ue000{max(limits, default=0) * CHARACTERS}\ue000{_own_words(own)}"
    new = {column: _value(kind, text, row["id"]) for column, kind in step.schema.items() if column not in row}
    if "verdict" in new and row.get("gold"):
        new["verdict"] = row["gold"]
    if "response_id" in new:
        new["response_id"] = own if "." in name else row["id"]
    return {c: {**row, **new, "id": own}.get(c) for c in step.schema}


def _own_words(name: str) -> str:
    """Words that no other stand-in has, so that none is nearly the same as another."""
    digest = hashlib.blake2b(name.encode(), digest_size=32).hexdigest()
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))


def _value(kind: pl.DataType, text: str, row_id: str) -> Any:
    """A value of this type. Numbers are high and low by turns of the row's place among its neighbours."""
    last = row_id.rpartition(".")[2]
    number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32
    high = last.isdigit() and int(last) % 2 == 0
    if kind.is_float():
        return 5 - number / 100 if high else number / 100
    if kind.is_integer():
        return int(high)
    if kind == pl.Boolean:
        return False
    return text if kind == pl.String else []
