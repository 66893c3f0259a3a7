"""Small tables for the tests of filters."""

from collections.abc import Sequence
from typing import Any

import polars as pl

JUDGED = dict.fromkeys(("prompt_id", "id", "pair_id", "gold", "verdict", "judge_model"), pl.String)
PAIRS = dict.fromkeys(("prompt_id", "id", "chosen", "rejected", "chosen_model", "rejected_model"), pl.String)


def judged(pairs: Sequence[Sequence[tuple[str, str | None] | tuple[str, str | None, str]]]) -> pl.DataFrame:
    """Judgments of each pair: (gold, which response it prefers: c, r or None), and perhaps who judged."""
    rows = []
    for number, judgments in enumerate(pairs):
        for k, (gold, said, *who) in enumerate(judgments):
            verdict = None if said is None else gold if said == "c" else "BA"["AB".index(gold)]
            rows.append((f"p{number}", f"p{number}.0.{k}", f"p{number}.0", gold, verdict, (*who, "m")[0]))
    return pl.DataFrame(rows, schema=JUDGED, orient="row")


def pairs(*texts: tuple[str | None, str | None], **columns: Any) -> pl.DataFrame:
    """Pairs of (chosen, rejected), with more columns."""
    rows = [{"prompt_id": f"p{i}", "id": f"p{i}.0", "chosen": c, "rejected": r} for i, (c, r) in enumerate(texts)]
    return pl.DataFrame(rows, schema=PAIRS).with_columns(pl.Series(name, values) for name, values in columns.items())


def why(verb: Any, rows: pl.DataFrame, **settings: Any) -> list[str | None]:
    """Why each row would go; and the filter, called, keeps the others, also of none, lazily and of dicts."""
    reasons: list[str | None] = verb.marked(rows, **settings)["dropped"].to_list()
    kept = [row for row, reason in zip(rows.to_dicts(), reasons, strict=True) if reason is None]
    same = [{name: row[name] for name in rows.columns} for row in verb(rows, **settings).to_dicts()]
    assert same == kept
    assert verb(rows.lazy(), **settings).collect().height == len(kept)
    assert len(verb(rows.to_dicts(), **settings)) == len(kept)
    empty = verb(rows.clear(), **settings)
    assert empty.is_empty()
    assert empty.schema == verb(rows, **settings).schema
    return reasons
