from typing import Any

import pytest

from prefgen.filters import score_gap
from tests.filters.tables import pairs, why

ROWS = pairs(*[("a", "b")] * 5, chosen_score=[5.0, 4.0, 0.3, None, 3.0], rejected_score=[1.0, 3.0, 0.2, 1.0, 1.0])


@pytest.mark.parametrize(
    ("settings", "reasons"),
    [
        ({"at_least": 1}, [None, None, "score gap under 1", "no score", None]),
        ({"at_least": 0.1}, [None, None, None, "no score", None]),
        ({"top_share": 0.5}, [None, "not among the widest 0.5", "not among the widest 0.5", "no score", None]),
        (
            {"top_share": 0.25, "at_least": 1},
            [None, "not among the widest 0.25", "score gap under 1", "no score", "not among the widest 0.25"],
        ),
        ({"top_share": 1}, [None, None, None, "no score", None]),
    ],
)
def test_each_reason(settings: Any, reasons: list[str | None]) -> None:
    assert why(score_gap, ROWS, **settings) == reasons


def test_equally_wide_gaps_stay_together() -> None:
    rows = pairs(*[("a", "b")] * 3, chosen_score=[2.0, 2.0, 2.0], rejected_score=[1.0, 1.0, 0.0])
    assert why(score_gap, rows, top_share=0.5) == [None, None, None]


def test_only_a_share_needs_the_whole_table() -> None:
    whole: Any = score_gap.whole
    assert whole({"top_share": 0.5})
    assert not whole({"at_least": 1})


@pytest.mark.parametrize("settings", [{}, {"top_share": 0}, {"top_share": 1.1}])
def test_what_asks_for_nothing(settings: Any) -> None:
    with pytest.raises(ValueError, match="top_share"):
        score_gap(ROWS, **settings)
