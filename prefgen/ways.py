"""A run that is replayed, and the ways through what its journal holds: the one that it went, and others."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import dataset, verbs
from prefgen import plan as planning
from prefgen.again import Found, Prompts, made_again
from prefgen.allow import NOTHING, Allow
from prefgen.door import finished
from prefgen.errors import RunError
from prefgen.folders import no_room
from prefgen.kept import Kept, settle
from prefgen.llm.journal import Journal
from prefgen.llm.offline import Offline
from prefgen.manifest import costs
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.written import Done, write


@dataclass(frozen=True)
class Ran:
    """A run that is replayed: its folder, its run.json, its recipe and the text of it; and a folder to work in."""

    place: Path
    told: Mapping[str, Any]
    recipe: Recipe
    text: str
    journal: Journal
    temporary: Path
    fakes: Mapping[str, Any]
    allow: Allow = NOTHING

    def plan(self, recipe: Recipe) -> Plan:
        """The plan of a recipe, on the prompts and files of the run. Raises RecipeError."""
        kept, free = Kept(self.place, self.recipe), replace(recipe, max_cost=None)  # nothing is sent
        return planning.make(free, writers=dataset.CONFIGS, fakes=self.fakes, keys=False, kept=kept, allow=self.allow)

    def unfinished(self) -> Prompts:
        """The prompts that the run did not come to, or had no money for."""
        found = {}
        for root, spans in (self.told.get("only_prompts") or {}).items():
            prompts = _prompts(self.place / "tables" / f"{root}.parquet")
            found[root] = set(prompts) - {one for start, end in spans for one in prompts[start:end]}
        return found

    def client(self) -> Offline:
        """What gives replies."""
        return Offline(self.journal, self.fakes, identities=self.told.get("weights") or {})

    def way(self, recipe: Recipe, name: str, without: Prompts) -> "Way":
        """Goes through a recipe with what is known."""
        plan, folder, client = _unchecked(self.plan(recipe)), self.temporary / name, self.client()
        found = finished(made_again(plan, client, folder / "tables", without=without))
        return Way(plan, folder, found, without, client.wanted, self.journal.path)

    def sums(self) -> Mapping[str, str]:
        """The SHA-256 of each file as it was written."""
        return self.told.get("sha256") or {}


def _prompts(path: Path) -> Sequence[str]:
    """The prompts of a table, in the order in which they appear."""
    try:
        rows = pl.read_parquet(path, columns=["prompt_id"])
    except (OSError, pl.exceptions.PolarsError) as e:
        raise RunError(f"{path}: cannot be read; run the recipe again, which asks nothing anew") from e
    found: list[str] = rows["prompt_id"].unique(maintain_order=True).to_list()
    return found


def _unchecked(plan: Plan) -> Plan:
    """A plan whose canaries end nothing: how soon they would depends on how the work is cut."""
    return replace(plan, canaries=replace(plan.canaries, at_least=0.0))


@dataclass(frozen=True)
class Way:
    """One way through: its plan, the folder of its tables, what came of it, the draws that it wanted in vain, and where
    its replies are.
    """

    plan: Plan
    folder: Path
    found: Found
    without: Prompts
    wanted: Mapping[bytes, str]
    journal: Path

    def write(self, text: str, out: Path | None = None) -> None:
        """Writes the dataset; keeps all that was made in another folder where one is named."""
        done = Done()
        done.reports["costs"] = costs(self.journal, self.found.progress)
        write(self.plan, self.folder, self.found.progress, text, done)
        settle(self.folder, text)
        if out:
            try:
                shutil.copytree(self.folder, out, dirs_exist_ok=True)
            except OSError as e:
                raise no_room(out, e) from e

    def keys(self, table: str = "") -> set[bytes]:
        """The replies that a table used, or all tables."""
        return self.found.used.get(table, set()) if table else set().union(*self.found.used.values())

    def counted(self, what: str, table: str) -> int:
        """One of a table's counts; nought for a table that is not made."""
        counts = self.found.progress.counts
        return getattr(counts[table], what) if table in counts else 0

    def left_out(self) -> int:
        """How many prompts have draws that are not known."""
        return len(set().union(*self.found.left_out.values()))

    def table(self, name: str) -> pl.DataFrame:
        """One of the tables; without rows where it is not made."""
        made = name in self.plan.steps
        return pl.read_parquet(self.folder / "tables" / f"{name}.parquet") if made else pl.DataFrame()

    def config(self, name: str) -> pl.DataFrame:
        """One config of the dataset; without rows where it is not written."""
        table = self.plan.recipe.write.get(name)
        return dataset.CONFIGS[name](self.table(table)) if table else pl.DataFrame()

    def judging(self) -> Iterator[str]:
        """The tables of judgments that are not written as they are."""
        for table, step in self.plan.steps.items():
            if verbs.room_of(step.verb) == "judges" and self.plan.recipe.write.get("judgments") != table:
                yield table
