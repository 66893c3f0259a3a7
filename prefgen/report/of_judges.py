"""What a report says of the judges: how right, how consistent, swayed by what, fooled by what, unread how often."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from prefgen.html.blocks import Block, Chart, Quote, Section, Table, Words
from prefgen.report import charts
from prefgen.report.words import between, decimal, label, measured, percent, short, whole

Figures = Mapping[str, Any]
MOST = 16
"""Judges in one picture."""
QUOTES = 9
"""Replies that are quoted at most."""
MEASURES = {"first_shown": "says the first", "flips": "flips with the order"}
OF_PAIRS = {
    "agrees_with_gold": "agrees with gold",
    "first_shown": "says the first shown",
    "flips": "flips with the order",
    "prefers_longer": "prefers the longer",
    "gold_is_longer": "gold is longer",
}


def judges(reports: Figures, saved: Sequence[Figures] = ()) -> Section | None:
    """Each judge's agreement with what is known, and its biases; of some what a stop ``saved`` must be known."""
    ones = [(table, judge, one, of["kind"]) for table, of in reports.items() for judge, one in of["judges"].items()]
    if not ones:
        return None
    lazy = [Words(_LAZY.format(one["table"])) for one in saved if one["stop"] == "lazy_order"]
    blocks: list[Block] = [*_positions(ones), *_of_pairs(ones), *lazy, *_of_scores(ones)]
    about = "Shares with their 95% intervals; verdicts on one pair are not counted as independent."
    return Section("judges", "Judges", blocks, about)


Ones = Sequence[tuple[str, str, Figures, str]]


def _positions(ones: Ones) -> Iterator[Chart]:
    told = [one for one in ones if one[2].get("first_shown")][:MOST]
    said = short(list(dict.fromkeys(judge for _, judge, *_ in told)))
    rows = [
        {"judge": f"{n}. {said[judge]}", "measure": what, **one[name]}
        for n, (_, judge, one, _) in enumerate(told, 1)
        for name, what in MEASURES.items()
        if one.get(name)
    ]
    if rows:
        alt = "; ".join(f"{one['judge']} {one['measure']}: {percent(one['value'], one['n'])}" for one in rows)
        yield Chart(charts.positions(rows), f"What the place shown does to each judge: {alt}")


def _of_pairs(ones: Ones) -> Iterator[Block]:
    """A row for each measure of each judge, so that each number has its n beside it."""
    rows = [one for one in ones if one[3] == "pairs"]
    several = len({table for table, *_ in rows}) > 1
    body = [
        [
            what,
            judge,
            *([table] if several else []),
            percent(found["value"], found["n"]),
            between(found),
            f"{found['n']:,}",
        ]
        for name, what in OF_PAIRS.items()
        for table, judge, one, _ in rows
        if (found := one.get(name))
    ]
    if body:
        names = ("measure", "judge", *(["table"] if several else []))
        head = (*names, "share", "95% interval", "n")
        yield Table(head, body, frozenset(range(len(names))), "Judges of pairs", len(body) > 40)
        yield Words(_ORDERED)


_ORDERED = (
    "Of several draws of one ordered pair the first that could be read counts. Flips are pairs, judged in both orders,"
    " of which another response is preferred when the order is turned; the first shown is told of the same pairs."
)


_LAZY = (
    "In {} the second order was asked only where the first was right (lazy_order): agreement is that of more first"
    " orders than second ones, and flips are fewer than they would be of all pairs."
)


def _of_scores(ones: Ones) -> Iterator[Block]:
    found = [(table, judge, one) for table, judge, one, kind in ones if kind == "scores"]
    repeat = any(one["alpha"] for *_, one in found)
    rows = [
        [
            table,
            judge,
            *(f"{one[name]:,}" for name in ("judgments", "responses")),
            *map(decimal, (one["mean"], one["sd"])),
        ]
        + ([measured(one["alpha"]) or "not known"] if repeat else [])
        for table, judge, one in found
    ]
    head = ("table", "judge", "judgments", "responses", "mean", "sd", *(["alpha"] if repeat else []))
    if rows:
        yield Table(head, rows, frozenset({0, 1}), "Judges of single responses")
    if repeat:
        yield Words(_REPEATS)


_REPEATS = "Alpha (Krippendorff's, of numbers) tells how far scores of one response repeat: 1 is always, 0 is chance."


# --- agreement ------------------------------------------------------------------------------


def agreement(reports: Figures) -> Section | None:
    """How far several judges of the same ordered pairs agree beyond chance."""
    blocks: list[Block] = []
    for table, of in reports.items():
        if "kappas" in of:
            blocks += [_kappas(table, of), Words(_beyond(table, of))]
    about = "Cohen's kappa of each two judges over the ordered pairs that both judged: 1 is agreement, 0 is chance."
    return Section("agreement", "Do judges agree?", blocks, about) if blocks else None


