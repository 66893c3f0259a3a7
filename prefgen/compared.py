"""Two ways through what a journal holds, side by side: as a run went, and as it would have gone after a change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from prefgen import __version__
from prefgen.again import Prompts
from prefgen.canaries import check
from prefgen.differences import IDS, Change, differences
from prefgen.door import finished
from prefgen.errors import GateClosed
from prefgen.kept import RECIPE
from prefgen.llm.journal import Journal
from prefgen.llm.offline import bill
from prefgen.manifest import versions
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.rehearse import rehearse
from prefgen.replayed import Most, Replay, Step
from prefgen.verify import digest
from prefgen.ways import Ran, Way

# --- without changes ------------------------------------------------------------------------


def rebuilt(ran: Ran, out: Path | None) -> Replay:
    """Makes a run's dataset again, and says which of its files are other than they were."""
    way = ran.way(ran.recipe, "as-it-ran", ran.unfinished())
    way.write(ran.text, out)
    return held_against(ran, way)


def held_against(ran: Ran, way: Way) -> Replay:
    """The dataset of a way, held against the run's file by file."""
    there, made = (_sums(folder) if way.plan.recipe.write else {} for folder in (ran.place, way.folder))
    differ = {name: "is gone" for name in made if name not in there}
    differ |= {name: "is not made any more" for name in there if name not in made}
    differ |= {name: "differs" for name in made if name in there and made[name] != there[name]}
    why = _why(ran, way, {name: made.get(name, "") for name in differ}) if differ else ()
    return Replay(
        ran.place, files=len({*there, *made}), differ=dict(sorted(differ.items())), why=why, left_out=way.left_out()
    )


def _sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in (folder / "dataset").rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest(path) for path in files}


def _why(ran: Ran, way: Way, made: Mapping[str, str]) -> Sequence[str]:
    """What may be the reason that these files are made otherwise; ``made`` holds their new sums."""
    then = ran.sums()
    why = [
        f"{name} was changed since the run, which wrote what is made now"
        for name in made
        if then.get(name) == made[name]
    ]
    why += [f"{name} was changed since the run" for name in _touched(ran)]
    is_now, was = {"prefgen": __version__, **versions()}, {**ran.told, **(ran.told.get("versions") or {})}
    why += [f"{name} was {was[name]}, and is {v}" for name, v in is_now.items() if was.get(name, v) != v]
    if way.left_out():
        why.append(f"{way.left_out():,} prompts have draws that are not in the journal")
    if again := sum(ran.journal.has(key) for key in way.keys() & ran.journal.failures().keys()):
        why.append(f"{again:,} draws that had failed have replies now")
    return why or ["the code of prefgen, or of a verb of yours, is not what it was"]


def _touched(ran: Ran) -> Iterator[str]:
    """What a replay is made of, where it is not as the run wrote it."""
    sources = [table for table, step in ran.plan(ran.recipe).steps.items() if step.source is not None]
    own = {RECIPE, *(f"tables/{table}{end}.parquet" for table in sources for end in ("", ".dropped"))}
    for name, digest_then in ran.sums().items():
        path = ran.place / name
        if (name in own or name.startswith("files/")) and not (path.is_file() and digest(path) == digest_then):
            yield name


# --- with changes ---------------------------------------------------------------------------


def compared(ran: Ran, recipe: Recipe, text: str, out: Path | None, notes: Sequence[str] = ()) -> Replay:
    """What another recipe makes of what is known, held against what the run's own does. A prompt with a draw that is
    not known is in neither.
    """
    whole = ran.way(ran.recipe, "as-it-ran", ran.unfinished())
    whole.write(ran.text)
    held = held_against(ran, whole)
    now = ran.way(recipe, "changed", _both(whole.without, whole.found.left_out))
    if out:
        now.write(text, out)
    without = _both(now.without, now.found.left_out)
    before = ran.way(ran.recipe, "without", without) if now.left_out() else whole
    tables = dict.fromkeys([*before.plan.steps, *now.plan.steps])
    asking = [t for t in tables if before.counted("drawn", t) or now.counted("drawn", t) or t in now.wanted.values()]
    return replace(
        held,
        changed=True,
        steps=[_step(ran.journal, before, now, table) for table in asking],
        total=_step(ran.journal, before, now),
        tables={table: (before.counted("rows_out", table), now.counted("rows_out", table)) for table in tables},
        rows=_changes(before, now),
        left_out=now.left_out(),
        wanted=len(now.wanted),
        most=_most(ran, now),
        notes=[*notes, *_notes(held, before, now), *_failed(ran.journal, now), *_canaries(ran.plan(recipe), now)],
    )


