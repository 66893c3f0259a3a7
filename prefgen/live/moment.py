"""One moment of a run, as numbers: read from its counters by another thread, a few times a second. The run itself does
nothing for it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from prefgen.live.guess import Guess, Step, guess
from prefgen.live.past import Past
from prefgen.llm.exchange import Enough
from prefgen.llm.gate import Gate, Hold
from prefgen.llm.pace import Line
from prefgen.planned import Plan
from prefgen.progress import Progress
from prefgen.rounds import Count


@dataclass(frozen=True)
class Queue:
    """The requests to one model: on the wire, of so many that may be there, those that wait for their turn, and what
    holds these back.
    """

    use: str
    in_flight: int
    places: int
    waiting: int
    hold: Hold | None


@dataclass(frozen=True)
class Moment:
    """A run, some seconds after it began. ``part`` of ``parts``: prompts go through the recipe once for each root of
    which models are asked. ``short`` requests wait for money; ``begun`` is how many prompts were, where a limit holds
    the others back; where the run is ``stopping`` nothing more is sent. ``guess`` says what is to come, of this part
    alone where it is not the ``last``.
    """

    name: str
    seconds: float
    steps: Sequence[Step] = ()
    done: int = 0
    prompts: int = 0
    part: int = 1
    parts: int = 1
    queues: Sequence[Queue] = ()
    waits: Sequence[str] = ()
    short: int = 0
    begun: int | None = None
    paid: float = 0.0
    spent: float = 0.0
    max_cost: float | None = None
    target: str = ""
    stopping: bool = False
    guess: Guess = field(default_factory=Guess)

    @property
    def last(self) -> bool:
        """Whether no model is asked after this part."""
        return self.part == self.parts


def moment(progress: Progress, past: Past, now: float, began: float) -> Moment:
    """What is to be said of a run now (monotonic seconds). ``past`` remembers what was said before, for rates."""
    at = under_way(progress)
    if at.plan is None or at.client is None:
        return Moment("", now - began, waits=[*progress.waits()])
    steps = _steps(at, at.plan, past, now)
    budget, part = at.client.budget, _part(at, at.plan)
    asked = [one for one in steps if one.asks and one.name in at.tables]
    done = min((one.done for one in asked), default=at.prompts_done)
    return Moment(
        at.plan.recipe.name if at is progress else f"gate: {at.plan.recipe.name}",
        now - began,
        steps,
        done,
        at.prompts,
        *part,
        [_queue(line, now) for line in at.client.pace.lines],
        [*progress.waits()],
        budget.waiting,
        at.begun if at.early and at.early.holds else None,
        sum(count.tally.dollars for one in (progress, *progress.gates.values()) for count in one.counts.values()),
        budget.spent,
        budget.max_cost,
        _target(at, at.plan),
        at.client.reason is not None and not isinstance(at.client.reason, Enough),
        guess(asked, at.prompts, _needed(at, at.plan), past.pace(now)),
    )


def under_way(progress: Progress) -> Progress:
    """The gate that is tried now, or the run."""
    return progress if progress.plan else next(reversed(progress.gates.values()), progress)


# --- steps ----------------------------------------------------------------------------------


def _steps(at: Progress, plan: Plan, past: Past, now: float) -> list[Step]:
    """Every step, in the recipe's order."""
    counts = {table: _live(at, table) for table in at.counts}
    done = through(at, plan)
    replies = {table: one.tally.replies + one.tally.cached for table, one in counts.items()}
    past.add(now, replies, sum(one.tally.replies for one in counts.values()), at.prompts_done)
    return [_step(table, one, at, plan, done.get(table), past.rate(table, now)) for table, one in counts.items()]


def _live(at: Progress, table: str) -> Count:
    """A step's count, with what shards under way have counted so far."""
    own, opened = at.counts[table], list(at.open.get(table, {}).values())
    total = Count(tally=own.tally if all(one.tally is own.tally for one in opened) else replace(own.tally))
    for one in (own, *opened):
        if one.tally is not own.tally:  # of a worker that counts for itself
            total.tally.join(one.tally)
        for name in ("rows_in", "rows_out", "drawn"):
            setattr(total, name, getattr(total, name) + getattr(one, name))
        total.unreadable.update(dict(one.unreadable))  # copied in one go: the run's thread may add a reason
        total.failed.update(dict(one.failed))
        total.saved.asked += one.saved.asked
    return total


def _step(table: str, count: Count, at: Progress, plan: Plan, done: int | None, rate: float) -> Step:
    tally = count.tally
    state = "done" if table in at.made else "now" if table in at.tables else "later"
    return Step(
        table,
        asks=plan.steps[table].asker is not None,
        stops=plan.steps[table].stop is not None,
        state=state,
        done=done or 0,
        within=max(0, at.within[table]) if state == "now" else 0,
        rows=count.rows_out,
        calls=tally.calls,
        known=tally.cached,
        asked=count.saved.asked,
        replies=tally.replies,
        retries=tally.retries,
        tokens=tally.prompt_tokens + tally.completion_tokens,
        dollars=None if tally.unpriced else tally.dollars,
        rate=rate,
        unreadable=Counter(count.unreadable),
        failed=Counter(count.failed),
    )


def through(at: Progress, plan: Plan) -> Mapping[str, int]:
    """Of each step that asks and is under way, how many prompts are past it: those that were past the one before, less
    those that are at it. A prompt of which nothing is left counts as past all.
    """
    found: dict[str, int] = {}
    for table in at.tables[1:]:
        before = found.get(plan.steps[table].inputs[0], at.begun)
        found[table] = max(0, before - at.within[table]) if plan.steps[table].asker else before
    return found


def _part(at: Progress, plan: Plan) -> tuple[int, int]:
    """Which of the parts in which models are asked this is, and how many there are."""
    roots: dict[str, str] = {}
    for table, step in plan.steps.items():
        roots[table] = table if step.source is not None or step.whole else roots[step.inputs[0]]
    asking = list(dict.fromkeys(roots[table] for table, step in plan.steps.items() if step.asker))
    over = sum(root in at.made for root in asking)
    return max(1, min(len(asking), over + 1)), max(1, len(asking))


def _target(at: Progress, plan: Plan) -> str:
    """Rows that are kept of those that are enough, in words."""
    if plan.target is None:
        return ""
    table, enough = plan.target
    return f"{at.counts[table].rows_out:,} of {enough:,} {table} kept"


def _needed(at: Progress, plan: Plan) -> float:
    """Prompts that are needed: all, or those that a target will take, as kept rows have come so far."""
    if plan.target is None or plan.target[0] not in at.tables:
        return at.prompts
    table, enough = plan.target
    written = sum(end - start for start, end in at.finished[at.tables[0]].spans)
    kept = at.counts[table].rows_out
    return min(at.prompts, max(at.prompts_done, enough * written / kept)) if kept else at.prompts


# --- models ---------------------------------------------------------------------------------


def _queue(line: Line, now: float) -> Queue:
    """How the requests to one model stand."""
    in_flight, places = sum(g.in_flight for g in line.gates), sum(int(g.places) for g in line.gates)
    hold = _soonest(line.gates, now) if line.waiting else None
    return Queue(line.use, in_flight, places, line.waiting, hold)


def _soonest(gates: Sequence[Gate], now: float) -> Hold | None:
    """What holds back at the endpoint that is free the soonest."""
    free = [gate for gate in gates if gate.has_place]
    return min(free or gates, key=lambda gate: gate.wait(now)).held_by(now)
