from itertools import permutations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from prefgen.scores._strength import fit, fit_all
from prefgen.scores.elo import battle_matrices, elo, position_weights

GOLDEN = [(0, 1, True), (1, 0, False), (0, 2, True), (2, 0, True), (1, 2, True), (2, 1, True)]
"""The specification's vector: (0,1)->0, (1,0)->0, (0,2)->0, (2,0)->2, (1,2)->1, (2,1)->2."""
SCHEMA = {
    **dict.fromkeys(("prompt_id", "id", "response_id", "response", "first_id", "second_id"), pl.String),
    **dict.fromkeys(("judgment_a", "judgment_b"), pl.String),
    **dict.fromkeys(("first_score", "second_score"), pl.Float64),
    **dict.fromkeys(("first_reply", "second_reply", "verdict", "judge_model", "judgment_reply"), pl.String),
}


def table(won: list[tuple[int, int, bool | None]], response: str = "p.0") -> pl.DataFrame:
    rows = [
        {
            "prompt_id": "p", "id": f"{response}.{m}-{n}", "response_id": response, "response": "r",
            "first_id": f"{response}.{m}", "second_id": f"{response}.{n}", "judgment_a": f"j{m}", "judgment_b": f"j{n}",
            "first_score": float(m), "second_score": float(n), "first_reply": f"k{m}", "second_reply": f"k{n}",
            "verdict": None if first is None else "A" if first else "B", "judge_model": "m", "judgment_reply": "k",
        }
        for m, n, first in won
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


def battle_matrix(n: int, won: list[tuple[int, int, bool]], shares: tuple[float, float]) -> Any:
    winner, loser = zip(*((m, n) if first else (n, m) for m, n, first in won), strict=True) if won else ((), ())
    of, share = np.zeros(len(won), int), [shares[0] if first else shares[1] for _, _, first in won]
    return battle_matrices((1, n), of, np.array(winner, int), np.array(loser, int), share)[0]


def test_the_golden_vector_of_weights_and_battles() -> None:
    w1, w2 = position_weights(5, 1)
    assert (w1, w2) == (1 / 6, 5 / 6)
    expected = [[0, 1, 1 / 6], [0, 0, 1 / 6], [1 / 6, 1 / 6, 0]]
    assert battle_matrix(3, GOLDEN, (w1, w2)) == pytest.approx(np.array(expected))


@pytest.mark.parametrize(("l2", "expected"), [(0.1, (0.856, -0.856, 0)), (1.0, (0.319, -0.319, 0))])
def test_the_golden_vector_of_strengths(l2: float, expected: tuple[float, ...]) -> None:
    strengths = fit(battle_matrix(3, GOLDEN, (1 / 6, 5 / 6)), l2)
    assert [round(float(s), 3) + 0.0 for s in strengths] == list(expected)
    made = elo(table([*GOLDEN]), l2=l2)
    assert made["id"].to_list() == ["p.0.0", "p.0.1", "p.0.2"]
    assert made["elo"].to_list() == pytest.approx(expected, abs=5e-4)
    assert made.select("judgment", "score", "judgment_reply", "battles").rows() == [
        ("j0", 0.0, "k0", 4), ("j1", 1.0, "k1", 4), ("j2", 2.0, "k2", 4),
    ]  # fmt: skip
    assert made["wins"].to_list() == pytest.approx([7 / 6, 1 / 6, 1 / 3])


def test_nobody_won() -> None:
    assert position_weights(0, 0) == (0.5, 0.5)


WINS = st.integers(2, 6).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.tuples(*[st.integers(0, n - 1)] * 2, st.booleans()), max_size=30))
)


