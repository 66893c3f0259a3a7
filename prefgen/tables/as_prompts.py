"""A column of texts as prompts, each once: what was written as an instruction is asked as one."""

import hashlib

import polars as pl

from prefgen.asker import MESSAGES, canonical
from prefgen.rows import because, drops, whole

OWN = {"prompt_id", "id", "prompt", "shots"}


def _unasked(*, of: str = "instruction") -> pl.Expr:
    text = pl.col(of).str.strip_chars()
    return because(
        ("empty prompt", text.is_null() | (text == "")), ("duplicate prompt", ~pl.col("_hash").is_first_distinct())
    )


def _hashed(rows: pl.LazyFrame, *, of: str = "instruction") -> pl.LazyFrame:
    """The rows with the ids that their texts have as prompts: those that ``load`` gives."""
    return rows.with_columns(pl.col(of).str.strip_chars().map_elements(_hash, pl.String).alias("_hash"))


def _hash(text: str) -> str:
    talk = canonical([{"role": "user", "content": text}])
    return hashlib.sha256(talk.encode()).hexdigest()[:16]


@whole
@drops(_unasked, prepared=_hashed, lazily=True, row_by_row=True)
def as_prompts(rows: pl.DataFrame, *, of: str = "instruction") -> pl.DataFrame:
    """Prompts of one user turn, with the text of the column ``of``; equal texts make one. Other columns stay."""
    turn = pl.struct(pl.lit("user").alias("role"), pl.col(of).str.strip_chars().alias("content"))
    keep = [c for c in rows.columns if c not in {*OWN, of, "_hash"}]
    return rows.select(
        pl.col("_hash").alias("prompt_id"),
        pl.col("_hash").alias("id"),
        pl.concat_list(turn).cast(MESSAGES).alias("prompt"),
        *keep,
    )
