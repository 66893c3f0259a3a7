"""What prompts begin with is kept by providers: marked, waited for once, priced, and no part of what is asked."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefgen.errors import PrefgenError
from prefgen.llm.anthropic import Anthropic
from prefgen.llm.bill import most
from prefgen.llm.client import Client
from prefgen.llm.fake import Fake
from prefgen.llm.journal import Journal
from prefgen.llm.openai import OpenAI
from prefgen.llm.outcome import Tally
from prefgen.llm.prefixes import LIFE, MANY, PATIENCE, Prefixes
from prefgen.llm.prices import dollars, price_of
from prefgen.llm.request import Caching, Model, Part, Request, Usage, key
from tests.servers import AnthropicServer, Body, OpenAIServer, Response, chat, message
from tests.sim import virtual

RUBRIC = "Judge with care. " * 1_100
"""Over 4,096 tokens, as they are counted here."""
BOTH: frozenset[Part] = frozenset({"system", "prompt"})


def asked(text: str, model: Model, system: str = RUBRIC) -> Request:
    return Request(model, [{"role": "system", "content": system}, {"role": "user", "content": text}])


def run(server: AnthropicServer | OpenAIServer, folder: Path, *requests: tuple[Request, range]) -> Tally:
    """Asks side by side."""

    async def go() -> Tally:
        journal, tally = Journal(folder / "j.sqlite"), Tally()
        client = Client(journal)
        try:
            await asyncio.gather(*(client.draw(request, draws, tally) for request, draws in requests))
        finally:
            await client.close()
            journal.close()
        return tally

    return asyncio.run(go())


def marks(body: Body) -> set[str]:
    """The parts of a body that are marked."""
    places = {"system": body.get("system"), "prompt": body["messages"][-1]["content"]}
    found = {name: part[-1].get("cache_control") for name, part in places.items() if isinstance(part, list)}
    assert all(mark == {"type": "ephemeral"} for mark in found.values())
    return set(found)


# --- what is marked -------------------------------------------------------------------------


def test_a_system_turn_that_comes_again_is_marked_and_its_text_is_the_same(tmp_path: Path) -> None:
    with AnthropicServer(lambda body: Response(message("so", {**body, "system": "", "messages": []}))) as server:
        model = Model("anthropic/claude", base_url=server.base_url, prompt_cache=True)
        run(server, tmp_path, *((asked(f"question {n}", model), range(1)) for n in range(4)))
    assert sorted(map(len, map(marks, server.bodies))) == [0, 1, 1, 1], "of the first nobody knows that it comes again"
    texts = [b["system"] if isinstance(b["system"], str) else b["system"][0]["text"] for b in server.bodies]
    assert set(texts) == {RUBRIC}


def test_the_draws_of_one_long_prompt_share_all_of_it(tmp_path: Path) -> None:
    with AnthropicServer(lambda body: Response(message("so", {**body, "system": "", "messages": []}))) as server:
        model = Model("anthropic/claude", base_url=server.base_url, prompt_cache=True)
        request = Request(model, [{"role": "user", "content": RUBRIC}])
        run(server, tmp_path, (request, range(3)))
        assert [marks(body) for body in server.bodies] == [{"prompt"}] * 3
        assert {body["messages"][0]["content"][0]["text"] for body in server.bodies} == {RUBRIC}


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"prompt_cache": None}, RUBRIC),
        ({"prompt_cache": False}, RUBRIC),
        ({"prompt_cache": True}, "Short."),
        ({"prompt_cache": True, "extra": {"cache_control": {"type": "ephemeral", "ttl": "1h"}}}, RUBRIC),
    ],
    ids=["a server of one's own", "not wanted", "too short", "marked by the user"],
)
def test_what_is_not_marked(settings: dict[str, Any], text: str, tmp_path: Path) -> None:
    with AnthropicServer(lambda body: "so") as server:
        model = Model("anthropic/claude", base_url=server.base_url, **settings)
        run(server, tmp_path, *((asked(f"question {n}", model, text), range(2)) for n in range(3)))
    assert {body["system"] for body in server.bodies} == {text}
    assert all(isinstance(body["messages"][-1]["content"], str) for body in server.bodies)


def test_marks_are_no_part_of_the_key() -> None:
    request = asked("why?", Model("anthropic/claude"))
    plain = key(Anthropic().sees(request), 0, 0)
    assert key(Anthropic().sees(request._replace(cache=BOTH)), 0, 0) == plain
    other = Request(replace(request.model, prompt_cache=True), request.messages)
    assert key(Anthropic().sees(other), 0, 0) == plain


def test_where_prompts_are_kept() -> None:
    claude, gpt = Anthropic().caching, OpenAI().caching
    for least, names in {
        512: ["opus-5", "opus-5-5", "sonnet-5-5", "haiku-5-5", "fable-5"],
        1024: ["opus-4-8", "sonnet-5", "sonnet-4-6", "sonnet-4-5-20250929", "opus-4-1", "sonnet-4-20250514"],
        2048: ["opus-4-7"],
        4096: ["opus-4-6", "opus-4-5", "haiku-4-5-20251001", "of-tomorrow", "opus-50"],
    }.items():
        found = {name: claude(Model(f"anthropic/claude-{name}")) for name in names}
        assert found == dict.fromkeys(names, Caching(4 * least, marked=True))
    assert gpt(Model("openai/gpt-5")) == Caching(4 * 1024, marked=False)
    for model in (Model("openai/x", base_url="http://localhost/v1"), Model("openai/gpt-5", prompt_cache=False)):
        assert gpt(model) is None
    assert gpt(Model("openai/x", base_url="http://localhost/v1", prompt_cache=True))
    assert Fake({}).caching(Model("fake/x")) is None


@pytest.mark.parametrize("before", [[], [{"role": "user", "content": " "}]])
def test_a_prompt_that_ends_with_a_system_turn_is_not_marked_there(
    before: list[dict[str, str]], tmp_path: Path
) -> None:
    """System turns stand apart in what is sent: a mark at the prompt's end would be another turn's, or nobody's."""
    with AnthropicServer(lambda body: Response(message("so", {**body, "system": "", "messages": []}))) as server:
        model = Model("anthropic/claude", base_url=server.base_url, prompt_cache=True)
        request = Request(model, [*before, {"role": "system", "content": RUBRIC * 9}])
        run(server, tmp_path, (request, range(2)), (request, range(2, 4)))
    assert all(body["messages"] == before for body in server.bodies)
    assert len(server.bodies) == 4


