"""What formats are made of: the prompt and the answers of a pair, and why a format cannot hold a row."""

import polars as pl

from prefgen.rows import because

PAIRS = ("preferences", "judge_preferences")
"""The configs of two conversations that differ in their last message."""
PROMPTS = ("preferences", "responses", "judgments")
"""The configs with one prompt for each ``prompt_id``."""

PROMPT = pl.col("chosen").list.head(pl.col("chosen").list.len() - 1)
"""All messages of a pair but the last."""

IDS = ("judge_pair_id", "judgment_id", "pair_id", "response_id")
"""Columns that name a row, the most particular first."""


def answer(side: str) -> pl.Expr:
    """The last message of one side, the assistant's."""
    return pl.col(side).list.last()


def said(message: pl.Expr) -> pl.Expr:
    """What a message says."""
    return message.struct.field("content")


def own_id(rows: pl.DataFrame) -> pl.Expr:
    """The ids of rows, as ``id``."""
    return pl.col(next(name for name in IDS if name in rows.columns)).alias("id")


def system_text() -> pl.Expr:
    """What a pair's system message says; "" where there is none."""
    first = PROMPT.list.first()
    return pl.when(first.struct.field("role") == "system").then(said(first)).otherwise(pl.lit(""))


def roles(prompt: pl.Expr) -> pl.Expr:
    """The roles of a prompt by their first letters, such as "suau"."""
    return prompt.list.eval(pl.element().struct.field("role").str.head(1)).list.join("")


def one_user_message() -> pl.Expr:
    """Why a pair's prompt is no single text."""
    return no_single_text(PROMPT)


def no_single_text(prompt: pl.Expr) -> pl.Expr:
    """Why a prompt is no single text."""
    return because(("the prompt has a system message", roles(prompt).str.contains("s")), *_turns(prompt, "^u$"))


def one_exchange() -> pl.Expr:
    """Why a prompt is not a single text with a system message or none."""
    return because(*_turns(PROMPT, "^s?u$"))


def alternating() -> pl.Expr:
    """Why a prompt is not a user's turn, an assistant's, a user's or a tool's, and so on, after a system message or
    none.
    """
    return because(("the prompt's turns do not alternate", ~roles(PROMPT).str.contains("^s?u(a[ut])*$")))


def asked_before() -> pl.Expr:
    """Why a prompt is not one more prompt."""
    return because(("the prompt stands there already", ~pl.col("prompt_id").is_first_distinct()))


def anything() -> pl.Expr:
    """The reason of formats that hold every row: none."""
    return pl.lit(None, pl.String)


def prompt_of(rows: pl.DataFrame) -> pl.Expr:
    """The prompts of a config of ``PROMPTS``, as conversations."""
    if "prompt" in rows.columns:
        return pl.col("prompt")
    whole = pl.col("messages" if "messages" in rows.columns else "chosen")
    return whole.list.head(whole.list.len() - 1).alias("prompt")


def _turns(prompt: pl.Expr, shape: str) -> tuple[tuple[str, pl.Expr], ...]:
    return (
        ("the prompt has a tool message", roles(prompt).str.contains("t")),
        ("the prompt has several turns", ~roles(prompt).str.contains(shape)),
    )
