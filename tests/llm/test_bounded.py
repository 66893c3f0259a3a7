"""Answers that are packed, or without end: not read, told as what they are, and the next one comes in as ever."""

import asyncio
import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest
import zstandard

from prefgen.errors import PrefgenError, RowFailed, TryAgain
from prefgen.llm.anthropic import Anthropic
from prefgen.llm.bounds import MOST, MOST_TOLD
from prefgen.llm.openai import OpenAI
from prefgen.llm.request import Model, Request, Sent
from tests.servers import AnthropicServer, OpenAIServer, Response, Server, chat

BOMB = gzip.compress(b" " * 200_000_000)
PROTOCOLS: dict[str, tuple[Callable[..., Server], Callable[[], Any]]] = {
    "openai": (OpenAIServer, OpenAI),
    "anthropic": (AnthropicServer, Anthropic),
}


@pytest.fixture(params=PROTOCOLS)
def spoken(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def ask(protocol: str, server: Server, times: int = 1, body: str = "why?") -> list[Sent | PrefgenError]:
    """What comes of so many requests, one after another, by one client."""
    provider = PROTOCOLS[protocol][1]()
    model = Model(f"{protocol}/m", base_url=server.base_url, max_tokens=9)

    async def all_of_them() -> list[Sent | PrefgenError]:
        found: list[Sent | PrefgenError] = []
        for _ in range(times):
            try:
                found.append(await provider.send(Request(model, [{"role": "user", "content": body}]), [1]))
            except PrefgenError as e:
                found.append(e)
        await provider.close()
        return found

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("kind", "body"), [("gzip", BOMB), ("zstd", zstandard.compress(b"{}")), ("br", b"x"), ("gzip, identity", BOMB)]
)
def test_a_packed_reply_is_no_reply(kind: str, body: bytes, spoken: str) -> None:
    packed = Response(body, headers={"content-encoding": kind})
    with PROTOCOLS[spoken][0](lambda _: "so.", faults=[packed]) as server:
        fault, fine = ask(spoken, server, 2)
        assert {seen.headers["accept-encoding"] for seen in server.requests} == {"identity"}
    assert isinstance(fault, TryAgain)
    assert (fault.reason, fault.billed) == ("bad_body", True)
    assert f"it came packed ({kind[:20]}), which was not asked for" in str(fault)
    assert isinstance(fine, Sent)


def test_a_body_without_end_is_left(spoken: str) -> None:
    endless = Response(b" " * 1_000_000, then="endless")
    with PROTOCOLS[spoken][0](lambda _: "so.", faults=[endless]) as server:
        fault, fine = ask(spoken, server, 2)
        sent = server.sent
    assert isinstance(fault, TryAgain)
    assert f"it has over {MOST:,} bytes" in str(fault)
    assert sent < MOST + 20_000_000, "what was in the system's buffers is all that came after"
    assert isinstance(fine, Sent)


def test_an_error_s_status_counts_whatever_its_body(spoken: str) -> None:
    endless = Response(b"no " * 100_000, 400, then="endless")
    packed = Response(BOMB, 429, {"content-encoding": "gzip", "retry-after": "7"})
    with PROTOCOLS[spoken][0](lambda _: "so.", faults=[endless, packed]) as server:
        refused, slow, fine = ask(spoken, server, 3)
        assert server.sent < MOST_TOLD + 20_000_000
    assert isinstance(refused, RowFailed)
    assert "no no no" in str(refused)
    assert isinstance(slow, TryAgain)
    assert (slow.reason, slow.wait) == ("rate_limited", 7.0)
    assert "no more was said" in str(slow)
    assert isinstance(fine, Sent)


def test_a_long_reply_is_read_whole_and_connections_are_kept(spoken: str) -> None:
    text = "x" * 30_000_000
    with PROTOCOLS[spoken][0](lambda body: text if "long" in json.dumps(body) else "so.") as server:
        assert all(isinstance(one, Sent) for one in ask(spoken, server, 20))
        assert server.connections == 1
        (whole,) = ask(spoken, server, body="long")
    assert isinstance(whole, Sent)
    assert text in json.dumps(whole.raws[0]["choice"])


def test_a_length_that_is_none_of_a_reply_is_not_waited_for() -> None:
    body = chat(["so."], {"messages": [], "model": "m"})
    huge = Response(json.dumps(body).encode(), headers={"content-length": str(10**12)}, then="long")
    with OpenAIServer(lambda _: "so.", faults=[huge]) as server:
        (fault,) = ask("openai", server)
    assert isinstance(fault, TryAgain)
