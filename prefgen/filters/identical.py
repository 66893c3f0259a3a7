"""Pairs whose two responses say the same, or nearly: there is nothing to prefer."""

import polars as pl

from prefgen.rows import because, drops


def _same(*, at_least: float = 0.95) -> pl.Expr:
    if not 0 < at_least <= 1:
        raise ValueError(f"at_least must be above 0 and at most 1; it is {at_least:g}")
    return because(
        ("no response", pl.col("chosen").is_null() | pl.col("rejected").is_null()),
        ("equal texts", pl.col("likeness") == 1),
        (f"texts alike by {at_least:g}", pl.col("likeness") >= at_least),
    )


def _likeness(rows: pl.DataFrame, *, at_least: float = 0.95) -> pl.DataFrame:  # noqa: ARG001
    """The rows with the normalised indel likeness of their two responses: 2 * common / (length of both), of what is
    left when case and white space do not count.
    """
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    plain = [
        rows[side].str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars().fill_null("").to_list()
        for side in ("chosen", "rejected")
    ]
    likeness = cpdist(*plain, scorer=Indel.normalized_similarity).tolist() if rows.height else []
    return rows.with_columns(pl.Series("likeness", likeness, pl.Float64))


@drops(_same, prepared=_likeness)
def identical(rows: pl.DataFrame, *, at_least: float = 0.95) -> pl.DataFrame:  # noqa: ARG001
    """Drops pairs whose responses are ``at_least`` 0.95 alike (our choice), 1 being the same but for case and white
    space. Raises ValueError for a likeness outside (0, 1].
    """
    return rows.drop("likeness")
