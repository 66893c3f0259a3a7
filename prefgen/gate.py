"""A judge's gate: it judges a gold slice first, and nothing more is spent on one that does not pass.

    judgments: {compare: orders, model: judge, gate: {data: gold.jsonl, at_least: 0.7, over_baseline: 0.1}}

The slice holds pairs whose better response is known. A judge of pairs sees each in both orders, and is right where its
verdict is the known one; a judge of single responses scores both, and is right where the better one has more. A
judgment that cannot be read is not right. ``over_baseline`` is how far the judge must be above the best judge that
reads nothing: the longest response, the shortest, the first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from prefgen import plan as planning
from prefgen.asker import Asker
from prefgen.errors import GateClosed, Problem, RecipeError
from prefgen.planned import Plan, Planned
from prefgen.progress import Progress
from prefgen.recipe import Recipe, do
from prefgen.stages import make_tables

if TYPE_CHECKING:
    from prefgen.asker import Gate
    from prefgen.llm.client import Client

BASELINES = ("longest", "shortest", "first")
SPARED = frozenset({"gate", "stop", "export", "unreadable"})
"""Settings of a step that its gate does not take over; ``n`` becomes 1."""


@dataclass(frozen=True)
class Checked:
    """A judge at its gate: how often it was right, of how many, and the best of the baselines."""

    table: str
    right: int
    of: int
    unreadable: int
    baseline: float

    @property
    def accuracy(self) -> float:
        """The share of judgments that are right; those that cannot be read are not."""
        return self.right / self.of if self.of else 0.0


def plans(plan: Plan, *, keys: bool = True) -> Mapping[str, Plan]:
    """The plan of each gated step's gold slice; ``keys`` as in ``plan.make``. Raises RecipeError where one cannot be
    judged.
    """
    found = {table: step for table, step in plan.steps.items() if step.asker and step.asker.gate}
    return {table: _planned(plan, table, step, keys=keys) for table, step in found.items()}


def _planned(plan: Plan, table: str, step: Planned, *, keys: bool) -> Plan:
    recipe, gate = plan.recipe, _gate(step)
    settings = {name: value for name, value in recipe.steps[table].settings.items() if name not in SPARED}
    judged = do(step.verb, "shown", **{**settings, "n": 1})
    of_pairs = _judges_pairs(step)
    steps = {
        "gold": do("load_pairs", gate["data"], **_slice(gate)),
        "shown": do("both_orders" if of_pairs else "unpair", "gold"),
        "judgments": judged,
    }
    calm = {"share": 0}  # of what it asks the answers are known
    slice_of = replace(recipe, steps=steps, write={}, canaries=calm, places=_places(recipe, table))
    try:
        return planning.make(slice_of, fakes=plan.fakes, keys=keys, allow=plan.allow)
    except RecipeError as e:
        where = recipe.where("steps", table, "gate")
        raise RecipeError([Problem(where, table, f"gate: {p.what}", p.cure) for p in e.problems]) from e


def _places(recipe: Recipe, table: str) -> dict[tuple[str, ...], str]:
    """Where the values of a gate's own recipe stand: the judge's settings came from its step."""
    kept = {way: place for way, place in recipe.places.items() if way[0:1] != ("steps",)}
    own = {way: place for way, place in recipe.places.items() if way[:2] == ("steps", table)}
    return {**kept, **{("steps", "judgments", *way[2:]): place for way, place in own.items()}}


def _gate(step: Planned) -> "Gate":
    if step.asker is None or step.asker.gate is None:
        raise TypeError(f"{step.table} has no gate")
    return step.asker.gate


def _slice(gate: "Gate") -> dict[str, Any]:
    """What ``load_pairs`` is told of the gold slice."""
    return {name: gate[name] for name in ("split", "take") if name in gate}


def _judges_pairs(step: Planned) -> bool:
    return isinstance(step.asker, Asker) and "response_a" in step.asker.needed()


async def opened(
    plan: Plan,
    gates: Mapping[str, Plan],
    client: "Client",
    place: Path,
    progress: Progress,
    say: Callable[[str], None],
    how: Mapping[str, Any],
) -> None:
    """Lets each gated judge judge its gold slice, whose tables lie below ``place`` then. What a gate asks is counted by
    itself. Raises GateClosed for a judge that does not pass, and what ends a run.
    """
    for table, slice_of in gates.items():
        folder = place / "gates" / table
        progress.gates[table] = asked = Progress()
        counts = await make_tables(slice_of, client, folder, progress=asked, **how)
        if asked.ended:
            raise asked.ended
        found = {name: pl.read_parquet(folder / f"{name}.parquet") for name in slice_of.steps}
        one = checked(slice_of, table, found)
        calls, share = counts["judgments"].tally.calls, f"{one.accuracy:.1%} of {one.of:,}"
        say(f"gate: {table}: right in {share}, best baseline {one.baseline:.1%}, {calls:,} calls")
        passed(plan, one)


def checked(plan: Plan, table: str, tables: Mapping[str, pl.DataFrame]) -> Checked:
    """How a judge did on its gold slice, from the slice's tables."""
    of_pairs = _judges_pairs(plan.steps["judgments"])
    shown, judged, gold = tables["shown"], tables["judgments"], tables["gold"]
    right = _right_verdicts(judged) if of_pairs else _right_scores(judged)
    asked = shown.height if of_pairs else gold.height
    return Checked(table, right, asked, shown.height - judged.height, baseline(gold))


def _right_verdicts(judged: pl.DataFrame) -> int:
    return judged.filter(pl.col("verdict") == pl.col("gold")).height


def _right_scores(judged: pl.DataFrame) -> int:
    """Pairs whose chosen response has the higher score; equal ones are not right."""
    by_side = {side: judged.filter(side=side).select("pair_id", side="score") for side in ("chosen", "rejected")}
    both = by_side["chosen"].join(by_side["rejected"], on="pair_id", suffix="_rejected")
    return both.filter(pl.col("side") > pl.col("side_rejected")).height


def baseline(gold: pl.DataFrame) -> float:
    """The accuracy of the best judge that reads nothing; a coin is thrown for equal lengths, and for places."""
    chosen, rejected = (pl.col(side).str.len_chars() for side in ("chosen", "rejected"))
    longer = gold.select((chosen > rejected).sum() + 0.5 * (chosen == rejected).sum()).item()
    share = longer / gold.height if gold.height else 0.5
    return max(share, 1 - share, 0.5)


def passed(plan: Plan, one: Checked) -> None:
    """Raises GateClosed where a judge is not as good as its recipe asks."""
    gate = _gate(plan.steps[one.table])
    words = f"right in {one.accuracy:.1%} of {one.of:,} judgments of {gate['data']}"
    words += f" ({one.unreadable:,} could not be read)" if one.unreadable else ""
    if one.accuracy < gate.get("at_least", 0.0):
        raise GateClosed(f"{one.table}: the judge is {words}; its gate asks for {gate['at_least']:.1%}; {CURE}")
    least = one.baseline + gate.get("over_baseline", 0.0)
    if "over_baseline" in gate and one.accuracy < least:
        what = f"the best baseline reaches {one.baseline:.1%}, and its gate asks for {gate['over_baseline']:.1%} more"
        raise GateClosed(f"{one.table}: the judge is {words}; {what}; {CURE}")


CURE = "take a better judge or prompt, or another gold slice"
