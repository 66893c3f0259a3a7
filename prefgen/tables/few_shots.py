"""Sets of example prompts for writing new ones: of seeds, and of prompts already written. Self-Rewarding LMs
(arXiv:2401.10020) shows 8: 6 seeds and 2 generated; so does Self-Instruct (arXiv:2212.10560).
"""

import hashlib
import random

import polars as pl

from prefgen.conversations import as_texts
from prefgen.rows import whole

EACH = (6, 2)


@whole
def few_shots(rows: pl.DataFrame, *, n: int, each: tuple[int, ...] | list[int] = EACH, seed: int = 0) -> pl.DataFrame:
    """``n`` rows, each with ``shots``: a list of prompts' texts, drawn without replacement, in an order of their own.

    ``each`` says how many come from each part of the table (``concat: [seeds, generated]`` marks parts 0 and 1); a
    table without parts is all seeds. Where a part has too few, seeds take their place, as in Self-Instruct. A row's
    id and prompt_id are a hash of its shots; a set that was drawn before is not given twice. Raises ValueError for
    ``n`` under 1 and for ``each`` without a shot.
    """
    if n < 1:
        raise ValueError(f"n must be 1 or more; it is {n}")
    if not each or min(each) < 0 or not sum(each):
        raise ValueError(f"each must count one shot at least; it is {list(each)}")
    part = pl.col("part") if "part" in rows.columns else pl.lit(0)
    texts = as_texts(rows.select("prompt_id", "id", "prompt")["prompt"]).fill_null("None")
    parted = rows.select(texts.alias("text"), part.alias("part"))
    pools = [parted.filter(part == number)["text"].to_list() for number in range(len(each))]
    drawn = (_drawn(pools, each, f"{seed}/few_shots/{k}") for k in range(n if pools[0] else 0))
    sets = {_id(shots): shots for shots in drawn}
    columns = {"prompt_id": list(sets), "id": list(sets), "shots": list(sets.values())}
    return pl.DataFrame(columns, schema={"prompt_id": pl.String, "id": pl.String, "shots": pl.List(pl.String)})


def _drawn(pools: list[list[str]], each: tuple[int, ...] | list[int], seed: str) -> list[str]:
    """One set. A generator of its own, from a text: what it gives is the same everywhere."""
    generator = random.Random(seed)  # noqa: S311  # nothing secret is drawn
    shots: list[str] = []
    for pool, number in zip(pools, each, strict=True):
        shots += generator.sample(pool, min(number, len(pool)))
    if short := sum(each) - len(shots):
        left = [text for text in pools[0] if text not in shots]
        shots += generator.sample(left, min(short, len(left)))
    generator.shuffle(shots)
    return shots


def _id(shots: list[str]) -> str:
    return hashlib.sha256("\x00".join(shots).encode("utf-8", "surrogatepass")).hexdigest()[:16]


few_shots.looks_at = lambda settings: ("prompt", "part")  # type: ignore[attr-defined]  # noqa: ARG005
