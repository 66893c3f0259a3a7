import asyncio
from collections.abc import Awaitable, Callable

import pytest

from prefgen.engines.local import run_shards


def results(work: Callable[[int], Awaitable[int]], shards: int, side_by_side: int) -> list[int]:
    async def go() -> list[int]:
        return [result async for result in run_shards(range(shards), lambda shard, _: work(shard), places=side_by_side)]

    return asyncio.run(go())


def test_results_come_in_the_order_of_the_shards_and_few_run_at_once() -> None:
    now, most = [0], [0]

    async def work(shard: int) -> int:
        now[0] += 1
        most[0] = max(most[0], now[0])
        await asyncio.sleep(0.001 * (shard % 3))
        now[0] -= 1
        return shard

    assert results(work, 50, 4) == list(range(50))
    assert most[0] <= 4


def test_a_failure_starts_no_more_and_lets_others_end() -> None:
    begun, ended = [], []

    async def work(shard: int) -> int:
        begun.append(shard)
        await asyncio.sleep(0.001 if shard == 2 else 0.01)
        if shard == 2:
            raise ValueError("shard 2")
        ended.append(shard)
        return shard

    with pytest.raises(ValueError, match="shard 2"):
        results(work, 100, 4)
    assert set(begun) - set(ended) == {2}
    assert len(begun) < 20


@pytest.mark.parametrize("backlog", [1, 4])
def test_so_many_results_wait_for_a_slow_one_and_no_more(backlog: int) -> None:
    begun, before = [0], [0]

    async def work(shard: int, _: object) -> int:
        begun[0] += 1
        await asyncio.sleep(0.2 if shard == 0 else 0)
        if shard == 0:
            before[0] = begun[0]
        return shard

    async def whole() -> list[int]:
        return [one async for one in run_shards(range(40), work, places=4, backlog=backlog)]

    assert asyncio.run(whole()) == [*range(40)]
    assert before[0] == 4 * backlog + 1