@settings(deadline=None, max_examples=60)
@given(WINS, st.sampled_from([0.05, 0.1, 1.0]))
def test_it_is_the_maximum(battles: tuple[int, Any], l2: float) -> None:
    n, won = battles[0], [b for b in battles[1] if b[0] != b[1]]
    fought = battle_matrix(n, won, (0.3, 0.7))

    def loss(e: Any) -> float:
        gap = e[:, None] - e[None, :]
        return float((fought * np.logaddexp(0, -gap)).sum() + l2 / 2 * (e**2).sum())

    found, by_scipy = fit(fought, l2), minimize(loss, np.zeros(n), method="BFGS", options={"gtol": 1e-9})
    assert loss(found) <= loss(by_scipy.x) + 1e-9
    assert found == pytest.approx(by_scipy.x - by_scipy.x.mean(), abs=1e-3)
    order = np.random.default_rng(0).permutation(n)
    assert fit(fought[np.ix_(order, order)], l2) == pytest.approx(found[order], abs=1e-8)


def test_one_that_wins_all_is_found_too() -> None:
    won = [(m, n, m < n) for m, n in permutations(range(11), 2)]
    strengths = fit(battle_matrix(11, won, (0.5, 0.5)), 0.1)
    assert list(np.argsort(-strengths)) == list(range(11))


@pytest.mark.parametrize(("scope", "shares"), [("table", (0.25, 0.75)), ("none", (0.5, 0.5))])
def test_over_what_places_are_weighted(scope: Any, shares: tuple[float, float]) -> None:
    rows = pl.concat([table([(0, 1, True), (1, 0, True)]), table([(0, 1, True), (1, 0, False)], "p.1")])
    first, second = (
        made["wins"].to_list() for _, made in elo(rows, weights=scope).group_by("response_id", maintain_order=True)
    )
    assert first == pytest.approx([shares[0], shares[0]])
    assert second == pytest.approx([sum(shares), 0])


def test_each_response_can_have_weights_of_its_own() -> None:
    rows = pl.concat([table([(0, 1, True), (1, 0, True)]), table([(0, 1, True), (1, 0, False)], "p.1")])
    assert elo(rows, weights="response")["wins"].to_list() == pytest.approx([0, 0, 1, 0])
    apart = [elo(part, weights="response") for part in (rows[:2], rows[2:])]
    assert elo(rows, weights="response").equals(pl.concat(apart))


def test_only_the_table_s_weights_need_the_table() -> None:
    whole: Any = elo.whole
    assert whole({})
    assert whole({"weights": "table"})
    assert not whole({"weights": "response"})


def test_what_no_battle_joins_is_dropped() -> None:
    rows = table([(0, 1, True), (1, 2, True), (3, 4, True), (2, 0, None)])
    outside = "outside the largest group that fought"
    assert elo.marked(rows)["dropped"].to_list() == [None, None, outside, "no verdict"]
    assert elo(rows)["id"].to_list() == ["p.0.0", "p.0.1", "p.0.2"]


def test_nothing_of_nothing() -> None:
    empty = elo(table([]))
    assert empty.is_empty()
    assert empty.schema == elo(table([*GOLDEN])).schema
    with pytest.raises(ValueError, match="l2 must be above 0"):
        elo(table([]), l2=0)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_strengths_do_not_depend_on_what_is_found_beside_them(n: int, groups: int, seed: int) -> None:
    wins = np.random.default_rng(seed).integers(0, 4, (groups, n, n)) * (1 - np.eye(n)) / 6
    together = fit_all(wins, 0.1)
    assert all((fit_all(wins[i : i + 1], 0.1)[0] == together[i]).all() for i in range(groups))  # to the last bit


def test_responses_do_not_depend_on_those_beside_them() -> None:
    chance = np.random.default_rng(0)
    tables = []
    for number in range(30):
        n = int(chance.integers(2, 6))
        won = [(m, k, [True, False, None][chance.integers(3)]) for m, k in permutations(range(n), 2)]
        tables.append(table(won, f"p.{number}"))
    for weights in ("response", "none"):
        alone = pl.concat([elo(one, weights=weights) for one in tables])
        together = elo(pl.concat(tables), weights=weights)
        assert together.sort("id").equals(alone.sort("id"))
