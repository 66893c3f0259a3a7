"""What a worker is sent of a run: its recipe, and every file that its steps name. The worker makes the plan of it
anew, as a replay does; a source's rows come range by range, so that of a source it knows the columns alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import __version__, placed
from prefgen import plan as planning
from prefgen.allow import NOTHING, Allow
from prefgen.errors import RecipeError, RunError
from prefgen.kept import FILES, Kept, files_of
from prefgen.planned import Plan
from prefgen.recipe import Recipe, Step
from prefgen.spool import Spool


@dataclass(frozen=True)
class Shipment:
    """A plan in parts that can be sent: no paths of the machine that it was made on. ``addresses`` are those of models
    that were placed for it.
    """

    recipe: Recipe
    columns: Mapping[str, pl.Schema]
    files: Mapping[str, bytes] = field(repr=False)
    fakes: Mapping[str, Any] = field(default_factory=dict)
    allow: Allow = NOTHING
    addresses: placed.Addresses = field(default_factory=dict)
    version: str = __version__


def shipment(plan: Plan, addresses: placed.Addresses) -> Shipment:
    """A plan's."""
    columns = {table: step.schema for table, step in plan.steps.items() if step.source}
    recipe = replace(plan.recipe, write={}, target={}, splits={}, max_cost=None, folder=Path(), source="", places={})
    return Shipment(recipe, columns, files_of(plan), plan.fakes, plan.allow, addresses)


def planned(sent: Shipment, place: Path) -> Plan:
    """The plan of a shipment, whose files are laid in a folder. Raises RunError for what is not as it was where it was
    made: a key that is not set, a package that is not there.
    """
    if sent.version != __version__:
        what = f"this run is of prefgen {sent.version}, and a worker has {__version__}"
        raise RunError(f"{what}; install the same on all machines")
    for name, content in sent.files.items():
        path = place / FILES / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    recipe = replace(sent.recipe, folder=place)
    try:
        plan = planning.make(recipe, fakes=sent.fakes, allow=sent.allow, kept=_Sent(place, recipe, sent.columns))
    except RecipeError as e:
        raise RunError(f"a worker cannot run this recipe: {e}") from e
    return for_a_part(placed.placed(plan, sent.addresses))


def for_a_part(plan: Plan) -> Plan:
    """The plan as a part of its prompts goes through it: whether there are enough rows, and whether judges withstand
    their canaries, is for who sees all of them to say.
    """
    return replace(plan, target=None, canaries=replace(plan.canaries, at_least=0.0))


@dataclass(frozen=True)
class _Sent(Kept):
    columns: Mapping[str, pl.Schema] = field(default_factory=dict)

    def rows(self, table: str, step: Step) -> Spool:  # noqa: ARG002
        """A source's columns; its rows come elsewhere."""
        return Spool(self.place, self.place, self.columns[table], rows=1)
