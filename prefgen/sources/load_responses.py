"""Responses that somebody else wrote, one row each: sets of right and wrong ones as in RewardBench 2
(arXiv:2506.01937), lists with ranks or scores, or one response a row.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import Message
from prefgen.rows import DROPPED
from prefgen.sources._columns import RESERVED, named, plain, typed, values
from prefgen.sources._conversations import calls, checked, conversation, hashed, message_column, turn, what
from prefgen.sources._read import LoadError, Opened, Raw, Wanted
from prefgen.sources._taking import Chunks, Source

__all__ = ["LoadError", "load_responses"]

OWN = frozenset({"correct", "correct_ids"})
"""Columns that this verb makes beside those of every table."""
OF_A_RESPONSE = frozenset({"score", "response_model"})
"""Columns that ``each`` may bring, though prefgen makes them too: a response may have them already."""
KINDS: Mapping[str, Any] = {"score": pl.Float64, "response_model": pl.String}
"""The types of those."""


@Source
def load_responses(  # noqa: PLR0913  (each is a setting of the verb)
    source: str | Path | pl.DataFrame | list[dict[str, Any]],
    *,
    prompt: str = "prompt",
    response: str = "response",
    chosen: str | None = None,
    rejected: str | None = None,
    each: str | Sequence[str] | Mapping[str, str] = (),
    keep: str | Sequence[str] | Mapping[str, str] = (),
    take: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    split: str = "train",
    config: str | None = None,
    data_dir: str | None = None,
    revision: str | None = None,
    folder: Path = Path(),
) -> Chunks:
    """The responses of a source, marked: a row that goes has its reason in the column ``dropped``.

    Source, paths and what is kept are as ``load`` has them. ``response`` holds one text, or a list of them. Where
    ``chosen`` and ``rejected`` are given, each holding one text or a list, they stand in its place: the chosen ones
    come first, the column ``correct`` says which is which, and ``correct_ids`` holds the ids of the row's correct ones.
    ``each`` names what belongs to the single responses, a list beside the list of them or a value beside one:
    ``each: {rank: ranks, score: scores, response_model: models}``. ``keep`` carries along what belongs to the row.
    ``take`` is how many prompts to take from the first, ``shuffle`` orders them.

    Gives ``prompt_id``; ``id``, the prompt's and which of its responses this is, over all rows of that prompt:
    ``<prompt_id>.2`` (``row 7.2`` for a response that goes, ``row 7`` for a row); ``prompt``, ``response``,
    ``response_model``, ``truncated`` (false), ``response_reply`` (null: it is in no journal of ours), and ``dropped``:
    "empty prompt", "bad messages", "empty response", "no response", "not one … for each response" or null.
    Raises LoadError.
    """
    if (chosen is None) != (rejected is None):
        raise LoadError("chosen and rejected go together; name both, or name response")
    sides = (response,) if chosen is None or rejected is None else (chosen, rejected)
    parts = _Parts(prompt, sides, named(each, (RESERVED | OWN) - OF_A_RESPONSE), named(keep, RESERVED | OWN))
    if both := set(parts.each) & set(parts.kept):
        raise LoadError(f"{', '.join(sorted(both))} cannot be both in each and in keep; name it once")
    limit = take if chosen is not None and not shuffle else None  # a prompt's single responses may stand anywhere
    wanted = Wanted((prompt, *sides), parts.carried(), limit, split, config, revision, data_dir)
    marked = partial(_marked, parts=parts)
    return Chunks(source, wanted, folder, marked, take, seed if shuffle else None, of="prompt_id")


@dataclass(frozen=True)
class _Parts:
    """Where a row's parts are."""

    prompt: str
    sides: tuple[str, ...]
    each: Mapping[str, str]
    kept: Mapping[str, str]

    def carried(self) -> frozenset[str]:
        return frozenset({*self.each.values(), *self.kept.values()})


@dataclass(frozen=True)
class _Read:
    """One row read: its prompt, its texts, how many of them are correct; or why it goes."""

    talk: list[Message] | None = None
    texts: Sequence[str | None] = (None,)
    correct: int = 0
    why: str | None = None


def _marked(opened: Opened, parts: _Parts) -> Iterator[pl.DataFrame]:
    """All responses in the source's order, each with its reason to go or with null."""
    raw = opened.whole()
    found = {name: plain(values(raw, path)) for name, path in parts.each.items()}
    read = [_read(raw, n, row, parts) for n, row in enumerate(_given(raw, parts), 1)]
    read = [_with_each(row, {name: column[n] for name, column in found.items()}) for n, row in enumerate(read)]
    rows = pl.DataFrame(
        {
            "prompt_id": pl.Series([row.talk and hashed(row.talk) for row in read], dtype=pl.String),
            "prompt": message_column([row.talk for row in read]),
            **{name: typed(values(raw, path)) for name, path in parts.kept.items()},
            DROPPED: pl.Series([row.why for row in read], dtype=pl.String),
        }
    ).with_row_index("_row", 1)
    single = _responses(read, found, chosen=len(parts.sides) > 1)
    yield _shaped(single.join(rows, on="_row", how="left", maintain_order="left"), parts)


