"""Prompts from JSONL, JSON, CSV, Parquet, a dataset folder or the Hub: each once, and each a conversation."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.rows import DROPPED, because
from prefgen.sources._columns import named, plain, typed, values
from prefgen.sources._conversations import checked, conversation, hashed, message_column
from prefgen.sources._layouts import PROMPTS, with_prompts
from prefgen.sources._pairs import conversations
from prefgen.sources._read import LoadError, Raw, Wanted
from prefgen.sources._taking import first

__all__ = ["LoadError", "load"]


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
) -> pl.DataFrame:
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
    mark = partial(_marked, prompt=prompt, kept=kept, tell=tell)
    return first(source, wanted, folder, mark, take=take, seed=seed if shuffle else None, of="prompt_id")


def _marked(
    raw: Raw, prompt: str | None, kept: Mapping[str, str], tell: Callable[[str], None] | None = None
) -> pl.DataFrame:
    """All rows in the source's order, each with its reason to go or with null."""
    layout = None if prompt else with_prompts(raw.name, raw.columns)
    path = prompt or (layout and (layout.prompt or layout.reading.texts[0])) or "prompt"
    if tell and layout:
        tell(f"reads the prompts of {raw.name} from {path}, as {layout.name} has them")
    given = plain(values(raw, path))
    given = conversations(raw, given) if layout and not layout.prompt else given
    found = [conversation(checked(value, f"{raw.name}, row {n}", path)) for n, value in enumerate(given, 1)]
    talks = [None if isinstance(talk, str) else talk for talk in found]
    rows = pl.DataFrame(
        {
            "prompt_id": pl.Series([talk and hashed(talk) for talk in talks], dtype=pl.String),
            "prompt": message_column(talks),
            **{name: typed(values(raw, path)) for name, path in kept.items()},
            DROPPED: pl.Series([talk if isinstance(talk, str) else None for talk in found], dtype=pl.String),
        }
    )
    again = pl.col("prompt_id").is_not_null() & ~pl.col("prompt_id").is_first_distinct()
    rows = rows.with_columns(pl.coalesce(DROPPED, because(("duplicate prompt", again)))).with_row_index("row", 1)
    goes = pl.col(DROPPED).is_not_null()
    ids = pl.when(goes).then(pl.format("row {}", "row")).otherwise(pl.col("prompt_id")).alias("id")
    return rows.select("prompt_id", ids, "prompt", *kept, DROPPED)
