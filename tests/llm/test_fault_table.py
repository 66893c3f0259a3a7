"""The table of faults, row by row, against loopback servers of both protocols.

Each row says what a server sends, how many times it is asked, and how it ends: with a reply after all, as the row's
own record in the provider's words, or as the end of the run. Nothing hangs beyond its deadline.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from prefgen.errors import PrefgenError, ProviderError
from prefgen.llm.client import Client
from prefgen.llm.journal import Journal
from prefgen.llm.outcome import Outcome, Tally
from prefgen.llm.request import Model, Request
from tests.servers import AnthropicServer, Body, OpenAIServer, Response, Server, chat, message

Protocol = Literal["openai", "anthropic"]
DEADLINE = 0.6
"""Seconds of one call, in these tests."""
ASKED: Body = {"model": "small", "messages": [{"role": "user", "content": "hi"}]}


def error(status: int, words: str, *, kind: str = "error", code: str | None = None, **headers: str) -> Response:
    """An error as OpenAI words it; Anthropic's has the same parts."""
    told = {"message": words, "type": kind, "code": code, "details": {"error_code": code}}
    return Response({"type": "error", "error": told}, status, {k.replace("_", "-"): v for k, v in headers.items()})


def good(protocol: Protocol, text: str = "at last") -> Response:
    return Response(chat([text], ASKED) if protocol == "openai" else message(text, ASKED))


@dataclass(frozen=True)
class Row:
    """``tries`` is how often a fault that stays is asked; ``reason`` how the row is then recorded, and "" where it is
    the run that ends. ``billed`` says whether money may have gone."""

    name: str
    response: Response | Callable[[Protocol], Response]
    tries: int
    reason: str
    says: str
    billed: bool = False

    def of(self, protocol: Protocol) -> Response:
        return self.response if isinstance(self.response, Response) else self.response(protocol)


PASSING = [
    Row("500", error(500, "the server had an error"), 6, "server_error", "the server had an error"),
    Row("502", Response(b"<html>bad gateway</html>", 502), 6, "server_error", "bad gateway"),
    Row("503", error(503, "overloaded, come back"), 6, "overloaded", "come back"),
    Row("503 with Retry-After", error(503, "wait", retry_after_ms="10"), 6, "overloaded", "wait"),
    Row("504", Response(b"", 504), 6, "server_error", "no more was said"),
    Row("529", error(529, "Overloaded", kind="overloaded_error"), 6, "overloaded", "Overloaded"),
    Row("408", error(408, "request timed out"), 6, "server_error", "timed out"),
    Row("hung up", Response(then="close"), 4, "connection_lost", "connection", billed=True),
    Row("reset in the body", lambda p: Response(good(p).body, then="reset"), 4, "connection_lost", "connection", billed=True),
    Row("cut in the body", lambda p: Response(good(p).body, then="cut"), 4, "connection_lost", "connection", billed=True),
    Row("more promised than sent", lambda p: Response(good(p).body, then="long"), 4, "connection_lost", "connection", billed=True),
    Row("hangs", Response(then="hang"), 2, "timeout", "", billed=True),
    Row("drips", lambda p: Response(good(p).body, then="drip"), 2, "timeout", "", billed=True),
    Row("no JSON", Response(b"<html>"), 2, "bad_body", "<html>", billed=True),
    Row("no object", Response(["so"]), 2, "bad_body", "no JSON object", billed=True),
    Row("half of JSON", Response(b'{"choices": [{"mess'), 2, "bad_body", "no JSON", billed=True),
    Row("no choices", Response({"choices": []}), 2, "bad_body", "", billed=True),
    Row("an error dressed as a success", Response({"error": {"code": 503, "message": "upstream"}}), 6, "overloaded", "upstream"),
]  # fmt: skip
OF_THE_ROW = [
    Row("too long", error(400, "maximum context length is 8192 tokens"), 1, "context_too_long", "8192"),
    Row("too large", error(413, "Request exceeds the maximum size", kind="request_too_large"), 1, "context_too_long", "exceeds"),
    Row("filtered", error(400, "our policy", code="content_filter"), 1, "content_filter", "our policy"),
    Row("400", error(400, "a strange request"), 1, "bad_request", "a strange request"),
    Row("422", error(422, "unprocessable"), 1, "bad_request", "unprocessable"),
]  # fmt: skip
FATAL = [
    *(Row(f"429 {code}", error(429, "spent", kind="insufficient_quota", code=code), 1, "", "no money left") for code in (
        "insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded",
        "project_spend_limit_exceeded", "organization_usage_limit_exceeded", "enforced_spend_limit_reached")),
    Row("402", error(402, "billing"), 1, "", "no money left"),
    Row("no credit", error(400, "Your credit balance is too low"), 1, "", "no money left"),
    Row("401", error(401, "Invalid API key"), 1, "", "Invalid API key"),
    Row("403", error(403, "not allowed"), 1, "", "not allowed"),
    Row("404 model", error(404, "The model `small` does not exist", code="model_not_found"), 1, "", "does not exist"),
    Row("301", Response(b"", 301, {"location": "http://127.0.0.1:9/"}), 1, "", "check base_url"),
]  # fmt: skip
LIMITED = [
    Row("429", error(429, "slow down", code="rate_limit_exceeded"), 0, "", ""),
    Row("429 with Retry-After", error(429, "slow down", retry_after_ms="20"), 0, "", ""),
    Row("429 of both kinds", error(429, "slow", kind="insufficient_quota", code="rate_limit_exceeded"), 0, "", ""),
]


