"""``splits: {test: 0.1, validation: 0.05}``: which prompts stand in which split, the same in every config.

A prompt's hash decides, and nothing else: not the seed, not its place, not what comes after it. A prompt that is a near
duplicate of earlier ones goes where they are; where they are in two splits it is left out, and counted. So no two near
duplicates are in different splits, and a prompt that is appended later moves none that was there.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.errors import Problem, RunError
from prefgen.planned import Plan
from prefgen.recipe import Recipe

TRAIN = "train"
"""The split of what no other takes."""
TWO = "near-duplicate of prompts in two splits"
"""Why a prompt is left out."""
THRESHOLD, NGRAM = 0.8, 3
"""What a near duplicate is: as ``near_duplicates`` has it."""
_NAME = re.compile(r"\w+(\.\w+)*", re.ASCII)
"""What ``datasets`` takes for a split's name."""
_OTHERS = {TRAIN: "it is what the other splits leave; take it away", "all": "`datasets` calls all splits so"}
"""Names that a split cannot have, and why."""
LONGEST = 60
"""Characters of a split's name, which stands in its files'."""


# --- what a recipe says ---------------------------------------------------------------------


def splits(recipe: Recipe) -> tuple[Mapping[str, float], Sequence[Problem]]:
    """The share of each split that a recipe asks for, and what is wrong with them."""
    problems = []
    for name, share in recipe.splits.items():
        for what, cure in _wrong(name, share):
            problems.append(Problem(recipe.where("splits", str(name)), "splits", what, cure))
    if len({str(name).lower() for name in recipe.splits}) < len(recipe.splits):
        what = "two names differ in nothing but case, and some disks take them for one"
        problems.append(Problem(recipe.where("splits"), "splits", what, "name them otherwise"))
    if not problems and sum(recipe.splits.values()) >= 1:
        what = f"the shares come to {sum(recipe.splits.values()):g}, and leave nothing to train on"
        problems.append(Problem(recipe.where("splits"), "splits", what, "say shares that come to less than 1"))
    return ({} if problems else dict(recipe.splits)), problems


