"""What is seen of all rows together, against a few lines that look at every pair of rows."""

from random import Random

import polars as pl
import pytest

from prefgen.audit.checks import plain
from prefgen.audit.whole import contradictory, cycles, digests, duplicated, prompts_again

Pair = tuple[str, str | None, str | None]


def numbered(pairs: list[Pair]) -> pl.DataFrame:
    rows = pl.DataFrame(pairs, schema=dict.fromkeys(("prompt", "chosen", "rejected"), pl.String), orient="row")
    return digests(rows, plain("prompt")).with_row_index("n").with_columns(row=pl.col("n").cast(pl.UInt64) + 1)


def drawn(seed: int) -> list[Pair]:
    """Pairs of few prompts and few responses, so that all kinds of things are among them."""
    chance = Random(seed)
    return [
        (chance.choice("pP q"), chance.choice("abcde"), chance.choice("abcde")) for _ in range(chance.randint(1, 25))
    ]


def reached(pairs: list[Pair], prompt: str, start: str | None) -> set[str | None]:
    """Whatever is worse than a response, by way of others."""
    seen, look = set[str | None](), [start]
    while look:
        worse = {r for p, c, r in pairs if p == prompt and c == look[-1]}
        look.pop()
        look += worse - seen
        seen |= worse
    return seen


@pytest.mark.parametrize("seed", range(60))
def test_repeats_contradictions_and_circles(seed: int) -> None:
    pairs = drawn(seed)
    rows = numbered(pairs)
    assert duplicated(rows)["n"].to_list() == [n for n, pair in enumerate(pairs) if pair in pairs[:n]]
    opposite = [n for n, (p, c, r) in enumerate(pairs) if c != r and (p, r, c) in pairs]
    assert contradictory(rows)["n"].sort().to_list() == opposite
    going_round = []
    for n, (p, c, r) in enumerate(pairs):
        both = reached(pairs, p, c) & {x for x in "abcde" if c in reached(pairs, p, x)} | {c}
        if c != r and r in both and len(both) >= 3:
            going_round.append(n)
    assert cycles(rows)["n"].sort().to_list() == going_round


@pytest.mark.parametrize("seed", range(20))
def test_prompts_that_come_again(seed: int) -> None:
    prompts = [prompt for prompt, _, _ in drawn(seed)]
    same, alike = prompts_again(numbered([(p, "a", "b") for p in prompts]))
    assert same["n"].to_list() == [n for n, p in enumerate(prompts) if p in prompts[:n]]
    low = [p.lower().strip() for p in prompts]
    assert alike["n"].to_list() == [n for n, p in enumerate(prompts) if p not in prompts[:n] and low[n] in low[:n]]


def test_why_says_which_row() -> None:
    pairs: list[Pair] = [("p", "a", "b"), ("p", "b", "a"), ("p", "a", "b")]
    assert duplicated(numbered(pairs))["detail"].to_list() == ["row 1 has the same"]
    assert contradictory(numbered(pairs)).sort("n")["detail"].to_list() == [
        f"row {n} says the opposite" for n in (2, 1, 2)
    ]


def test_unpaired_responses_contradict_with_the_other_label() -> None:
    rows = numbered([("p", "a", None), ("p", None, "a"), ("p", "b", None), ("q", None, "a"), ("p", "a", None)])
    assert contradictory(rows, unpaired=True)["n"].sort().to_list() == [0, 1, 4]
    assert duplicated(rows)["n"].to_list() == [4]
    assert cycles(rows).is_empty()


def test_a_long_chain_is_no_circle_until_it_is_closed() -> None:
    chain: list[Pair] = [("p", f"{n}", f"{n + 1}") for n in range(2000)]
    assert cycles(numbered(chain)).is_empty()
    closed = cycles(numbered([*chain, ("p", "2000", "0")]))
    assert closed.height == 2001
    assert closed["detail"][0] == "among 2001 responses that go round"


def test_texts_that_differ_in_one_letter_are_two() -> None:
    pairs: list[Pair] = [("p", f"{'x' * 5000}{n}", "b") for n in range(2000)]
    assert duplicated(numbered(pairs)).is_empty()
