"""One endpoint's limits, as numbers on a clock."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.errors import TryAgain
from prefgen.llm import gate as gates
from prefgen.llm.gate import BURST, Gate, Gcra
from prefgen.llm.limits import Limits, of_headers
from prefgen.llm.pace import Pace
from prefgen.llm.request import Model
from tests.sim import virtual
from tests.sim.limiter import Bucket, prefgen, pressed

REFUSED = TryAgain("rate_limited", "slow down", attempts=0)
DOWN = TryAgain("server_error", "no", attempts=6)


@given(st.floats(0.5, 500), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_no_second_sees_more_than_the_rate_and_its_burst(rate: float, gaps: list[float]) -> None:
    bucket, now, sent = Gcra(rate), 0.0, list[float]()
    for gap in gaps:
        now += gap
        now += bucket.wait(now)
        bucket.book(now, 1)
        sent.append(now)
    for start in sent:
        assert sum(start <= at < start + 1 for at in sent) <= rate * (1 + BURST) + 2


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-limit-requests": "3000", "x-ratelimit-limit-tokens": "150000"}, Limits(50.0, 2500.0)),
        ({"X-RateLimit-Limit-Requests": "600", "x-ratelimit-remaining-requests": "599", "x-ratelimit-reset-requests": "100ms"}, Limits(10.0)),
        ({"x-ratelimit-limit-requests": "14400", "x-ratelimit-remaining-requests": "14370", "x-ratelimit-reset-requests": "2m59.56s"}, Limits(14400 / 86400)),
        ({"x-ratelimit-limit-requests": "3600", "x-ratelimit-remaining-requests": "3480", "x-ratelimit-reset-requests": "2m0s"}, Limits(1.0)),
        ({"anthropic-ratelimit-requests-limit": "4000", "anthropic-ratelimit-requests-remaining": "3999",
          "anthropic-ratelimit-requests-reset": "2026-11-24T00:00:01Z", "date": "Tue, 24 Nov 2026 00:00:00 GMT",
          "anthropic-ratelimit-tokens-limit": "400000"}, Limits(4000 / 60, 400000 / 60)),
        ({"x-ratelimit-limit-requests": "many", "x-ratelimit-limit-tokens": "-1"}, Limits()),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "soon"}, Limits(1.0)),
        ({"x-ratelimit-limit-requests": "60", "x-ratelimit-reset-requests": "2026-11-24T00:00:01Z", "date": "Tue, 24 Nov 99999999999 00:00:00 GMT"},
         Limits(1.0)),
        ({}, Limits()),
    ],
)  # fmt: skip
def test_limits_are_read_from_headers(headers: dict[str, str], expected: Limits) -> None:
    found = of_headers(headers)
    assert (found.requests, found.tokens) == pytest.approx((expected.requests, expected.tokens))


def test_a_limit_that_is_told_is_taken_over_and_a_stated_one_caps_it() -> None:
    gate, stated = Gate(512), Gate(512, rpm=60)
    for one in (gate, stated):
        one.enter(0.0, 10)
        one.served(0.1, Limits(100.0, 5000.0), 10, 20, 5)
    assert gate.requests.rate == gate.limit == pytest.approx(97)
    assert stated.requests.rate == pytest.approx(1)
    assert gate.tokens.rate == pytest.approx(4850)


def test_a_rate_grows_only_while_it_holds_requests_back() -> None:
    gate = Gate(512)
    for second in range(20):
        gate.enter(float(second), 0)
    assert gate.requests.rate == gates.START_RATE
    for second in range(20, 23):
        gate.hold(second - 1.0)
        gate.enter(float(second), 0)
    assert gate.requests.rate == pytest.approx(gates.START_RATE * 8)


def test_those_refused_together_cut_the_rate_once() -> None:
    gate = Gate(512)
    for _ in range(100):
        gate.enter(0.0, 0)
    for _ in range(10):
        gate.failed(10.0, REFUSED, others=False)
    assert gate.requests.rate == pytest.approx(gates.START_RATE * 0.9)
    gate.failed(13.1, REFUSED, others=False)
    assert gate.requests.rate < gates.START_RATE * 0.9


def test_a_wait_that_is_asked_for_holds_all() -> None:
    gate = Gate(512)
    gate.failed(10.0, TryAgain("rate_limited", "", attempts=0, wait=7.0), others=False)
    assert gate.wait(10.0) == pytest.approx(7, abs=BURST)


def test_timeouts_take_places_and_successes_give_them() -> None:
    gate = Gate(100)
    for _ in range(200):
        gate.enter(0.0, 0)
        gate.served(0.0, Limits(), 0, 0, 0)
        gate.leave()
    assert gate.places == 100
    slow = TryAgain("timeout", "", attempts=2)
    for at in (1.0, 2.0, 7.0):
        gate.failed(at, slow, others=False)
    assert gate.places == pytest.approx(64)
    gate.failed(8.0, DOWN, others=False)
    assert gate.places == pytest.approx(64), "5xx say nothing of how many at once"


def test_a_broken_endpoint_is_probed_and_comes_back() -> None:
    gate = Gate(100)
    gate.served(0.0, Limits(), 0, 0, 0)
    for _ in range(30):
        gate.failed(1.0, DOWN, others=False)
    assert gate.wait(1.0) == pytest.approx(15)
    gate.enter(16.0, 0)
    assert gate.wait(16.0) == pytest.approx(15)
    gate.served(17.0, Limits(), 0, 0, 0)
    assert gate.wait(17.0) < 1


def test_an_endpoint_that_never_served_is_not_waited_for() -> None:
    gate = Gate(100)
    for _ in range(30):
        gate.failed(1.0, DOWN, others=False)
    assert gate.wait(1.0) == 0


@pytest.mark.slow
@pytest.mark.parametrize(("rpm", "burst", "seconds"), [(3000, 1.0, 100), (600, 0.2, 200)])
def test_a_limit_that_is_not_told_is_found_and_kept_to(rpm: float, burst: float, seconds: float) -> None:
    """`make bench` prints fifteen minutes of it, beside fixed numbers in flight."""
    found = pressed(Bucket(rpm, burst), prefgen, seconds=seconds)
    assert found.use >= 0.95
    assert found.refusals <= 0.03


def test_several_endpoints_share_the_work_and_one_that_is_dead_is_left_alone() -> None:
    urls = [f"http://127.0.0.1:{port}/v1" for port in (1, 2, 3)]
    model, pace, asked = Model("openai/x", base_urls=urls), Pace(), Counter[str | None]()

    async def one() -> None:
        while True:
            try:
                async with pace.turn(model) as turn:
                    asked[urls[turn.endpoint]] += 1
                    await asyncio.sleep(1 if urls[turn.endpoint] == urls[0] else 0.5)
                    if urls[turn.endpoint] != urls[2]:
                        return
                    raise TryAgain("no_connection", "refused", attempts=4)  # noqa: TRY301
            except TryAgain:
                await asyncio.sleep(0)

    async def go() -> None:
        await asyncio.gather(*(one() for _ in range(2000)))

    virtual.run(go())
    assert asked[urls[0]] + asked[urls[1]] == 2000
    assert asked[urls[1]] > 1.3 * asked[urls[0]], "the faster one takes more"
    assert asked[urls[2]] < 200


def test_those_that_wait_again_come_first() -> None:
    model, pace, order = Model("fake/x", concurrency=1), Pace(), list[str]()

    async def one(name: str, *, again: bool) -> None:
        async with pace.turn(model, again=again):
            order.append(name)
            await asyncio.sleep(1)

    async def go() -> None:
        first = asyncio.ensure_future(one("first", again=False))
        await asyncio.sleep(0)
        await asyncio.gather(one("new", again=False), one("retried", again=True), first)

    virtual.run(go())
    assert order == ["first", "retried", "new"]