# --- the first of them ----------------------------------------------------------------------

CACHING = Caching(100, marked=True)
SEEN = asked("why?", Model("anthropic/claude"))


def ends(
    requests: list[Request],
    *,
    caching: Caching = CACHING,
    seconds: Callable[[int], float] = lambda n: 10.0,
    fails: Callable[[int], bool] = lambda n: False,
    gap: float = 0.0,
) -> list[float]:
    """When the exchanges of these requests end; each begins ``gap`` seconds after the one before it."""
    over: dict[int, float] = {}

    async def exchange(n: int) -> None:
        await asyncio.sleep(seconds(n))
        if fails(n):
            raise PrefgenError("no")

    async def one(n: int, request: Request, prefixes: Prefixes) -> None:
        with suppress(PrefgenError):
            async with prefixes.turn(request, caching):
                await exchange(n)
        over[n] = asyncio.get_running_loop().time()

    async def go() -> None:
        prefixes, tasks = Prefixes(), []
        for n, request in enumerate(requests):
            tasks.append(asyncio.ensure_future(one(n, request, prefixes)))
            await asyncio.sleep(gap)
        await asyncio.gather(*tasks)

    virtual.run(go())
    return [round(over[n]) for n in range(len(requests))]


def draws(number: int) -> list[Request]:
    return [SEEN._replace(cache=BOTH)] * number


def test_siblings_start_when_the_first_has_ended_and_then_together() -> None:
    assert ends(draws(4)) == [10, 20, 20, 20]


def test_where_nothing_is_marked_the_first_is_the_first_all_the_same() -> None:
    same = [asked(f"question {n}", SEEN.model) for n in range(4)]
    assert ends(same, caching=Caching(100, marked=False)) == [10, 20, 20, 20]
    assert ends(same) == [10, 10, 20, 20], "the first is not marked, so the second is the one that pays for the others"


def test_requests_that_share_nothing_wait_for_nothing() -> None:
    others = [asked(f"{n} question", SEEN.model, f"{n} {RUBRIC}") for n in range(4)]
    assert ends(others) == ends(others, caching=Caching(100, marked=False)) == [10] * 4
    assert ends([SEEN] * 4, caching=Caching(10**6, marked=True)) == [10] * 4


def test_a_first_that_fails_or_hangs_is_waited_for_once() -> None:
    assert ends(draws(4), fails=lambda n: n == 0) == [10, 20, 20, 20]
    slow = ends(draws(3), seconds=lambda n: 10 * PATIENCE if n == 0 else 10)
    assert slow == [10 * PATIENCE, PATIENCE + 10, PATIENCE + 10]


