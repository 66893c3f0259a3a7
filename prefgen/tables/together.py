"""The responses of one prompt side by side, for a judge that sees them all at once. UltraFeedback, arXiv:2310.01377."""

from typing import Literal

import polars as pl

from prefgen.rows import because, drops, shuffled

PARTS = ("response_id", "response", "response_model", "response_reply")
OF_ONE_RESPONSE = {*PARTS, "id", "turn", "truncated", "correct"}
Order = Literal["shuffled", "given"]


def _apart(
    *,
    order: Order = "shuffled",  # noqa: ARG001
    at_least: int = 2,
    exactly: int | None = None,
    seed: int = 0,  # noqa: ARG001
) -> pl.Expr:
    if at_least < 2:
        raise ValueError(f"at_least must be 2 or more; it is {at_least}")
    written = pl.col("response").count().over("prompt_id")
    other = [] if exactly is None else [(f"not {exactly} responses", written != exactly)]
    return because(
        ("no response", pl.col("response").is_null()), *other, (f"fewer than {at_least} responses", written < at_least)
    )


@drops(_apart)
def together(
    rows: pl.DataFrame,
    *,
    order: Order = "shuffled",
    at_least: int = 2,  # noqa: ARG001  what is dropped is settled before
    exactly: int | None = None,  # noqa: ARG001
    seed: int = 0,
) -> pl.DataFrame:
    """One row of each prompt: ``candidates`` is the list of its responses, each with response_id, response,
    response_model and response_reply, in an order that the seed decides (as the paper shows them at random) or as they
    are ``given``. The prompt's own columns stay, as its first response's row has them.
    """
    columns = [c for c in rows.columns if c not in {*OF_ONE_RESPONSE, "prompt_id"}]
    ready = rows.with_columns(pl.col("id").alias("response_id"))
    missing = [pl.lit(None, pl.String).alias(c) for c in PARTS if c not in ready.columns]
    ready = ready.with_columns(*missing, shuffled(seed, "together").alias("_place"))
    first = rows.group_by("prompt_id", maintain_order=True).agg(pl.col(columns).first())
    shown = ready.sort("_place") if order == "shuffled" else ready
    lists = shown.group_by("prompt_id").agg(pl.struct(pl.col(c).cast(pl.String) for c in PARTS).alias("candidates"))
    made = first.join(lists, on="prompt_id", how="left", maintain_order="left")
    return made.select("prompt_id", pl.col("prompt_id").alias("id"), *columns, "candidates")
