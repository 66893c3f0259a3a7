"""``target: {kept: 5000}``: how many rows of which table are enough."""

from collections.abc import Mapping, Sequence

from prefgen.errors import Problem, nearest
from prefgen.planned import Planned
from prefgen.recipe import Recipe


def target(recipe: Recipe, steps: Mapping[str, Planned]) -> tuple[tuple[str, int] | None, Sequence[Problem]]:
    """The table whose rows are counted and how many are enough; and what is wrong with what the recipe says of it."""
    given, writes = recipe.target, recipe.write
    if not given:
        return None, ()
    table, kept = given.get("of") or writes.get("preferences") or next(iter(writes.values()), ""), given.get("kept")
    wrong = [(key, f"has no '{key}'", nearest(key, ["kept", "of"])) for key in sorted(set(given) - {"kept", "of"})]
    if type(kept) is not int or kept < 1:
        wrong.append(("kept", f"kept is {kept!r:.60}", "say how many rows are enough"))
    elif not isinstance(table, str) or table not in recipe.steps:
        wrong.append(("of", f"no table {table!r:.60}", nearest(str(table), recipe.steps)))
    elif table in steps and (steps[table].whole or steps[table].source is not None):
        what = f"{table} is made whole, and cannot be counted on the way"
        wrong.append(("of", what, "name a table above it: `target: {kept: 5000, of: TABLE}`"))
    problems = [Problem(recipe.where("target", key), "target", what, cure) for key, what, cure in wrong]
    return (None if wrong else (table, int(kept or 0))), problems
