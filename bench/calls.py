"""Calls per kept pair, with a fixed number of draws and with each stop: planted judges through the real rounds.

    python bench/calls.py [ITEMS]

A planted judge's draws are fixed before anybody asks for them, so a fixed budget and a stop see the same ones, and what
a stop changes is counted, not estimated. Seeded: the same table each time.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import Ask, Asker, Reply, Row
from prefgen.filters import majority_share
from prefgen.llm.client import Asked, Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Completion, Model, Request
from prefgen.pairs.best_worst import best_worst
from prefgen.pairs.both_orders import both_orders
from prefgen.planned import Planned
from prefgen.rounds import Count, ask_all
from prefgen.saved import Saved
from prefgen.scores.mean import mean
from prefgen.stopping import find
from prefgen.stops.majority import verdict
from prefgen.tables.disputed import disputed

ITEMS = 4000
"""Pairs of each setting, or prompts of a race's 7 responses."""


@dataclass(frozen=True, kw_only=True)
class planted(Asker):  # noqa: N801
    """Asks for a row by its id; a reply is a verdict or a score, and a word on how it was written."""

    makes = {"verdict": pl.String, "score": pl.Float64, "style": pl.String, "judge_model": pl.String}  # noqa: RUF012

    def asks(self, row: Row) -> list[Ask]:
        return [Ask([{"role": "user", "content": row["id"]}])]

    def read(self, row: Row, reply: Reply) -> list[Row]:  # noqa: ARG002
        said, _, style = reply.text.partition(" ")
        score = None if said in {"A", "B"} else float(said)
        return [{"verdict": said, "score": score, "style": style, "judge_model": reply.model}]


@dataclass
class Planted(Client):
    """A client whose replies are known beforehand: by row, and by draw."""

    replies: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def kept_all(self, asked: Sequence[Asked], tally: Tally) -> list[list[Outcome] | None]:
        return [self._outcome(*one, tally) for one in asked]

    def _outcome(self, request: Request, draws: Sequence[int], tally: Tally) -> list[Outcome]:
        row = request.messages[0]["content"]
        tally.calls += len(draws)
        return [Outcome(f"{row}/{k}".encode(), Completion(self.replies[row][k])) for k in draws]


TOGETHER = 14
"""Rows of whole prompts, of which each has 1, 2 or 7."""


