"""Batches through the real SDKs, against servers that speak both protocols."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RunError
from prefgen.llm.batch.gather import Batches
from prefgen.llm.batch.protocol import Settings
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client, Shut
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Request
from tests.llm.batch_servers import AnthropicBatchServer, Batched, OpenAIBatchServer, Twist

FAST = Settings(quiet=0.02, patience=0.2, first=0.005, rare=0.01, growth=1.2, grace=0.01, lost=1.0)
PRICE = {"input": 1e6, "output": 2e6}
"""Dollars a token, so that sums are whole numbers."""


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "sk-secret-secret-secret")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def answer(body: dict[str, Any]) -> list[str]:
    said = body["messages"][-1]["content"]
    return [f"{said} {body.get('seed', 0)} {i}" for i in range(body.get("n") or 1)]


SERVERS: Sequence[type[Batched]] = (OpenAIBatchServer, AnthropicBatchServer)


@pytest.fixture(params=SERVERS, ids=["openai", "anthropic"])
def server(request: pytest.FixtureRequest) -> Iterator[Batched]:
    with request.param(answer) as started:
        yield started


def model(server: Batched, **more: Any) -> Model:
    provider = "openai" if isinstance(server, OpenAIBatchServer) else "anthropic"
    how = {"base_url": server.base_url, "batch": True, "max_tokens": 50, "price": PRICE, **more}
    return Model(f"{provider}/it", **how)


def requests(of: Model, number: int) -> list[Request]:
    return [Request(of, [{"role": "user", "content": f"question {n}"}]) for n in range(number)]


Setup = Callable[[Client], None]


def ask(
    folder: Path,
    of: Sequence[Request],
    *,
    batch: bool | Settings = FAST,
    draws: int = 1,
    budget: Budget | None = None,
    tally: Tally | None = None,
    told: list[str] | None = None,
) -> list[list[Outcome] | BaseException]:
    """The outcomes of all requests, each asked for at once, in one session of its own."""

    async def go() -> list[list[Outcome] | BaseException]:
        client = Client(Journal(folder / "j.sqlite"), budget=budget or Budget())
        client.budget.spent = client.journal.spent()
        client.batches = Batches(client, batch)
        counts = tally if tally is not None else Tally()
        try:
            await client.batches.open([one.model for one in of], (told if told is not None else []).append)
            found = await asyncio.gather(
                *(client.draw(one, range(draws), counts) for one in of), return_exceptions=True
            )
            return [client.reason if isinstance(one, Shut) and client.reason else one for one in found]
        finally:
            await client.close()
            client.journal.close()

    return asyncio.run(go())


def texts(found: Sequence[list[Outcome] | BaseException]) -> list[list[str]]:
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [
        [o.completion.text if o.completion else str(o.failure) for o in one] for one in found if isinstance(one, list)
    ]


def rows(folder: Path, question: str) -> list[tuple[Any, ...]]:
    """What another process finds in the journal."""
    with closing(sqlite3.connect(folder / "j.sqlite")) as found:
        return found.execute(question).fetchall()


def creates(server: Batched) -> int:
    return len(server.batches)


def test_requests_that_wait_together_are_one_batch(server: Batched, tmp_path: Path) -> None:
    tally, of = Tally(), requests(model(server), 5)
    batched = texts(ask(tmp_path, of, tally=tally))
    assert [one[0].split()[1] for one in batched] == list("01234")
    assert creates(server) == 1
    assert len(server.batches[0].lines) == 5
    assert (tally.calls, tally.batched, tally.cached) == (5, 5, 0)
    assert max(server.paid.values()) == 1
    again = Tally()
    assert texts(ask(tmp_path, of, tally=again, batch=False)) == batched
    assert (again.calls, again.cached, again.batched) == (0, 5, 0)
    assert not (tmp_path / "batches").exists() or not list((tmp_path / "batches").iterdir())


def test_a_batch_brings_what_online_brings_at_half_price(server: Batched, tmp_path: Path) -> None:
    one, two, of = Tally(), Tally(), requests(model(server), 4)
    online = texts(ask(tmp_path / "online", of, batch=False, draws=3, tally=one))
    batched = texts(ask(tmp_path / "batched", of, draws=3, tally=two))
    assert batched == online
    assert two.dollars == one.dollars / 2 > 0
    assert (two.prompt_tokens, two.completion_tokens) == (one.prompt_tokens, one.completion_tokens)
    kept = [rows(tmp_path / side, "SELECT key FROM reply ORDER BY key") for side in ("online", "batched")]
    assert kept[0] == kept[1]


# --- what a batch is ------------------------------------------------------------------------


def test_a_full_batch_goes_and_the_next_one_gathers(server: Batched, tmp_path: Path) -> None:
    small = Settings(**{**vars(FAST), "requests": 3, "quiet": 0.5})
    assert len(texts(ask(tmp_path / "number", requests(model(server), 8), batch=small))) == 8
    assert [len(batch.lines) for batch in server.batches] == [3, 3, 2]
    sized = Settings(**{**vars(FAST), "size": 700})
    ask(tmp_path / "size", requests(model(server), 8), batch=sized)
    assert 2 <= creates(server) - 3 <= 8


def test_draws_of_one_request_share_it_where_the_protocol_has_n(tmp_path: Path) -> None:
    with OpenAIBatchServer(answer) as server:
        found = texts(ask(tmp_path, requests(model(server), 2), draws=4))
        assert [line["body"]["n"] for line in server.batches[0].lines] == [4, 4]
        assert [one[3].split()[-1] for one in found] == ["3", "3"]


def test_who_has_no_batches_is_asked_online(server: Batched, tmp_path: Path) -> None:
    """Another's server, unless its user says so; and one's own, where it says not."""
    of = [*requests(model(server, batch=None), 2), *requests(model(server, batch=False, max_tokens=40), 2)]
    assert len(texts(ask(tmp_path, of))) == 4
    assert creates(server) == 0
    assert server.paid.total() == 4


def test_a_request_that_cannot_be_sent_is_its_own_fault(server: Batched, tmp_path: Path) -> None:
    bad = Request(model(server), [{"role": "user", "content": "half \ud800"}])
    good, lost = ask(tmp_path, [requests(model(server), 1)[0], bad])
    assert isinstance(lost, list)
    assert lost[0].failure
    assert lost[0].failure.reason == "bad_text"
    assert texts([good])


def test_keys_do_not_go_where_they_may_not(server: Batched, tmp_path: Path) -> None:
    """The same rules as online: here the address is this machine's, which gets no key but one that is named for it."""
    texts(ask(tmp_path, requests(model(server), 1)))
    stranger = model(server, base_url="https://stranger.example/v1", api_key_env="OPENAI_API_KEY", max_tokens=9)
    (refused,) = ask(tmp_path, requests(stranger, 1))
    assert isinstance(refused, ProviderError)
    assert "--allow-host stranger.example" in str(refused)


