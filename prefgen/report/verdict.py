"""What comes first: the few figures by which a run is judged. A tone has a source, or there is none."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefgen.html.blocks import Block, Fact, Facts, Section, Tone, Words
from prefgen.report.way import made
from prefgen.report.words import at_least, beside_half, between, decimal, measured, money, percent, some

Figures = Mapping[str, Any]

BASELINE = "baseline/"
"""How judges are called that read nothing."""
MOST = 6
"""Figures that are seen at a glance."""
RELIABLE, TENTATIVE = 0.8, 0.667
"""From the first on data are reliable, from the second on conclusions are tentative: Krippendorff 2004, p. 241."""
WRITTEN = " Figures are of what was written by then."


def verdict(figures: Figures) -> Section:
    """The section in front."""
    facts = list(_facts(figures))
    most = facts if len(facts) <= MOST else [one for one in facts if one.label != "calls saved"]
    blocks: list[Block] = [Facts(most)] if facts else []
    return Section("verdict", "At a glance", [*blocks, *map(Words, _notes(figures))], _about(figures["run"]))


def lines(figures: Figures) -> list[str]:
    """The same as lines of a terminal."""
    facts = [f"{one.label}: {one.value}" + (f" ({one.note})" if one.note else "") for one in _facts(figures)]
    return [one for one in (_about(figures["run"]), *facts, *_notes(figures)) if one]


def _about(run: Figures) -> str:
    pilot = f"A pilot on the first {some(run['take'], 'prompt')} of each source. " if run.get("take") else ""
    ending = run.get("ending")
    return f"{pilot}{ending + WRITTEN if ending else ''}".strip()


def _facts(figures: Figures) -> Iterator[Fact]:
    yield from _results(figures["results"])
    yield from _kept(figures)
    yield from _cost(figures)
    yield from _longer(figures)
    yield from _judge(figures["judges"])
    yield from _unreadable(figures["funnel"])
    yield from _saved(figures["saved"])


def _results(results: Any) -> Iterator[Fact]:
    """A benchmark's overall score, of each judge and each way of counting."""
    for row in [row for row in results if row["kind"] == "overall"][:2]:
        interval = "" if row["low"] is None else f"95%: {row['low']:.1f} to {row['high']:.1f}, "
        yield Fact(
            f"{row['judge_model'] or 'score'}, {row['name']}",
            f"{row['score']:.1f}",
            f"{interval}of {row['rows']:,} rows",
        )


def _kept(figures: Figures) -> Iterator[Fact]:
    pairs, writes = figures["pairs"], figures["run"].get("write") or figures["written"]
    if figures["results"]:
        return
    if pairs.get("pairs") and (pairs["written"] or not figures["written"]):
        there, _ = made(figures["way"])
        of = f"of {some(there, 'pair')} that were made, " if there > pairs["pairs"] else "all that were made, "
        note = f"{of if there else ''}for {some(pairs['prompts'], 'prompt')}"
        note += "" if pairs["written"] else "; not written yet"
        yield Fact("pairs kept", f"{pairs['pairs']:,}", note)
    elif figures["written"] and "preferences" not in writes:
        rows = {name: sum(splits.values()) for name, splits in figures["written"].items()}
        yield Fact("rows written", f"{sum(rows.values()):,}", ", ".join(f"{n:,} {name}" for name, n in rows.items()))
    elif figures["run"].get("status") == "finished":
        yield Fact("pairs kept", "none", "what was lost where, and why, stands in the tables", "bad")
    else:
        yield Fact("rows written", "none", "rows are written when a run comes to its end")


def _cost(figures: Figures) -> Iterator[Fact]:
    spent = figures["spending"]
    each, total = spent["each"], spent["total"]
    if total is None:
        yield Fact("cost", "not known", "replies are added up when a run comes to its end")
    elif each and total["replies"]:
        value = f"{each['tokens']:,.0f} tokens" if each["dollars"] is None else at_least(each["dollars"], total)
        yield Fact("cost of a kept pair", value, f"{each['replies']:,.1f} replies each; {_in_all(total)}")
    elif total["replies"]:
        yield Fact("cost", money(total["dollars"]) if _priced(total) else "no list price", _in_all(total))


def _priced(total: Figures) -> bool:
    return bool(total["replies"] > total["unpriced"])


def _in_all(total: Figures) -> str:
    """$12.30 in all at list prices."""
    if not _priced(total):
        return f"{total['prompt_tokens'] + total['completion_tokens']:,} tokens in all, without a list price"
    rest = f", and {some(total['unpriced'], 'reply', 'replies')} without one" if total["unpriced"] else ""
    return f"{money(total['dollars'])} in all at list prices{rest}"


