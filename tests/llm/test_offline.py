"""A client without a cable: what the journal holds, the same failures, and nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import RowFailed
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.offline import Bill, NotKnown, Offline, Used, bill
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Completion, Model, Request, Usage

MODEL = Model("fake/it", price={"input": 1.0, "output": 2.0})


def asked(text: str) -> Request:
    return Request(MODEL, [{"role": "user", "content": text}])


def it(request: Request, seed: int) -> Any:
    if request.messages[0]["content"] == "bad":
        raise RowFailed("content_filter", "I will not")
    return Completion("so", usage=Usage(10, 20))


async def draws(client: Client, tally: Tally) -> list[Outcome]:
    return [*await client.draw(asked("good"), range(3), tally), *await client.draw(asked("bad"), range(2), tally)]


def test_what_is_known_comes_again_and_the_rest_is_counted_by_table(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    first = asyncio.run(draws(Client(journal, {"it": it}), Tally()))
    client, used, other = Offline(journal), Used(table="judged"), Used(table="meta")
    second = asyncio.run(draws(client, used))
    assert [one.completion for one in second] == [one.completion for one in first]
    assert [str(one.failure) for one in second] == [str(one.failure) for one in first]
    assert used.keys == {one.key for one in first}
    with pytest.raises(NotKnown, match="judged: 2 draws"):
        asyncio.run(client.draw(asked("good"), range(1, 5), used))
    with pytest.raises(NotKnown):
        asyncio.run(client.draw(asked("good"), range(4, 6), other))
    assert sorted(client.wanted.values()) == ["judged", "judged", "meta"]
    assert used.keys == {one.key for one in first}
    assert len(journal) == 3
    journal.close()


def test_a_bill_is_of_replies_and_what_has_no_price_is_told(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    first = asyncio.run(draws(Client(journal, {"it": it}), Tally()))
    keys = [one.key for one in first]
    assert bill(journal, keys) == Bill(3, 30, 60, sum([50 / 1e6] * 3), 0)
    assert bill(journal, [b"unknown"]) == Bill()
    assert bill(journal, keys[:1]).tokens == 30
    journal.close()
