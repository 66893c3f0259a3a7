"""What a comparison looks at of pairs and judgments: numbers in the place of texts, so that a million rows are few
bytes. Texts are told apart by 64 bits of a hash, and which of two comes first in the alphabet is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from prefgen.comparison.parts import rows_of
from prefgen.comparison.sides import Spans
from prefgen.judged import PAIRS
from prefgen.rows import finite
from prefgen.tablefile import parquet

_PROMPT = pl.col("prompt_id").hash().alias("prompt")


def prompts(paths: Sequence[Path], ahead: Mapping[Path, Spans] | None = None) -> Iterator[pl.DataFrame]:
    """Of prompts: ``prompt``, a number for its id; but for those that a run had not come to when it ended."""
    left = [EMPTY["prompts"], *(_left(path, spans) for path, spans in (ahead or {}).items())]
    never = pl.concat(left)["prompt"].implode()
    for rows in rows_of(paths, ["prompt_id"]):
        yield rows.select(_PROMPT).filter(~pl.col("prompt").is_in(never))


def _left(path: Path, spans: Spans) -> pl.DataFrame:
    """The prompts of a table whose places are in none of these spans."""
    every = pl.concat([EMPTY["prompts"], *(rows.select(_PROMPT) for rows in rows_of([path], ["prompt_id"]))])
    placed = every.unique(maintain_order=True).with_row_index("place")
    come_to = [(pl.col("place") >= start) & (pl.col("place") < end) for start, end in spans]
    return placed.filter(~pl.any_horizontal(pl.lit(value=False), *come_to)).select("prompt")


def pairs(paths: Sequence[Path]) -> Iterator[pl.DataFrame]:
    """Of pairs: ``prompt``; ``key``, a number for the prompt and both texts, whichever is chosen; ``before``, whether
    the chosen one comes first in the alphabet; ``chosen``, a number for its text; the ``longer`` one is chosen (null:
    they are as long); the ``gap`` between the scores, where they have any; ``row``, its place.
    """
    wanted = ["prompt_id", "chosen", "rejected", "chosen_score", "rejected_score"]
    start = 0
    for rows in _numbered(paths, wanted):
        texts = rows.with_columns(_response(rows, "chosen"), _response(rows, "rejected"))
        yield texts.select(
            _PROMPT,
            _key("chosen", "rejected"),
            before=pl.col("chosen") < pl.col("rejected"),
            chosen=pl.col("chosen").hash(),
            longer=_longer("chosen", "rejected"),
            gap=_gap(rows),
            row=pl.int_range(start, start + pl.len(), dtype=pl.Int64),
        )
        start += rows.height


def _response(rows: pl.DataFrame, side: str) -> pl.Expr:
    """A response's text: what a table holds, or the last turn of a conversation."""
    text = pl.col(side)
    return text if rows.schema[side] == pl.String else text.list.last().struct.field("content").alias(side)


def _key(one: str, other: str) -> pl.Expr:
    a, b = pl.col(one), pl.col(other)
    first, second = pl.when(a < b).then(a).otherwise(b), pl.when(a < b).then(b).otherwise(a)
    return pl.struct(pl.col("prompt_id"), first.alias("first"), second.alias("second")).hash().alias("key")


def _longer(one: str, other: str) -> pl.Expr:
    a, b = (pl.col(name).str.len_chars() for name in (one, other))
    return pl.when(a != b).then(a > b)


def _gap(rows: pl.DataFrame) -> pl.Expr:
    scored = {"chosen_score", "rejected_score"} <= set(rows.columns)
    return finite("chosen_score") - finite("rejected_score") if scored else pl.lit(None, pl.Float64)


def of_pairs(paths: Sequence[Path]) -> bool:
    """Whether these are verdicts on two responses, and not scores of one: the rows themselves say so, where a table of
    a dataset has the columns of both. Of a pair may be one response too, where pairs are taken apart.
    """
    columns = set(parquet().read_schema(paths[0]).names)
    if not {"response_a", "response_id"} <= columns:
        return columns >= PAIRS
    first = next(rows_of(paths, ["response_a"]), pl.DataFrame(schema={"response_a": pl.String}))
    return bool(first["response_a"].is_not_null().any())


def verdicts(paths: Sequence[Path]) -> Iterator[pl.DataFrame]:
    """Of judgments of two responses: ``prompt``; ``key``, a number for the prompt and both texts; ``ahead``, whether
    the one shown first comes first in the alphabet; ``row``, its place; and what ``prefgen.statistics`` looks at, the
    responses by their lengths.
    """
    wanted = ["prompt_id", "pair_id", "gold", "verdict", "response_a", "response_b", "judge_model"]
    start = 0
    for rows in rows_of(paths, wanted):
        lengths = [pl.col(f"response_{side}").str.len_chars() for side in "ab"]
        told = ("verdict", "gold", "judge_model")
        yield rows.select(
            _PROMPT,
            _key("response_a", "response_b"),
            pl.col("pair_id").hash(),
            *(pl.col(name).cast(pl.String) for name in told),
            *lengths,
            ahead=pl.col("response_a") < pl.col("response_b"),
            row=pl.int_range(start, start + pl.len(), dtype=pl.Int64),
        )
        start += rows.height


def scores(paths: Sequence[Path]) -> Iterator[pl.DataFrame]:
    """Of judgments of one response: ``prompt``; ``key``, a number for the prompt and its text; ``judge_model`` and
    ``score``.
    """
    for rows in rows_of(paths, ["prompt_id", "response", "judge_model", "score"]):
        key = pl.struct("prompt_id", "response").hash().alias("key")
        yield rows.select(_PROMPT, key, pl.col("judge_model").cast(pl.String), finite("score").alias("score"))


def _numbered(paths: Sequence[Path], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows of files, of the columns that they have."""
    for path in paths:
        there = parquet().read_schema(path).names
        yield from rows_of([path], [name for name in columns if name in there])


EMPTY: Mapping[str, pl.DataFrame] = {
    "prompts": pl.DataFrame(schema={"prompt": pl.UInt64}),
    "pairs": pl.DataFrame(
        schema={
            "prompt": pl.UInt64,
            "key": pl.UInt64,
            "before": pl.Boolean,
            "chosen": pl.UInt64,
            "longer": pl.Boolean,
            "gap": pl.Float64,
            "row": pl.Int64,
        }
    ),
}
"""Where there are none."""
