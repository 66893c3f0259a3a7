import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prefgen.errors import PrefgenError, ProviderError, RowFailed, TryAgain
from prefgen.llm.openai import OpenAI
from prefgen.llm.request import Completion, Model, Raw, Request, Sent, Usage, key
from tests.servers import Body, OpenAIServer, Response, chat, logprob, tokens

KEY = "sk-canary-0123456789"
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_CUSTOM_HEADERS", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


def hello(_body: Body) -> str:
    return "hello"


def model(server: OpenAIServer, **settings: Any) -> Model:
    return Model("openai/small", base_url=server.base_url, **settings)


def raws(request: Request, seeds: list[int]) -> list[Raw]:
    async def go() -> list[Raw]:
        provider = OpenAI()
        try:
            return list((await provider.send(request, seeds)).raws)
        finally:
            await provider.close()

    return asyncio.run(go())


def done(request: Request, *seeds: int) -> list[Completion]:
    return [OpenAI().read(raw) for raw in raws(request, list(seeds) or [7])]


def fault(server: OpenAIServer, kind: type[PrefgenError], *seeds: int, **settings: Any) -> PrefgenError:
    with pytest.raises(kind) as caught:
        done(Request(model(server, **settings), ASKED), *seeds)
    assert KEY not in str(caught.value)
    return caught.value


# --- what is asked --------------------------------------------------------------------------


def test_a_request_as_it_is_sent() -> None:
    with OpenAIServer(hello) as server:
        asked = model(server, temperature=0.7, top_p=0.9, max_tokens=50, extra={"top_k": 20})
        assert done(Request(asked, ASKED)) == [Completion("hello", usage=Usage(8, 1), snapshot="small")]
    (seen,) = server.requests
    assert seen.path == "/v1/chat/completions"
    assert seen.body == {
        "model": "small",
        "messages": ASKED,
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 50,
        "seed": 7,
        "top_k": 20,
    }
    assert seen.headers["content-type"] == "application/json"
    assert seen.headers["user-agent"] == "prefgen"


def test_what_is_not_set_is_not_sent() -> None:
    with OpenAIServer(hello) as server:
        done(Request(model(server, extra={"seed": None}), ASKED))
    assert server.bodies == [{"model": "small", "messages": ASKED}]


def test_several_draws_are_one_request_and_the_tokens_stand_at_the_first() -> None:
    with OpenAIServer(lambda _: ["one", "two two", "three"]) as server:
        found = done(Request(model(server), ASKED), 7, 8, 9)
    assert [reply.text for reply in found] == ["one", "two two", "three"]
    assert [reply.usage for reply in found] == [Usage(8, 4), Usage(), Usage()]
    assert (server.bodies[0]["n"], server.bodies[0]["seed"]) == (3, 7)


def test_choices_are_taken_by_index_and_no_more_than_asked() -> None:
    def mixed(body: Body) -> Response:
        whole = chat(["a", "b", "c"], body)
        return Response(whole | {"choices": whole["choices"][::-1]})

    with OpenAIServer(mixed) as server:
        assert [reply.text for reply in done(Request(model(server), ASKED), 1, 2)] == ["a", "b"]


def test_fewer_choices_are_no_error() -> None:
    with OpenAIServer(lambda body: Response(chat(["only"], body))) as server:
        assert [reply.text for reply in done(Request(model(server), ASKED), 1, 2, 3)] == ["only"]


def test_a_server_that_refuses_n_gives_none_and_the_caller_asks_for_each() -> None:
    refusal = {"error": {"code": 400, "message": "Field 'n': Value must be between 1 <= value <= 2, but got 3"}}
    with OpenAIServer(hello, faults=[Response(refusal, 400)]) as server:
        assert done(Request(model(server), ASKED), 1, 2, 3) == []
        assert len(done(Request(model(server), ASKED), 1)) == 1
    assert [body.get("n") for body in server.bodies] == [3, None]


def test_grammar_and_schema() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    with OpenAIServer(hello) as server:
        done(Request(model(server), ASKED, grammar='root ::= "a" | "b"', schema=schema))
    assert server.bodies[0]["grammar"] == 'root ::= "a" | "b"'
    strict = {"name": "reply", "strict": True, "schema": schema}
    assert server.bodies[0]["response_format"] == {"type": "json_schema", "json_schema": strict}


def test_an_assistants_first_words_are_sent_as_they_are() -> None:
    turns = [*ASKED, {"role": "assistant", "content": "Answer: "}]
    with OpenAIServer(hello) as server:
        done(Request(model(server), turns))
    assert server.bodies[0]["messages"] == turns