def _kappas(table: str, of: Figures) -> Chart:
    every = list(of["judges"])[:MOST]
    said, cells = short(every), list[Figures]()
    for a, b in combinations(every, 2):
        kappa, n = of["kappas"].get(f"{a} | {b}"), (of.get("both") or {}).get(f"{a} | {b}")
        small = "" if n is None else f"n {n:,}"
        if f"{a} | {b}" in of["kappas"]:
            told = "not told" if kappa is None else decimal(kappa)
            one = {"value": kappa or 0.0, "said": told, "small": small}
            cells += [{"x": said[b], "y": said[a], **one}, {"x": said[a], "y": said[b], **one}]
    alt = "; ".join(f"{one['y']} and {one['x']} {one['said']} ({one['small']})" for one in cells[::2])
    order = [said[name] for name in every]
    return Chart(
        charts.cells(cells, order, order, "Kappa", f"Table {label(table)}"), f"Kappa of each two judges: {alt}"
    )


def _beyond(table: str, of: Figures) -> str:
    alpha, fleiss = of.get("alpha"), of.get("fleiss_kappa")
    told = (
        f"Krippendorff's alpha is {measured(alpha)} ordered pairs" if alpha else "Krippendorff's alpha cannot be told"
    )
    more = f"; Fleiss' kappa, over what all of them judged, is {decimal(fleiss)}" if fleiss is not None else ""
    scale = "From 0.8 on Krippendorff calls data reliable, from 0.667 on tentative."
    return f"All judges of {table} together: {told}{more}. {scale}"


# --- replies that say nothing ---------------------------------------------------------------


def unreadable(figures: Figures) -> Section | None:
    """Replies that could not be read, with some of their texts, and those that never came."""
    kinds, failed = figures["unreadable"], figures["failed"]
    if not kinds and not failed:
        return None
    blocks: list[Block] = []
    every = [("unreadable", one) for one in kinds] + [("failed", one) for one in failed]
    rows = [
        [one["table"], one["verb"], what, one["kind"], f"{one['n']:,}", f"{one['drawn']:,}", _share(one)]
        for what, one in every
    ]
    head = ("step", "verb", "what", "kind", "n", "replies drawn", "share")
    blocks.append(Table(head, rows, frozenset({0, 1, 2, 3})))
    quotes = [quote for _, one in every for quote in _quotes(one)]
    blocks += quotes[:QUOTES]
    about = "A reply that says nothing on offer is kept, counted and shown; it is never a vote, a zero or a tie."
    return Section("unreadable", "Replies that could not be read", blocks, about)


def _share(one: Figures) -> str:
    return percent(one["n"] / one["drawn"], one["drawn"]) if one["drawn"] else ""


def _quotes(one: Figures) -> Iterator[Quote]:
    for text in one["texts"]:
        cut = (
            ""
            if text["characters"] <= len(text["text"])
            else f", its first {len(text['text']):,} of {text['characters']:,} characters"
        )
        yield Quote(text["text"], f"{one['table']}, {one['kind']}, {text['id']}{cut}")


# --- canaries -------------------------------------------------------------------------------


def canaries(found: Sequence[Figures]) -> Section | None:
    """How judges did where the answer was known."""
    rows = [
        [one["table"], kind, *(f"{ends.get(end, 0):,}" for end in _ENDS)]
        for one in found
        for kind, ends in one["kinds"].items()
    ]
    if not rows:
        return None
    held = [f"{one['table']} {whole(one['withstood'])}" for one in found if one.get("withstood")]
    told = f" Withstood: {'; '.join(held)}." if held else " None of them could be read."
    about = f"Requests with a known answer and an attack in them, among the judges' own; they stand in no table.{told}"
    return Section("canaries", "Canaries", [Table(("table", "attack", *_ENDS), rows, frozenset({0, 1}))], about)


_ENDS = ("withstood", "fooled", "unreadable", "failed")


# --- gates ----------------------------------------------------------------------------------


def gates(found: Figures) -> Section | None:
    """How judges did before anything else was spent."""
    rows = [
        [table, judge, percent(right["value"], right["n"]), between(right), f"{right['n']:,}"]
        for table, one in found.items()
        for judge, right in one["right"].items()
    ]
    if not found:
        return None
    head = ("gate of", "judge", "agrees with gold", "95% interval", "n")
    blocks: list[Block] = [Table(head, rows, frozenset({0, 1}))] if rows else []
    blocks += [
        Words(f"The gate of {table} made {one['calls']:,} calls, which are in no step.") for table, one in found.items()
    ]
    return Section(
        "gates", "Gates", blocks, "Judges were tried where the better response is known, before the rest was asked."
    )
