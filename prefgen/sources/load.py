"""Prompts from JSONL, JSON, CSV, Parquet, a dataset folder or the Hub: each once, and each a conversation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.rows import DROPPED, because
from prefgen.sources._columns import as_type, cells, named, plain
from prefgen.sources._conversations import (
    checked,
    conversation,
    hashed,
    hashed_text,
    message_column,
    text_column,
)
from prefgen.sources._layouts import PROMPTS, with_prompts
from prefgen.sources._learned import check_there, types
from prefgen.sources._pairs import check_told, conversations
from prefgen.sources._read import LoadError, Opened, Raw, Wanted
from prefgen.sources._seen import Seen, number_of
from prefgen.sources._taking import Chunks, Source, once

__all__ = ["LoadError", "load"]


@Source
def load(  # noqa: PLR0913  (each is a setting of the verb)
    source: str | Path | pl.DataFrame | list[dict[str, Any]],
    *,
    prompt: str | None = None,
    keep: str | Sequence[str] | Mapping[str, str] = (),
    take: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    split: str = "train",
    config: str | None = None,
    data_dir: str | None = None,
    revision: str | None = None,
    folder: Path = Path(),
    tell: Callable[[str], None] | None = None,
) -> Chunks:
    """The prompts of a source, marked: a row that goes has its reason in the column ``dropped``.

    ``source`` is a file (JSONL, JSON, CSV, TSV, Parquet), a dataset folder, ``owner/name`` on the Hub, a frame or a
    list of dicts. Relative paths start in ``folder``, the recipe's, or else where the command runs. ``split``,
    ``config`` and ``revision`` are a dataset's, ``data_dir`` is the folder in it to read.
    ``prompt`` says where the prompt is: a column, or a dotted path into one (``turns.0``, ``data.question``). It is
    the column of that name, or where ``load_pairs`` finds it; ``tell`` is told of that. Text
    is one user turn; lists of ``{role, content}`` or of ShareGPT's ``{from, value}`` are conversations, and assistant
    turns at their end are cut off. ``keep`` names columns or paths to carry along; ``{new name: path}`` renames them.
    ``shuffle`` orders the prompts as ``seed`` decides; ``take`` is how many distinct prompts to take from the first.

    Gives ``prompt_id`` (16 hex digits of the SHA-256 of the conversation), ``id`` (the same; ``row 7`` for a row
    that goes), ``prompt`` (list of role and content), the kept columns, and ``dropped``: "empty prompt", "bad
    messages", "duplicate prompt" or null. With ``take`` alone, rows after the last one taken are not read.
    Raises LoadError: no such source, not readable, no rows, or no such column.
    """
    kept = named(keep)
    wanted = Wanted(
        (prompt,) if prompt else PROMPTS,
        frozenset(kept.values()),
        None if shuffle else take,
        split,
        config,
        revision,
        data_dir,
    )
    marked = partial(_marked, prompt=prompt, kept=kept, tell=once(tell))
    return Chunks(source, wanted, folder, marked, take, seed if shuffle else None, of="prompt_id")


def _marked(
    opened: Opened, prompt: str | None, kept: Mapping[str, str], tell: Callable[[str], None]
) -> Iterator[pl.DataFrame]:
    """All rows in the source's order, each with its reason to go or with null."""
    layout = None if prompt else with_prompts(opened.name, opened.columns)
    path = prompt or (layout and (layout.prompt or layout.reading.texts[0])) or "prompt"
    if layout:
        tell(f"reads the prompts of {opened.name} from {path}, as {layout.name} has them")
    told = bool(layout and not layout.prompt)
    (check_told if told else check_there)(opened, path)
    found, seen = types(opened, kept.values()), Seen()
    for raw in opened.chunks():
        given = plain(cells(raw, path))
        talks = _talks(raw, conversations(given) if told else given, path)
        carried = {name: as_type(cells(raw, way), found[way]) for name, way in kept.items()}
        yield _once(raw.start, seen, talks.with_columns(**carried)).select("prompt_id", "id", "prompt", *kept, DROPPED)


def _talks(raw: Raw, given: list[Any], path: str) -> pl.DataFrame:
    """The conversations of some rows with their ids, or why there are none."""
    if all(isinstance(value, str) for value in given):  # most sources: no list is made of each
        texts = [text if text.strip() else None for text in given]
        ids, prompts = [text and hashed_text(text) for text in texts], text_column(texts)
        why = [None if text else "empty prompt" for text in texts]
    else:
        found = [conversation(checked(value, raw.place(n), path)) for n, value in enumerate(given, 1)]
        talks = [None if isinstance(talk, str) else talk for talk in found]
        ids, prompts = [talk and hashed(talk) for talk in talks], message_column(talks)
        why = [talk if isinstance(talk, str) else None for talk in found]
    columns = {"prompt_id": pl.Series(ids, dtype=pl.String), DROPPED: pl.Series(why, dtype=pl.String)}
    return pl.DataFrame({**columns, "prompt": prompts})


def _once(start: int, seen: Seen, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their ids; a prompt that was there before goes."""
    stays = rows["prompt_id"].is_not_null()
    first = pl.Series("first", [None], dtype=pl.Boolean).new_from_index(0, rows.height)
    first = first.scatter(stays.arg_true(), seen.add(number_of(rows["prompt_id"].filter(stays))))
    rows = rows.with_columns(pl.coalesce(DROPPED, because(("duplicate prompt", ~pl.lit(first)))))
    goes = pl.format("row {}", pl.int_range(start + 1, start + 1 + pl.len()))
    return rows.with_columns(id=pl.when(pl.col(DROPPED).is_null()).then("prompt_id").otherwise(goes))
