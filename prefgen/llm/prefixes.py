"""Beginnings of prompts that providers keep for some minutes, so that they are paid for once in full.

A request whose beginning came before is sent marked, where the provider wants marks. The first of those ends before
its siblings start: sent side by side, none of them would find anything kept. Nothing here changes what is asked, and
nothing waits for long: who waited once goes, whatever came of the first.
"""

import asyncio
import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass

from prefgen.llm.request import Caching, Part, Request

LIFE = 240.0
"""Seconds for which a beginning counts as kept: providers say five minutes after its last use, or more."""
PATIENCE = 60.0
"""Seconds for which the first is waited for, at most."""
MANY = 10_000
"""Beginnings that are remembered."""


@dataclass
class _Begin:
    """One beginning: when it came last, until when it is kept, and the first call of it while it is under way."""

    came: float = -math.inf
    until: float = -math.inf
    first: "asyncio.Future[None] | None" = None


class Prefixes:
    """The beginnings of one client's requests."""

    def __init__(self) -> None:
        self._begins: dict[bytes, _Begin] = {}

    def turn(self, request: Request, caching: Caching) -> "Turn":
        """A request's turn, for as long as its exchange takes; entered, it gives the request with its marks."""
        now, shared = asyncio.get_running_loop().time(), dict[Part, _Begin]()
        for part, key in _parts(request, caching):
            begin = self._begin(key)
            if not caching.marked or part in request.cache or now - begin.came < LIFE:
                shared[part] = begin
            begin.came = now
        return Turn(request, shared, marked=caching.marked)

    def _begin(self, key: bytes) -> _Begin:
        if key not in self._begins and len(self._begins) >= MANY:
            del self._begins[next(iter(self._begins))]
        return self._begins.setdefault(key, _Begin())


class Turn:
    """The exchange of one request, by what of it is shared."""

    def __init__(self, request: Request, shared: dict[Part, _Begin], *, marked: bool) -> None:
        self._request, self._shared = request, shared
        self._cache: frozenset[Part] = frozenset(shared) if marked else frozenset()
        self._first: list[_Begin] = []

    async def __aenter__(self) -> Request:
        under_way = {begin.first for begin in self._shared.values() if begin.first}
        if under_way:
            await asyncio.wait(under_way, timeout=PATIENCE)
        loop = asyncio.get_running_loop()
        self._first = [one for one in self._shared.values() if one.first is None and one.until <= loop.time()]
        for begin in self._first:
            begin.first = loop.create_future()
        return self._request if self._cache == self._request.cache else self._request._replace(cache=self._cache)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if kind is None:
            until = asyncio.get_running_loop().time() + LIFE
            for begin in self._shared.values():
                begin.until = until
        for begin in self._first:
            if begin.first and not begin.first.done():
                begin.first.set_result(None)
            begin.first = None


def _parts(request: Request, caching: Caching) -> Iterator[tuple[Part, bytes]]:
    """The beginnings of a prompt that are long enough to be kept, the shorter first."""
    if sum(len(turn["content"]) for turn in request.messages) * 4 < caching.least:
        return  # no character has more than four bytes
    model = request.model.use
    if not caching.marked:
        text = _bytes(request.messages)[: caching.least]
        if len(text) == caching.least:
            yield "prompt", _digest(model, text)
        return
    system = [turn for turn in request.messages if turn["role"] == "system"]
    whole = request.messages if request.messages[-1]["role"] != "system" else []  # system turns are sent by themselves
    for part, turns in (("system", system), ("prompt", whole)):
        if turns and turns[-1]["content"].strip() and len(text := _bytes(turns)) >= caching.least:
            yield part, _digest(f"{model} {part}", text)  # type: ignore[misc]


def _bytes(turns: object) -> bytes:
    return json.dumps(turns, ensure_ascii=False).encode("utf-8", "replace")


def _digest(of: str, text: bytes) -> bytes:
    return hashlib.sha256(of.encode() + b"\0" + text).digest()
