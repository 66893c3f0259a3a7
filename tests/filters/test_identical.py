import pytest

from prefgen.filters import identical
from tests.filters.tables import pairs, why


def test_each_reason() -> None:
    rows = pairs(
        ("Yes.", "yes. "),
        ("It is a fine day today.", "It is a fine day, today."),
        ("Yes.", "No."),
        (None, "x"),
        ("", ""),
    )
    assert why(identical, rows) == ["equal texts", "texts alike by 0.95", None, "no response", "equal texts"]
    assert why(identical, rows, at_least=1)[1] is None


def test_a_likeness_that_cannot_be() -> None:
    with pytest.raises(ValueError, match="at_least must be above 0"):
        identical(pairs(("a", "b")), at_least=0)