def _given(raw: Raw, parts: _Parts) -> list[tuple[Any, ...]]:
    return list(zip(*(plain(values(raw, path)) for path in (parts.prompt, *parts.sides)), strict=True))


def _read(raw: Raw, n: int, row: tuple[Any, ...], parts: _Parts) -> _Read:
    """One row of the source."""
    place, (prompt, *sides) = f"{raw.name}, row {n}", row
    talk = conversation(checked(prompt, place, parts.prompt))
    sets = [_texts(value, place, path) for path, value in zip(parts.sides, sides, strict=True)]
    if isinstance(talk, str):
        return _Read(why=talk)
    texts = [text for side in sets for text in side]
    return _Read(talk, texts, len(sets[0])) if texts else _Read(talk, why="no response")


def _texts(value: Any, place: str, path: str) -> list[str | None]:
    """One text or several; a reply may be given as its one message."""
    items = value if isinstance(value, list) else [value]
    said = [_said(item) for item in items]
    texts = [text for text in said if text is None or isinstance(text, str)]
    if isinstance(value, dict) or len(texts) < len(said):
        raise LoadError(f"{place}: {path!r} holds {what(value)}; a response is text, or one of a list of texts")
    return texts


def _said(item: Any) -> Any:
    """A message's text, and nothing of one that calls tools; what is no message, as it stands."""
    if calls(item):
        return None
    return item.get("content", item.get("value")) if isinstance(item, dict) and turn(item) else item


def _with_each(row: _Read, beside: Mapping[str, Any]) -> _Read:
    """The row, unless it has not one value for each of its responses."""
    for name, value in beside.items():
        if row.why is None and (len(value) if isinstance(value, list) else 1) != len(row.texts):
            return _Read(row.talk, why=f"not one {name} for each response")
    return row


def _responses(read: Sequence[_Read], each: Mapping[str, list[Any]], *, chosen: bool) -> pl.DataFrame:
    """One row for each response, with what belongs to it alone."""
    flat: dict[str, list[Any]] = {name: [] for name in each}
    for name, column in each.items():
        for row, value in zip(read, column, strict=True):
            flat[name] += [None] * len(row.texts) if row.why else value if isinstance(value, list) else [value]
    places = [(n, i, text, i < row.correct) for n, row in enumerate(read, 1) for i, text in enumerate(row.texts)]
    schema = {"_row": pl.UInt32, "_place": pl.UInt32, "response": pl.String, "correct": pl.Boolean}
    rows = pl.DataFrame(places, schema=schema, orient="row")
    rows = rows.with_columns(response_model=pl.lit(None, pl.String))
    rows = rows.with_columns(**{name: _column(name, values) for name, values in flat.items()})
    return rows if chosen else rows.drop("correct")


def _column(name: str, found: list[Any]) -> pl.Series:
    series = typed(found)
    try:
        return series.cast(KINDS.get(name, series.dtype))
    except pl.exceptions.PolarsError as e:
        wrong = "numbers" if name == "score" else "names"
        raise LoadError(f"each: {name} holds what are no {wrong}; name another column, or {name} something else") from e


def _shaped(rows: pl.DataFrame, parts: _Parts) -> pl.DataFrame:
    """The table's columns in their order."""
    empty = pl.col("response").is_null() | (pl.col("response").str.strip_chars() == "")
    rows = rows.with_columns(pl.coalesce(DROPPED, pl.when(empty).then(pl.lit("empty response"))))
    stays = pl.col(DROPPED).is_null()
    goes = pl.when(pl.col("prompt").is_null() | (pl.col(DROPPED) != "empty response"))
    rows = rows.with_columns(
        pl.when(stays)
        .then(pl.format("{}.{}", "prompt_id", pl.int_range(pl.len()).over("prompt_id", stays)))
        .otherwise(goes.then(pl.format("row {}", "_row")).otherwise(pl.format("row {}.{}", "_row", "_place")))
        .alias("id"),
        truncated=pl.lit(False),  # noqa: FBT003
        response_reply=pl.lit(None, pl.String),
    )
    correct = ["correct", "correct_ids"] if "correct" in rows.columns else []
    if correct:
        ids = pl.col("id").filter(pl.col("correct"), stays).over("_row", mapping_strategy="join")
        rows = rows.with_columns(ids.alias("correct_ids"))
    own = ["prompt_id", "id", "prompt", "response", "response_model", "truncated", "response_reply"]
    more = [name for name in (*parts.each, *parts.kept) if name not in own]
    return rows.select(*own, *correct, *more, DROPPED)
