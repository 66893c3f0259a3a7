import pytest

from prefgen.filters import max_length
from tests.filters.tables import pairs, why


def test_any_of_the_texts() -> None:
    rows = pairs(("abc", "a"), ("a", "abcd"), (None, "abc"), ("\u00e4\u00e4\u00e4", "a"))
    assert why(max_length, rows, of=["chosen", "rejected"], at_most=3) == [
        None,
        "rejected longer than 3 characters",
        None,
        None,
    ]
    assert why(max_length, rows, of="chosen", at_most=2) == [
        "chosen longer than 2 characters",
        None,
        None,
        "chosen longer than 2 characters",
    ]
    assert why(max_length, rows, of="rejected", at_most=1, unit="words") == [None] * 4


def test_a_limit_of_nothing() -> None:
    with pytest.raises(ValueError, match="at_most must be 1 or more"):
        max_length(pairs(), of="chosen", at_most=0)
