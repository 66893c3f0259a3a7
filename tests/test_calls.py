"""Fewer calls, same result: the lines of bench/calls.py, on fewer items, and the distribution of what is kept."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import polars as pl
import pytest
from scipy.stats import chi2_contingency

from bench.calls import SELF_TAUGHT, VOTES, asked, cascade, lazy, raced, self_taught, voted, votes
from prefgen.asker import Row

ITEMS = 1200


@pytest.mark.parametrize(
    ("mix", "most"), [("accuracy .8", 1.35), ("accuracy .6", 1.8), ("Beta(2, 1)", 2.05), ("Beta(.8, .5)", 3.25)]
)
def test_the_first_right_of_15_costs_3_calls_or_so_for_each_kept_pair(mix: str, most: float) -> None:
    """The bimodal mix, of which 6 % are never right, comes to 3.01 in the limit; the others to 1.25, 1.67 and 1.89."""
    line = self_taught(mix, ITEMS)
    assert line.fixed >= 15
    assert line.made < most
    assert line.changed.startswith("0 of ")
    assert set(SELF_TAUGHT) >= {mix}


Pick = Callable[[random.Random, Sequence[str]], str]
BY_HAND: Mapping[str, Pick] = {
    "any right one": lambda chance, right: chance.choice(right),
    "the one of the lowest style": lambda chance, right: min(right),
    "the commonest": lambda chance, right: Counter(right).most_common(1)[0][0],
}


def styles(rows: Sequence[Row], replies: Mapping[str, Sequence[str]], pick: Pick) -> Counter[str]:
    """How the judgments are written that are picked among the right ones of 15."""
    found: Counter[str] = Counter()
    for row in rows:
        right = [one.split()[1] for one in replies[row["id"]] if one[0] == row["gold"]]
        if right:
            found[pick(random.Random(row["id"]), right)] += 1
    return found


def alike(one: Counter[str], other: Counter[str]) -> float:
    """The p-value of both being drawn from one distribution."""
    every = sorted({*one, *other})
    return float(chi2_contingency([[some[style] for style in every] for some in (one, other)]).pvalue)


@pytest.mark.parametrize("mix", SELF_TAUGHT)
def test_what_is_kept_is_distributed_as_one_picked_at_random_among_the_right_of_15(mix: str) -> None:
    rows, replies = votes(f"styles {mix}", SELF_TAUGHT[mix], ITEMS, 15)
    judged, _ = asked(rows, replies, 15, "first_agreeing")
    kept = Counter(judged.filter(pl.col("verdict") == pl.col("gold"))["style"].to_list())
    assert len(kept) == 5
    p = {name: alike(kept, styles(rows, replies, pick)) for name, pick in BY_HAND.items()}
    assert p["any right one"] > 0.05
    assert max(p["the one of the lowest style"], p["the commonest"]) < 1e-6  # it would see another distribution


@pytest.mark.parametrize("mix", VOTES)
def test_a_majority_of_31_takes_a_fifth_fewer_calls_and_changes_no_verdict(mix: str) -> None:
    line = voted(mix, 31, 250)
    assert line.saved >= 0.2
    assert line.share == 0


@pytest.mark.parametrize(("mix", "saved"), [("easy", 0.68), ("uniform", 0.5), ("hard", 0.35)])
def test_a_risk_saves_more_and_changes_about_so_many_verdicts(mix: str, saved: float) -> None:
    line = voted(mix, 31, 250, 0.01)
    assert line.saved > saved
    assert line.share < 0.02


RACES = [
    ("mid", 0.3, 0.975),
    pytest.param("noisy", 0.17, 0.95, marks=pytest.mark.slow),
    pytest.param("clear", 0.39, 0.98, marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("setting", "saved", "kept"), RACES)
def test_a_race_keeps_the_gap(setting: str, saved: float, kept: float) -> None:
    line = raced(setting, 500)
    assert line.saved >= saved
    assert line.share >= kept


@pytest.mark.parametrize(("accuracy", "made"), [(0.6, 1.6), (0.8, 1.8)])
def test_a_lazy_order_asks_the_second_where_the_first_is_right(accuracy: float, made: float) -> None:
    line = lazy(accuracy, ITEMS)
    assert line.made / line.fixed == pytest.approx(made / 2, abs=0.025)
    assert line.changed.startswith("0 of ")


@pytest.mark.slow
def test_a_cascade_pays_where_the_better_judge_costs_much_more() -> None:
    dear, cheap = cascade(10, ITEMS), cascade(1, ITEMS)
    assert dear.saved > 0.5
    assert cheap.saved < 0
    assert dear.share > 0.9
