"""Shared objects that are in this process, with the face of Ray's: what a worker asks, in tests without Ray."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import numpy as np
import polars as pl
import pytest

from prefgen import plan as planning
from prefgen.configs import CONFIGS
from prefgen.engines.ray import Ray
from prefgen.far.desk import Desk
from prefgen.far.ranges import name_of, plan_digest, range_size
from prefgen.far.shipment import Shipment, shipment
from prefgen.far.worker import Came, Work, make_range, sign
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.spool import in_shards, prompts_of
from prefgen.stages import trees
from prefgen.storage import Storage


@pytest.fixture
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals of workers lie in a folder of the test's."""
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))


class Here:
    """An object whose methods are called with ``.remote``, and awaited."""

    def __init__(self, of: Any) -> None:
        self.of = of

    def __getattr__(self, name: str) -> "Method":
        return Method(getattr(self.of, name))


class Method:
    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call

    def remote(self, *args: Any) -> Awaitable[Any]:
        return asyncio.sleep(0, self.call(*args))


class Inline:
    """A cluster of threads of this process, with the face of ``prefgen.engines.ray.Cluster``."""

    nodes = 1

    def __init__(self, of: Ray) -> None:
        self.of = of

    def __enter__(self) -> Self:
        self.limit(self.of.workers or 1)
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def limit(self, workers: int) -> None:
        self.workers, self.turns = workers, asyncio.Semaphore(workers)

    def put(self, value: Any) -> Any:
        return value

    def shared(self, kind: type, *args: Any, here: bool = False) -> Here:
        return Here(kind(*args))

    async def run(self, work: Callable[..., Any], *args: Any, what: str) -> Any:
        async with self.turns:
            return await asyncio.to_thread(work, *args)


def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets ``--engine ray`` be such a cluster."""
    monkeypatch.setattr("prefgen.far.cluster.Cluster", Inline)
    monkeypatch.setattr("prefgen.far.cluster.Now", lambda shared, method: getattr(shared.of, method))


class Bench:
    """One worker, in this process, for a recipe's first root."""

    def __init__(self, recipe: Recipe, storage: str, **limits: Any) -> None:
        self.plan: Plan = planning.make(recipe, writers=CONFIGS)
        self.sent: Shipment = shipment(self.plan, {})
        self.storage, self.limits = storage, {"workers": 1, **limits}
        self.desk, self.own = Desk(self.limits), uuid4().hex
        self.root = next(iter(trees(self.plan, 0)))
        source = self.plan.steps[self.root].source
        assert source is not None
        size = range_size(prompts_of(source.path), limited=False)
        self.ranges: list[pl.DataFrame] = list(in_shards(source.path, size))

    def name(self, place: int) -> str:
        return name_of(plan_digest(self.plan), self.root, self.ranges[place])

    def make(self, place: int = 0) -> Came:
        """Makes a range."""
        work = Work(self.own, self.storage, self.root, self.name(place), self.limits)
        Storage(self.storage).put(sign(self.own), b"here")
        return make_range(work, self.ranges[place], self.sent, Here(self.desk), None, np.zeros(0, np.uint64))
