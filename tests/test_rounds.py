"""What becomes of each draw of each row, whatever the order in which replies come in."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.asker import Ask, Asker, Reply, Row, answered
from prefgen.drawing import pool_order
from prefgen.errors import RowFailed
from prefgen.llm.client import Client
from prefgen.llm.fake import Writer
from prefgen.llm.journal import Journal
from prefgen.llm.request import Completion, Model, Request
from prefgen.planned import Planned
from prefgen.rounds import Count, ask_frame
from prefgen.stopping import Stop
from prefgen.stops.first_agreeing import first_agreeing

NAMES = ("x", "y", "z")
POOL = tuple(Model(use=f"fake/{name}") for name in NAMES)


@dataclass(frozen=True, kw_only=True)
class lines(Asker):  # noqa: N801
    """A row for each line of a reply; ``seen`` notes who was read for which row, in order."""

    makes = {"verdict": pl.String, "who": pl.String}  # noqa: RUF012
    texts: tuple[str, ...] = ("{id}",)
    seen: dict[str, list[str]] = field(default_factory=dict)

    def asks(self, row: Row) -> list[Ask]:
        return [Ask([{"role": "user", "content": text.format(**row)}]) for text in self.texts]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        self.seen.setdefault(row["id"], []).append(replies[0].model)
        if replies[0].text == "unfit":
            raise RowFailed("unfit", "no row can be made of it")
        return [{"verdict": line, "who": r.model} for r in replies for line in answered(r).splitlines()]


def table(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": [i[0] for i in ids], "id": ids, "gold": ["A"] * len(ids)})


Stops = Callable[..., Any]
Asked = tuple[pl.DataFrame, pl.DataFrame, Count]
Asking = Callable[..., Asked]


@pytest.fixture
def ask(tmp_path: Path) -> Asking:
    def go(
        rows: pl.DataFrame, asker: Asker, fakes: Mapping[str, Writer], stop: Stops | None = None, **model: Any
    ) -> Asked:
        models = tuple(Model(use=f"fake/{name}", **model) for name in fakes)
        schema, count = pl.Schema({**rows.schema, **asker.makes}), Count()
        step = Planned("said", "lines", lines, ("rows",), schema, asker=asker, models=models, stop=stop and Stop(stop))
        journal = Journal(tmp_path / f"{len([*tmp_path.iterdir()])}.sqlite")
        try:
            made, lost = asyncio.run(ask_frame(step, rows, Client(journal, fakes), 0, count))
        finally:
            journal.close()
        assert count.balanced()
        assert (count.rows_in, count.rows_out) == (rows.height, made.height)
        return made, lost, count

    return go


def own(request: Request, seed: int) -> str:
    return f"{request.model.id} of {request.messages[0]['content']}, {seed}"


def late(delays: int) -> Writer:
    """The same words, after a while that ``delays`` decides."""

    async def writer(request: Request, seed: int) -> str:
        for _ in range(random.Random(f"{delays}/{request.model.use}/{seed}").randrange(8)):
            await asyncio.sleep(0)
        return own(request, seed)

    return writer


def in_order(row: str, n: int) -> list[str]:
    return [pool_order(POOL, 0, {"id": row})[k % len(POOL)].use for k in range(n)]


@pytest.mark.parametrize("stop", [None, lambda drawn, n: 1], ids=["at once", "one by one"])
@pytest.mark.parametrize("concurrency", [1, 2, 64])
@pytest.mark.parametrize("delays", [1, 2, 3])
def test_draws_are_read_by_their_numbers_and_never_by_their_arrival(
    delays: int, concurrency: int, stop: Stops | None, ask: Asking
) -> None:
    rows, asker = table("p.0", "p.1", "q.0", "r.0"), lines(model="m", n=5)
    first, _, _ = ask(rows, lines(model="m", n=5), dict.fromkeys(NAMES, own))
    again, _, _ = ask(rows, asker, dict.fromkeys(NAMES, late(delays)), stop, concurrency=concurrency)
    assert asker.seen == {row: in_order(row, 5) for row in rows["id"]}
    assert again.equals(first)
    assert again["id"].to_list() == [f"{row}.{k}" for row in rows["id"] for k in range(5)]
    assert again["who"].to_list() == [who for row in rows["id"] for who in in_order(row, 5)]


def test_a_pool_is_shuffled_for_each_row_by_the_seed_and_the_row_alone() -> None:
    assert len({tuple(m.id for m in pool_order(POOL, 0, {"id": f"row {i}"})) for i in range(60)}) == 6
    assert len({tuple(m.id for m in pool_order(POOL, seed, {"id": "p"})) for seed in range(60)}) == 6
    assert pool_order(POOL[::-1], 0, {"id": "p"}) == pool_order(POOL, 0, {"id": "p"})


@pytest.mark.parametrize("first", [0, 1, 5])
def test_rows_that_take_turns_ask_each_model_once(first: int) -> None:
    rows = [{"id": f"p.{turn}", "prompt_id": "p", "turn": turn} for turn in range(first, first + len(POOL))]
    assert {pool_order(POOL, 0, row)[0].use for row in rows} == {model.use for model in POOL}
    assert all({model.use for model in pool_order(POOL, 0, row)} == {model.use for model in POOL} for row in rows)


def test_an_unreadable_reply_can_leave_a_row_and_is_counted_all_the_same(ask: Asking) -> None:
    @dataclass(frozen=True, kw_only=True)
    class keeps(lines):  # noqa: N801
        def unread(self, row: Row, reply: Reply, status: str) -> list[Row]:
            return [{"verdict": None, "who": status}]

    made, lost, count = ask(table("p.0"), keeps(model="m", n=2), {"it": lambda r, s: ""})
    assert made.select("id", "verdict", "who").rows() == [("p.0.0", None, "empty"), ("p.0.1", None, "empty")]
    assert lost["dropped"].to_list() == ["empty", "empty"]
    assert (count.read, count.unreadable, count.unanswered) == (0, {"empty": 2}, 0)


def test_several_rows_of_one_draw_are_numbered_within_it(ask: Asking) -> None:
    said = iter(["one", "one\ntwo\nthree"])
    made, _, count = ask(table("p.0"), lines(model="m", n=2), {"x": lambda r, seed: next(said)})
    assert made["id"].to_list() == ["p.0.0", "p.0.1.0", "p.0.1.1", "p.0.1.2"]
    assert made.select("prompt_id", "gold").unique().rows() == [("p", "A")]
    assert (count.drawn, count.read) == (2, 2)


def nth_is_right(nth: int) -> Writer:
    """For each text, the ``nth`` reply says A, the others B."""
    asked = Counter[str]()

    def writer(request: Request, seed: int) -> str:
        asked[request.messages[0]["content"]] += 1
        return "A" if asked[request.messages[0]["content"]] == nth else "B"

    return writer


@pytest.mark.parametrize(("nth", "drawn"), [(1, 1), (2, 2), (4, 4), (5, 5), (99, 5)])
def test_a_stop_asks_for_no_more_than_it_needs(nth: int, drawn: int, ask: Asking) -> None:
    made, _, count = ask(table("p.0", "q.0"), lines(model="m", n=5), {"x": nth_is_right(nth)}, first_agreeing)
    assert (count.drawn, count.tally.calls) == (2 * drawn, 2 * drawn)
    assert made["verdict"].to_list() == 2 * (["B"] * (drawn - 1) + ["A" if nth == drawn else "B"])


@pytest.mark.parametrize(("wanted", "calls"), [(99, 1), (5, 1), (2, 3)])
def test_a_stop_that_wants_many_gets_n_at_most(wanted: int, calls: int, ask: Asking) -> None:
    _, _, count = ask(table("p.0"), lines(model="m", n=5), {"x": own}, lambda drawn, n: wanted)
    assert (count.drawn, count.tally.calls) == (5, calls)


def judged(request: Request, seed: int) -> Completion:
    """Words by which each row meets another end."""
    text = request.messages[0]["content"]
    if text == "fails":
        raise RowFailed("too_long", "more than the model takes in")
    return Completion("not me", finish="refused") if text == "refuses" else Completion("fine")


@pytest.mark.parametrize("texts", [("{id}",), ("fine", "{id}")], ids=["one ask", "the second ask"])
def test_a_draw_that_fails_is_told_with_its_reason_and_costs_no_other_row(texts: tuple[str, ...], ask: Asking) -> None:
    rows = table("a", "refuses", "fails", "z")
    made, lost, count = ask(rows, lines(model="m", n=2, texts=texts), {"x": judged})
    assert set(made["prompt_id"]) == {"a", "z"}
    reasons = [("r", "refuses.0", "refused"), ("r", "refuses.1", "refused")]
    reasons += [("f", "fails.0", "too_long"), ("f", "fails.1", "too_long")]
    assert lost.select("prompt_id", "id", "dropped").rows() == reasons
    assert lost["detail"][2] == "more than the model takes in"
    assert (count.drawn, count.read, count.unreadable, count.failed) == (8, 4, {"refused": 2}, {"too_long": 2})


def test_a_lost_draw_keeps_its_number_and_the_text_of_its_reply(ask: Asking) -> None:
    said = iter(["fine", "", "  \n", "unfit", "fine"])
    made, lost, count = ask(table("p"), lines(model="m", n=5), {"x": lambda r, seed: next(said)})
    assert made["id"].to_list() == ["p.0", "p.4"]
    empty = [("p", "p.1", "empty", ""), ("p", "p.2", "empty", "  \n")]
    assert lost.rows() == [*empty, ("p", "p.3", "unfit", "no row can be made of it")]
    assert (count.unreadable, count.failed) == ({"empty": 2}, {"unfit": 1})


SPLIT = [("a\ud800b", "a\ufffdb"), ("\udc00", "\ufffd"), ("end\ud83d", "end\ufffd"), ("\ud83d\ude00", "\U0001f600")]


@pytest.mark.parametrize("finish", ["stop", "refused"])
@pytest.mark.parametrize(("said", "kept"), SPLIT, ids=["within", "alone", "at the end", "both halves"])
def test_half_a_surrogate_pair_becomes_the_replacement_character(
    said: str, kept: str, finish: str, ask: Asking
) -> None:
    made, lost, _ = ask(table("p"), lines(model="m"), {"x": lambda r, seed: Completion(said, finish=finish)})
    assert [*made["verdict"], *lost["detail"]] == [kept]


def test_no_rows_make_a_table_without_rows(ask: Asking) -> None:
    made, lost, count = ask(table(), lines(model="m"), {"x": own})
    assert (made.height, lost.height, count.drawn) == (0, 0, 0)
    assert made.schema == {**table().schema, **lines.makes}


def test_a_row_is_used_where_one_of_its_draws_can_be_read(ask: Asking) -> None:
    said = iter(["", "fine", "", "", "fine", "fine"])
    rows = table("p", "q", "r")
    _, _, count = ask(rows, lines(model="m", n=2), {"x": lambda r, seed: next(said)}, concurrency=1)
    assert (count.rows_in, count.rows_used, count.unanswered) == (3, 2, 1)


ONE, TWO = Counter({"a": 1}), Counter({"b": 1, "c": 1})
COUNTS = [
    (Count(), True),
    (Count(drawn=4, read=1, unreadable=ONE, failed=TWO), True),
    (Count(rows_in=4, rows_used=1, dropped=TWO, unanswered=1), True),
    (Count(drawn=3, read=2), False),
    (Count(drawn=1, read=1, failed=ONE), False),
    (Count(drawn=1, read=1, unreadable=ONE), False),
    (Count(rows_in=3, rows_used=2), False),
    (Count(rows_in=1, rows_used=1, dropped=ONE), False),
    (Count(rows_in=1, rows_used=1, unanswered=1), False),
]


@pytest.mark.parametrize(("count", "balanced"), COUNTS)
def test_a_count_is_balanced_when_every_row_and_draw_has_an_end(count: Count, balanced: bool) -> None:
    assert count.balanced() is balanced
