"""Texts in certain languages, told by py3langid (langid.py, Lui and Baldwin 2012): n-grams, 97 languages, no model to
fetch. It takes texts one by one, some 25,000 a second; equal ones are looked at once.
"""

from collections.abc import Sequence
from functools import cache
from itertools import islice
from typing import Any

import polars as pl

from prefgen.conversations import as_texts
from prefgen.rows import because, drops

SHORT = 20
"""Letters under which a text's language is not told."""


def _other(
    *, among: str | Sequence[str], of: str = "prompt", min_probability: float = 0.5, unknown: bool = True
) -> pl.Expr:
    if not 0 <= min_probability <= 1:
        raise ValueError(f"min_probability must be from 0 to 1; it is {min_probability:g}")
    wanted = [among] if isinstance(among, str) else list(among)
    told = pl.col("_language")
    reasons = [(f"{of} is in another language", told.is_not_null() & ~told.is_in(wanted))]
    return because(*reasons, *([] if unknown else [(f"{of} is in no language that can be told", told.is_null())]))


def _told(
    rows: pl.DataFrame,
    *,
    among: str | Sequence[str],  # noqa: ARG001
    of: str = "prompt",
    min_probability: float = 0.5,
    unknown: bool = True,  # noqa: ARG001
) -> pl.DataFrame:
    texts = as_texts(rows[of]).to_list()
    known = {text: language_of(text, min_probability) if text else None for text in dict.fromkeys(texts)}
    return rows.with_columns(pl.Series("_language", [known[text] for text in texts], pl.String))


def language_of(text: str, min_probability: float = 0.5) -> str | None:
    """The language's ISO 639-1 code; None for a text with fewer than SHORT letters, or told with less probability."""
    if len([*islice(filter(str.isalpha, text[:1000]), SHORT)]) < SHORT:
        return None
    code, probability = _identifier().classify(text[:2000])
    return str(code) if probability >= min_probability else None


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


@drops(_other, prepared=_told)
def language(
    rows: pl.DataFrame,
    *,
    among: str | Sequence[str],  # noqa: ARG001
    of: str = "prompt",  # noqa: ARG001
    min_probability: float = 0.5,  # noqa: ARG001
    unknown: bool = True,  # noqa: ARG001
) -> pl.DataFrame:
    """Keeps rows whose text (``of``: a column of texts or conversations) is in one of the languages ``among``
    (ISO 639-1: en, de …). Texts with under 20 letters, or told with less than ``min_probability``, are kept unless
    ``unknown`` is false. Raises ValueError for a probability outside [0, 1].
    """
    return rows.drop("_language")
