from itertools import product

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import class_cap
from prefgen.filters.class_cap import largest
from tests.filters.tables import why


def table(classes: str) -> pl.DataFrame:
    rows = [(f"p{i}", f"p{i}", None if c == "-" else float(c)) for i, c in enumerate(classes)]
    return pl.DataFrame(rows, schema={"prompt_id": pl.String, "id": pl.String, "score": pl.Float64}, orient="row")


def test_each_reason() -> None:
    reasons = why(class_cap, table("4444421-"), share=0.5)
    assert reasons.count("class over 0.5 of what is kept") == 3
    assert reasons[5:] == [None, None, "no class"]
    assert why(class_cap, table("44"), share=0.5) == ["too few classes for a share of 0.5"] * 2
    assert why(class_cap, table("44"), share=1) == [None, None]


def test_the_seed_picks() -> None:
    assert len({tuple(class_cap(table("444443"), share=0.5, seed=seed)["id"]) for seed in range(20)}) > 3


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.sampled_from([0.25, 0.3, 0.4, 0.5, 0.75, 1.0]))
def test_no_larger_number_of_rows_would_do(counts: list[int], share: float) -> None:
    def fits(kept: tuple[int, ...]) -> bool:
        return all(one <= share * sum(kept) + 1e-9 for one in kept)

    best = max((sum(kept) for kept in product(*(range(n + 1) for n in counts)) if fits(kept)), default=0)
    found = largest(dict(enumerate(counts)), share)
    assert sum(found.values()) == best
    assert fits(tuple(found.values()))
    assert all(found[i] <= n for i, n in enumerate(counts))


def test_a_share_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="share must be above 0"):
        class_cap(table("1"), share=0)
