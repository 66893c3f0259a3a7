"""Real rows to read, as JSON in a fence: what they hold is text, cut where it is long, with what was left out said."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prefgen.card.markdown import fenced, section
from prefgen.texts import visible

if TYPE_CHECKING:
    import polars as pl

ROWS = 2
"""Rows shown of each config: the first ones, so that a repetition shows the same."""
CHARACTERS = 400
"""Characters shown of one text."""
ITEMS = 4
"""Items shown of one list, the last one among them: a conversation's response."""

Rows = Sequence[Mapping[str, Any]]


def shown_of(config: str, frame: "pl.DataFrame") -> dict[str, Rows]:
    """The first rows of a config, and those of the config that comes with it."""
    import polars as pl

    from prefgen.configs import preferences_text

    found = {config: frame.head(ROWS)}
    if config == "preferences":
        single = frame.filter(pl.col("chosen").list.len() == 2)
        found["preferences_text"] = preferences_text(single.head(ROWS))
    return {name: some.to_dicts() for name, some in found.items()}


def rows(found: Mapping[str, Rows]) -> str:
    """The section of the card."""
    parts = []
    for config, some in ((config, some) for config, some in found.items() if some):
        parts += [f"Of `{config}`:", *(fenced(_shown(row), "json") for row in some)]
    return section("Rows to read", *parts)


def _shown(row: Mapping[str, Any]) -> str:
    """A row as JSON. What steers a terminal, or turns text round, is spelled out."""
    return visible(json.dumps(_cut(row), ensure_ascii=False, indent=1, default=str))


def _cut(value: Any) -> Any:
    """The same, with less of long texts and of long lists."""
    if isinstance(value, str) and len(value) > CHARACTERS:
        return f"{value[:CHARACTERS]} … [{len(value) - CHARACTERS:,} more characters]"
    if isinstance(value, Mapping):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list) and len(value) > ITEMS:
        start = [_cut(item) for item in value[: ITEMS - 2]]
        return [*start, f"… [{len(value) - ITEMS + 1:,} more]", _cut(value[-1])]
    return [_cut(item) for item in value] if isinstance(value, list) else value
