"""Prompts from JSONL, JSON, CSV, Parquet, a dataset folder or the Hub: each once, and each a conversation."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import MESSAGES, Message, canonical
from prefgen.rows import DROPPED, because, shuffled
from prefgen.sources._columns import plain, typed, values
from prefgen.sources._read import LoadError, Raw, Wanted, kind, read

__all__ = ["LoadError", "load"]

# fmt: off
RESERVED = frozenset({
    "prompt_id", "id", "prompt", "dropped", "response", "response_id", "response_model", "response_reply", "truncated",
    "chosen", "rejected", "chosen_model", "rejected_model", "chosen_reply", "rejected_reply", "chosen_score",
    "rejected_score", "modified_prompt", "pair_id", "response_a", "response_b", "gold", "asked", "verdict", "judgment",
    "judgment_id", "judgments", "judgment_reply", "judgment_replies", "judge_model", "score", "score_a", "score_b",
    "score_sd",
})
# fmt: on
"""Columns that prefgen makes itself; a kept column needs another name."""


def load(  # noqa: PLR0913  (each is a setting of the verb)
    source: str | Path | pl.DataFrame | list[dict[str, Any]],
    *,
    prompt: str = "prompt",
    keep: str | Sequence[str] | Mapping[str, str] = (),
    take: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    folder: Path = Path(),
) -> pl.DataFrame:
    """The prompts of a source, marked: a row that goes has its reason in the column ``dropped``.

    ``source`` is a file (JSONL, JSON, CSV, TSV, Parquet), a dataset folder, ``owner/name`` on the Hub, a frame or a
    list of dicts; relative paths start in ``folder``. ``split``, ``config`` and ``revision`` are a dataset's.
    ``prompt`` says where the prompt is: a column, or a dotted path into one (``turns.0``, ``data.question``). Text
    is one user turn; lists of ``{role, content}`` or of ShareGPT's ``{from, value}`` are conversations, and assistant
    turns at their end are cut off. ``keep`` names columns or paths to carry along; ``{new name: path}`` renames them.
    ``shuffle`` orders the prompts as ``seed`` decides; ``take`` is how many distinct prompts to take from the first.

    Gives ``prompt_id`` (16 hex digits of the SHA-256 of the conversation), ``id`` (the same; ``row 7`` for a row
    that goes), ``prompt`` (list of role and content), the kept columns, and ``dropped``: "empty prompt", "bad
    messages", "duplicate prompt" or null. With ``take`` alone, rows after the last one taken are not read.
    Raises LoadError: no such source, not readable, no rows, or no such column.
    """
    if take is not None and take < 1:
        raise LoadError(f"take is {take}; take 1 or more, or leave it out for all")
    named = _named(keep)
    wanted = Wanted(prompt, frozenset(named.values()), None if shuffle else take, split, config, revision)
    while True:
        marked = _marked(read(source, wanted, folder), prompt, named)
        if wanted.limit is None or take is None or marked.height < wanted.limit or _kept(marked).height >= take:
            return _taken(marked, take, seed if shuffle else None)
        wanted = replace(wanted, limit=4 * wanted.limit + 1000)  # some of the first rows go; more are needed


def _named(keep: str | Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """New name to path, for each column that is carried along."""
    paths = [keep] if isinstance(keep, str) else keep
    named = [(name, paths[name]) if isinstance(paths, Mapping) else (name.split(".")[-1], name) for name in paths]
    names = [name for name, _ in named]
    for name, path in named:
        wrong = "which prefgen makes itself" if name in RESERVED else ""
        wrong = "which is taken twice" if names.count(name) > 1 else wrong
        wrong = "which is no name" if not name.strip("-0123456789") else wrong
        if wrong:
            raise LoadError(f"cannot keep {path!r} as {name!r}, {wrong}; rename it: keep: {{source_{name}: {path}}}")
    return dict(named)


def _marked(raw: Raw, prompt: str, kept: Mapping[str, str]) -> pl.DataFrame:
    """All rows in the source's order, each with its reason to go or with null."""
    given = enumerate(plain(values(raw, prompt)), 1)
    found = [_conversation(_checked(value, f"{raw.name}, row {n}", prompt)) for n, value in given]
    talks = [None if isinstance(talk, str) else talk for talk in found]
    rows = pl.DataFrame(
        {
            "prompt_id": pl.Series([talk and _hash(talk) for talk in talks], dtype=pl.String),
            "prompt": _messages(talks),
            **{name: typed(values(raw, path)) for name, path in kept.items()},
            DROPPED: pl.Series([talk if isinstance(talk, str) else None for talk in found], dtype=pl.String),
        }
    )
    again = pl.col("prompt_id").is_not_null() & ~pl.col("prompt_id").is_first_distinct()
    rows = rows.with_columns(pl.coalesce(DROPPED, because(("duplicate prompt", again)))).with_row_index("row", 1)
    goes = pl.col(DROPPED).is_not_null()
    ids = pl.when(goes).then(pl.format("row {}", "row")).otherwise(pl.col("prompt_id")).alias("id")
    return rows.select("prompt_id", ids, "prompt", *kept, DROPPED)