# --- results as they come -------------------------------------------------------------------


def test_results_in_any_order_twice_unknown_and_broken_lines(server: Batched, tmp_path: Path) -> None:
    other = b'{"custom_id": "somebody-elses", "response": {"status_code": 200, "body": {}}, "result": {"type": "succeeded", "message": {}}}'
    deep = b'{"custom_id": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    server.twists = [
        Twist(junk=[b"no json", b"[]", b'"x"', b"\xff\xfe", b"{}", other, deep, b"x" * 17_000_000], twice=True)
    ]
    assert [one[0].split()[1] for one in texts(ask(tmp_path, requests(model(server), 6)))] == list("012345")
    assert max(server.paid.values()) == 1


def test_errors_of_requests_are_what_they_are_online(server: Batched, tmp_path: Path) -> None:
    """A refused request is a row's loss; a fault that passes goes into the next batch; both are paid for once or never."""
    long = {
        "error": {
            "message": "maximum context length",
            "code": "context_length_exceeded",
            "type": "invalid_request_error",
        }
    }
    busy = {"error": {"message": "overloaded", "type": "overloaded_error"}}
    server.twists = [Twist(errors={1: (400, long), 2: (529, busy)})]
    found = ask(tmp_path, requests(model(server), 4))
    assert isinstance(found[1], list)
    assert found[1][0].failure
    assert found[1][0].failure.reason == "context_too_long"
    assert len(texts([found[0], found[2], found[3]])) == 3
    assert [len(batch.lines) for batch in server.batches] == [4, 1]
    assert server.paid.total() == 3