def test_what_a_tool_said_is_sent_to_servers_of_ones_own_alone() -> None:
    turns = [*ASKED, {"role": "assistant", "content": "<call>"}, {"role": "tool", "content": "42"}]
    with OpenAIServer(hello) as server:
        done(Request(model(server), turns))
    assert server.bodies[0]["messages"] == turns
    with pytest.raises(RowFailed, match="no tool's message without its call") as caught:
        done(Request(Model("openai/small"), turns))
    assert caught.value.reason == "tool_message"


def test_half_a_surrogate_pair_cannot_be_asked() -> None:
    with OpenAIServer(hello) as server, pytest.raises(RowFailed) as caught:
        done(Request(model(server), [{"role": "user", "content": "\ud800"}]))
    assert caught.value.reason == "bad_text"
    assert server.requests == []


# --- keys -----------------------------------------------------------------------------------


def test_nothing_of_the_users_account_goes_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Mine: secret\nauthorization: Bearer secret")
    with OpenAIServer(hello) as server:
        done(Request(model(server), ASKED))
    headers = server.requests[0].headers
    assert headers["authorization"] == "Bearer none"
    assert not any("secret" in value or KEY in value for value in headers.values())


def test_a_named_key_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROUTER_KEY", "rk-1")
    with OpenAIServer(hello) as server:
        done(Request(model(server, api_key_env="ROUTER_KEY"), ASKED))
    assert server.requests[0].headers["authorization"] == "Bearer rk-1"


def test_the_address_variable_gets_the_key_and_the_users_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Mine: yes")
    with OpenAIServer(hello) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        done(Request(Model("openai/small"), ASKED))
    headers = server.requests[0].headers
    assert (headers["authorization"], headers["x-mine"]) == (f"Bearer {KEY}", "yes")


