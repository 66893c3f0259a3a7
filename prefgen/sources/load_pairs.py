"""Pairs that somebody else made, with their better response known: RewardBench (arXiv:2403.13787) and its like.

Its columns are prompt, chosen, chosen_model, rejected, rejected_model, subset and id. Those of TRL are read as well:
two conversations, whose common beginning is the prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.asker import Message
from prefgen.rows import DROPPED
from prefgen.sources._columns import named, plain, there, typed, values
from prefgen.sources._conversations import checked, conversation, hashed, message_column, turn
from prefgen.sources._read import LoadError, Raw, Wanted
from prefgen.sources._taking import first

__all__ = ["LoadError", "load_pairs"]

MODELS = ("chosen_model", "rejected_model")


def load_pairs(  # noqa: PLR0913  (each is a setting of the verb)
    source: str | Path | pl.DataFrame | list[dict[str, Any]],
    *,
    prompt: str = "prompt",
    chosen: str = "chosen",
    rejected: str = "rejected",
    keep: str | Sequence[str] | Mapping[str, str] = (),
    take: int | None = None,
    shuffle: bool = False,
    seed: int = 0,
    split: str = "train",
    config: str | None = None,
    revision: str | None = None,
    folder: Path = Path(),
) -> pl.DataFrame:
    """The pairs of a source, marked: a row that goes has its reason in the column ``dropped``.

    Source, paths and what is kept are as ``load`` has them. ``chosen`` and ``rejected`` hold text, or messages: the
    reply alone, or a conversation that ends with it. What two conversations have in common at their beginning is then
    the prompt, whether or not there is a column of prompts. ``take`` is how many pairs to take from the first,
    ``shuffle`` orders the prompts. No pair is a duplicate: a benchmark may ask one prompt in several subsets.

    Gives ``prompt_id``; ``id``, the prompt's and which of its pairs this is: ``<prompt_id>.0`` (``row 7`` for a row
    that goes); ``prompt``, ``chosen``, ``rejected``; ``chosen_model``, ``rejected_model`` (null where the source has
    no such columns), ``chosen_reply``, ``rejected_reply`` (null: they are in no journal of ours), the kept columns,
    and ``dropped``: "empty prompt", "bad messages", "empty response", "equal texts" or null. Raises LoadError.
    """
    kept, paths = named(keep), (prompt, chosen, rejected)
    wanted = Wanted((*paths, *MODELS), frozenset(kept.values()), None if shuffle else take, split, config, revision)
    mark = partial(_marked, paths=paths, kept=kept)
    return first(source, wanted, folder, mark, take=take, seed=seed if shuffle else None, of="id")


def _marked(raw: Raw, paths: tuple[str, str, str], kept: Mapping[str, str]) -> pl.DataFrame:
    """All rows in the source's order, each with its reason to go or with null."""
    pairs = [_pair(*row) for row in zip(*_given(raw, paths), strict=True)]
    rows = pl.DataFrame(
        {
            "prompt_id": pl.Series([pair.talk and hashed(pair.talk) for pair in pairs], dtype=pl.String),
            "prompt": message_column([pair.talk for pair in pairs]),
            "chosen": pl.Series([pair.chosen for pair in pairs], dtype=pl.String),
            "rejected": pl.Series([pair.rejected for pair in pairs], dtype=pl.String),
            **{name: _model(raw, name, len(pairs)) for name in MODELS},
            "chosen_reply": pl.Series([None] * len(pairs), dtype=pl.String),
            "rejected_reply": pl.Series([None] * len(pairs), dtype=pl.String),
            **{name: typed(values(raw, path)) for name, path in kept.items()},
            DROPPED: pl.Series([pair.why for pair in pairs], dtype=pl.String),
        }
    )
    stays = pl.col(DROPPED).is_null()
    own = pl.format("{}.{}", "prompt_id", pl.int_range(pl.len()).over("prompt_id", stays))
    ids = pl.when(stays).then(own).otherwise(pl.format("row {}", pl.int_range(1, pl.len() + 1))).alias("id")
    return rows.select("prompt_id", ids, pl.exclude("prompt_id"))


def _model(raw: Raw, name: str, rows: int) -> pl.Series:
    """Who wrote one side, where the source says so."""
    found = plain(values(raw, name)) if there(raw, name) else [None] * rows
    return pl.Series([None if model is None else str(model) for model in found], dtype=pl.String)


def _given(raw: Raw, paths: tuple[str, str, str]) -> list[list[Any]]:
    """Prompts, chosen and rejected ones as they stand; without prompts where the responses bring them."""
    prompt, *sides = paths
    said = [
        [checked(value, f"{raw.name}, row {n}", path, a="a response") for n, value in enumerate(found, 1)]
        for path, found in ((path, plain(values(raw, path))) for path in sides)
    ]
    bring = not there(raw, prompt) and all(isinstance(value, list) for value in said[0])
    found = [None] * len(said[0]) if bring else plain(values(raw, prompt))
    return [[checked(value, f"{raw.name}, row {n}", prompt) for n, value in enumerate(found, 1)], *said]


@dataclass(frozen=True)
class _Pair:
    """One row read: its prompt and its two texts, or why it goes."""

    talk: list[Message] | None = None
    chosen: str | None = None
    rejected: str | None = None
    why: str | None = None


def _pair(prompt: Any, chosen: Any, rejected: Any) -> _Pair:
    if not chosen or not rejected:
        return _Pair(why="empty response")
    if isinstance(chosen, list) or isinstance(rejected, list):
        split = _split(chosen, rejected)
        if split is None:
            return _Pair(why="bad messages")
        start, chosen, rejected = split
        prompt = start or prompt
    talk = conversation(prompt)
    if isinstance(talk, str):
        return _Pair(why=talk)
    if isinstance(prompt, list) and len(talk) < len(prompt):  # it ends with an answer of its own
        return _Pair(why="bad messages")
    empty, equal = not (chosen.strip() and rejected.strip()), chosen.strip() == rejected.strip()
    return _Pair(talk, chosen, rejected, "empty response" if empty else "equal texts" if equal else None)


def _split(chosen: Any, rejected: Any) -> tuple[list[Message], str, str] | None:
    """The common beginning of two conversations, and the reply with which each goes on; None where there is more."""
    if not (isinstance(chosen, list) and isinstance(rejected, list)):
        return None
    turns = [[turn(item) for item in side] for side in (chosen, rejected)]
    common = takewhile(lambda both: both[0] == both[1], zip(*(side[:-1] for side in turns), strict=False))
    start = len(list(common))
    ends = [side[start:] for side in turns]
    last = [end[0] for end in ends if len(end) == 1 and end[0] and end[0]["role"] == "assistant"]
    said = [item for item in turns[0][:start] if item]
    if len(last) < 2 or len(said) < start:
        return None
    return said, last[0]["content"], last[1]["content"]
