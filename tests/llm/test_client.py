"""A request's way: looked up, joined, sent once, kept, read; and what each fault does to it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import BudgetReached, ProviderError, RowFailed, TryAgain
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client, Shut
from prefgen.llm.fake import Fake
from prefgen.llm.health import HOPELESS
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Completion, Model, Raw, Request
from tests.servers import OpenAIServer, Response

Made = Callable[..., Client]


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    journals: list[Journal] = []

    def make(writer: Any, *, max_calls: int | None = None) -> Client:
        async def no_sleep(seconds: float) -> None:
            await asyncio.sleep(0)

        journals.append(Journal(tmp_path / "j.sqlite"))
        return Client(journals[-1], {"it": writer}, Budget(max_calls), sleep=no_sleep)

    yield make
    for journal in journals:
        journal.close()


def request(text: str = "hi", **settings: Any) -> Request:
    return Request(Model(use="fake/it", **settings), [{"role": "user", "content": text}])


def ask(client: Client, *asked: tuple[Request, range], tally: Tally | None = None) -> list[list[Outcome]]:
    async def go() -> list[list[Outcome]]:
        counted = tally or Tally()
        return list(await asyncio.gather(*(client.draw(r, draws, counted) for r, draws in asked)))

    return asyncio.run(go())


def words(outcomes: list[Outcome]) -> list[str]:
    return [o.completion.text if o.completion else f"failed: {o.failure}" for o in outcomes]


def test_draws_differ_and_are_sent_once(made: Made) -> None:
    tally, again = Tally(), Tally()
    (first,) = ask(made(lambda r, seed: f"text {seed}"), (request(), range(3)), tally=tally)
    (second,) = ask(made(lambda r, seed: "never asked"), (request(), range(3)), tally=again)
    assert len(set(words(first))) == 3
    assert words(first) == words(second)
    assert (tally.calls, tally.cached, again.calls, again.cached) == (1, 0, 0, 3)


def test_what_is_kept_needs_no_loop(made: Made) -> None:
    """All of the draws or nothing; and only what is there is counted."""
    client, tally = made(lambda r, seed: f"text {seed}"), Tally()
    assert client.kept(request(), range(1), tally) is None
    (first,) = ask(client, (request(), range(3)))
    assert client.kept(request(), range(4), tally) is None
    assert tally == Tally()
    assert client.kept(request(), [2, 0], tally) == [first[2], first[0]]
    assert tally == Tally(cached=2)


def test_who_joined_and_is_given_up_takes_nobody_along(made: Made) -> None:
    async def slow(r: Request, seed: int) -> str:
        await asyncio.sleep(0.05)
        return "so"

    async def go() -> list[Outcome]:
        client = made(slow)
        first = asyncio.ensure_future(client.draw(request(), range(1), Tally()))
        await asyncio.sleep(0)
        joined, other = (asyncio.ensure_future(client.draw(request(), range(1), Tally())) for _ in range(2))
        await asyncio.sleep(0)
        joined.cancel()
        found = [*await first, *await other]
        assert joined.cancelled()
        return found

    assert words(asyncio.run(go())) == ["so", "so"]


def test_equal_requests_at_once_are_one(made: Made) -> None:
    calls = []

    async def slow(r: Request, seed: int) -> str:
        calls.append(seed)
        await asyncio.sleep(0.01)
        return "so"

    tally = Tally()
    both = ask(made(slow), (request(), range(1)), (request(), range(1)), tally=tally)
    assert [words(one) for one in both] == [["so"], ["so"]]
    assert (len(calls), tally.calls, tally.cached) == (1, 1, 1)


def test_two_models_at_one_endpoint_are_each_asked_in_their_own_way(tmp_path: Path) -> None:
    """They stand in one line for their turn, and share nothing else."""

    async def go(server: OpenAIServer) -> None:
        journal = Journal(tmp_path / "j.sqlite")
        client = Client(journal)
        ways: list[dict[str, Any]] = [{"temperature": 0.7}, {"temperature": 0.0}, {"max_tokens": 9, "extra": {"k": 1}}]
        for way in ways:
            asked = Model(use="openai/m", base_url=server.base_url, **way)
            await client.draw(Request(asked, [{"role": "user", "content": "hi"}]), [0], Tally())
        await client.close()
        journal.close()

    with OpenAIServer(lambda body: "so") as server:
        asyncio.run(go(server))
        assert [(b.get("temperature"), b.get("max_tokens"), b.get("k")) for b in server.bodies] == [
            (0.7, None, None), (0.0, None, None), (None, 9, 1)]  # fmt: skip


def failing(times: int, fault: Exception) -> Callable[[Request, int], str]:
    left = [times]

    def writer(r: Request, seed: int) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise fault
        return "at last"

    return writer


@pytest.mark.parametrize(
    ("fault", "times", "expected"),
    [
        (TryAgain("overloaded", "503", attempts=6), 5, "at last"),
        (TryAgain("overloaded", "503", attempts=6), 6, "failed: 503"),
        (TryAgain("timeout", "slow", attempts=2), 2, "failed: slow"),
        (TryAgain("rate_limit", "429", attempts=0, wait=1), 50, "at last"),
        (RowFailed("context_too_long", "too long"), 1, "failed: too long"),
    ],
)
def test_each_fault_is_worth_its_tries(made: Made, fault: Exception, times: int, expected: str) -> None:
    (outcomes,) = ask(made(failing(times, fault)), (request(), range(1)))
    assert words(outcomes) == [expected]


def test_one_broken_choice_does_not_cost_the_others(tmp_path: Path) -> None:
    """Choices are read one by one; the broken ones are asked again, and all tokens are counted."""
    faults = [7]

    def answer(body: dict[str, Any]) -> Response:
        choices = [
            {"index": i, "finish_reason": "error" if i in faults else "stop", "message": {"content": f"text {i}"}}
            for i in range(body.get("n", 1))
        ]
        return Response({"choices": choices, "usage": {"prompt_tokens": 3, "completion_tokens": 10}, "model": "m"})

    async def go() -> tuple[list[Outcome], Tally]:
        journal, tally = Journal(tmp_path / "j.sqlite"), Tally()
        client = Client(journal)
        asked = Request(Model(use="openai/m", base_url=server.base_url), [{"role": "user", "content": "hi"}])
        try:
            return await client.draw(asked, range(15), tally), tally
        finally:
            await client.close()
            journal.close()

    with OpenAIServer(answer) as server:
        outcomes, tally = asyncio.run(go())
        assert [request.body.get("n") for request in server.requests] == [15, None]
    assert words(outcomes) == [f"text {0 if i in faults else i}" for i in range(15)]
    assert (tally.calls, tally.completion_tokens, tally.prompt_tokens) == (2, 20, 6)


def test_a_reply_of_no_use_is_kept_and_not_bought_again(made: Made) -> None:
    def unscored(r: Request, seed: int) -> Completion:
        return Completion("x", logprobs=())

    class Useless(Fake):
        def read(self, raw: Raw) -> Completion:
            raise RowFailed("not_scored", "no log-probabilities")

    for calls in (1, 0):
        client, tally = made(unscored), Tally()
        client._providers["fake"] = Useless({"it": unscored})
        (outcomes,) = ask(client, (request(), range(1)), tally=tally)
        assert words(outcomes) == ["failed: no log-probabilities"]
        assert tally.calls == calls


def test_what_one_protocol_was_asked_is_not_what_another_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    client = Client(journal)
    asked = [
        Request(Model(use=f"{kind}/claude-x", max_tokens=512), [{"role": "user", "content": "hi"}])
        for kind in ("openai", "anthropic")
    ]
    assert len({client._key(one, 0) for one in asked}) == 2
    journal.close()


def test_retries_are_those_that_were_made(made: Made) -> None:
    tally = Tally()
    ask(made(failing(99, TryAgain("server_error", "no", attempts=6))), (request(), range(1)), tally=tally)
    assert (tally.calls, tally.retries) == (6, 5)


def test_a_call_without_an_end_is_given_up(made: Made) -> None:
    async def never(r: Request, seed: int) -> str:
        await asyncio.sleep(3600)
        return ""

    (outcomes,) = ask(made(never), (request(timeout=0.02), range(1)))
    assert outcomes[0].failure
    assert outcomes[0].failure.reason == "timeout"


def test_no_server_ever_is_the_run_s_end(made: Made) -> None:
    fault = TryAgain("no_connection", "refused", attempts=4)
    with pytest.raises(ProviderError, match="refused"):
        ask(made(failing(99, fault)), (request(), range(1)))


def test_a_key_that_served_before_is_tried_once_more(made: Made) -> None:
    """Keys are changed in mid-run; one that never served is wrong at once."""
    refusals = {"changed": 1, "gone": 99, "wrong": 1}
    asked: list[str] = []

    def writer(r: Request, seed: int) -> str:
        name = r.messages[0]["content"]
        asked.append(name)
        refusals[name] = refusals.get(name, 0) - 1
        if refusals[name] >= 0:
            raise ProviderError(f"the key is {name}", rotates=True)
        return "paid"

    with pytest.raises(ProviderError, match="the key is wrong"):
        ask(made(writer), (request("wrong"), range(1)))
    client = made(writer)
    assert [words(ask(client, (request(name), range(1)))[0]) for name in ("good", "changed")] == [["paid"], ["paid"]]
    with pytest.raises(ProviderError, match="the key is gone"):
        ask(client, (request("gone"), range(1)))
    assert asked == ["wrong", "good", "changed", "changed", "gone", "gone"]


def test_nothing_but_failures_end_the_run(made: Made) -> None:
    asked = [(request(f"{n}"), range(1)) for n in range(HOPELESS)]
    with pytest.raises(ProviderError, match=f"{HOPELESS} requests in a row"):
        ask(made(failing(999, RowFailed("bad_request", "no"))), *asked)


def test_failures_that_are_shared_are_no_successes(made: Made) -> None:
    client = made(failing(10**6, RowFailed("bad_request", "no such field")))
    asked = [(request(f"{n}"), range(1)) for n in range(HOPELESS)]
    with pytest.raises((ProviderError, Shut), match=f"{HOPELESS} requests in a row"):
        ask(client, *asked, *asked)
    assert client.budget.calls == HOPELESS


def test_rows_that_are_refused_say_nothing_against_an_endpoint_that_takes_others(made: Made) -> None:
    def writer(r: Request, seed: int) -> str:
        if r.messages[0]["content"].startswith("bad"):
            raise RowFailed("content_filter", "no")
        return "so"

    good, bad = (request("good"), range(1)), [(request(f"bad {n}"), range(1)) for n in range(2 * HOPELESS)]
    for client in (made(writer), made(writer)):  # the second one knows the good one
        outcomes = ask(client, good, *[])
        outcomes += ask(client, *bad)
        assert sum(one.failure is not None for (one,) in outcomes) == 2 * HOPELESS


def test_a_bad_key_stops_all_and_keeps_what_was_in_flight(made: Made) -> None:
    async def writer(r: Request, seed: int) -> str:
        if r.messages[0]["content"] == "bad":
            raise ProviderError("the key is wrong")
        await asyncio.sleep(0.02)
        return "paid"

    client = made(writer)

    async def go() -> None:
        good = asyncio.create_task(client.draw(request("good"), range(1), Tally()))
        await asyncio.sleep(0)
        with pytest.raises(ProviderError, match="the key is wrong"):
            await client.draw(request("bad"), range(1), Tally())
        assert words(await good) == ["paid"]
        with pytest.raises(Shut, match="the key is wrong"):
            await client.draw(request("later"), range(1), Tally())

    asyncio.run(go())
    assert client.known(request("good"), 0)


def test_max_calls_is_never_passed(made: Made) -> None:
    calls: list[int] = []

    def writer(r: Request, seed: int) -> str:
        calls.append(seed)
        return "x"

    client = made(writer, max_calls=3)
    with pytest.raises(BudgetReached, match="3 requests"):
        ask(client, *((request(f"{n}"), range(1)) for n in range(10)))
    assert len(calls) == 3


def test_in_flight_is_capped(made: Made) -> None:
    now, most = [0], [0]

    async def writer(r: Request, seed: int) -> str:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.001)
        now[0] -= 1
        return "x"

    ask(made(writer), *((request(f"{n}", concurrency=5), range(1)) for n in range(40)))
    assert most[0] == 5


def test_prices_count_and_unknown_ones_are_said(made: Made) -> None:
    tally = Tally()
    ask(made(lambda r, s: Completion("x")), (request(), range(1)), tally=tally)
    assert (tally.dollars, tally.unpriced) == (0.0, 0)
