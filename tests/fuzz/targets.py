"""All targets, by name."""

from functools import cache

from tests.fuzz import files, recipes, replies, wire
from tests.fuzz.target import Target


@cache
def all_targets() -> dict[str, Target]:
    found = [target for module in (replies, wire, recipes, files) for target in module.targets()]
    return {target.name: target for target in found}
