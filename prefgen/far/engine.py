"""Which engine makes a run's ranges."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from prefgen.engines.ray import Ray
from prefgen.far.merge import Merge, merging
from prefgen.far.walk import FarWalk
from prefgen.llm.client import Client
from prefgen.planned import Plan
from prefgen.stages import Walk

Engine = Ray | Merge
Walks = Callable[..., Walk] | None
"""What makes the walk of a run; None where all is made here."""


@asynccontextmanager
async def walks(engine: Engine | None, plan: Plan, client: Client, home: Path) -> AsyncIterator[Walks]:
    """The walk of a run, as long as its engine is there."""
    if engine is None:
        yield None
    elif isinstance(engine, Merge):
        async with merging(engine, plan, client, home) as slices:
            yield partial(FarWalk, ranges=slices)
    else:
        from prefgen.far.cluster import on_ray

        async with on_ray(engine, plan, client, home) as workers:
            yield partial(FarWalk, ranges=workers)
