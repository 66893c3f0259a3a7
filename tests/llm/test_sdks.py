"""The providers' own SDKs as the oracle: the same request, from one and from the other, to one server."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from prefgen.errors import ProviderError
from prefgen.llm import anthropic, openai
from prefgen.llm.request import Model, Request
from tests.servers import AnthropicServer, OpenAIServer, Seen, Server

ASKED = [{"role": "system", "content": "Be brief — é."}, {"role": "user", "content": 'Say "hello".\n😀'}]
KEY = "sk-own-0123456789"
TRANSPORT = {"host", "connection", "user-agent", "content-length", "accept-encoding", ""}
"""What HTTP itself wants, and who asks; compared by its meaning below."""
SETTINGS: list[dict[str, str]] = [
    {},
    {"ORG": "org-1", "PROJECT": "proj-1"},
    {"CUSTOM": "X-Mine: yes\nX-Mine-Too: a: b\nno header"},
    {"CUSTOM": "authorization: Bearer mine\nX-Mine: one\nX-Mine: two", "ORG": "org-1"},
    {"CUSTOM": "OpenAI-Organization: mine", "ORG": "org-1"},
]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Callable[[Mapping[str, str]], None]:
    def set_up(how: Mapping[str, str]) -> None:
        names = {"OPENAI_ORG_ID": "ORG", "OPENAI_PROJECT_ID": "PROJECT", "OPENAI_CUSTOM_HEADERS": "CUSTOM",
                 "ANTHROPIC_CUSTOM_HEADERS": "CUSTOM"}  # fmt: skip
        for name in ("ANTHROPIC_AUTH_TOKEN", *names):
            monkeypatch.delenv(name, raising=False)
        for name, short in names.items():
            if short in how:
                monkeypatch.setenv(name, how[short])
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    return set_up


def ours(provider: Any, model: Model) -> None:
    async def go() -> None:
        await provider.send(Request(model, ASKED, schema={"type": "object"}), [7])
        await provider.close()

    asyncio.run(go())


def openai_sdk(body: dict[str, Any], url: str) -> None:
    from openai import AsyncOpenAI

    async def go() -> None:
        async with AsyncOpenAI(base_url=url, max_retries=0) as client:
            await client.chat.completions.create(**body)

    asyncio.run(go())


def anthropic_sdk(body: dict[str, Any], url: str) -> None:
    from anthropic import AsyncAnthropic

    async def go() -> None:
        async with AsyncAnthropic(base_url=url, max_retries=0) as client:
            await client.messages.create(**body)

    asyncio.run(go())


KINDS: dict[str, tuple[Callable[..., Server], Any, Any, str]] = {
    "openai": (OpenAIServer, openai.OpenAI, openai_sdk, "OPENAI_BASE_URL"),
    "anthropic": (AnthropicServer, anthropic.Anthropic, anthropic_sdk, "ANTHROPIC_BASE_URL"),
}


def said(seen: Seen) -> dict[str, str]:
    """The headers that a provider could look at."""
    return {n: v for n, v in seen.headers.items() if n not in TRANSPORT and not n.startswith("x-stainless")}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", SETTINGS, ids=lambda how: " ".join(how) or "plain")
def test_a_request_is_what_the_sdk_would_send(
    kind: str, how: dict[str, str], account: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    serve, provider, sdk, address = KINDS[kind]
    account(how)
    with serve(lambda body: "so") as server:
        monkeypatch.setenv(address, server.base_url)
        ours(provider(), Model(f"{kind}/m", max_tokens=50))
        sdk(server.bodies[0], server.base_url)
        mine, theirs = server.requests
    assert (mine.path, mine.body) == (theirs.path, theirs.body)
    assert said(mine) == said(theirs)
    assert mine.headers["host"] == theirs.headers["host"]
    assert mine.headers["accept-encoding"] == "identity"
    assert int(mine.headers["content-length"]) == len(
        json.dumps(mine.body, ensure_ascii=False, separators=(",", ":")).encode()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_no_sdk_is_imported_for_it(kind: str) -> None:
    import subprocess
    import sys

    code = f"""
import asyncio, sys
from prefgen.llm.{kind} import {"OpenAI" if kind == "openai" else "Anthropic"} as Provider
from prefgen.llm.request import Model, Request
provider = Provider()
async def go(url):
    await provider.send(Request(Model("{kind}/m", base_url=url), [{{"role": "user", "content": "hi"}}]), [1])
    await provider.close()
asyncio.run(go(sys.argv[1]))
print(*({{"openai", "anthropic", "httpx2", "aiohttp", "pydantic"}} & set(sys.modules)))
"""
    with KINDS[kind][0](lambda body: "so") as server:
        found = subprocess.run(
            [sys.executable, "-c", code, server.base_url], capture_output=True, text=True, check=False
        )
    assert (found.stdout.strip(), found.stderr) == ("", "")


@pytest.mark.parametrize("value", ["X-Mine: a\rInjected: b", "X-Mine: é", "X Mine\x00: a"])
def test_headers_that_are_none_are_told_and_not_sent(
    value: str, account: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    if "\0" in value:
        value = "X-Mine\t\x7f: a"  # no variable can hold a NUL
    account({"CUSTOM": value})
    with OpenAIServer(lambda body: "so") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        with pytest.raises(ProviderError, match="cannot be asked") as caught:
            ours(openai.OpenAI(), Model("openai/m"))
        assert KEY not in f"{caught.value!r}"
    assert not server.requests
