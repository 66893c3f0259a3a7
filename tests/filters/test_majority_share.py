from typing import Any

import pytest

from prefgen.filters import majority_share
from tests.filters.tables import judged, why

JUDGMENTS: list[tuple[str, str | None]] = [("A", "c"), ("A", "c"), ("B", "c"), ("B", "r"), ("B", None)]


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({}, [None, None, None, "outvoted", "no verdict"]),
        ({"at_least": 0.75}, [None, None, None, "outvoted", "no verdict"]),
        ({"at_least": 0.8}, [*["majority under 0.8"] * 4, "no verdict"]),
        ({"by": ["pair_id", "gold"]}, [None, None, "tied vote", "tied vote", "no verdict"]),
        ({"votes": 5}, [*["fewer than 5 votes"] * 4, "no verdict"]),
    ],
)
def test_each_reason(settings: Any, reasons: list[str | None]) -> None:
    assert why(majority_share, judged([JUDGMENTS]), **settings) == reasons


def test_a_share_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="at_least must be from 0 to 1"):
        majority_share(judged([JUDGMENTS]), at_least=2)
