"""What is said of a moment in words: on a terminal below the steps, in a log as a line."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.text import Text

from prefgen.live.guess import Step
from prefgen.live.moment import Moment, Queue
from prefgen.llm.budget import dollars
from prefgen.llm.gate import Hold
from prefgen.phrases import clock, one_line, packed, some
from prefgen.statistics import percent
from prefgen.texts import plain

DOT = " · "
MOST = 3
"""Models whose queues are told one by one."""


def below(now: Moment, width: int) -> list[Text]:
    """The lines under the steps."""
    said = ((how_far(now), "bold"), (on_the_wire(now), ""), (money(now), ""), (lost(now), "yellow"), (now.waits, "dim"))
    return [Text(line, style=style, no_wrap=True) for parts, style in said for line in _folded(parts, width)]


def _folded(parts: Iterable[str], width: int) -> Iterator[str]:
    """Parts in lines of so many cells; one that is longer by itself goes over lines of its own."""
    words = [packed((one_line(word, width) for word in one_line(part).split(" ")), width, " ") for part in parts]
    return packed((line for lines in words for line in lines), width, DOT)


# --- what there is to say -------------------------------------------------------------------


def how_far(now: Moment) -> list[str]:
    """The time, prompts that are done, and the time left."""
    part = f"part {now.part} of {now.parts}, " if now.parts > 1 else ""
    far = f"{part}{now.done:,} of {now.prompts:,} prompts" if now.prompts else "starting"
    return [clock(now.seconds), far, now.target, left(now)]


def left(now: Moment) -> str:
    """The time that is left, once it can be told."""
    if now.stopping:
        return "stopping"
    if now.guess.left is None or now.done >= now.prompts:
        return ""
    return f"about {clock(now.guess.left)} left{'' if now.last else ' in this part'}"


def on_the_wire(now: Moment) -> list[str]:
    """Requests in flight, and what holds others back."""
    queues = [one for one in now.queues if one.in_flight or one.waiting]
    flying, places = sum(q.in_flight for q in queues), sum(q.places for q in queues)
    told = sorted((q for q in queues if q.hold and not now.stopping), key=lambda q: -q.waiting)
    return [
        f"{flying:,} of {places:,} in flight" if queues else "",
        *(_held(q, alone=len(queues) == 1) for q in told[:MOST]),
        f"{sum(q.waiting for q in told[MOST:]):,} wait for {len(told) - MOST} models more" if told[MOST:] else "",
        f"{now.short:,} wait for money set aside for others" if now.short else "",
        _limited(now),
    ]


def _limited(now: Moment) -> str:
    """That a limit holds prompts back until more is known."""
    if now.begun is None:
        return ""
    limit = "the money" if now.max_cost is not None else "the target"
    return f"{now.begun:,} prompts begun, the others as these tell how far {limit} goes"


def _held(queue: Queue, *, alone: bool) -> str:
    """2,104 wait: at the limit of 500 requests a minute (stated)."""
    who = "" if alone else f" for {plain(queue.use)}"
    return f"{queue.waiting:,} wait{who}: {held(queue.hold)}" if queue.hold else ""


def held(hold: Hold) -> str:
    """Which limit is reached, in words."""
    number, seconds = f"{hold.amount:,.0f}", f"{max(1, round(hold.amount)):,} s"
    if hold.by == "paused":
        return f"429, Retry-After {seconds}"
    if hold.by == "broken":
        return f"most of the last requests failed, the next one goes in {seconds}"
    if hold.by == "unreachable":
        return f"no connection, the next one goes in {seconds}"
    if hold.by == "places":
        return {
            "stated": f"all {number} places are taken",
            "slowed": f"{number} places, fewer since requests timed out",
            "learning": f"{number} places, more with each reply",
        }[hold.why]
    return {
        "stated": f"at the limit of {number} {hold.by} a minute (stated)",
        "told": f"at the limit of {number} {hold.by} a minute (the provider's)",
        "slowed": f"{number} {hold.by} a minute, as more were refused (429)",
        "learning": f"{number} {hold.by} a minute, more are tried",
    }[hold.why]


def money(now: Moment) -> list[str]:
    """What was spent, and what it will come to; nothing where nothing has a price."""
    unpriced = any(one.dollars is None for one in now.steps)
    if not (now.spent or now.paid or now.max_cost is not None):
        return ["some replies have no known price"] if unpriced else []
    before = now.spent - now.paid
    earlier = f", {_price(now.spent)} with earlier runs" if before > max(0.00005, 0.001 * now.paid) else ""
    most = f", {_price(now.max_cost)} at most" if now.max_cost is not None else ""
    more = "and replies of unknown price" if unpriced else ""
    return [f"{_price(now.paid)} spent{earlier}{most}", more, projected(now)]


def _price(amount: float) -> str:
    """$20.00, or $0.0182."""
    return f"${amount:,.2f}" if amount >= 1 else dollars(amount)


def projected(now: Moment) -> str:
    """What the run will cost, and what that is guessed from."""
    if not now.guess.dollars or now.stopping:
        return ""
    where = "in all" if now.last else "after this part"
    return f"about {_price(now.paid + now.guess.dollars)} {where} (from {percent(now.guess.share)} of prompts)"


def lost(now: Moment) -> list[str]:
    """Replies that could not be read, requests that failed, and those sent again."""
    unreadable, failed = total(one.unreadable for one in now.steps), total(one.failed for one in now.steps)
    again = sum(one.retries for one in now.steps)
    return [_ends("unreadable", unreadable), _ends("failed", failed), f"{again:,} sent again" if again else ""]


def total(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    """The sum of some counts."""
    found: Counter[str] = Counter()
    for one in counts:
        found.update(one)
    return found


def _ends(what: str, ends: Counter[str]) -> str:
    """Unreadable: 4 truncated, 1 missing."""
    return f"{what}: {', '.join(f'{number:,} {end}' for end, number in ends.most_common())}" if ends else ""


# --- in a log -------------------------------------------------------------------------------


def line(now: Moment) -> str:
    """A moment in one line."""
    steps = [f"{one.name} {said(one)}" for one in now.steps if one.asks and (one.calls or one.known)]
    parts = [*how_far(now), *steps, *on_the_wire(now), *money(now), *lost(now), *now.waits]
    return one_line(DOT.join(part for part in parts if part))


def said(step: Step) -> str:
    """Rows and calls of a step."""
    return f"{some(step.rows, 'row', 'rows')} {some(step.calls, 'call', 'calls')}"


def news(now: Moment) -> Sequence[object]:
    """What must have changed for another line to be worth its place."""
    return [now.done, [(one.name, one.rows, one.calls, one.known) for one in now.steps], [*now.waits]]


def first(now: Moment, asking: Mapping[str, Sequence[str]], prompts: int | None) -> str:
    """What will be asked, before it is; ``asking`` has the models of each step that asks, ``prompts`` is how many the
    sources gave, where that is known.
    """
    by_models: dict[str, list[str]] = {}
    for table, uses in asking.items():
        by_models.setdefault(uses[0] if len(uses) == 1 else f"{len(uses)} models", []).append(table)
    asked = [f"{uses} for {', '.join(tables)}" for uses, tables in by_models.items()]
    known = "" if prompts is None else f"{some(prompts, 'prompt', 'prompts')}, "
    size = f"{known}{some(len(now.steps), 'step', 'steps')}"
    return one_line(f"{now.name}: {size}; asks {'; '.join(asked) or 'no model'}")