def test_a_key_that_was_refused_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model is asked with is worked out once, until that is wrong."""

    async def go(server: OpenAIServer) -> None:
        provider, asked = OpenAI(), Request(model(server, api_key_env="ROUTER_KEY"), ASKED)
        monkeypatch.setenv("ROUTER_KEY", "rk-first-key")
        await provider.send(asked, [1])
        monkeypatch.setenv("ROUTER_KEY", "rk-second-key")
        server.faults.append(Response(status=401))
        with pytest.raises(ProviderError):
            await provider.send(asked, [1])
        await provider.send(asked, [1])
        await provider.close()

    with OpenAIServer(hello) as server:
        asyncio.run(go(server))
    keys = [seen.headers["authorization"] for seen in server.requests]
    assert keys == ["Bearer rk-first-key", "Bearer rk-first-key", "Bearer rk-second-key"]


def test_no_key_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(ProviderError, match="needs a key in OPENAI_API_KEY, which is not set"):
        done(Request(Model("openai/gpt-4.1-mini"), ASKED))


def test_redirects_are_not_followed() -> None:
    with OpenAIServer(hello) as other, OpenAIServer(hello) as server:
        server.faults.append(Response(status=307, headers={"location": f"{other.base_url}/chat/completions"}))
        assert "307" in str(fault(server, ProviderError))
    assert other.requests == []


# --- what changes a reply -------------------------------------------------------------------


def seen(request: Request) -> bytes:
    return key(OpenAI().sees(request), 0, 0)


def test_what_changes_a_reply_is_seen_and_nothing_else() -> None:
    small = Model("openai/small", temperature=0.5)
    base = Request(small, ASKED)
    same = replace(
        small,
        base_url="http://localhost:1",
        api_key_env="K",
        concurrency=1,
        timeout=1.0,
        price={},
        likelihood="grammar",
    )
    assert seen(Request(same, tuple(ASKED), seed=9)) == seen(base)
    others = [
        Request(replace(small, use="openai/large"), ASKED),
        Request(replace(small, temperature=0.6), ASKED),
        Request(replace(small, top_p=0.9), ASKED),
        Request(replace(small, max_tokens=9), ASKED),
        Request(replace(small, extra={"a": 1}), ASKED),
        Request(small, ASKED[:1]),
        Request(small, ASKED, given="text"),
        Request(small, ASKED, grammar="g"),
        Request(small, ASKED, schema={}),
        Request(replace(small, likelihood="grammar"), ASKED, given="text"),
    ]
    assert len({seen(request) for request in [base, *others]}) == len(others) + 1


def test_sampling_changes_nothing_about_given_text() -> None:
    cold, hot = (Model("openai/small", temperature=t, max_tokens=9) for t in (0.0, 1.0))
    assert seen(Request(cold, ASKED, given="text")) == seen(Request(hot, ASKED, given="text"))


def test_what_an_endpoint_can() -> None:
    can = OpenAI().can
    assert can(Model("openai/x")) == {"n", "schema"}
    assert can(Model("openai/x", likelihood="grammar")) == {"n", "schema"}
    assert can(Model("openai/x", base_url="http://localhost/v1")) == {"n", "schema", "grammar"}
    scoring = Model("openai/x", base_url="http://localhost/v1", likelihood="grammar")
    assert can(scoring) == {"n", "schema", "grammar", "given"}
    assert OpenAI().notices(scoring) == ()


# --- what came back -------------------------------------------------------------------------


def reading(change: Callable[[Body], Any]) -> Completion:
    """A reply whose only choice is changed before it is sent."""

    def answer(body: Body) -> Response:
        whole = chat(["hello"], body)
        change(whole["choices"][0])
        return Response(whole)

    with OpenAIServer(answer) as server:
        return done(Request(model(server), ASKED))[0]


@pytest.mark.parametrize(
    ("finish", "read"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "refused"), (None, "stop"), ("tool_calls", "stop")],
)
def test_how_a_reply_ended(finish: str | None, read: str) -> None:
    assert reading(lambda choice: choice.update(finish_reason=finish)).finish == read


def test_a_refusal_is_told_apart_and_kept() -> None:
    reply = reading(lambda choice: choice["message"].update(content=None, refusal="I cannot."))
    assert (reply.text, reply.finish) == ("I cannot.", "refused")


def test_nothing_but_reasoning_is_an_empty_reply() -> None:
    assert reading(lambda choice: choice["message"].update(content=None, reasoning_content="hm")).text == ""


def test_text_is_not_stripped() -> None:
    assert reading(lambda choice: choice["message"].update(content=" a \n")).text == " a \n"


def test_blocks_are_put_together() -> None:
    blocks = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert reading(lambda choice: choice["message"].update(content=blocks)).text == "ab"


def test_half_a_surrogate_pair_is_replaced() -> None:
    assert reading(lambda choice: choice["message"].update(content="a\ud800b😀")).text == "a\ufffdb😀"


def test_a_raw_reply_is_the_providers() -> None:
    with OpenAIServer(hello) as server:
        (raw,) = raws(Request(model(server), ASKED), [7])
    expected = chat(["hello"], server.bodies[0])
    assert raw == {"choice": expected["choices"][0], "usage": expected["usage"], "model": "small", "id": "chatcmpl-0"}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[" * 200_000,
        b"[]",
        b"{}",
        {"choices": None},
        {"choices": []},
        {"choices": ["text"]},
        b'{"choices": [{"message": {"content": "a", "more": ' + b"[" * 900 + b"]" * 900 + b"}}]}",
    ],
)
def test_bodies_without_a_reply(bad: Any) -> None:
    with OpenAIServer(lambda _: Response(bad)) as server:
        error = fault(server, TryAgain)
    assert isinstance(error, TryAgain)
    assert (error.reason, error.attempts, error.billed) == ("bad_body", 2, True)


@pytest.mark.parametrize(
    "choice",
    [
        {},
        {"message": None},
        {"message": {"content": 5}},
        {"message": {"content": "half"}, "finish_reason": "error"},
        {"message": {"content": "half"}, "finish_reason": "abort"},
    ],
)
def test_choices_without_a_reply(choice: Body) -> None:
    with pytest.raises(TryAgain) as caught:
        OpenAI().read({"choice": choice, "usage": None, "model": "m", "id": "i"})
    assert (caught.value.reason, caught.value.attempts, caught.value.billed) == ("bad_body", 2, True)


def test_missing_usage_counts_nothing() -> None:
    raw = {"choice": {"message": {"content": "a"}}, "usage": None, "model": None, "id": None}
    assert OpenAI().read(raw) == Completion("a")


def test_an_error_dressed_as_a_success_is_the_error() -> None:
    with OpenAIServer(lambda _: Response({"error": {"code": 429, "message": "slow"}})) as server:
        error = fault(server, TryAgain)
    assert isinstance(error, TryAgain)
    assert error.reason == "rate_limited"


# --- faults ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "reason", "attempts", "wait", "billed"),
    [
        (Response(status=429, headers={"retry-after-ms": "1500"}), "rate_limited", 0, 1.5, False),
        (Response(status=500), "server_error", 6, None, False),
        (Response(status=503, headers={"retry-after": "2"}), "overloaded", 6, 2.0, False),
        (Response(then="close"), "connection_lost", 4, None, True),
        (Response(b"x" * 1000, then="cut"), "connection_lost", 4, None, True),
        (Response(b"x" * 1000, 500, then="cut"), "connection_lost", 4, None, True),
        (Response(then="hang"), "timeout", 2, None, True),
    ],
)
def test_faults_that_pass(response: Response, reason: str, attempts: int, wait: float | None, billed: bool) -> None:
    with OpenAIServer(hello, faults=[response]) as server:
        error = fault(server, TryAgain, timeout=0.3 if response.then == "hang" else 30.0)
        assert len(server.requests) == 1
        assert done(Request(model(server), ASKED))[0].text == "hello"
    assert isinstance(error, TryAgain)
    assert (error.reason, error.attempts, error.wait, error.billed) == (reason, attempts, wait, billed)


@pytest.mark.parametrize("status", [401, 402, 403, 404])
def test_faults_that_stop_the_run(status: int) -> None:
    told = {"error": {"message": f"No: {KEY}", "type": "e", "code": "c"}}
    with OpenAIServer(hello, faults=[Response(told, status)]) as server:
        assert server.base_url in str(fault(server, ProviderError))


def test_an_unknown_path_names_model_and_address() -> None:
    with OpenAIServer(hello) as server:
        asked = Model("openai/small", base_url=server.base_url + "/wrong")
        with pytest.raises(ProviderError, match=r"no model 'small' at http://127.*/v1/wrong \(404\)"):
            done(Request(asked, ASKED))


def test_rows_that_fail() -> None:
    told = {"error": {"message": "too long", "code": "context_length_exceeded"}}
    with OpenAIServer(hello, faults=[Response(told, 400)]) as server:
        error = fault(server, RowFailed, 1, 2)
    assert isinstance(error, RowFailed)
    assert error.reason == "context_too_long"
    assert len(server.requests) == 1


def test_a_dead_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(TryAgain) as caught:
        done(Request(Model("openai/small", base_url=f"http://127.0.0.1:{port}/v1"), ASKED))
    assert (caught.value.reason, caught.value.attempts, caught.value.billed) == ("no_connection", 4, False)
    assert f"127.0.0.1:{port}" in str(caught.value)


# --- given text -----------------------------------------------------------------------------

TEXT = 'Hello "there",\n<b> friend — é.'


@pytest.mark.parametrize("way", ["grammar", "prompt_logprobs"])
def test_given_text_is_scored_token_by_token(way: str) -> None:
    with OpenAIServer(hello) as server:
        asked = model(server, likelihood=way, temperature=0.7, max_tokens=1, extra={"top_k": 5})
        (reply,) = done(Request(asked, ASKED, given=TEXT))
    assert (reply.text, reply.finish) == (TEXT, "stop")
    assert reply.logprobs == tuple(map(logprob, tokens(TEXT)))
    assert server.bodies[0]["top_k"] == 5


def test_forced_decoding_leaves_room_and_no_chance() -> None:
    with OpenAIServer(hello) as server:
        done(Request(model(server, likelihood="grammar", temperature=1.0), ASKED, given=TEXT))
    body = server.bodies[0]
    assert (body["temperature"], body["logprobs"], body["top_logprobs"]) == (0, True, 1)
    assert body["max_tokens"] > len(TEXT.encode())


def test_only_the_tail_of_a_prompt_is_kept() -> None:
    with OpenAIServer(hello) as server:
        (raw,) = raws(Request(model(server, likelihood="prompt_logprobs"), ASKED, given=TEXT), [1])
    assert len(raw["prompt_logprobs"]) == len(tokens(TEXT))
    body = server.bodies[0]
    assert body["messages"] == [*ASKED, {"role": "assistant", "content": TEXT}]
    asked = ("add_generation_prompt", "continue_final_message", "prompt_logprobs", "max_tokens")
    assert tuple(body[name] for name in asked) == (False, True, 1, 1)


@pytest.mark.parametrize("way", ["grammar", "prompt_logprobs"])
def test_a_server_that_ignores_the_question_scores_nothing(way: str) -> None:
    with OpenAIServer(hello) as server:
        server.faults.append(Response(chat(["hello"], {"model": "small", "messages": ASKED})))
        with pytest.raises(RowFailed) as caught:
            done(Request(model(server, likelihood=way), ASKED, given=TEXT))
    assert caught.value.reason == "not_scored"


def test_an_empty_text_is_not_asked_about() -> None:
    with OpenAIServer(hello) as server, pytest.raises(RowFailed):
        done(Request(model(server, likelihood="grammar"), ASKED, given=""))
    assert server.requests == []


def test_an_endpoint_must_say_how_it_scores() -> None:
    raising = pytest.raises(ProviderError, match="likelihood: grammar or prompt_logprobs")
    with OpenAIServer(hello) as server, raising:
        done(Request(model(server), ASKED, given=TEXT))


# --- connections ----------------------------------------------------------------------------


def test_one_client_serves_all_requests_to_an_address() -> None:
    async def go(server: OpenAIServer) -> list[Sent]:
        provider = OpenAI()
        asked = [Request(model(server, timeout=t), ASKED) for t in (20.0, 30.0) * 100]
        found = await asyncio.gather(*(provider.send(request, [1]) for request in asked))
        await provider.close()
        await provider.close()
        return found

    with OpenAIServer(hello, latency=0.001) as server:
        assert len(asyncio.run(go(server))) == 200
    assert len(server.requests) == 200