def test_a_fault_that_does_not_pass_is_given_up(server: Batched, tmp_path: Path) -> None:
    busy = {"error": {"message": "overloaded", "type": "overloaded_error"}}
    server.twists = [Twist(errors={0: (529, busy)})] * 9
    lost, kept = ask(tmp_path, requests(model(server), 2))
    assert isinstance(lost, list)
    assert lost[0].failure
    assert lost[0].failure.reason == "overloaded"
    assert texts([kept])
    assert creates(server) == 3


def test_a_key_that_is_refused_ends_the_run(server: Batched, tmp_path: Path) -> None:
    refused = {"error": {"message": "bad key", "type": "authentication_error"}}
    server.twists = [Twist(errors={0: (401, refused)})]
    found = ask(tmp_path, requests(model(server), 3))
    assert isinstance(found[0], ProviderError)
    assert "bad key" in str(found[0])
    assert creates(server) == 1
    assert len(texts(ask(tmp_path, requests(model(server), 3)))) == 3  # what it brought is kept
    assert [len(batch.lines) for batch in server.batches] == [3, 1]


def test_what_expired_goes_into_the_next_batch_and_twice_is_enough(server: Batched, tmp_path: Path) -> None:
    server.twists = [Twist(expire=2)]
    assert len(texts(ask(tmp_path / "once", requests(model(server), 5)))) == 5
    assert [len(batch.lines) for batch in server.batches] == [5, 3]
    assert max(server.paid.values()) == 1
    server.twists = [Twist(expire=2), Twist(expire=1)]
    found = ask(tmp_path / "twice", requests(model(server), 5))
    assert isinstance(found[4], ProviderError)
    assert "2 batches were not finished within a day each" in str(found[4])
    assert "without --batch" in str(found[4])
    assert len(texts(ask(tmp_path / "twice", requests(model(server), 5), batch=False))) == 5
    assert server.paid.total() == 10


def test_a_batch_that_is_cancelled_keeps_what_it_brought(server: Batched, tmp_path: Path) -> None:
    server.twists = [Twist(cancel=2)]
    found = ask(tmp_path, requests(model(server), 5))
    assert isinstance(found[4], ProviderError)
    assert "cancelled" in str(found[4])
    assert len(texts(ask(tmp_path, requests(model(server), 5)))) == 5
    assert [len(batch.lines) for batch in server.batches] == [5, 3]
    assert server.paid.total() == 5


def test_a_batch_that_is_refused_says_why(tmp_path: Path) -> None:
    with OpenAIBatchServer(answer, twists=[Twist(fail="the model is not for batches\x1b[2J")]) as server:
        (found,) = ask(tmp_path, requests(model(server), 1))
        assert isinstance(found, ProviderError)
        assert "line 1: the model is not for batches [2J" in str(found)
        assert not server.files
        assert texts(ask(tmp_path, requests(model(server), 1)))


def test_a_queue_that_is_full_is_waited_for_and_taken_in_less(tmp_path: Path) -> None:
    full = Twist(fail="Enqueued token limit reached", code="token_limit_exceeded")
    with OpenAIBatchServer(answer, twists=[full, full]) as server:
        assert len(texts(ask(tmp_path, requests(model(server), 8)))) == 8
        assert [len(batch.lines) for batch in server.batches][:2] == [8, 4]
        assert server.paid.total() == 8
        assert not [
            one for one in server.files.values() if one[0].startswith("prefgen") and len(one[1].splitlines()) == 8
        ]


def test_results_that_are_cut_off_are_fetched_again(server: Batched, tmp_path: Path) -> None:
    """However they are cut: by the connection, or by whoever made the file."""
    path = "/v1/files/batch_2-output_file_id/content" if server.root else "/v1/messages/batches/batch_1/results"
    from tests.servers import Response

    server.fails["GET", path] = [
        Response(b"x" * 1000, then="cut"),
        Response(b"", 503),
        Response(b"", 429, {"retry-after": "0"}),
    ]
    assert len(texts(ask(tmp_path, requests(model(server), 5)))) == 5
    assert server.paid.total() == 5
    assert creates(server) == 1