def ids(row: Row) -> str:
    return row.name


@pytest.fixture(params=["openai", "anthropic"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    found: Protocol = request.param
    return found


def server_of(protocol: Protocol, *faults: Response) -> Server:
    kind = OpenAIServer if protocol == "openai" else AnthropicServer
    return kind(lambda body: "at last", faults=faults)


def ask(protocol: Protocol, server: Server, folder: Path, *texts: str, n: int = 1) -> list[Outcome]:
    """The outcomes of these prompts, one after another, with no wait between tries."""

    async def at_once(seconds: float) -> None:
        await asyncio.sleep(0)

    async def go() -> list[Outcome]:
        client, found = Client(Journal(folder / "j.sqlite"), sleep=at_once), list[Outcome]()
        model = Model(f"{protocol}/small", base_url=server.base_url, timeout=DEADLINE)
        try:
            for text in texts or ("hi",):
                found += await client.draw(Request(model, [{"role": "user", "content": text}]), range(n), Tally())
        finally:
            await client.close()
            client.journal.close()
        return found

    return asyncio.run(go())


def attempts(folder: Path) -> list[tuple[str, str, int]]:
    found = sqlite3.connect(folder / "j.sqlite")
    try:
        return found.execute("SELECT kind, message, billed FROM attempt ORDER BY rowid").fetchall()
    finally:
        found.close()


@pytest.mark.parametrize("row", [*PASSING, *LIMITED], ids=ids)
def test_what_passes_is_asked_again_and_comes_in(row: Row, protocol: Protocol, tmp_path: Path) -> None:
    with server_of(protocol, row.of(protocol)) as server:
        (outcome,) = ask(protocol, server, tmp_path)
        assert len(server.requests) == 2
    assert outcome.completion
    assert outcome.completion.text == "at last"
    assert [billed for _, _, billed in attempts(tmp_path)] == [row.billed]


@pytest.mark.parametrize("row", PASSING, ids=ids)
def test_what_stays_is_given_up_after_its_tries_and_kept_as_a_record(
    row: Row, protocol: Protocol, tmp_path: Path
) -> None:
    began = time.monotonic()
    with server_of(protocol, good(protocol, "first"), *[row.of(protocol)] * 20) as server:
        _, outcome = ask(protocol, server, tmp_path, "good", "bad")
        assert len(server.requests) == 1 + row.tries
    assert outcome.failure
    assert outcome.failure.reason == row.reason
    assert row.says in str(outcome.failure)
    kept = attempts(tmp_path)
    assert [(kind, billed) for kind, _, billed in kept] == [(row.reason, row.billed)] * row.tries
    assert row.says in kept[0][1]
    assert time.monotonic() - began < row.tries * DEADLINE + 5


@pytest.mark.parametrize("row", OF_THE_ROW, ids=ids)
def test_what_is_the_row_s_own_is_asked_once_and_others_go_on(row: Row, protocol: Protocol, tmp_path: Path) -> None:
    with server_of(protocol, row.of(protocol)) as server:
        bad, after = ask(protocol, server, tmp_path, "bad", "good")
        assert len(server.requests) == 2
    assert bad.failure
    assert (bad.failure.reason, row.says in str(bad.failure)) == (row.reason, True)
    assert after.completion
    assert [(kind, row.says in words) for kind, words, _ in attempts(tmp_path)] == [(row.reason, True)]


@pytest.mark.parametrize("row", FATAL, ids=ids)
def test_what_no_waiting_cures_ends_the_run_at_the_first_answer(row: Row, protocol: Protocol, tmp_path: Path) -> None:
    with server_of(protocol, *[row.of(protocol)] * 20) as server:
        with pytest.raises(PrefgenError) as caught:
            ask(protocol, server, tmp_path, "one", "two")
        assert len(server.requests) == 1
    assert isinstance(caught.value, ProviderError)
    assert row.says in str(caught.value)


@pytest.mark.parametrize("row", [row for row in FATAL if row.name != "401"], ids=ids)
def test_in_mid_run_as_well(row: Row, protocol: Protocol, tmp_path: Path) -> None:
    with server_of(protocol, good(protocol), *[row.of(protocol)] * 20) as server:
        with pytest.raises(ProviderError):
            ask(protocol, server, tmp_path, "one", "two", "three")
        assert len(server.requests) == 2


@pytest.mark.parametrize(("refusals", "ends"), [(1, "well"), (2, "badly")])
def test_a_key_that_served_is_tried_once_more(refusals: int, ends: str, protocol: Protocol, tmp_path: Path) -> None:
    """Keys are changed in mid-run."""
    with server_of(protocol, good(protocol), *[error(401, "Invalid API key")] * refusals) as server:
        if ends == "well":
            assert all(one.completion for one in ask(protocol, server, tmp_path, "one", "two"))
        else:
            with pytest.raises(ProviderError, match="Invalid API key"):
                ask(protocol, server, tmp_path, "one", "two")
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("answer", "text", "finish"),
    [
        (lambda p: chat(["half a"], ASKED, finish="length") if p == "openai" else message("half a", ASKED, stop="max_tokens"), "half a", "length"),
        (lambda p: chat(["no"], ASKED, finish="content_filter") if p == "openai" else message("no", ASKED, stop="refusal"), "no", "refused"),
        (lambda p: chat([""], ASKED) if p == "openai" else message("", ASKED), "", "stop"),
    ],
    ids=["length", "refused", "empty"],
)  # fmt: skip
def test_what_was_paid_for_is_an_outcome_and_never_bought_again(
    answer: Callable[[Protocol], Body], text: str, finish: str, protocol: Protocol, tmp_path: Path
) -> None:
    with server_of(protocol, Response(answer(protocol))) as server:
        first, again = ask(protocol, server, tmp_path, "hi", "hi")
        assert len(server.requests) == 1
    assert first.completion
    assert (first.completion.text, first.completion.finish) == (text, finish)
    assert again == first


@pytest.mark.parametrize(("came", "asked"), [(3, [3]), (1, [3, None, None]), (2, [3, None]), (5, [3])])
def test_of_the_wrong_number_of_choices_the_first_are_kept_and_the_rest_asked_for(
    came: int, asked: list[int | None], tmp_path: Path
) -> None:
    first = Response(chat([f"text {i}" for i in range(came)], ASKED))
    with OpenAIServer(lambda body: "alone", faults=[first]) as server:
        outcomes = ask("openai", server, tmp_path, n=3)
        assert [body.get("n") for body in server.bodies] == asked
    found = [one.completion.text if one.completion else "" for one in outcomes]
    assert found == [f"text {i}" if i < came else "alone" for i in range(3)]


def test_nothing_but_refusals_end_the_run_and_few_requests_are_spent_on_them(
    protocol: Protocol, tmp_path: Path
) -> None:
    with server_of(protocol, *[error(400, "a parameter nobody knows")] * 99) as server:
        with pytest.raises(ProviderError, match="20 requests in a row failed"):
            ask(protocol, server, tmp_path, *(f"{n}" for n in range(50)))
        assert 20 <= len(server.requests) <= 30, "some were on their way"


def test_a_server_that_is_gone_in_mid_run_is_told_at_last(tmp_path: Path) -> None:
    with OpenAIServer(lambda body: "so") as server:
        assert ask("openai", server, tmp_path, "one")[0].completion
    began = time.monotonic()
    outcome: Any = None
    with pytest.raises(ProviderError, match=r"nothing answers there \(ConnectionRefusedError: .*Errno 111"):
        outcome = ask("openai", server, tmp_path, "two")
    assert outcome is None
    assert time.monotonic() - began < 20
