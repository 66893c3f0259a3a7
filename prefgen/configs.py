"""The configs of a dataset: exactly the columns of ``schemas/``, made from a run's tables.

Two configs hold the pairs, because no one layout loads in every trainer: ``preferences`` as whole conversations
without a prompt column (TRL, Axolotl, OpenRLHF, torchtune), ``preferences_text`` as strings (LLaMA-Factory,
NeMo-RL). No column has a name that a trainer takes for something else, such as ``margin`` or ``labels``.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen.resources import resources

if TYPE_CHECKING:
    import pyarrow as pa


def preferences(rows: pl.DataFrame) -> pl.DataFrame:
    """Pairs as whole conversations, one row a pair: of a table of judgments, each pair's first, with the replies of
    all of its judgments, and of those before by which it was made.
    """
    pairs = rows.with_columns(_column(rows, "pair_id", "id").alias("pair_id"), judgment_replies=_every_reply(rows))
    each = pl.col("judgment_replies").explode().drop_nulls().unique(maintain_order=True)
    replies = pairs.group_by("pair_id", maintain_order=True).agg(each)
    whole = pairs.drop("judgment_replies").join(replies, on="pair_id", how="left", maintain_order="left")
    whole = whole.filter(pl.col("pair_id").is_first_distinct())
    return _shaped(
        "preferences", whole.with_columns(_ended(whole, side).alias(side) for side in ("chosen", "rejected"))
    )


def preferences_text(pairs: pl.DataFrame) -> pl.DataFrame:
    """The rows of ``preferences`` whose prompt is one user message, as strings; the others have no such form."""
    first = pl.col("chosen").list.first().struct
    alone = pairs.filter(pl.col("chosen").list.len() == 2, first.field("role") == "user")
    last = {side: pl.col(side).list.last().struct.field("content") for side in ("chosen", "rejected")}
    return _shaped("preferences_text", alone.with_columns(prompt=first.field("content"), **last))


def judgments(rows: pl.DataFrame) -> pl.DataFrame:
    """Every judgment of a table, of pairs or of single responses."""
    return _shaped("judgments", rows.with_columns(judgment_id="id", judgment_replies=_own_replies(rows)))


def judge_sft(rows: pl.DataFrame) -> pl.DataFrame:
    """What a judge was asked and what it wrote, as prompt and completion: the loss is on the judgment alone
    (arXiv:2408.02666). A judge that writes nothing has nothing to teach this way.
    """
    said = rows.filter(pl.col("asked").is_not_null(), pl.col("judgment").is_not_null())
    completion = pl.concat_list(_turn("judgment"))
    own = _own_replies(rows)
    told = said.with_columns(prompt="asked", completion=completion, judgment_id="id", judgment_replies=own)
    return _shaped("judge_sft", told)


def judge_preferences(rows: pl.DataFrame) -> pl.DataFrame:
    """Pairs of judgments as whole conversations: what a judge was asked, and a better and a worse judgment."""
    ended = {side: _ended(rows, f"{side}_judgment", "asked") for side in ("chosen", "rejected")}
    told = rows.with_columns(**ended, judge_pair_id="id", judgment_replies=_made_of(rows))
    return _shaped("judge_preferences", told)


def responses(rows: pl.DataFrame) -> pl.DataFrame:
    """Every response of a table as a conversation, once, with its score where it has one: single judgments that
    differ are not its score.
    """
    told = rows.with_columns(messages=_ended(rows, "response"), response_id=_column(rows, "response_id", "id"))
    if "score" in rows.columns:
        agreed = pl.col("score").n_unique().over("response_id") == 1
        told = told.with_columns(pl.when(agreed).then("score").alias("score"))
    return _shaped("responses", told.filter(pl.col("response_id").is_first_distinct()))


def results(rows: pl.DataFrame) -> pl.DataFrame:
    """A benchmark's numbers, as ``sections`` and ``domains`` give them."""
    return _shaped("results", rows)


CONFIGS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "preferences": preferences,
    "judgments": judgments,
    "judge_sft": judge_sft,
    "judge_preferences": judge_preferences,
    "responses": responses,
    "results": results,
}
"""What a recipe's ``write:`` may name. ``preferences`` brings ``preferences_text`` with it."""


def _turn(text: str) -> pl.Expr:
    """A column of text as the assistant's turn."""
    return pl.struct(pl.lit("assistant").alias("role"), pl.col(text).cast(pl.String).alias("content"))


