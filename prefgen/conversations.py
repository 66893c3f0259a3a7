"""Conversations in columns: as the texts that people and judges read, and longer by a turn."""

import polars as pl


def as_text(value: object) -> object:
    """A conversation as the text a judge reads: one turn as it stands, several with their speakers."""
    if not (isinstance(value, list) and value and isinstance(value[0], dict) and "role" in value[0]):
        return value
    if len(value) == 1:
        return value[0]["content"]
    return "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in value)


def as_texts(values: pl.Series) -> pl.Series:
    """``as_text`` of a whole column, as strings; null where there is nothing."""
    if values.dtype == pl.String:
        return values
    if not _is_talk(values.dtype):
        return pl.Series(values.name, [_spelt(value) for value in values.to_list()], pl.String)
    alone = values.list.len() == 1
    texts = values.list.first().struct.field("content").fill_null("None").set(~alone.fill_null(value=False), None)
    others = (~alone).arg_true()  # of several turns, each is spelt by itself
    told = [_spelt(value) for value in values.gather(others).to_list()]
    return texts.scatter(others, pl.Series(told, dtype=pl.String)).alias(values.name)


def _spelt(value: object) -> str | None:
    return None if value is None else str(as_text(value))


def _is_talk(kind: pl.DataType) -> bool:
    inner = kind.inner if isinstance(kind, pl.List) else None
    named = {field.name: field.dtype for field in inner.fields} if isinstance(inner, pl.Struct) else {}
    return "role" in named and named.get("content") == pl.String


def ended(talks: pl.Series, turns: pl.Series) -> pl.Series:
    """Each conversation with one turn more; null where there is none. ``pl.concat_list`` takes thirty times as long."""
    numbered = pl.DataFrame([talks.alias("talk"), turns.alias("turn")]).with_row_index("n")
    before = numbered.select("n", pl.col("talk").alias("turn")).explode("turn", empty_as_null=False, keep_nulls=False)
    both = pl.concat([before, numbered.select("n", "turn")], how="vertical_relaxed").sort("n", maintain_order=True)
    made = both.group_by("n", maintain_order=True).agg("turn")["turn"]
    return made.set(talks.is_null(), None).alias(talks.name) if talks.null_count() else made.alias(talks.name)


def twos(first: pl.Series, second: pl.Series) -> pl.Series:
    """Lists of two: of each row the one value and the other."""
    place = pl.int_range(2 * len(first), eager=True)
    return pl.concat([first, second]).gather(place // 2 + place % 2 * len(first)).reshape((-1, 2)).arr.to_list()
