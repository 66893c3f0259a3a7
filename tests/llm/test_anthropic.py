import asyncio
from dataclasses import replace
from typing import Any

import pytest

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.anthropic import Anthropic
from prefgen.llm.request import Completion, Model, Raw, Request, Usage, key
from tests.servers import AnthropicServer, Body, Response, message

KEY = "sk-ant-canary-0123456789"
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def hello(_body: Body) -> str:
    return "hello"


def model(server: AnthropicServer, **settings: Any) -> Model:
    return Model("anthropic/small", base_url=server.base_url, **settings)


def raws(request: Request) -> list[Raw]:
    async def go() -> list[Raw]:
        provider = Anthropic()
        try:
            return list((await provider.send(request, [7])).raws)
        finally:
            await provider.close()

    return asyncio.run(go())


def done(request: Request) -> Completion:
    (raw,) = raws(request)
    return Anthropic().read(raw)


def fault(server: AnthropicServer, kind: type[PrefgenError], **settings: Any) -> PrefgenError:
    with pytest.raises(kind) as caught:
        done(Request(model(server, **settings), ASKED))
    assert KEY not in str(caught.value)
    return caught.value


# --- what is asked --------------------------------------------------------------------------


def test_a_request_as_it_is_sent() -> None:
    with AnthropicServer(hello) as server:
        reply = done(Request(model(server, temperature=0.7, top_p=0.9, max_tokens=50), ASKED))
    assert reply == Completion("hello", usage=Usage(3, 1), snapshot="small")
    (seen,) = server.requests
    assert seen.path == "/v1/messages"
    assert seen.body == {"model": "small", "max_tokens": 50, "messages": ASKED[1:], "system": "Be brief."}
    assert seen.headers["content-type"] == "application/json"
    assert "anthropic-version" in seen.headers


def test_defaults_system_turns_and_first_words() -> None:
    turns = [*ASKED, {"role": "assistant", "content": "Answer:"}, {"role": "system", "content": "In French."}]
    with AnthropicServer(hello) as server:
        done(Request(model(server), turns))
        done(Request(model(server), ASKED[1:]))
    first, second = server.bodies
    assert first["system"] == "Be brief.\n\nIn French."
    assert first["messages"] == turns[1:3]
    assert second == {"model": "small", "max_tokens": 4096, "messages": ASKED[1:]}


def test_what_a_tool_said_cannot_be_asked_without_its_call() -> None:
    turns = [*ASKED, {"role": "assistant", "content": "<call>"}, {"role": "tool", "content": "42"}]
    with (
        AnthropicServer(hello) as server,
        pytest.raises(RowFailed, match="no tool's message without its call") as caught,
    ):
        done(Request(model(server), turns))
    assert caught.value.reason == "tool_message"
    assert not server.requests


def test_extra_is_sent_as_it_is() -> None:
    with AnthropicServer(hello) as server:
        done(Request(model(server, extra={"temperature": 0.3, "thinking": {"type": "adaptive"}}), ASKED))
    assert (server.bodies[0]["temperature"], server.bodies[0]["thinking"]) == (0.3, {"type": "adaptive"})


def test_a_schema_is_an_output_format() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    with AnthropicServer(hello) as server:
        done(Request(model(server), ASKED, schema=schema))
    assert server.bodies[0]["output_config"] == {"format": {"type": "json_schema", "schema": schema}}


def test_a_large_limit_is_no_reason_to_stream() -> None:
    with AnthropicServer(hello) as server:
        assert done(Request(model(server, max_tokens=100_000), ASKED)).text == "hello"


@pytest.mark.parametrize("wanted", [{"given": "text"}, {"grammar": 'root ::= "a"'}])
def test_what_the_protocol_lacks_is_not_asked(wanted: dict[str, str]) -> None:
    raising = pytest.raises(ProviderError, match="neither scores given text nor keeps to a grammar")
    with AnthropicServer(hello) as server, raising:
        done(Request(model(server), ASKED, **wanted))  # type: ignore[arg-type]
    assert server.requests == []


def test_what_it_can_and_what_it_leaves_out() -> None:
    plain = Model("anthropic/small")
    assert Anthropic().can(plain) == {"schema"}
    assert Anthropic().notices(plain) == ()
    (one,) = Anthropic().notices(replace(plain, temperature=0.7))
    assert one == "anthropic/small: anthropic takes no temperature or top_p; temperature is not sent"
    (both,) = Anthropic().notices(replace(plain, temperature=0.0, top_p=0.9))
    assert both.endswith("temperature and top_p are not sent")