def _longer(figures: Figures) -> Iterator[Fact]:
    pairs, way = figures["pairs"], figures["way"]
    if not (longer := pairs.get("longer")):
        return
    _, first = made(way)
    before = f"; {percent(first.value, first.n)} before" if first else ""
    swayed = beside_half(longer)
    told = "more than chance would have" if longer["value"] > 0.5 else "less than chance would have"
    note = f"95%: {between(longer)}, of {some(longer['n'], 'unequal pair')}{before}"
    yield Fact(
        "chosen is longer",
        percent(longer["value"], longer["n"]),
        f"{told}; {note}" if swayed else note,
        "warn" if swayed else "",
    )


# --- judges ---------------------------------------------------------------------------------


def _judge(reports: Figures) -> Iterator[Fact]:
    """How right, or how consistent, judges are; and the one that a place sways most."""
    every = [(judge, one) for of in reports.values() for judge, one in of["judges"].items()]
    ones = [one for judge, one in every if not judge.startswith(BASELINE)]
    alphas = [of["alpha"] for of in reports.values() if of.get("alpha")]
    right = [one["agrees_with_gold"] for one in ones if one.get("agrees_with_gold")]
    repeats = [one["alpha"] for one in ones if one.get("alpha")]
    if alphas:
        yield _alpha("judges agree, alpha", min(alphas, key=lambda one: one["value"]), "ordered pairs")
    elif right:
        yield _right(min(right, key=lambda one: one["value"]), several=len(right) > 1)
    elif repeats:
        yield _alpha("scores repeat, alpha", min(repeats, key=lambda one: one["value"]), "responses")
    firsts = [one["first_shown"] for one in ones if one.get("first_shown")]
    if firsts:
        yield _first(max(firsts, key=lambda one: abs(one["value"] - 0.5)))


def _alpha(what: str, alpha: Figures, of: str) -> Fact:
    low = alpha["value"]
    tone: Tone = "good" if low >= RELIABLE else "" if low >= TENTATIVE else "warn"
    said = {"good": "reliable", "": "tentative", "warn": "below what conclusions are drawn from"}[tone]
    return Fact(what, decimal(low), f"{said} (Krippendorff); 95%: {_ends(alpha)}, of {alpha['units']:,} {of}", tone)


def _ends(alpha: Figures) -> str:
    return measured(alpha).partition("(")[2].partition(")")[0]


def _right(right: Figures, *, several: bool) -> Fact:
    chance = right["low"] <= 0.5
    said = "no better than chance; " if chance else ""
    label = "least right judge" if several else "judge agrees with gold"
    note = f"{said}95%: {between(right)}, of {some(right['n'], 'judgment')}"
    return Fact(label, percent(right["value"], right["n"]), note, "bad" if chance else "")


def _first(first: Figures) -> Fact:
    swayed = beside_half(first)
    said = "one half is no bias; " if not swayed else "a place sways it; "
    note = f"{said}95%: {between(first)}, of {some(first['n'], 'verdict')}"
    return Fact("says the first shown", percent(first["value"], first["n"]), note, "warn" if swayed else "")


# --- replies --------------------------------------------------------------------------------


def _unreadable(funnel: Any) -> Iterator[Fact]:
    drawn, lost = sum(one["drawn"] for one in funnel), sum(sum(one["unreadable"].values()) for one in funnel)
    if drawn:
        told = f"{lost:,}" if lost else "none"
        yield Fact("unreadable", percent(lost / drawn), f"{told} of {some(drawn, 'reply', 'replies')}")


def _saved(saved: Any) -> Iterator[Fact]:
    spared, fixed = (sum(one[name] for one in saved) for name in ("spared", "fixed"))
    if fixed:
        yield Fact("calls saved", percent(spared / fixed), f"{spared:,} of the {fixed:,} of a fixed number of draws")


def _notes(figures: Figures) -> Iterator[str]:
    """What else is to be known at once."""
    if failed := sum(sum(one["failed"].values()) for one in figures["funnel"]):
        yield f"{some(failed, 'request')} failed; the same command asks them again."
    yield from _in_no_row(figures["spending"])


def _in_no_row(spent: Figures) -> Iterator[str]:
    """What was paid beside what the rows rest on."""
    paid, total = spent["asked"].get("dollars") or 0.0, spent["total"]
    if total is not None and (rest := paid - total["dollars"]) > 0.01 * paid:
        part = "all" if rest > 0.99 * paid else money(rest)
        why = "prompts that it did not bring to their end, or gates"
        yield f"This run paid {money(paid)}, {part} of it for what is in no row: {why}."
