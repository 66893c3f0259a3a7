"""What differs between two recipes, by the path of each setting as ``--set`` takes it."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefgen.comparison.sides import Side
from prefgen.recipe import Recipe

Differing = tuple[str, Any, Any]
"""A path, the value in A and that in B; None where there is none."""


def differing(a: Side, b: Side) -> list[Differing]:
    """The settings that differ, and what else of a run decides what it makes: its prompt files, how many prompts it
    took, which prefgen it was. Nothing where one of the two is a dataset without its run, and no setting where one
    left no recipe.
    """
    if not (a.told and b.told):
        return []
    found = list(_within(_data(a.recipe), _data(b.recipe), ())) if a.recipe and b.recipe else []
    for name, called in (("take", "--take"), ("prefgen", "prefgen")):
        found += [(called, *told)] if (told := (a.told.get(name), b.told.get(name)))[0] != told[1] else []
    return found + list(_files(*(side.told.get("sha256") or {} for side in (a, b))))


def _data(recipe: Recipe) -> dict[str, Any]:
    """A recipe as its file has it, without what is only words about it."""
    steps = {table: {str(step.verb): step.input, **step.settings} for table, step in recipe.steps.items()}
    heads = {"recipe": recipe.name, "license": recipe.license, "language": list(recipe.language), "seed": recipe.seed}
    told = {"target": recipe.target, "canaries": recipe.canaries, "splits": recipe.splits}
    return {
        **heads,
        **told,
        "max_cost": recipe.max_cost,
        "models": recipe.models,
        "steps": steps,
        "write": recipe.write,
    }


def _within(a: Any, b: Any, way: tuple[str, ...]) -> Iterator[Differing]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            yield from _within(a.get(key), b.get(key), (*way, str(key)))
    elif a != b:
        yield ".".join(way), a, b


def _files(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Differing]:
    """The files that both recipes name, of which the content is another."""
    for name in a:
        if name.startswith("files/") and name in b and a[name] != b[name]:
            yield name, f"sha256 {a[name][:8]}", f"sha256 {b[name][:8]}"