def test_what_changes_a_reply_is_seen_and_nothing_else() -> None:
    def seen(request: Request) -> bytes:
        return key(Anthropic().sees(request), 0, 0)

    small = Model("anthropic/small")
    same = replace(small, base_url="http://localhost", temperature=0.7, top_p=0.9, max_tokens=4096, timeout=1.0)
    assert seen(Request(same, ASKED, seed=5)) == seen(Request(small, ASKED))
    others = [
        Request(replace(small, use="anthropic/large"), ASKED),
        Request(replace(small, max_tokens=5), ASKED),
        Request(replace(small, extra={"temperature": 0.7}), ASKED),
        Request(small, ASKED[1:]),
        Request(small, ASKED, schema={}),
        Request(small, ASKED, given="text"),
    ]
    assert len({seen(request) for request in [Request(small, ASKED), *others]}) == len(others) + 1


# --- keys -----------------------------------------------------------------------------------


def test_nothing_of_the_users_account_goes_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "X-Api-Key: secret\nAuthorization: secret")
    with AnthropicServer(hello) as server:
        done(Request(model(server), ASKED))
    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer none"
    assert not any("secret" in value or KEY in value for value in headers.values())


def test_the_address_variable_gets_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with AnthropicServer(hello) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.base_url)
        done(Request(Model("anthropic/small"), ASKED))
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


# --- what came back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "refused"),
        ("something_new", "stop"),
    ],
)
def test_how_a_reply_ended(stop: str, finish: str) -> None:
    with AnthropicServer(lambda body: Response(message("hello", body, stop=stop))) as server:
        assert done(Request(model(server), ASKED)).finish == finish


def test_text_blocks_are_put_together_and_cached_tokens_counted() -> None:
    def answer(body: Body) -> Response:
        blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a "}, {"type": "text", "text": "b"}]
        usage = {
            "input_tokens": 1,
            "cache_creation_input_tokens": 10,
            "cache_read_input_tokens": 100,
            "output_tokens": 5,
        }
        return Response(message("", body) | {"content": blocks, "usage": usage})

    with AnthropicServer(answer) as server:
        reply = done(Request(model(server), ASKED))
    assert (reply.text, reply.usage) == ("a b", Usage(111, 5, cache_read=100, cache_write=10))


def test_a_raw_reply_is_the_providers() -> None:
    with AnthropicServer(hello) as server:
        (raw,) = raws(Request(model(server), ASKED))
    expected = message("hello", server.bodies[0])
    assert (raw["usage"], raw["model"], raw["id"]) == (expected["usage"], "small", "msg_0")
    assert raw["choice"]["content"] == expected["content"]


@pytest.mark.parametrize(
    "bad", [b"", b"<html>", [], {}, {"content": "text"}, {"content": [{"type": "text", "text": 5}]}]
)
def test_bodies_without_a_reply(bad: Any) -> None:
    with AnthropicServer(lambda _: Response(bad)) as server:
        error = fault(server, TryAgain)
    assert isinstance(error, TryAgain)
    assert (error.reason, error.attempts, error.billed) == ("bad_body", 2, True)


# --- faults ---------------------------------------------------------------------------------


def told(kind: str, words: str = "words", **details: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": words, "details": details or None}}


@pytest.mark.parametrize(
    ("response", "reason", "attempts", "wait", "billed"),
    [
        (Response(told("rate_limit_error"), 429, {"retry-after": "12"}), "rate_limited", 0, 12.0, False),
        (Response(told("api_error"), 500), "server_error", 6, None, False),
        (Response(told("overloaded_error"), 529), "overloaded", 6, None, False),
        (Response(then="close"), "connection_lost", 4, None, True),
        (Response(b"x" * 1000, then="cut"), "connection_lost", 4, None, True),
        (Response(then="hang"), "timeout", 2, None, True),
    ],
)
def test_faults_that_pass(response: Response, reason: str, attempts: int, wait: float | None, billed: bool) -> None:
    with AnthropicServer(hello, faults=[response]) as server:
        error = fault(server, TryAgain, timeout=0.3 if response.then == "hang" else 30.0)
        assert len(server.requests) == 1
    assert isinstance(error, TryAgain)
    assert (error.reason, error.attempts, error.wait, error.billed) == (reason, attempts, wait, billed)


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (401, told("authentication_error", f"invalid {KEY}"), "set one that is valid"),
        (402, told("billing_error"), "add credit"),
        (403, told("permission_error"), "ask for access"),
        (404, told("not_found_error", "model: small"), "no model 'small' at http://127.0.0.1"),
        (429, told("rate_limit_error", "m", error_code="enforced_spend_limit_reached"), "raise the limit"),
    ],
)
def test_faults_that_stop_the_run(status: int, body: Body, words: str) -> None:
    with AnthropicServer(hello, faults=[Response(body, status)]) as server:
        assert words in str(fault(server, ProviderError))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (413, told("request_too_large"), "context_too_long"),
        (400, told("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"), "context_too_long"),
        (400, told("invalid_request_error"), "bad_request"),
    ],
)
def test_rows_that_fail(status: int, body: Body, reason: str) -> None:
    with AnthropicServer(hello, faults=[Response(body, status)]) as server:
        error = fault(server, RowFailed)
    assert isinstance(error, RowFailed)
    assert error.reason == reason
