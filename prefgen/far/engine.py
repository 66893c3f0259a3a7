"""Which engine makes a run's ranges, and what a run walks through while it is there."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from prefgen import placed
from prefgen.engines.ray import Ray
from prefgen.far.merge import Merge, merging
from prefgen.far.walk import FarWalk
from prefgen.llm.client import Client
from prefgen.planned import Plan
from prefgen.stages import Walk

Engine = Ray | Merge
Say = Callable[[str], None]


class Ready(NamedTuple):
    """A run's plan and those of its gates, with models where they are to be asked; and what makes the run's walk, None
    where all is made here.
    """

    plan: Plan
    gates: Mapping[str, Plan]
    walk: Callable[..., Walk] | None = None


@asynccontextmanager
async def ready(
    engine: Engine | None, plan: Plan, gates: Mapping[str, Plan], client: Client, home: Path, say: Say
) -> AsyncIterator[Ready]:
    """What a run needs, as long as its engine is there. Raises RecipeError for a model that only Ray could place."""
    if not isinstance(engine, Ray):
        for one in (plan, *gates.values()):
            placed.refuse(one)
    if engine is None:
        yield Ready(plan, gates)
    elif isinstance(engine, Merge):
        async with merging(engine, plan, client, home) as slices:
            yield Ready(plan, gates, partial(FarWalk, ranges=slices))
    else:
        from prefgen.far.cluster import on_ray

        async with on_ray(engine, plan, gates, client, home, say) as (workers, addresses):
            there = {table: placed.placed(one, addresses) for table, one in gates.items()}
            yield Ready(placed.placed(plan, addresses), there, partial(FarWalk, ranges=workers))
