"""What a verb looks at, found out on tables without rows: the filters' columns are told as they are."""

from typing import Any

import polars as pl
import pytest

import prefgen.filters as room
from prefgen.needs import MissingColumn
from prefgen.nothing import needed
from prefgen.verbs import find

UNKNOWN = {"decontaminate", "select", "score_gap"}
"""These want settings that nobody can guess."""
SETTINGS: dict[str, dict[str, Any]] = {
    "language": {"among": "en"},
    "length_control": {"rho": 0.3},
    "max_length": {"of": "<of>", "at_most": 1},
    "one_of": {"same": "<same>"},
}


@pytest.mark.parametrize("name", [name for name in room.__all__ if name not in UNKNOWN])
def test_a_filter_does_without_no_column_that_is_told_and_with_all_of_them(name: str) -> None:
    verb, columns = find(name), needed(find(name))
    assert columns
    for column in columns:
        others = pl.DataFrame(schema=dict.fromkeys([c for c in columns if c != column], pl.String))
        with pytest.raises(MissingColumn):
            verb(others, **SETTINGS.get(name, {}))


def test_what_cannot_be_found_out_is_not_told() -> None:
    assert [needed(find(name)) for name in sorted(UNKNOWN)] == [(), (), ()]
    assert needed(find("compare")) == ["prompt", "response_a", "response_b"]
    assert not needed(len)
