import pytest

from prefgen.filters import order_agreement
from tests.filters.tables import judged, why


@pytest.mark.parametrize(
    ("judgments", "reasons"),
    [
        ([("A", "c"), ("B", "c")], [None, None]),
        ([("A", "r"), ("B", "r")], [None, None]),
        ([("A", "c"), ("B", "r")], ["orders disagree"] * 2),
        ([("A", "c")], ["judged in one order only"]),
        ([("A", "c"), ("B", None)], ["undecided in one order", "no verdict"]),
        ([("A", "c"), ("A", "c"), ("A", "r"), ("B", "c")], [None, None, "outvoted in its order", None]),
        ([("A", "c"), ("A", "r"), ("B", "c")], ["undecided in one order"] * 3),
    ],
)
def test_each_reason(judgments: list[tuple[str, str | None]], reasons: list[str | None]) -> None:
    assert why(order_agreement, judged([judgments])) == reasons
    assert why(order_agreement, judged([[("A", "c"), ("B", "c")], judgments]))[2:] == reasons
