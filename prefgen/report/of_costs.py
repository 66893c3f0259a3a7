"""What a report says of money, tokens and time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.html.blocks import Block, Chart, Section, Table, Words
from prefgen.report import charts
from prefgen.report.spending import BILL
from prefgen.report.words import at_least, label, money, percent, seconds, some

Figures = Mapping[str, Any]
LONG = 10.0
"""Seconds of a run from which on it is drawn when each step was at work."""
DRAWN = 3
"""Steps of which tokens are drawn: those of fewer are better read."""
MOST = 24
"""Steps in one picture."""


def costs(figures: Figures) -> Section | None:
    """Tokens, money and time by step, what a kept pair came to, what stops saved."""
    spent = figures["spending"]
    steps = [one for one in spent["steps"] if one["asks"]]
    if not steps:
        return None
    blocks: list[Block] = [*_pictures(spent), _bills(spent), Words(_WORK)]
    blocks += [Words(one) for one in (_each(spent["each"], spent["total"]), _asked(spent)) if one]
    if figures["saved"]:
        blocks.append(_saved(figures["saved"]))
    about = "At list prices: what the replies came to on which these rows rest, whichever run paid for them."
    if spent["total"] is None:
        about = "This run came to no end, so that its replies were not added up: below is what it asked for itself."
    return Section("costs", "Tokens, money, time", blocks, about)


def _pictures(spent: Figures) -> Iterator[Chart]:
    asking = [one for one in spent["steps"] if one["replies"]][:MOST]
    tokens = [(one["prompt_tokens"] or 0) + (one["completion_tokens"] or 0) for one in asking]
    if sum(tokens) and len(asking) >= DRAWN:
        rows = [{**one, "step": f"{n}. {label(one['table'])}"} for n, one in enumerate(asking, 1)]
        alt = "; ".join(f"{one['step']} {n:,}" for one, n in zip(rows, tokens, strict=True))
        yield Chart(charts.tokens(rows), f"Tokens of each step: {alt}")
    timed = [one for one in spent["steps"] if one["seconds"] is not None][:MOST]
    if (spent["seconds"] or 0) >= LONG and timed:
        bars = [
            {"step": f"{n}. {label(one['table'])}", "began": one["began"], "ended": one["began"] + one["seconds"]}
            for n, one in enumerate(timed, 1)
        ]
        alt = "; ".join(f"{one['step']} from {one['began']:.1f} to {one['ended']:.1f} s" for one in bars)
        yield Chart(charts.times(bars), f"When each step was at work: {alt}")


_WORK = (
    "At work is a step from its first row to its last; steps are at work side by side, so that these times together are"
    " more than the whole."
)


def _bills(spent: Figures) -> Table:
    total = spent["total"] or dict.fromkeys(BILL)
    all_of_it = {"table": "all", "asks": True, "asked": spent["asked"], "seconds": spent["seconds"], **total}
    head = ("step", "replies", "tokens in", "tokens out", "dollars", "calls of this run", "known or shared", "at work")
    return Table(head, [_bill(one) for one in (*spent["steps"], all_of_it)], caption="Step by step")


def _bill(one: Figures) -> list[str]:
    """A step's cells; of a run whose replies were not added up, with what it asked for itself."""
    asked = one["asked"]
    if not one["asks"]:
        return [one["table"], *[""] * 6, seconds(one["seconds"])]
    used = one if one["replies"] is not None else {**asked, "replies": asked["calls"]}
    counts = [f"{used[key]:,}" for key in ("replies", "prompt_tokens", "completion_tokens")]
    here = [f"{asked[key]:,}" for key in ("calls", "cached")]
    return [one["table"], *counts, _dollars(used), *here, seconds(one["seconds"])]


def _dollars(one: Figures) -> str:
    if one["unpriced"] and one["unpriced"] >= one["replies"]:
        return "no list price"
    return money(one["dollars"]) + (f" and {one['unpriced']:,} without a price" if one["unpriced"] else "")


def _each(each: Figures | None, total: Figures | None) -> str:
    if not each or not total:
        return ""
    price = "" if each["dollars"] is None else f" and {at_least(each['dollars'], total)}"
    each_of = f"{each['replies']:,.1f} replies, {each['tokens']:,.0f} tokens{price}"
    return f"For each of {some(each['pairs'], 'kept pair')}: {each_of}."


def _asked(spent: Figures) -> str:
    """What this run sent itself."""
    asked = spent["asked"]
    told = f"This run made {some(asked['calls'], 'call')}, with {some(asked['retries'], 'retry', 'retries')}"
    told += f", and took {some(asked['cached'], 'reply', 'replies')} from its journal or shared them"
    paid = f"; it paid {money(asked['dollars'])}" if asked["calls"] > asked["unpriced"] else ""
    batched = f"; {some(spent['batched'], 'reply', 'replies')} came in batches" if spent["batched"] else ""
    return f"{told}{paid}{batched}."


def _saved(saved: Sequence[Figures]) -> Table:
    rows = [
        [
            one["table"],
            one["stop"],
            f"{one['asked']:,}",
            f"{one['fixed']:,}",
            percent(one["spared"] / one["fixed"]) if one["fixed"] else "",
            _changed(one["changed"]),
        ]
        for one in saved
    ]
    head = ("step", "stop", "calls made", "with all draws", "saved", "decisions changed")
    return Table(head, rows, frozenset({0, 1, 5}), "What stops saved")


def _changed(found: Any) -> str:
    """0, of a stop that is exact; else of the audited decisions."""
    if found == 0:
        return "none: it is exact"
    if not found["audited"]:
        return "not known: none was audited"
    return f"{found['changed']:,} of {found['audited']:,} audited"