def _kept(marked: pl.DataFrame) -> pl.DataFrame:
    return marked.filter(pl.col(DROPPED).is_null())


def _taken(marked: pl.DataFrame, take: int | None, seed: int | None) -> pl.DataFrame:
    """The first so many kept rows, and the rows that go: of a shuffled source all, else those met on the way."""
    if seed is not None:
        chosen = _kept(marked).sort(shuffled(seed, "load", of="prompt_id")).head(take or marked.height)
        return pl.concat([chosen, marked.filter(pl.col(DROPPED).is_not_null())])
    kept = pl.col(DROPPED).is_null()
    return marked if take is None else marked.filter(kept.cum_sum() - kept.cast(pl.UInt32) < take)


# --- conversations --------------------------------------------------------------------------

_ROLES = {"system": "system", "user": "user", "assistant": "assistant", "human": "user", "gpt": "assistant"}
_SHAPE = re.compile(r"s?u(au)*")
"""The roles of a conversation, by first letter: what chat templates accept and a model can answer."""


def _checked(value: Any, place: str, prompt: str) -> Any:
    """The value, unless no value of its kind is ever a prompt: then the path is wrong, not the row."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, str | list) for item in value):
        return value
    cure = "a prompt is text or a conversation"
    if isinstance(value, dict | list) and value:
        cure = f"name one of them: {prompt}.{0 if isinstance(value, list) else next(iter(value))}"
    raise LoadError(f"{place}: {prompt!r} holds {_what(value)}; {cure}")


def _what(value: Any) -> str:
    """The value in words, for a message."""
    if isinstance(value, list):
        return "a list of texts" if isinstance(value[0], str) else "a list of lists"
    fields = ", ".join(value) if isinstance(value, dict) else ""
    return f"an object with {fields}" if fields else f"{kind(value)} ({str(value)[:40]})"


def _conversation(value: str | list[Any] | None) -> list[Message] | str:
    """The messages up to the last user turn, or the reason that there are none."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}] if value.strip() else "empty prompt"
    if not value:
        return "empty prompt"
    talk = [turn for turn in map(_turn, value) if turn]
    if len(talk) < len(value):
        return "bad messages"
    while talk and talk[-1]["role"] == "assistant":
        talk.pop()
    if not _SHAPE.fullmatch("".join(turn["role"][0] for turn in talk)):
        return "bad messages"
    return talk if talk[-1]["content"].strip() else "empty prompt"


def _turn(item: Any) -> Message | None:
    """One message in the one spelling, or None where it is not one."""
    if not isinstance(item, dict):
        return None
    role = _ROLES.get(str(item.get("role") or item.get("from")))
    content = item.get("value") if item.get("content") is None else item["content"]
    return {"role": role, "content": content} if role and isinstance(content, str) else None


def _messages(talks: Sequence[list[Message] | None]) -> pl.Series:
    """The column of conversations; by way of a flat table, ten times as fast as from nested lists."""
    turns = [(row, turn["role"], turn["content"]) for row, talk in enumerate(talks) for turn in talk or ()]
    flat = pl.DataFrame(turns, schema={"row": pl.UInt32, "role": pl.String, "content": pl.String}, orient="row")
    found = flat.group_by("row", maintain_order=True).agg(prompt=pl.struct("role", "content"))
    rows = pl.select(row=pl.int_range(len(talks), dtype=pl.UInt32))
    return rows.join(found, on="row", how="left", maintain_order="left")["prompt"].cast(MESSAGES)


def _hash(talk: Sequence[Message]) -> str:
    return hashlib.sha256(canonical(talk).encode()).hexdigest()[:16]