def _ended(rows: pl.DataFrame, text: str, talk: str = "prompt") -> pl.Series:
    """Each row's conversation, ended by a column of text: turns and texts in one column, put in order and gathered by
    rows, which takes a twentieth of the time of ``concat_list``.
    """
    place = pl.int_range(pl.len(), dtype=pl.UInt32).alias("place")
    turns = rows.select(place, turn=talk).explode("turn").filter(pl.col("turn").is_not_null())
    ends = rows.select(place, turn=_turn(text).cast(turns.schema["turn"]))
    every = pl.concat([turns, ends]).sort("place", maintain_order=True)
    whole = every.group_by("place", maintain_order=True).agg("turn")["turn"]
    return pl.select(pl.when(rows[talk].is_not_null()).then(whole)).to_series()


def _column(rows: pl.DataFrame, *names: str) -> pl.Expr:
    """The first of these columns that a table has; its last, asked for, where it has none."""
    return pl.col(next((name for name in names if name in rows.columns), names[-1]))


_NONE = pl.lit([], dtype=pl.List(pl.String))


def _made_of(rows: pl.DataFrame) -> pl.Expr:
    """The journal keys of the judgments that a row was made of."""
    several = "judgment_replies" in rows.columns
    return pl.col("judgment_replies").cast(pl.List(pl.String)).fill_null([]) if several else _last_reply(rows)


def _last_reply(rows: pl.DataFrame) -> pl.Expr:
    """The key of the reply that a row of one judgment was read from, as a list; an empty one where there is none."""
    return pl.concat_list("judgment_reply").list.drop_nulls() if "judgment_reply" in rows.columns else _NONE


def _own_replies(rows: pl.DataFrame) -> pl.Expr:
    """Those of a judgment itself: what it judges may have been made of others."""
    last = _last_reply(rows)
    return pl.when(last.list.len() > 0).then(last).otherwise(_made_of(rows))


def _every_reply(rows: pl.DataFrame) -> pl.Expr:
    """Those of a judgment and of all before it."""
    return pl.concat_list(_made_of(rows), _last_reply(rows))


def _shaped(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The columns of a schema, in its order and types. One that may be null may be missing; a table without
    one of the others fails, in a plan as in a run.
    """
    missing = nullable(name) - set(rows.columns)
    return rows.select(pl.lit(None, t).alias(c) if c in missing else pl.col(c).cast(t) for c, t in types(name).items())


# --- schemas --------------------------------------------------------------------------------


@cache
def json_schema(name: str) -> dict[str, Any]:
    """The JSON schema of one row of a config."""
    found: dict[str, Any] = json.loads((resources("schemas") / f"{name}.json").read_text(encoding="utf-8"))
    return found


@cache
def types(name: str) -> pl.Schema:
    """The columns of a config as polars has them, made from its JSON schema: a plan needs no Arrow."""
    whole = json_schema(name)
    return pl.Schema({column: _type(of, whole) for column, of in whole["properties"].items()})


def _type(of: Mapping[str, Any], whole: Mapping[str, Any]) -> pl.DataType:
    if "$ref" in of:
        return _type(whole["$defs"][of["$ref"].rpartition("/")[2]], whole)
    (kind,) = _kinds(of) - {"null"}
    if kind == "array":
        return pl.List(_type(of["items"], whole))
    if kind == "object":
        return pl.Struct({field: _type(inner, whole) for field, inner in of["properties"].items()})
    return {"string": pl.String(), "number": pl.Float64(), "integer": pl.Int64(), "boolean": pl.Boolean()}[kind]


@cache
def arrow_schema(name: str) -> "pa.Schema":
    """The Arrow schema of a config, made from its JSON schema."""
    import pyarrow as pa

    whole = json_schema(name)
    return pa.schema([(column, _arrow(of, whole)) for column, of in whole["properties"].items()])


def _arrow(of: Mapping[str, Any], whole: Mapping[str, Any]) -> "pa.DataType":
    import pyarrow as pa

    if "$ref" in of:
        return _arrow(whole["$defs"][of["$ref"].rpartition("/")[2]], whole)
    (kind,) = _kinds(of) - {"null"}
    if kind == "array":
        return pa.list_(_arrow(of["items"], whole))
    if kind == "object":
        return pa.struct([(field, _arrow(inner, whole)) for field, inner in of["properties"].items()])
    return {"string": pa.string(), "number": pa.float64(), "integer": pa.int64(), "boolean": pa.bool_()}[kind]


def _kinds(of: Mapping[str, Any]) -> set[str]:
    return {of["type"]} if isinstance(of["type"], str) else set(of["type"])


def nullable(name: str) -> set[str]:
    """The columns of a config that may be null, or missing from a table."""
    return {column for column, of in json_schema(name)["properties"].items() if "null" in _kinds(of)}
