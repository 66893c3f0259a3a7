"""``splits: {test: 0.1, validation: 0.05}``: which prompts stand in which split, the same in every config.

A prompt's hash decides, and nothing else: not the seed, not its place, not what comes after it. A prompt that is a near
duplicate of earlier ones goes where they are; where they are in two splits it is left out, and counted. So no two near
duplicates are in different splits, and a prompt that is appended later moves none that was there.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.errors import Problem, RunError
from prefgen.order import Folder, frames, number
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.tablefile import tablefiles

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


def placed(texts: Sequence[str] | pl.LazyFrame, own: Sequence[str], *, fixed: int = 0) -> list[str | None]:
    """The split of each text: that of the earlier ones that it is near, None where they are in two, its ``own`` where
    it is near none. The first ``fixed`` have their own whatever they are near. Texts may be a table's column ``text``.
    """
    from prefgen.filters._bulk import edges
    from prefgen.filters._groups import lots
    from prefgen.filters._groups import texts as said_in

    rows = texts if isinstance(texts, pl.LazyFrame) else pl.LazyFrame({"text": pl.Series(texts, dtype=pl.String)})
    found: list[str | None] = list(own)
    ends = edges(lambda: said_in(rows, ["text"]), THRESHOLD, NGRAM)  # others are near none
    for lot in lots(rows.with_columns(id=pl.lit("")), ["text"], ends):
        _place(lot["text"].to_list(), lot["place"].to_list(), found, fixed)
    return found


def _place(texts: Sequence[str], places: Sequence[int], found: list[str | None], fixed: int) -> None:
    """Finds the splits of texts that may be near one another, at their places among all."""
    buckets: defaultdict[tuple[int, int], dict[str, list[int]]] = defaultdict(dict)
    is_near = _nearness(texts)
    for one, *keys in _met(texts):
        place, mine = places[one], [(band, key) for band, key in enumerate(keys) if key is not None]
        if place >= fixed:
            near = _near_splits(one, [buckets[key] for key in mine], is_near)
            found[place] = found[place] if not near else near.pop() if len(near) == 1 else None
        if (split := found[place]) is not None:
            for key in mine:
                buckets[key].setdefault(split, []).append(one)


def _met(texts: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    """The places of texts that share a band with another one, and their numbers in those bands."""
    from prefgen.filters._shingles import band_keys

    keys = band_keys(texts, THRESHOLD, NGRAM).with_row_index("place")
    bands = pl.exclude("place")
    shared = keys.select("place", pl.when(bands.is_duplicated()).then(bands))
    return shared.filter(pl.any_horizontal(bands.is_not_null())).iter_rows()


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
    """Where each prompt goes (``of``: ``prompt_id``, or its ``number``, and ``split``); counts the rows that are left
    out, as they come.
    """

    shares: Mapping[str, float]
    of: pl.DataFrame
    left_out: dict[str, int] = field(default_factory=dict)

    @cached_property
    def _known(self) -> tuple[pl.Series, pl.Series]:
        """The numbers of all prompts, sorted, and their splits: what is looked up for every few rows."""
        own = number(pl.col("prompt_id")).alias("number") if "prompt_id" in self.of.columns else pl.col("number")
        known = self.of.select(own, pl.col("split").cast(pl.Categorical)).sort("number")
        return known["number"], known["split"]

    def parted(self, config: str, rows: pl.DataFrame) -> Mapping[str, pl.DataFrame]:
        """The rows of each split. A table without prompts is all in ``train``."""
        if "prompt_id" not in rows.columns:
            return {TRAIN: rows}
        numbers, splits = self._known
        own = rows.select(number(pl.col("prompt_id")))["prompt_id"]
        place = numbers.search_sorted(own).clip(0, max(len(numbers) - 1, 0))
        for unknown in rows.filter(numbers.gather(place) != own if len(numbers) else True).head(1)["prompt_id"]:
            raise RunError(f"{config}: the prompt {unknown} is in no table that prompts come from, and has no split")
        split = splits.gather(place) if len(numbers) else splits
        if lost := split.null_count():
            self.left_out[config] = self.left_out.get(config, 0) + lost
        return {name: rows.filter((split == name).fill_null(value=False)) for name in (TRAIN, *self.shares)}


def of_run(plan: Plan, tables: Path) -> Splits | None:
    """The splits of a run's prompts; None where its recipe asks for none. Raises RunError."""
    if not plan.splits:
        return None
    origins = _origins(plan, tables)
    return of_tables([tables / f"{table}.parquet" for table in plan.steps if table in origins], plan.splits)


def of_tables(paths: Sequence[Path], shares: Mapping[str, float]) -> Splits:
    """The splits of all prompts of some tables, in order. Their texts lie on the disk meanwhile."""
    home, numbers = (
        Folder(),
        pl.concat([pl.Series([], dtype=pl.UInt64), *(n for path in paths for n in _numbers(path))]),
    )
    first, target = numbers.is_first_distinct(), home.path / "prompts.parquet"
    own = _laid(target, paths, first, shares)
    found = placed(pl.scan_parquet(target), own) if paths else []
    of = {"number": numbers.filter(first), "split": pl.Series(found, dtype=pl.Categorical)}
    return Splits(shares, pl.DataFrame(of))


def _numbers(path: Path) -> Iterator[pl.Series]:
    """The prompts of a table, row by row, as numbers."""
    return (rows.select(number(pl.col("prompt_id")))["prompt_id"] for rows in frames(path, columns=["prompt_id"]))


def _laid(target: Path, paths: Sequence[Path], first: pl.Series, shares: Mapping[str, float]) -> list[str]:
    """Writes the ``text`` of each prompt, once; of one without it nothing. Gives the splits that their hashes say."""
    own, row = list[str](), 0
    with tablefiles(target) as (file,):
        for rows in (some for path in paths for some in prompts_of(path)):
            new, row = rows.filter(first.slice(row, rows.height)), row + rows.height
            own += [drawn(prompt_id, shares) for prompt_id in new["prompt_id"]]
            file.add(new.select("text"))
    return own


def prompts_of(path: Path) -> Iterator[pl.DataFrame]:
    """The prompts of a table, row by row, some at a time: ``prompt_id`` and ``text``."""
    from prefgen.filters._shingles import texts_of

    names = pl.read_parquet_schema(path)
    for rows in frames(path, columns=["prompt_id", *(name for name in ("prompt",) if name in names)]):
        text = texts_of(rows, ["prompt"]) if "prompt" in names else pl.Series([""]).new_from_index(0, rows.height)
        yield rows.select("prompt_id", text.cast(pl.String).alias("text"))


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
    own, *others = (pl.concat([*_numbers(tables / f"{one}.parquet")]).unique() for one in (table, *inputs))
    return not own.is_in(pl.concat(others).implode()).all()


# --- in words -------------------------------------------------------------------------------


def told(splits: Splits, configs: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """What run.json and the card say: the shares asked for, prompts by split, prompts and rows left out and why, and
    the splits that some config has no row of.
    """
    counts = dict(splits.of["split"].cast(pl.String).value_counts().iter_rows())
    empty = {
        name: [one for one in (TRAIN, *splits.shares) if not rows.get(one)] for name, rows in configs.items() if rows
    }
    return {
        "asked": dict(splits.shares),
        "prompts": {name: counts.get(name, 0) for name in (TRAIN, *splits.shares)},
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
