"""Ranges: how a root's prompts are cut, and by which names what is made of each is found again.

A cut depends on the number of prompts alone, never on that of workers; a name on what is made of what: the plan, the
root, and its rows. So a range that was made once is found by whoever wants the same, and by nobody who wants another.
"""

import hashlib
import inspect
import io
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import verbs
from prefgen.asker import canonical
from prefgen.kept import files_of
from prefgen.planned import Plan, Planned
from prefgen.recipe import plain

MOST, FEW = 1000, 64
"""Prompts in a range at most: what a worker makes in one go (reliability-scale has 1,000 to 10,000; with fifteen
judgments to a prompt, more would be more than a node holds at ease); and where money or a target may end the run
between two of them.
"""
FEWEST = 16
"""Ranges, where there are prompts for so many: a worker asks many at once, and more are of no use for fewer prompts."""


def range_size(prompts: int, *, limited: bool) -> int:
    """Prompts in one range."""
    return max(1, min(FEW if limited else MOST, prompts // FEWEST))


def slice_of(ranges: int, number: int, of: int) -> range:
    """The places of the ranges that the ``number``-th of so many slices makes: as many as the others, or one more."""
    return range(number * ranges // of, (number + 1) * ranges // of)


DELIVERED = frozenset(
    {"base_url", "base_urls", "api_key_env", "concurrency", "rpm", "tpm", "timeout", "price", "prompt_cache", "batch"}
)
"""Of a model's settings those that say how a reply comes, and not what it says."""


def plan_digest(plan: Plan) -> str:
    """What makes the tables, and nothing else: steps, models, seed, the files that they name, the code of verbs that
    are somebody's, which prefgen and polars. Sixteen hex digits.
    """
    from prefgen import __version__

    steps = {table: [step.word, step.inputs, plan.recipe.steps[table].settings] for table, step in _made(plan).items()}
    models = {name: _written(plan, name) for name in plan.models}
    said = [__version__, pl.__version__, plan.recipe.seed, plan.recipe.canaries, steps, models]
    found = hashlib.sha256(canonical(plain(said)).encode())
    for name, content in sorted(files_of(plan).items()):
        found.update(f"\n{name}\n".encode() + hashlib.sha256(content).digest())
    for step in _made(plan).values():
        found.update(_code(step.verb))
    return found.hexdigest()[:16]


def _made(plan: Plan) -> dict[str, Planned]:
    """The steps but for sources, which are told by their rows."""
    return {table: step for table, step in plan.steps.items() if step.source is None}


def _written(plan: Plan, name: str) -> dict[str, Any]:
    """A model's settings, less how its replies come; with what is in the files of local ones."""
    from prefgen.llm.local import identity

    own = {key: value for key, value in plan.recipe.models[name].items() if key not in DELIVERED}
    return own | {"weights": [identity(one) for one in plan.models[name] if one.provider == "local"]}


def _code(verb: Callable[..., Any]) -> bytes:
    """What a verb does: nothing to tell of ours, of others the file that it stands in. One that stands in none, or that
    holds values of its own, may be another the next time.
    """
    if verbs.room_of(verb) != "yours":
        return b""
    try:
        source = inspect.getsourcefile(inspect.unwrap(verb))
        content = Path(source).read_bytes() if source and not getattr(verb, "__closure__", None) else None
    except (OSError, TypeError):
        content = None
    return uuid.uuid4().bytes if content is None else hashlib.sha256(content).digest()


def name_of(plan: str, root: str, rows: pl.DataFrame) -> str:
    """The name of what a plan (by its digest) makes of some rows of a root."""
    raw = [name for name, kind in rows.schema.items() if _holds_bytes(kind)]
    held, beside = io.BytesIO(repr([*rows.schema.items()]).encode()), io.BytesIO()
    held.seek(0, io.SEEK_END)  # a date is no text that reads the same
    rows.drop(raw).write_ndjson(held)
    if raw:  # of which JSON has no form
        rows.select(raw).rechunk().write_parquet(beside, compression="uncompressed", statistics=False)
    return f"{plan}/{root}/{hashlib.sha256(held.getvalue() + beside.getvalue()).hexdigest()[:24]}"


def _holds_bytes(kind: pl.DataType) -> bool:
    """Whether a column has bytes in it, pictures for one."""
    if isinstance(kind, pl.Struct):
        return any(_holds_bytes(field.dtype) for field in kind.fields)  # type: ignore[arg-type]
    if isinstance(kind, pl.List | pl.Array):
        return _holds_bytes(kind.inner)  # type: ignore[arg-type]
    return kind == pl.Binary


def product_name(name: str, *, failed: bool = False) -> str:
    """Where a range's product lies; one with requests that failed is made anew when it is wanted again."""
    return f"made/{name}{'.failed' if failed else ''}.zip"


def segments_of(name: str) -> str:
    """The folder of a range's segments."""
    return f"segments/{name}"


def numbered(shards: Iterator[pl.DataFrame], only: range) -> Iterator[pl.DataFrame]:
    """Those ranges whose places are among these."""
    return (rows for place, rows in enumerate(shards) if place in only)
