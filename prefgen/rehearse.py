"""What a run will ask: the recipe walked through with the replies that are known, and stand-ins for the rest.

Rows whose replies are in the journal go on as they would in the run. The others go on with stand-ins that every
filter keeps, so that the calls counted for them are the most that there can be; a stop's least is counted beside it.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from prefgen.asker import Ask, Asker, Row
from prefgen.errors import Unreadable
from prefgen.llm.client import Client, Tally
from prefgen.llm.request import Model, Request
from prefgen.planned import Plan, Planned
from prefgen.rounds import pool_order, replied, request_of
from prefgen.rows import DROPPED, split
from prefgen.stages import in_shards

SAMPLE = 500
"""Prompts that are walked through at most; counts of a longer source are scaled up."""
CHARACTERS = 4
"""Characters in one token, about; the usual rule of thumb for English."""


@dataclass
class Estimate:
    """One step's rows and requests. Draws that share one request (``n``) are counted as draws.

    ``least`` and ``most`` are draws still to be asked for; tokens and dollars belong to ``most``, output at
    ``max_tokens``.
    """

    table: str
    verb: str
    rows: float = 0
    cached: float = 0
    least: float = 0
    most: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    dollars: float | None = 0

    def scaled(self, by: float) -> "Estimate":
        """For ``by`` times as many prompts."""
        numbers = {k: v * by for k, v in vars(self).items() if isinstance(v, int | float)}
        return Estimate(**{**vars(self), **numbers})


async def rehearse(plan: Plan, client: Client) -> Mapping[str, Estimate]:
    """The estimate of each step. Sends nothing."""
    made: dict[str, pl.DataFrame] = {}
    estimates: dict[str, Estimate] = {}
    scale: dict[str, float] = {}
    for table, step in plan.steps.items():
        estimate = Estimate(table, step.word)
        if step.source is not None:
            rows = _kept(step.source)
            made[table] = next(in_shards(rows, SAMPLE))
            scale[table] = max(1.0, rows.height / max(1, made[table].height))
        elif step.asker:
            made[table] = await _asked(step, made[step.input], client, plan.recipe.seed, estimate)
        else:
            made[table] = split(step.verb, made[step.input], step.settings)[0]
        scale.setdefault(table, scale.get(step.input, 1.0))
        estimate.rows = made[table].height
        estimates[table] = estimate.scaled(scale[table])
    return estimates


def _kept(source: pl.DataFrame) -> pl.DataFrame:
    return source.filter(pl.col(DROPPED).is_null()).drop(DROPPED) if DROPPED in source.columns else source


async def _asked(step: Planned, rows: pl.DataFrame, client: Client, seed: int, estimate: Estimate) -> pl.DataFrame:
    """An asker's table, of known replies and stand-ins."""
    made: list[Row] = []
    for row in rows.iter_rows(named=True):
        made += await _row(step, row, client, seed, estimate)
    return pl.DataFrame(made, schema=step.schema, orient="row")


async def _row(step: Planned, row: Row, client: Client, seed: int, estimate: Estimate) -> list[Row]:
    asker = step.asker
    if asker is None:
        return []
    order, drawn, unknown, asks = pool_order(step.models, seed, row["id"]), list[list[Row]](), 0, asker.asks(row)
    for k in range(asker.n):
        if step.stop and step.stop(drawn, asker.n) == 0:
            if unknown:  # stand-ins ended it; real replies may not
                estimate.most += (asker.n - k) * len(asks)
            break
        model, draw = order[k % len(order)], k // len(order)
        requests = [request_of(ask, model, seed) for ask in asks]
        if all(client.known(request, draw) for request in requests):
            estimate.cached += len(asks)
            drawn.append(await _known(step, asker, row, k, requests, draw, client))
            continue
        unknown += 1
        estimate.least += len(asks)
        estimate.most += len(asks)
        _price(estimate, model, asks)
        drawn.append([_stand_in(step, row, k)])
    return [one for rows in drawn for one in rows]


async def _known(
    step: Planned, asker: Asker, row: Row, k: int, requests: Sequence[Request], draw: int, client: Client
) -> list[Row]:
    outcomes = [(await client.draw(request, [draw], Tally()))[0] for request in requests]
    try:
        made = asker.read_all(row, [replied(o, r.model) for o, r in zip(outcomes, requests, strict=True)])
    except Unreadable:
        return []
    return [{c: {**row, **new, "id": f"{row['id']}.{k}"}.get(c) for c in step.schema} for new in made]


def _price(estimate: Estimate, model: Model, asks: Sequence[Ask]) -> None:
    """Adds what one unknown draw may cost at most."""
    text = sum(len(m["content"]) for ask in asks for m in ask.messages) + sum(len(a.given or "") for a in asks)
    tokens_in, tokens_out = text / CHARACTERS, sum(0 if ask.given else model.max_tokens or 0 for ask in asks)
    estimate.prompt_tokens += tokens_in
    estimate.completion_tokens += tokens_out
    if model.provider in {"local", "fake"}:
        return
    if model.price is None or (model.max_tokens is None):
        estimate.dollars = None
    elif estimate.dollars is not None:
        price = model.price
        estimate.dollars += (tokens_in * price.get("input", 0) + tokens_out * price.get("output", 0)) / 1e6


def _stand_in(step: Planned, row: Row, k: int) -> Row:
    """A row such as the asker might make: every text and number its own, and a judge that is always right."""
    own = f"{row['id']}.{k}"
    new = {column: _value(kind, column, own) for column, kind in step.schema.items() if column not in row}
    if "verdict" in new and row.get("gold"):
        new["verdict"] = row["gold"]
    if "response_id" in new:
        new["response_id"] = row["id"]
    return {c: {**row, **new, "id": own}.get(c) for c in step.schema}


def _value(kind: pl.DataType, column: str, own: str) -> Any:
    number = int.from_bytes(hashlib.blake2b(f"{own}/{column}".encode(), digest_size=4).digest(), "big")
    if kind.is_float():
        return number / 2**32
    if kind.is_integer():
        return number
    if kind == pl.Boolean:
        return False
    if kind == pl.String:
        return f"{column} of {own}"
    return []