def asked(
    rows: Sequence[Row], replies: Mapping[str, Sequence[str]], n: int, stop: Any = None
) -> tuple[pl.DataFrame, Saved]:
    """The judgments of these rows, and what was asked for them."""
    schema = pl.Schema({**pl.DataFrame(rows[:1]).schema, **planted.makes})
    step = Planned(
        "judgments", "planted", planted, ("rows",), schema, asker=planted(model="judge", n=n),
        models=(Model(use="fake/it"),), stop=find(stop)[0] if stop else None,
    )  # fmt: skip
    made, saved, size = list[Row](), Saved(), TOGETHER * max(1, 700 // n)
    with tempfile.TemporaryDirectory() as folder, closing(Journal(Path(folder) / "journal.sqlite")) as journal:
        client = Planted(journal, replies=replies)
        for start in range(0, len(rows), size):  # as a run does: some prompts at a time
            some, count = rows[start : start + size], Count()
            made += asyncio.run(ask_all(step, some, [None] * len(some), client, 0, count))[0]
            saved.add(count.saved)
    return pl.DataFrame(made, schema=schema, orient="row"), saved


# --- planted judges -------------------------------------------------------------------------

Draw = Callable[[random.Random], float]
SELF_TAUGHT: Mapping[str, Draw] = {
    "accuracy .8": lambda chance: 0.8,  # noqa: ARG005
    "accuracy .6": lambda chance: 0.6,  # noqa: ARG005
    "Beta(2, 1)": lambda chance: chance.betavariate(2, 1),
    "Beta(.8, .5)": lambda chance: chance.betavariate(0.8, 0.5),
}
VOTES: Mapping[str, Draw] = {
    "easy": lambda chance: chance.betavariate(20, 1) if chance.random() < 0.6 else chance.betavariate(6, 2),
    "uniform": lambda chance: abs(chance.betavariate(2, 1) - (chance.random() < 0.5)),
    "hard": lambda chance: chance.betavariate(4, 4),
}
SCORES = {"mid": (0.6, 0.7), "noisy": (0.4, 0.9), "clear": (0.9, 0.5)}
"""The standard deviation of responses' qualities, and of one score of a response."""


def votes(name: str, mix: Draw, items: int, n: int) -> tuple[list[Row], dict[str, list[str]]]:
    """Ordered pairs, and each one's draws. How a judgment is written hangs on the pair, and on whether it is right."""
    rows, replies = [], {}
    for i in range(items):
        chance = random.Random(f"{name}/{i}")
        right, gold, own = mix(chance), "AB"[i % 2], chance.random()
        row = {"prompt_id": f"{name}{i}", "id": f"{name}{i}.ab", "pair_id": f"{name}{i}", "gold": gold}
        rows.append(row)
        replies[row["id"]] = [_vote(chance, right, gold, own) for _ in range(n)]
    return rows, replies


def _vote(chance: random.Random, right: float, gold: str, own: float) -> str:
    is_right = chance.random() < right
    style = int(5 * chance.betavariate(1 + 2 * own + 3 * is_right, 3 - own))
    return f"{gold if is_right else 'AB'.replace(gold, '')} {style}"


def scores(name: str, items: int, k: int = 7, n: int = 11) -> tuple[list[Row], dict[str, list[str]], dict[str, float]]:
    """Responses, each one's scores from 0 to 5, and how good each is."""
    quality_sd, noise = SCORES[name]
    rows, replies, quality = [], {}, {}
    for i in range(items):
        chance = random.Random(f"{name}/{i}")
        for place in range(k):
            row = {"prompt_id": f"{name}{i}", "id": f"{name}{i}.{place}", "response": f"{place}"}
            quality[row["id"]] = good = min(5.0, max(0.0, chance.gauss(2.5, quality_sd)))
            replies[row["id"]] = [str(min(5, max(0, round(chance.gauss(good, noise))))) for _ in range(n)]
            rows.append({**row, "response_id": row["id"]})
    return rows, replies, quality


# --- what each stop comes to ----------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One line of the table: calls of a fixed budget and calls made, for each kept pair; and what that changed."""

    setting: str
    stop: str
    fixed: float
    made: float
    changed: str
    share: float = 0.0

    @property
    def saved(self) -> float:
        return 1 - self.made / self.fixed


def self_taught(mix: str, items: int, n: int = 15) -> Line:
    """Rejection sampling: the first right judgment of n, for any right one of n."""
    rows, replies = votes(f"taught {mix}", SELF_TAUGHT[mix], items, n)
    judged, saved = asked(rows, replies, n, "first_agreeing")
    kept = judged.filter(pl.col("verdict") == pl.col("gold"))["id"].len()
    whole = sum(any(one[0] == row["gold"] for one in replies[row["id"]]) for row in rows)
    changed = f"0 of {whole:,} pairs" if kept == whole else f"{whole - kept:,} of {whole:,} pairs"
    return Line(f"Self-Taught, N = {n}, {mix}", "first_agreeing", n * items / whole, saved.asked / kept, changed)


def voted(mix: str, n: int, items: int, risk: float | None = None) -> Line:
    """A majority vote of n, ended sooner."""
    rows, replies = votes(f"votes {mix}", VOTES[mix], items, n)
    settings = {"majority": {"risk": risk, "audit": 0.0}} if risk else "majority"
    judged, saved = asked(rows, replies, n, settings)
    said: dict[str, list[list[Row]]] = {}
    for row in judged.select("pair_id", "verdict").iter_rows(named=True):
        said.setdefault(row["pair_id"], []).append([row])
    whole = {row["pair_id"]: verdict([[{"verdict": one[0]}] for one in replies[row["id"]]]) for row in rows}
    changed = sum(verdict(some) != whole[pair] for pair, some in said.items()) / items
    name = f"majority, risk {risk}" if risk else "majority"
    told = f"{changed:.2%} of verdicts"
    return Line(f"votes of {n}, {mix}", name, n, saved.asked / items, told, changed)


def raced(setting: str, items: int, k: int = 7, n: int = 11, **race: Any) -> Line:
    """The best and the worst of k responses with up to n scores each: how much of the gap in quality is kept."""
    rows, replies, quality = scores(setting, items, k, n)
    gaps = {}
    for stop in (None, {"race": {"audit": 0.0, **race}}):
        judged, saved = asked(rows, replies, n, stop)
        pairs = best_worst(mean(judged)).select("prompt_id", "id")
        gaps[stop is None] = sum(_gap(quality, *one) for one in pairs.iter_rows()) / items
    kept = gaps[False] / gaps[True]
    return Line(
        f"best and worst of {k}, N = {n}, {setting}",
        "race",
        k * n,
        saved.asked / items,
        f"{kept:.1%} of the gap",
        kept,
    )


def _gap(quality: Mapping[str, float], prompt: str, pair: str) -> float:
    chosen, rejected = pair.removeprefix(f"{prompt}.").split("-")
    return quality[f"{prompt}.{chosen}"] - quality[f"{prompt}.{rejected}"]


def lazy(accuracy: float, items: int) -> Line:
    """Pairs that are kept only if both orders are right."""
    orders = _orders(f"lazy {accuracy}", items)
    replies = _verdicts(f"lazy {accuracy}", orders, lambda chance: accuracy)  # noqa: ARG005
    kept = {}
    for stop in (None, "lazy_order"):
        judged, saved = asked(orders.to_dicts(), replies, 1, stop)
        right = judged.filter(pl.col("verdict") == pl.col("gold")).group_by("pair_id").len().filter(pl.col("len") == 2)
        kept[stop] = set(right["pair_id"])
    changed = f"{len(kept[None] ^ kept['lazy_order']):,} of {len(kept[None]):,} pairs"
    pairs = len(kept[None])
    return Line(
        f"both orders right, accuracy {accuracy}", "lazy_order", 2 * items / pairs, saved.asked / pairs, changed
    )


def _orders(name: str, items: int) -> pl.DataFrame:
    pairs = [{"prompt_id": f"{name}{i}", "id": f"{name}{i}", "chosen": "c", "rejected": "r"} for i in range(items)]
    return both_orders(pl.DataFrame(pairs)).select("prompt_id", "id", "pair_id", "gold", "chosen", "rejected")


def _verdicts(name: str, orders: pl.DataFrame, accuracy: Draw) -> dict[str, list[str]]:
    found = {}
    for row in orders.iter_rows(named=True):
        right = accuracy(random.Random(f"{name}/{row['pair_id']}"))
        is_right = random.Random(f"{name}/{row['id']}").random() < right
        found[row["id"]] = [row["gold"] if is_right else "AB".replace(row["gold"], "")]
    return found


def cascade(price: float, items: int) -> Line:
    """A cheap judge in both orders, and one that costs ``price`` times as much where its orders disagree: in calls of
    the cheap one for each pair that is kept, held against the dear one alone.
    """
    orders = _orders("cascade", items)
    cheap = _verdicts("cheap", orders, lambda chance: chance.betavariate(6, 1.5))
    dear = _verdicts("dear", orders, lambda chance: chance.betavariate(9, 1))
    first, _ = asked(orders.to_dicts(), cheap, 1)
    doubted = disputed(first)
    second, _ = asked(doubted.to_dicts(), dear, 1)
    alone = majority_share(asked(orders.to_dicts(), dear, 1)[0], at_least=1, votes=2)
    agreed = pl.concat([majority_share(one, at_least=1, votes=2) for one in (first, second)], how="diagonal")
    kept, whole = agreed["pair_id"].n_unique(), alone["pair_id"].n_unique()
    cost = (orders.height + price * doubted.height) / kept
    right, was = (_right(one) for one in (agreed, alone))
    told = f"{right:.1%} right, {was:.1%} with the dear one alone"
    return Line(f"cascade, dear = {price:g} cheap", "disputed", price * orders.height / whole, cost, told, right)


def _right(judged: pl.DataFrame) -> float:
    return float((judged["verdict"] == judged["gold"]).mean() or 0)  # type: ignore[arg-type]


def lines(items: int) -> Iterator[Line]:
    """The whole table."""
    yield from (self_taught(mix, items) for mix in SELF_TAUGHT)
    for n in (31, 15, 11, 5):
        for mix in VOTES:
            yield voted(mix, n, items)
            yield voted(mix, n, items, 0.01)
    yield from (raced(setting, items) for setting in SCORES)
    yield from (lazy(accuracy, items) for accuracy in (0.6, 0.8))
    yield from (cascade(price, items) for price in (5, 10, 30))


def row_of(one: Line) -> str:
    """A line as it stands in the table."""
    cells = (one.setting, one.stop, f"{one.fixed:.2f}", f"{one.made:.2f}", f"{one.saved:.0%}", one.changed)
    return f"| {' | '.join(cells)} |"


def main(items: int) -> None:
    print(f"| {items:,} items each | stop | fixed | made | saved | changed |")
    print("| --- | --- | --- | --- | --- | --- |")
    for one in lines(items):
        print(row_of(one), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ITEMS)
