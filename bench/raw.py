"""W1 and W2 by hand: as short a script as does it, on aiohttp or on the openai client.

python -m bench.raw aiohttp|openai|openai-aiohttp w1|w2 BASE_URL PROMPTS OUT [n]

``n`` asks for the draws of one prompt in one request.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench import workloads
from bench.workloads import IN_FLIGHT, SAMPLING, J, K

Ask = Callable[[str, int, int], Awaitable[list[str]]]
"""A prompt, the draw's number, and how many draws in one request → their texts."""


@asynccontextmanager
async def by_aiohttp(base_url: str) -> AsyncIterator[Ask]:
    """One session, as many connections as are asked for."""
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def ask(prompt: str, seed: int, n: int) -> list[str]:
            body: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": prompt}], **SAMPLING}
            body |= {"seed": seed} | ({"n": n} if n > 1 else {})
            headers = {"Authorization": "Bearer none"}
            async with session.post(f"{base_url}/chat/completions", json=body, headers=headers) as answer:
                answer.raise_for_status()
                found = await answer.json()
            return [choice["message"]["content"] for choice in found["choices"]]

        yield ask


@asynccontextmanager
async def by_openai(base_url: str, *, on_aiohttp: bool = False) -> AsyncIterator[Ask]:
    """AsyncOpenAI as its page shows it, on its default transport or on its aiohttp one."""
    from openai import AsyncOpenAI, DefaultAioHttpClient, omit

    http = DefaultAioHttpClient() if on_aiohttp else None
    async with AsyncOpenAI(base_url=base_url, api_key="none", http_client=http) as client:

        async def ask(prompt: str, seed: int, n: int) -> list[str]:
            found = await client.chat.completions.create(
                model="m",
                messages=[{"role": "user", "content": prompt}],
                seed=seed,
                n=n if n > 1 else omit,
                **SAMPLING,
            )
            return [choice.message.content or "" for choice in found.choices]

        yield ask


CLIENTS: Mapping[str, Callable[[str], AbstractAsyncContextManager[Ask]]] = {
    "aiohttp": by_aiohttp,
    "openai": by_openai,
    "openai-aiohttp": partial(by_openai, on_aiohttp=True),
}


def within(ask: Ask) -> Ask:
    """The same, with so many requests in flight at most."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def asked(prompt: str, seed: int, n: int) -> list[str]:
        async with places:
            return await ask(prompt, seed, n)

    return asked


async def w1(ask: Ask, asked: Sequence[str], out: Path) -> None:
    """One generation of each prompt."""
    found = await asyncio.gather(*(ask(prompt, 0, 1) for prompt in asked))
    workloads.write_w1(out, asked, [texts[0] for texts in found])


async def w2(ask: Ask, asked: Sequence[str], out: Path, *, together: bool) -> None:
    """Responses, judgments and pairs; a prompt's judgments begin when its responses are there."""

    async def draws(prompt: str, many: int) -> list[str]:
        if together:
            return await ask(prompt, 0, many)
        return [one for (one,) in await asyncio.gather(*(ask(prompt, k, 1) for k in range(many)))]

    async def whole(prompt: str) -> tuple[list[str], list[list[str]]]:
        responses = await draws(prompt, K)
        judged = await asyncio.gather(*(draws(workloads.judge_prompt(prompt, one), J) for one in responses))
        return responses, list(judged)

    found = await asyncio.gather(*map(whole, asked))
    workloads.write_w2(out, asked, [responses for responses, _ in found], [judged for _, judged in found])


async def main(client: str, workload: str, base_url: str, path: str, out: str, *how: str) -> None:
    asked = workloads.read_prompts(path)
    async with CLIENTS[client](base_url) as ask:
        if workload == "w1":
            await w1(within(ask), asked, Path(out))
        else:
            await w2(within(ask), asked, Path(out), together="n" in how)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