def test_results_that_stay_short_end_the_run_and_pay_nothing_again(server: Batched, tmp_path: Path) -> None:
    server.twists = [Twist(edit=lambda content: content[: len(content) * 2 // 3])]
    found = ask(tmp_path, requests(model(server), 6))
    assert isinstance(found[0], ProviderError)
    assert "6 replies are paid for and" in str(found[0])
    again = ask(tmp_path, requests(model(server), 6))
    assert len(texts([one for one in again if isinstance(one, list)])) >= 3
    assert any(isinstance(one, ProviderError) for one in again)
    assert creates(server) == 1


def test_replies_that_are_none_are_booked_and_asked_again(server: Batched, tmp_path: Path) -> None:
    def odd(content: bytes) -> bytes:
        return content.replace(b'"choices"', b'"chances"', 1).replace(b'"content": [', b'"contents": [', 1)

    server.twists = [Twist(edit=odd)]
    assert len(texts(ask(tmp_path, requests(model(server), 3)))) == 3
    assert [len(batch.lines) for batch in server.batches] == [3, 1]
    (paid,), (spent,) = (rows(tmp_path, f"SELECT total(dollars) FROM {table}") for table in ("reply", "attempt"))
    assert paid[0] > 0
    assert spent[0] > 0


# --- money ----------------------------------------------------------------------------------


def test_the_worst_half_price_is_set_aside_and_the_limit_is_never_passed(server: Batched, tmp_path: Path) -> None:
    of = requests(model(server), 6)
    whole = Tally()
    ask(tmp_path / "whole", of, tally=whole)
    worst = sum(line.worst or 0 for line in _lines(tmp_path / "whole"))
    assert worst > whole.dollars
    budget = Budget(max_cost=max(whole.dollars * 0.6, worst / 6))
    found = ask(tmp_path / "half", of, budget=budget)
    kept = [one for one in found if isinstance(one, list)]
    assert any(isinstance(one, BudgetReached) for one in found)
    assert 1 <= len(kept) < 6
    assert budget.spent <= budget.max_cost  # type: ignore[operator]


def _lines(folder: Path) -> list[Any]:
    from prefgen.llm.batch import ledger

    journal = Journal(folder / "j.sqlite")
    found: dict[str, Any] = {}
    for tag, state, body in journal.store.batches():
        ledger._told(found, tag, state, ledger._unpacked(body))
    journal.close()
    return [line for record in found.values() for line in record.lines]


def test_max_calls_counts_requests(server: Batched, tmp_path: Path) -> None:
    found = ask(tmp_path, requests(model(server), 5), budget=Budget(max_calls=3))
    assert sum(isinstance(one, BudgetReached) for one in found) == 2
    assert server.paid.total() == 3


# --- what an earlier run left ---------------------------------------------------------------


def left_under_way(server: Batched, folder: Path, number: int) -> list[str]:
    """Stops a session while its batch is under way; gives what was said."""

    async def go() -> None:
        client = Client(Journal(folder / "j.sqlite"))
        client.batches = Batches(client, FAST)
        of = requests(model(server), number)
        await client.batches.open([], told.append)
        work = [asyncio.create_task(client.draw(one, [0], Tally())) for one in of]
        while not any(batch.looks for batch in server.batches):  # noqa: ASYNC110  # they are another thread's
            await asyncio.sleep(0.01)
        client.shut(Interrupted("stopped"))
        found = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(one, Shut) for one in found)
        await client.close()
        client.journal.close()

    told: list[str] = []
    asyncio.run(go())
    return told


def test_who_stops_is_told_and_the_next_run_collects(server: Batched, tmp_path: Path) -> None:
    server.looks = 10**9
    said = left_under_way(server, tmp_path, 3)
    provider = "openai" if server.root else "anthropic"
    assert said[-1] == (
        f"a batch of 3 requests at {provider}/it: 0 done; it goes on there, and the same command collects it"
    )
    server.looks, told = 4, list[str]()
    assert len(texts(ask(tmp_path, requests(model(server), 5), told=told))) == 5
    assert told[-1].startswith("under way since an earlier run: a batch of 3 requests")
    assert [len(batch.lines) for batch in server.batches] == [3, 2]
    assert server.paid.total() == 5


def test_an_online_run_pays_nothing_twice(server: Batched, tmp_path: Path) -> None:
    """While a batch is under way its requests are not asked, others are; and what has ended is brought in first."""
    server.looks = 10**9
    left_under_way(server, tmp_path, 3)
    of, told = requests(model(server), 5), list[str]()
    assert len(texts(ask(tmp_path, of[3:], batch=False, told=told))) == 2
    assert told == [f"under way since an earlier run: a batch of 3 requests at {of[0].model.use}: 0 done"]
    refused = ask(tmp_path, of[:1], batch=False)[0]
    assert isinstance(refused, RunError)
    assert f"wait for it with --batch, or end it with `prefgen batches {tmp_path} --cancel`" in str(refused)
    server.looks = 1
    assert len(texts(ask(tmp_path, of, batch=False))) == 5
    assert (creates(server), server.paid.total()) == (1, 5)


def test_money_that_is_under_way_is_set_aside(server: Batched, tmp_path: Path) -> None:
    server.looks = 10**9
    left_under_way(server, tmp_path, 3)
    worst = sum(line.worst or 0 for line in _lines(tmp_path))
    more = requests(model(server), 5)[3:]
    found = ask(tmp_path, more, batch=False, budget=Budget(max_cost=worst))
    assert all(isinstance(one, BudgetReached) for one in found)
    assert server.paid.total() == 0


def test_who_waits_for_a_batch_does_not_stand_still(server: Batched, tmp_path: Path) -> None:
    """Each look at it is news to the watchdog, and what is waited for is told."""
    server.looks, moved, words = 4, list[float](), list[str]()

    async def go() -> None:
        client = Client(Journal(tmp_path / "j.sqlite"))
        client.batches = batches = Batches(client, FAST)

        def look(method: str, path: str, when: str) -> bool:
            if method == "GET" and when == "before":
                moved.append(client.moved)
                words.extend(batches.words())
            return False

        server.stumble = look
        await client.draw(requests(model(server), 1)[0], [0], Tally())
        await client.close()
        client.journal.close()

    asyncio.run(go())
    assert moved[-4:] == sorted(set(moved[-4:]))
    assert f"a batch of 1 request at {model(server).use}: 0 done" in words


def test_what_was_not_written_by_prefgen_is_not_followed(server: Batched, tmp_path: Path) -> None:
    """A journal may be a stranger's: tags that lead out of the folder, hosts that want a key."""
    server.looks = 10**9
    left_under_way(server, tmp_path, 2)
    with closing(sqlite3.connect(tmp_path / "j.sqlite")) as db:
        db.execute("UPDATE batch SET tag = '../../../etc/x'")
        db.commit()
    with pytest.raises(RunError, match="not written by prefgen"):
        ask(tmp_path, [])


def test_a_batch_that_is_not_known_any_more_is_told_where_it_is_wanted(server: Batched, tmp_path: Path) -> None:
    server.looks = 10**9
    left_under_way(server, tmp_path, 2)
    server.batches.clear()
    server.looks = 1
    of = requests(model(server), 3)
    assert texts(ask(tmp_path, of[2:]))
    lost = ask(tmp_path, of[:1])[0]
    assert isinstance(lost, PrefgenError)
    assert "does not know this batch" in str(lost)
    assert "prefgen batches RUN --forget" in str(lost)


def test_money_of_a_batch_that_cannot_be_asked_after_stops_nobody_for_ever(server: Batched, tmp_path: Path) -> None:
    """It counts as spent: who waits for what it leaves would wait for good."""
    server.looks = 10**9
    left_under_way(server, tmp_path, 3)
    worst = sum(line.worst or 0 for line in _lines(tmp_path))
    server.batches.clear()
    budget = Budget(max_cost=worst)
    found = ask(tmp_path, requests(model(server), 5)[3:], budget=budget)
    assert all(isinstance(one, BudgetReached) for one in found)
    assert (budget.spent, budget.open) == (worst, 0)


def test_what_gathers_when_a_run_stops_cost_nothing(server: Batched, tmp_path: Path) -> None:
    """It was never sent; a run that goes on has its money still."""

    async def go() -> Budget:
        client = Client(Journal(tmp_path / "j.sqlite"), budget=Budget(max_cost=1e9))
        client.batches = batches = Batches(client, Settings(quiet=1000.0))
        work = [asyncio.create_task(client.draw(one, [0], Tally())) for one in requests(model(server), 3)]
        while not batches.words():  # noqa: ASYNC110  # nothing tells when a request has joined
            await asyncio.sleep(0)
        client.shut(Interrupted("stopped"))
        found = await asyncio.gather(*work, return_exceptions=True)
        assert all(isinstance(one, Shut) for one in found)
        await client.close()
        client.journal.close()
        return client.budget

    budget = asyncio.run(go())
    assert (budget.spent, budget.open, creates(server)) == (0.0, 0, 0)


def test_a_batch_has_no_more_draws_than_its_row_in_the_journal_may_hold(tmp_path: Path) -> None:
    from prefgen.llm.journal import LARGEST

    with OpenAIBatchServer(answer) as server:
        few = Settings(**{**vars(FAST), "draws": 8})
        assert len(texts(ask(tmp_path, requests(model(server), 6), batch=few, draws=3))) == 6
        assert [len(batch.lines) for batch in server.batches] == [2, 2, 2]
    most = Settings()
    key, others = '"' + "0" * 64 + '",', len("[1.2345678901234567e-05],")
    assert most.draws * len(key) + most.requests * others < LARGEST


def test_two_prices_of_one_model_are_kept_apart(server: Batched, tmp_path: Path) -> None:
    dear, cheap = Tally(), Tally()
    of = [requests(model(server), 1)[0], requests(model(server, price={"input": 0, "output": 0}), 2)[1]]

    async def go() -> None:
        client = Client(Journal(tmp_path / "j.sqlite"))
        client.batches = Batches(client, FAST)
        await asyncio.gather(*(client.draw(one, [0], t) for one, t in zip(of, (dear, cheap), strict=True)))
        await client.close()
        client.journal.close()

    asyncio.run(go())
    assert dear.dollars > 0
    assert cheap.dollars == 0


def test_who_has_no_batches_where_they_are_wanted_is_told_so(server: Batched, tmp_path: Path) -> None:
    from tests.servers import Response

    first = ("POST", "/v1/files") if server.root else ("GET", "/v1/messages/batches")
    server.fails[first] = [Response({"error": {"message": "nothing here"}}, 404)]
    (found,) = ask(tmp_path, requests(model(server), 1))
    assert isinstance(found, ProviderError)
    assert "no batches are there" in str(found)
    assert "batch: false" in str(found)
    assert "--forget" not in str(found)


def test_a_batch_is_found_whatever_a_page_of_the_list_holds(tmp_path: Path) -> None:
    """Not seen there, it would be made again, and paid for again."""
    from prefgen.llm.batch.endpoints import endpoint_of

    with AnthropicBatchServer(answer, page=2) as server:
        before, *newer = [server.made([{"custom_id": str(n)}] * (1 if n == 1 else 7)) for n in range(6)]

        async def found() -> list[str]:
            endpoint = endpoint_of(model(server))
            try:
                return [one.id for one in await endpoint.find("", "", before.id, 1)]
            finally:
                await endpoint.close()

        assert asyncio.run(found()) == [newer[0].id]


def test_batches_that_find_the_queue_full_do_not_wait_for_one_another(tmp_path: Path) -> None:
    full = Twist(fail="Enqueued token limit reached", code="token_limit_exceeded")
    small = Settings(**{**vars(FAST), "requests": 2})
    with OpenAIBatchServer(answer, twists=[full, full, full]) as server:
        assert len(texts(ask(tmp_path, requests(model(server), 6), batch=small))) == 6
        assert server.paid.total() == 6


def test_a_reply_that_does_not_say_its_tokens_is_not_free(tmp_path: Path) -> None:
    """Where nothing limits it either, nobody knows what it cost, and that is what is told."""
    silent = Twist(edit=lambda content: content.replace(b'"usage"', b'"silence"'))
    with OpenAIBatchServer(answer, twists=[silent, silent]) as server:
        unknown, bounded = Tally(), Tally()
        texts(ask(tmp_path, requests(model(server, max_tokens=None), 1), tally=unknown))
        texts(ask(tmp_path, requests(model(server), 1), tally=bounded))
        assert (unknown.dollars, unknown.unpriced) == (0.0, 1)
        assert bounded.dollars == max(line.worst or 0 for line in _lines(tmp_path)) > 0
        assert (bounded.untold, bounded.unpriced) == (1, 0)


def test_what_came_from_the_provider_s_cache_is_told(tmp_path: Path) -> None:
    hit = b'"usage": {"prompt_tokens_details": {"cached_tokens": 1}, '
    with OpenAIBatchServer(answer, twists=[Twist(edit=lambda content: content.replace(b'"usage": {', hit))]) as server:
        tally = Tally()
        texts(ask(tmp_path, requests(model(server), 2), tally=tally))
        assert tally.cached_tokens == 2
