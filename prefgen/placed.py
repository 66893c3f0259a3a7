"""Models that prefgen places: which of a plan's they are, their replicas, and the plan as it is asked there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from prefgen.errors import Problem, RecipeError
from prefgen.llm.replica import UNPLACED, at, is_placed, name_of, settings
from prefgen.llm.request import Model
from prefgen.planned import Plan

if TYPE_CHECKING:
    from prefgen.llm.engines import Engine

Addresses = Mapping[str, Sequence[str]]
"""The addresses of replicas, by ``prefgen.llm.replica.name_of``; plain data."""


def refuse(plan: Plan) -> None:
    """Raises RecipeError where a model that a step asks can run on a cluster alone, and there is none."""
    problems = [
        Problem(plan.recipe.where("models", name, "use"), name, *f"{model.use} {UNPLACED}".split("; ", 1))
        for name, pool in plan.models.items()
        for model in pool
        if model.provider == "vllm" and is_placed(model) and model in _asked(plan)
    ]
    if problems:
        raise RecipeError(problems)


def _asked(plan: Plan) -> list[Model]:
    return [model for step in plan.steps.values() for model in step.models]


@contextmanager
def started(
    plans: Sequence[Plan],
    say: Callable[[str], None] = lambda _: None,
    *,
    engine: "Callable[[Model], Engine] | None" = None,
) -> Iterator[Addresses]:
    """Replicas of the models that steps of these plans ask and that are to be placed, ready; they end with the block.
    Where there are none, nothing is started. ``engine`` makes what a replica holds. Raises RunError.
    """
    models = {name_of(model): model for plan in plans for model in _asked(plan) if is_placed(model)}
    if not models:
        yield {}
        return
    from prefgen.engines import replicas
    from prefgen.llm import engines

    make = engine or engines.engine
    wanted = [
        replicas.Wanted(model.use, partial(make, model), engines.gpus(model), settings(model).get("replicas"))
        for model in models.values()
    ]
    with replicas.started(wanted, say) as addresses:
        yield dict(zip(models, addresses, strict=True))


def placed(plan: Plan, addresses: Addresses) -> Plan:
    """The plan, with the addresses of replicas at the models that have some. It asks what the plan asks, under the same
    keys; what is written, named or hashed is of the plan before.
    """
    if not addresses:
        return plan
    models = {name: tuple(at(model, addresses) for model in pool) for name, pool in plan.models.items()}
    moved = {id(old): new for name, pool in plan.models.items() for old, new in zip(pool, models[name], strict=True)}
    steps = {
        table: replace(step, models=tuple(moved.get(id(model)) or at(model, addresses) for model in step.models))
        for table, step in plan.steps.items()
    }
    return replace(plan, models=models, steps=steps)