def _wrong(name: Any, share: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST:
        yield f"{name!r:.60} cannot name a split", "use letters, digits and underscores, such as test"
    elif name.lower() in _OTHERS:
        yield f"'{name}' cannot be given", _OTHERS[name.lower()]
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share < 1:
        yield f"{name} is {share!r:.60}", "say a share between 0 and 1, such as 0.1"


# --- where a prompt goes --------------------------------------------------------------------


def drawn(prompt_id: str, shares: Mapping[str, float]) -> str:
    """The split that a prompt's hash says."""
    digest = hashlib.blake2b(f"split/{prompt_id}".encode(), digest_size=8).digest()
    number, below = int.from_bytes(digest, "big") / 2**64, 0.0
    for name, share in shares.items():
        below += share
        if number < below:
            return name
    return TRAIN


def assigned(prompts: pl.DataFrame, shares: Mapping[str, float]) -> pl.DataFrame:
    """The split of each prompt (``prompt_id``, ``prompt``), in their order; null for those that are left out."""
    from prefgen.filters._shingles import texts_of

    own = [drawn(prompt_id, shares) for prompt_id in prompts["prompt_id"]]
    found = placed(texts_of(prompts, ["prompt"]).to_list(), own)
    return prompts.select("prompt_id", pl.Series("split", found, pl.String))


def placed(texts: Sequence[str], own: Sequence[str], *, fixed: int = 0) -> list[str | None]:
    """The split of each text: that of the earlier ones that it is near, None where they are in two, its ``own`` where
    it is near none. The first ``fixed`` have their own whatever they are near.
    """
    found: list[str | None] = list(own)
    buckets: defaultdict[tuple[int, int], dict[str, list[int]]] = defaultdict(dict)
    is_near = _nearness(texts)
    for place, *keys in _met(texts):
        mine = [(band, key) for band, key in enumerate(keys) if key is not None]
        if place >= fixed:
            near = _near_splits(place, [buckets[one] for one in mine], is_near)
            found[place] = own[place] if not near else near.pop() if len(near) == 1 else None
        if (split := found[place]) is not None:
            for one in mine:
                buckets[one].setdefault(split, []).append(place)
    return found


def _met(texts: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The places of texts that share a band with another one, and their numbers in those bands."""
    from prefgen.filters._bulk import suspects
    from prefgen.filters._shingles import band_keys

    places = suspects(pl.Series(texts, dtype=pl.String), THRESHOLD, NGRAM)  # others are near none
    keys = band_keys([texts[place] for place in places], THRESHOLD, NGRAM)
    shared = keys.select(places.alias("place"), *(pl.when(one.is_duplicated()).then(one) for one in keys))
    return shared.filter(pl.any_horizontal(pl.exclude("place").is_not_null())).iter_rows()


def _near_splits(place: int, buckets: Sequence[Mapping[str, Sequence[int]]], is_near: Any) -> set[str]:
    """The splits in which something near a text is."""
    found: set[str] = set()
    for split in dict.fromkeys(name for bucket in buckets for name in bucket):
        others = dict.fromkeys(other for bucket in buckets for other in bucket.get(split, ()))
        if any(is_near(place, other) for other in others):
            found.add(split)
    return found


def _nearness(texts: Sequence[str]) -> Any:
    """Whether the texts at two places are near."""
    from prefgen.filters._shingles import jaccard, ngrams, words

    @lru_cache(maxsize=10_000)
    def grams(place: int) -> set[str]:
        return ngrams(words(texts[place]), NGRAM)

    return lambda place, other: jaccard(grams(place), grams(other)) >= THRESHOLD


# --- of a run -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Splits:
    """Where each prompt goes (``of``: ``prompt_id``, ``split``); counts the rows that are left out, as they come."""

    shares: Mapping[str, float]
    of: pl.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)

    def parted(self, config: str, rows: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """The rows of each split. A table without prompts is all in ``train``."""
        if "prompt_id" not in rows.columns:
            return {TRAIN: rows}
        placed = rows.join(self.of, on="prompt_id", how="left", maintain_order="left")
        lost = placed.filter(pl.col("split").is_null())
        for unknown in lost.join(self.of, on="prompt_id", how="anti").head(1)["prompt_id"]:
            raise RunError(f"{config}: the prompt {unknown} is in no table that prompts come from, and has no split")
        if lost.height:
            self.left_out[config] = self.left_out.get(config, 0) + lost.height
        names = (TRAIN, *self.shares)
        parts = placed.partition_by("split", as_dict=True, include_key=False, maintain_order=True)
        nothing = rows.clear()
        return {name: parts.get((name,), nothing) for name in names}


def of_run(plan: Plan, tables: Path) -> Splits | None:
    """The splits of a run's prompts; None where its recipe asks for none. Raises RunError."""
    if not plan.splits:
        return None
    origins = _origins(plan, tables)
    parts = [prompts_of(tables / f"{table}.parquet") for table in plan.steps if table in origins]
    prompts = pl.concat(parts).unique("prompt_id", keep="first", maintain_order=True) if parts else _NONE
    return Splits(plan.splits, assigned(prompts, plan.splits))


_NONE = pl.DataFrame(schema={"prompt_id": pl.String, "prompt": pl.String})


def _origins(plan: Plan, tables: Path) -> set[str]:
    """Where the prompts of what is written come from: sources, and tables with prompts that their inputs lack. Their
    order is that of the prompts, whatever became of each.
    """
    found, waiting = set[str](), [table for config, table in plan.recipe.write.items() if config != "results"]
    seen = set(waiting)
    while waiting:
        table = waiting.pop()
        inputs = plan.steps[table].inputs
        if not inputs or _has_others(tables, table, inputs):
            found.add(table)
        else:
            waiting += [one for one in inputs if one not in seen]
            seen |= set(inputs)
    return found


def _has_others(tables: Path, table: str, inputs: Sequence[str]) -> bool:
    """Whether a table has prompts that its inputs lack."""
    own, *others = (pl.scan_parquet(tables / f"{one}.parquet").select("prompt_id") for one in (table, *inputs))
    return not own.join(pl.concat(others), on="prompt_id", how="anti").head(1).collect().is_empty()


def prompts_of(path: Path) -> pl.DataFrame:
    """The prompts of a table, each once, in order; of one without their text the ids alone."""
    from prefgen.filters._shingles import texts_of

    lazy = pl.scan_parquet(path)
    names = lazy.collect_schema().names()
    columns = ["prompt_id", *(name for name in ("prompt",) if name in names)]
    rows = lazy.select(columns).unique("prompt_id", keep="first", maintain_order=True).collect()
    text = texts_of(rows, ["prompt"]) if "prompt" in names else [""] * rows.height
    return rows.select("prompt_id", pl.Series("prompt", text, pl.String))


# --- in words -------------------------------------------------------------------------------


def told(splits: Splits, configs: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What run.json and the card say: the shares asked for, prompts by split, prompts and rows left out and why, and
    the splits that some config has no row of.
    """
    counts = Counter(splits.of["split"].drop_nulls().to_list())
    empty = {
        name: [one for one in (TRAIN, *splits.shares) if not rows.get(one)] for name, rows in configs.items() if rows
    }
    return {
        "asked": dict(splits.shares),
        "prompts": {name: counts[name] for name in (TRAIN, *splits.shares)},
        "left_out": {"prompts": splits.of["split"].null_count(), "rows": dict(splits.left_out), "why": TWO},
        "empty": {name: lacking for name, lacking in empty.items() if lacking and name != "results"},
    }


def lines(report: Mapping[str, Any]) -> list[str]:
    """The same in words, a line each; none where no splits were asked for."""
    if not report:
        return []
    prompts = ", ".join(f"{name} {number:,}" for name, number in report["prompts"].items())
    told, out = [f"splits: prompts in {prompts}"], report["left_out"]
    if out["prompts"]:
        rows = ", ".join(f"{name} {number:,}" for name, number in out["rows"].items()) or "none"
        prompts = "prompt" if out["prompts"] == 1 else "prompts"
        told.append(f"splits: {out['prompts']:,} {prompts} left out ({out['why']}); rows: {rows}")
    for config, names in report["empty"].items():
        told.append(f"splits: no row of {config} is in {', '.join(names)}, so that is not written")
    return told
