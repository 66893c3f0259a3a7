from typing import Any

import pytest

from prefgen.filters import length_ratio
from tests.filters.tables import pairs, why

ROWS = pairs(("aaaa", "aa"), ("aaaaa", "aa"), ("aa", "aaaaa"), ("", "a"), ("a", None), ("a b c", "abcde"))


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({}, [None, *["one over 2 times as long as the other"] * 2, "no length", "no length", None]),
        (
            {"at_most": None, "chosen_at_most": 1.5},
            [*["chosen over 1.5 times as long"] * 2, None, "no length", "no length", None],
        ),
        ({"unit": "words"}, [None, None, None, "no length", "no length", "one over 2 times as long as the other"]),
    ],
)
def test_each_reason(settings: Any, reasons: list[str | None]) -> None:
    assert why(length_ratio, ROWS, **settings) == reasons


@pytest.mark.parametrize("settings", [{"at_most": None}, {"at_most": 0.5}, {"chosen_at_most": 0}])
def test_ratios_that_cannot_be(settings: Any) -> None:
    with pytest.raises(ValueError, match="at_most"):
        length_ratio(ROWS, **settings)