def test_what_is_kept_is_kept_for_minutes() -> None:
    assert ends(draws(3), gap=50) == [10, 60, 110]
    late = ends(draws(3), gap=LIFE + 20)
    assert late == [10, LIFE + 30, 2 * LIFE + 50], "alone each time, and first again"


def test_beginnings_are_not_remembered_without_end() -> None:
    async def go() -> int:
        prefixes = Prefixes()
        for n in range(MANY + 50):
            prefixes.turn(asked(f"{n}", SEEN.model, f"{n} {RUBRIC}"[:200]), CACHING)
        return len(prefixes._begins)

    assert asyncio.run(go()) <= MANY


# --- what it costs --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("use", "usage", "cents"),
    [
        ("anthropic/claude-sonnet-4-5", Usage(1_000_000, 0), 300.0),
        ("anthropic/claude-sonnet-4-5", Usage(1_000_000, 0, cache_write=1_000_000), 375.0),
        ("anthropic/claude-sonnet-4-5", Usage(1_000_000, 0, cache_read=1_000_000), 30.0),
        ("anthropic/claude-sonnet-4-5", Usage(4_000, 100, cache_read=3_000, cache_write=500), 0.15 + 0.09 + 0.1875 + 0.15),
        ("anthropic/claude-opus-5", Usage(1_000_000, 0, cache_read=1_000_000), 50.0),
        ("anthropic/claude-opus-5-5", Usage(1_000_000, 0, cache_read=1_000_000), 20.0),
        ("anthropic/claude-sonnet-5-5", Usage(1_000_000, 0, cache_read=1_000_000), 10.0),
        ("anthropic/claude-sonnet-5-5", Usage(1_000_000, 0, cache_write=1_000_000), 250.0),
        ("openai/gpt-5.4", Usage(1_000_000, 0, cache_read=1_000_000), 25.0),
        ("openai/gpt-5", Usage(1_000_000, 0, cache_read=1_000_000), 12.5),
        ("openai/gpt-4.1-mini-2025-04-14", Usage(10_000, 1_000, cache_read=8_000), 0.08 + 0.08 + 0.16),
        ("openai/gpt-4o", Usage(1_000_000, 0, cache_read=500_000), 187.5),
        ("openai/gpt-5-pro", Usage(1_000_000, 0, cache_read=1_000_000), 1500.0),
    ],
)  # fmt: skip
def test_tokens_of_the_cache_have_their_own_price(use: str, usage: Usage, cents: float) -> None:
    assert dollars(price_of(Model(use), own=True), usage) == pytest.approx(cents / 100)


def test_a_price_that_is_stated_counts() -> None:
    stated = Model("anthropic/x", price={"input": 2.0, "output": 0.0})
    usage = Usage(1_000_000, 0, cache_read=500_000, cache_write=250_000)
    assert dollars(price_of(stated, own=True), usage) == pytest.approx(0.5 + 0.1 + 0.625)
    assert dollars(price_of(stated, own=False), usage) == pytest.approx(2.0), "who else serves it has prices of its own"
    cheap = replace(stated, price={"input": 2.0, "output": 0.0, "cache_read": 1.0, "cache_write": 4.0})
    assert dollars(price_of(cheap, own=False), usage) == pytest.approx(0.5 + 0.5 + 1.0)


def test_the_most_that_a_marked_request_can_cost_is_that_all_of_it_is_written() -> None:
    request = asked("why?", Model("anthropic/claude-sonnet-4-5", max_tokens=10))
    plain, marked = (most(Anthropic(), request._replace(cache=cache), 1) for cache in (frozenset[Part](), BOTH))
    assert plain
    assert marked
    assert marked - 10 * 15 / 1e6 == pytest.approx(1.25 * (plain - 10 * 15 / 1e6))


def test_tokens_from_the_cache_are_counted_once_and_told(tmp_path: Path) -> None:
    def answer(body: Body) -> Response:
        details = {"cached_tokens": 60, "cache_write_tokens": 500}
        usage = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": details}
        return Response(chat(["so"], body) | {"usage": usage})

    with OpenAIServer(answer) as server:
        model = Model("openai/m", base_url=server.base_url)
        tally = run(server, tmp_path, *((asked(f"{n}", model, "s"), range(1)) for n in range(3)))
    assert (tally.prompt_tokens, tally.cached_tokens) == (300, 180)
    raw = {"usage": {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 500}}}
    assert OpenAI().usage(raw) == Usage(100, 0, 60, 40), "never more than there are"
