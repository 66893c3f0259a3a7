"""Pairs that somebody else made, with their better response known: RewardBench (arXiv:2403.13787) and its like.

What others publish is known by its columns: UltraFeedback, HelpSteer, Skywork, Tulu, JudgeBench, the files of NeMo-RL
and LLaMA-Factory, prefgen's own datasets (docs/reading.md lists them all).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.rows import DROPPED
from prefgen.sources._columns import named, there, typed, values
from prefgen.sources._conversations import hashed, message_column
from prefgen.sources._layouts import COLUMNS, PAIRS, Layout, recognised
from prefgen.sources._pairs import Pair, pairs
from prefgen.sources._read import LoadError, Opened, Raw, Wanted
from prefgen.sources._sides import MODELS, Sides, number
from prefgen.sources._taking import Chunks, Source, once

__all__ = ["LoadError", "load_pairs"]

SCORES = ("chosen_score", "rejected_score")


@Source
def load_pairs(  # noqa: PLR0913  (each is a setting of the verb)
    source: str | Path | pl.DataFrame | list[dict[str, Any]],
    *,
    prompt: str | None = None,
    chosen: str | None = None,
    rejected: str | None = None,
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
    """The pairs of a source, marked: a row that goes has its reason in the column ``dropped``.

    Source, paths and what is kept are as ``load`` has them. In which layout the pairs are is known by the source's
    columns. Where ``chosen`` or ``rejected`` is given, these paths (or the columns of that name) hold the responses
    instead, and ``prompt`` the prompt; ``prompt`` alone changes nothing but where the prompt is. Responses are text,
    or messages: the reply alone, or a conversation that ends with it. What two conversations have in common at their
    beginning is then the prompt, whether or not there is a column of prompts. ``take`` is how many pairs to take from
    the first, ``shuffle`` orders the prompts. No pair is a duplicate: a benchmark may ask one prompt in several
    subsets. ``tell`` is told of the layout, if it is another than columns of the names prompt, chosen, rejected.

    Gives ``prompt_id``; ``id``, the prompt's and which of its pairs this is: ``<prompt_id>.0`` (``row 7`` for a row
    that goes, ``row 7.2`` where it makes several pairs); ``prompt``, ``chosen``, ``rejected``; ``chosen_model``,
    ``rejected_model`` (null where the source does not say), ``chosen_reply``, ``rejected_reply`` (null: they are in no
    journal of ours); ``chosen_score``, ``rejected_score`` where the layout has scores (null for what is no finite
    number); the kept columns; and ``dropped``: "empty prompt", "bad messages", "tool calls", "empty response", "equal
    texts", "tie", "no preference", "no response", "no rank", "another split", "over 1000 pairs" or null.
    Raises LoadError, also where a source has no layout that is known, or more than one.
    """
    kept, given = named(keep), _Given(prompt, chosen, rejected)
    wanted = Wanted(
        given.paths(), frozenset(kept.values()), None if shuffle else take, split, config, revision, data_dir
    )
    splits = {part.partition("[")[0].strip() for part in split.split("+")}
    marked = partial(_marked, given=given, kept=kept, splits=splits, tell=once(tell))
    return Chunks(source, wanted, folder, marked, take, seed if shuffle else None, of="id")


@dataclass(frozen=True)
class _Given:
    """What the settings say of where the parts are."""

    prompt: str | None
    chosen: str | None
    rejected: str | None

    def sides(self) -> tuple[str, str] | None:
        """Where the responses are, if that is said; the other's column has its own name."""
        said = self.chosen or self.rejected
        return (self.chosen or "chosen", self.rejected or "rejected") if said else None

    def paths(self) -> tuple[str, ...]:
        """All that may have to be read."""
        sides, prompt = self.sides(), (self.prompt,) if self.prompt else ()
        return (*(prompt or ("prompt",)), *sides, *MODELS) if sides else (*prompt, *sorted(COLUMNS))

    def layout(self, raw: Raw) -> Layout:
        """The layout that is read: what the settings make of it, or else the source's."""
        if sides := self.sides():
            own = "prompt" if there(raw, "prompt") else None
            return replace(PAIRS, prompt=self.prompt or own, reading=Sides(of=sides))
        layout = recognised(raw.name, raw.columns)
        return replace(layout, prompt=self.prompt) if self.prompt else layout


def _marked(
    opened: Opened, given: _Given, kept: Mapping[str, str], splits: set[str], tell: Callable[[str], None]
) -> Iterator[pl.DataFrame]:
    """All pairs in the source's order, each with its reason to go or with null."""
    raw = opened.whole()
    layout = given.layout(raw)
    if layout.name != PAIRS.name:
        tell(f"reads {raw.name} as {layout.name}: {layout.reading.told()}")
    read = list(pairs(raw, layout, splits))
    rows = pl.Series([pair.row for pair in read], dtype=pl.UInt32)
    table = pl.DataFrame(
        {
            **_texts(read),
            **(_scores(read) if layout.reading.scored else {}),
            **{name: typed(values(raw, path)).gather(rows) for name, path in kept.items()},
            DROPPED: pl.Series([pair.why for pair in read], dtype=pl.String),
            "_name": pl.Series([pair.name for pair in read], dtype=pl.String),
        }
    )
    stays = pl.col(DROPPED).is_null()
    own = pl.format("{}.{}", "prompt_id", pl.int_range(pl.len()).over("prompt_id", stays))
    ids = pl.when(stays).then(own).otherwise("_name").alias("id")
    yield table.select("prompt_id", ids, pl.exclude("prompt_id", "_name"))


def _texts(read: Sequence[Pair]) -> dict[str, pl.Series]:
    """What every pair has."""
    found: dict[str, Sequence[Any]] = {
        "prompt_id": [pair.talk and hashed(pair.talk) for pair in read],
        "chosen": [pair.chosen for pair in read],
        "rejected": [pair.rejected for pair in read],
        **{name: [_name(pair.two.models[side]) for pair in read] for side, name in enumerate(MODELS)},
        **dict.fromkeys(("chosen_reply", "rejected_reply"), [None] * len(read)),
    }
    columns = {name: pl.Series(column, dtype=pl.String) for name, column in found.items()}
    return {"prompt_id": columns.pop("prompt_id"), "prompt": message_column([pair.talk for pair in read]), **columns}


def _name(model: Any) -> str | None:
    return None if model is None else str(model)


def _scores(read: Sequence[Pair]) -> dict[str, pl.Series]:
    found = {name: [number(pair.two.scores[side]) for pair in read] for side, name in enumerate(SCORES)}
    return {name: pl.Series(column, dtype=pl.Float64) for name, column in found.items()}