def _both(one: Prompts, other: Prompts) -> Prompts:
    return {root: {*one.get(root, ()), *other.get(root, ())} for root in {*one, *other}}


def _step(journal: Journal, before: Way, now: Way, table: str = "") -> Step:
    """What one table used, or all of them."""
    old, new = before.keys(table), now.keys(table)
    tables = [table] if table else [*before.plan.steps, *(t for t in now.plan.steps if t not in before.plan.steps)]
    draws = tuple(sum(way.counted("drawn", one) for one in tables) for way in (before, now))
    wanted = sum(not table or one == table for one in now.wanted.values())
    cost = bill(journal, new)
    at_most = bool(cost.tokens) and _shared(journal, old - new)
    return Step(table, (draws[0], draws[1]), bill(journal, old), cost, wanted, at_most)


def _shared(journal: Journal, keys: set[bytes]) -> bool:
    """Whether one of these replies came with others that are not among them, and is paid there."""
    paid, free = set[str](), set[str]()
    for key in keys:
        cost, raw = journal.cost(key), journal.get(key)
        if cost and raw:
            (paid if any(cost[:2]) else free).add(str(raw.get("id")))
    return not free <= paid


def _changes(before: Way, now: Way) -> list[Change]:
    """Every row that is another, of the dataset and of the judgments that are not in it."""
    found = []
    for config in dict.fromkeys([*before.plan.recipe.write, *now.plan.recipe.write]):
        found += differences(f"dataset/{config}", before.config(config), now.config(config), IDS[config])
    for table in dict.fromkeys([*before.judging(), *now.judging()]):
        found += differences(f"tables/{table}", before.table(table), now.table(table))
    return found


def _most(ran: Ran, now: Way) -> Most:
    """What those that were left out may ask, at most: a rehearsal of them alone where a source gave them."""
    if not now.left_out():
        return Most()
    steps = dict(now.plan.steps)
    for table, step in steps.items():
        if step.source is not None:
            steps[table] = replace(step, source=step.source.only(partial(_only, now=now, table=table)))
    found = finished(rehearse(replace(now.plan, steps=steps), ran.client())).values()
    dollars, written = [one.dollars for one in found], [one.completion_tokens for one in found]
    return Most(
        sum(one.most for one in found),
        sum(one.prompt_tokens for one in found),
        0 if None in written else sum(tokens or 0 for tokens in written),
        None if None in dollars else sum(d for d in dollars if d is not None),
    )


def _only(rows: pl.DataFrame, now: Way, table: str) -> pl.DataFrame:
    """A source's prompts that were left out; where none of them was, all that were come to."""
    left = now.found.left_out.get(table)
    if left:
        return rows.filter(pl.col("prompt_id").is_in(list(left)))
    return rows.filter(~pl.col("prompt_id").is_in(list(now.without.get(table, frozenset()))))


def _notes(held: Replay, before: Way, now: Way) -> Iterator[str]:
    """What is to be known of a comparison."""
    if held.differ:
        yield f"without a change, {len(held.differ)} of {held.files} files are not made as they are: {held.why[0]}"
    table, kept = now.plan.target or ("", 0)
    if table and now.left_out():
        yield "target: a run may reach it before it has asked all that is not known"
    if table and (rows := now.counted("rows_out", table)) < kept <= before.counted("rows_out", table):
        yield f"target: {rows:,} of {kept:,} rows of {table}; a run would go on with more prompts"


def _failed(journal: Journal, now: Way) -> Iterator[str]:
    if failed := sum(not journal.has(key) for key in now.keys() & journal.failures().keys()):
        yield f"{failed:,} draws failed in the run, and fail here; another run asks them again"


def _canaries(plan: Plan, now: Way) -> Iterator[str]:
    """Where the judges would have been found out."""
    for table, count in now.found.progress.counts.items():
        try:
            check(table, count.canaries, plan.canaries.at_least)
        except GateClosed as e:
            yield f"a run would have ended here: {e}"
