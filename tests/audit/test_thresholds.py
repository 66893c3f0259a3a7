"""Limits: how they are said, and when they are crossed."""

from typing import Any

import pytest

from prefgen.audit.thresholds import Limit, aside, held, known, limits
from prefgen.errors import RecipeError


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        (["contradictory=0"], [Limit("contradictory", 0, share=False)]),
        (["tied=12"], [Limit("tied", 12, share=False)]),
        (["tied=0.5"], [Limit("tied", 0.5, share=True)]),
        (["tied=2%"], [Limit("tied", 0.02, share=True)]),
        (["tied=1.0"], [Limit("tied", 1, share=True)]),
        (["longer=0"], [Limit("longer", 0, share=True)]),
        (["longer=60%, leaks=0", "bad=.01"], [Limit("longer", 0.6, share=True), Limit("leaks", 0, share=False), Limit("bad", 0.01, share=True)]),
        ([], []),
        ([" , "], []),
    ],
)  # fmt: skip
def test_limits_are_counts_or_shares(said: list[str], wanted: list[Limit]) -> None:
    assert limits(said) == wanted


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("contradictry=0", "no finding is called 'contradictry'; did you mean 'contradictory'?"),
        ("longer", "'longer' sets no limit; say the most that may be: longer=0, longer=1%"),
        ("longer=-1", "'longer=-1' sets no limit; say the most that may be: longer=0, longer=1%"),
        ("longer=1e3", "'longer=1e3' sets no limit; say the most that may be: longer=0, longer=1%"),
        ("longer=2", "'longer=2' is a share above 1; say longer=2%, or a share such as 0.6"),
        ("tied=150%", "'tied=150%' is a share above 1; say a share such as 0.6"),
    ],
)
def test_a_wrong_limit_is_told_before_anything_is_read(word: str, told: str) -> None:
    with pytest.raises(RecipeError) as caught:
        limits([f"{word},also=wrong"])
    first, second = str(caught.value).splitlines()
    assert first == f"--fail-on: {told}"
    assert second.startswith("--fail-on: no finding is called 'also'")


FINDINGS: list[dict[str, Any]] = [
    {"name": "leaked", "severity": "bad", "count": 3, "of": 100},
    {"name": "leaked_nearly", "severity": "warn", "count": 5, "of": 100},
    {"name": "tied", "severity": "warn", "count": 0, "of": 50},
    {"name": "reversed", "severity": "bad", "count": 0, "of": 0},
]


@pytest.mark.parametrize(
    ("said", "value", "crossed"),
    [
        ("leaked=3", 3, False),
        ("leaked=2", 3, True),
        ("leaked=2.9%", 0.03, True),
        ("leaks=8", 8, False),
        ("leaks=0.04", 0.05, True),
        ("bad=2", 3, True),
        ("warn=5", 5, False),
        ("tied=0", 0, False),
        ("reversed=0", None, False),
        ("longer=0.6", 0.61, True),
        ("longer=61%", 0.61, False),
        ("flips=0", None, False),
    ],
)
def test_what_is_above_its_limit_crosses_it(said: str, value: float | None, crossed: bool) -> None:
    (limit,) = limits([said])
    found = held(limit, FINDINGS, {"longer": 0.61, "flips": None})
    assert (found.value, found.crossed) == (value, crossed)


def test_a_limit_is_told_as_it_may_be_written() -> None:
    for said in ("contradictory=0", "longer=0.6", "tied=12", "tied=0.5"):
        (limit,) = limits([said])
        assert limit.told() == said
        assert limits([limit.told()]) == [limit]


def test_a_share_of_one_place_is_that_of_the_place_that_has_more() -> None:
    assert [aside(one) for one in (0.5, 0.25, 1.0, None)] == [0.5, 0.75, 1.0, None]


def test_known_names_are_each_once() -> None:
    assert len(known()) == len(set(known()))
