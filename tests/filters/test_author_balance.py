from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import author_balance
from tests.filters.tables import pairs, why


def test_each_reason() -> None:
    rows = pairs(*[("a", "b")] * 5, chosen_model=["x", "x", "y", "x", None], rejected_model=["y", "x", "x", "z", "y"])
    assert why(author_balance, rows) == [
        None,
        None,
        None,
        "its author is never rejected against the other",
        "no author",
    ]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(["xy", "yx", "xz", "zx", "yz", "xx"]), max_size=12), st.integers(0, 5))
def test_each_is_chosen_as_often_as_the_other(authors: list[str], seed: int) -> None:
    if not authors:
        return
    rows = pairs(
        *[("a", "b")] * len(authors), chosen_model=[a[0] for a in authors], rejected_model=[a[1] for a in authors]
    )
    kept = Counter(a + b for a, b in author_balance(rows, seed=seed).select("chosen_model", "rejected_model").rows())
    for a, b in ("xy", "xz", "yz"):
        assert kept[a + b] == kept[b + a] == min(authors.count(a + b), authors.count(b + a))
    assert kept["xx"] == authors.count("xx")
