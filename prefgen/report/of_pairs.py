"""What a report says of the pairs: their scores, their lengths, who wrote them, what they are about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.card import charts as of_cards
from prefgen.card.pictures import FEW
from prefgen.html.blocks import Block, Chart, Section, Table, Words
from prefgen.report import charts
from prefgen.report.pairs import names
from prefgen.report.words import beside_half, label, percent, short, some, whole
from prefgen.statistics import share

Figures = Mapping[str, Any]
LISTED = 100
"""Models in one table."""
MOST = 12
"""Models in one picture: those with most battles."""


def scores(pairs: Figures) -> Section | None:
    """Histograms of both sides' scores, and of how far they are apart."""
    if not pairs.get("scores"):
        return None
    found, gaps = pairs["scores"], pairs["gaps"]
    told = f"of {some(found['n'], 'pair')} the chosen one's score is {gaps['mean']:.2f} higher on average"
    blocks: list[Block] = list(_histograms(found, gaps, told)) if found["n"] >= FEW else []
    odd = {
        "have equal scores": gaps["equal"],
        "have a rejected response with the higher score": gaps["reversed"],
        "have not both scores, and are in no figure here": pairs["pairs"] - found["n"],
    }
    blocks += [Words(f"Of all pairs {n:,} {what}.") for what, n in odd.items() if n]
    return Section("scores", "Scores", blocks, f"{told[0].upper()}{told[1:]}.")


def _histograms(found: Figures, gaps: Figures, told: str) -> Iterator[Chart]:
    n = some(found["n"], "pair")
    sides = of_cards.score_bars(found["edges"], found["chosen"], found["rejected"], told=f"{n}, in the same bins")
    yield Chart(sides, f"Scores of chosen and of rejected responses: {told}")
    yield Chart(charts.gaps(gaps["edges"], gaps["counts"], f"{n}, {gaps['mean']:.2f} on average"), f"Gaps: {told}")


# --- lengths --------------------------------------------------------------------------------


def lengths(pairs: Figures, way: Sequence[Figures]) -> Section | None:
    """Chosen against rejected, and the share in which the chosen one is longer, before and after what drops pairs."""
    if not pairs.get("pairs"):
        return None
    longer = pairs["longer"]
    told = f"the chosen one is longer in {whole(longer)}" if longer else "no two lengths differ"
    blocks: list[Block] = list(_pictures(pairs, way, told)) if pairs["pairs"] >= FEW else []
    if len(way) > 1:
        rows = [_row(one) for one in way]
        blocks.append(Table(_HEAD, rows, frozenset({0, 1}), "On the way to the pairs that were kept"))
        blocks.append(Words(_WAY + (_WITHOUT if any(one["verb"] == "without" for one in way) else "")))
    means = [f"{pairs[f'{side}_characters']:,.0f}" for side in SIDES]
    of = f"In {some(pairs['pairs'], 'pair')} chosen responses"
    about = f"{of} have {means[0]} characters on average, rejected ones {means[1]}; {told}."
    return Section("lengths", "Lengths", blocks, about)


SIDES = ("chosen", "rejected")
_HEAD = ("table", "pairs made by", "pairs", "mean chosen", "mean rejected", "chosen is longer")
_WAY = "A row for every table in which pairs are made or dropped; means in characters, the share of unequal pairs."
_WITHOUT = (
    " Before length control there are responses and no pairs yet: what it changed is told by the pairs that best_worst"
    " would have made of the same scored responses."
)


def _pictures(pairs: Figures, way: Sequence[Figures], told: str) -> Iterator[Chart]:
    found, about = pairs["lengths"], f"{told[0].upper()}{told[1:]}"
    squares = of_cards.length_squares(found["edges"], found["squares"], about)
    yield Chart(squares, f"Length of the chosen response against the rejected one: {told}")
    bars = [{"name": f"{n}. {_name(one)}", **one["longer"]} for n, one in enumerate(way, 1) if one["longer"]]
    if len(bars) > 1:
        half = "At one half, the dashed line, length says nothing; bars are 95% intervals"
        said = "; ".join(f"{one['name']} {percent(one['value'], one['n'])}" for one in bars)
        chart = charts.shares(bars, "Before and after", half, axis_title="share in which the chosen one is longer")
        yield Chart(chart, f"Share of pairs whose chosen response is longer: {said}")


def _name(one: Figures) -> str:
    return {"without": "no length control", "kept": "kept"}.get(one["verb"]) or label(one["table"], 20)


def _row(one: Figures) -> list[str]:
    made = {"without": "best_worst, without length_control", "kept": "what was kept"}.get(one["verb"], one["verb"])
    means = [one[f"{side}_characters"] for side in SIDES]
    told = ["" if mean is None else f"{mean:,.0f}" for mean in means]
    return [one["table"], made, f"{one['pairs'] or 0:,}", *told, whole(one["longer"])]


# --- models ---------------------------------------------------------------------------------


def models(found: Figures) -> Section | None:
    """Who is chosen where two models meet."""
    strengths = found.get("strengths")
    if not strengths:
        return None
    blocks: list[Block] = []
    if sum(one["n"] for one in found["met"]) >= FEW:
        blocks += [_wins(found["met"], [one["model"] for one in strengths]), _strengths(strengths)]
    rest = f", the {LISTED} strongest of {len(strengths):,}" if len(strengths) > LISTED else ""
    told = f"Where two different models met{rest}"
    blocks.append(Table(_AUTHORS, [_author(one) for one in strengths[:LISTED]], caption=told))
    if len({one["group"] for one in strengths}) > 1:
        blocks.append(Words("Some of these models never met, not even by way of others: their Elo cannot be compared."))
    outside = [f"{some(found['same'], 'pair')} of one model's own"] if found["same"] else []
    outside += [f"{some(found['unknown'], 'pair')} whose authors are not told"] if found["unknown"] else []
    if outside:
        blocks.append(Words(f"Not counted here: {' and '.join(outside)}."))
    leans = [one["model"] for one in strengths if beside_half(one["share"])]
    about = "A reward model may learn who wrote a response instead of what is good."
    told = f" Chosen more or less often than chance would have: {', '.join(leans)}." if leans else ""
    return Section("models", "Model against model", blocks, about + told)


_AUTHORS = ("model", "chosen", "rejected", "share chosen", "Elo", "95% interval")


def _author(one: Figures) -> list[str]:
    counts, elo = [f"{one[name]:,}" for name in SIDES], one["elo"]
    return [
        one["model"],
        *counts,
        whole(one["share"]),
        f"{elo['value']:,.0f}",
        f"{elo['low']:,.0f} to {elo['high']:,.0f}",
    ]


def _wins(met: Sequence[Figures], order: Sequence[str]) -> Chart:
    """How often the row's model was chosen over the column's, the strongest first."""
    most, won = names(met)[:MOST], {(one["chosen"], one["rejected"]): one["n"] for one in met}
    every = [name for name in order if name in most]
    said, cells = short(every), list[Figures]()
    for a in every:
        for b in every:
            wins, n = won.get((a, b), 0), won.get((a, b), 0) + won.get((b, a), 0)
            if n and a != b:
                told = percent(wins / n, n)
                cells.append({"x": said[b], "y": said[a], "value": wins / n, "said": told, "small": f"n {n:,}"})
    best = "; ".join(f"{one['y']} over {one['x']} {one['said']} ({one['small']})" for one in cells[:6])
    about = "How often the model of the row is chosen over that of the column"
    shown = [said[name] for name in every]
    return Chart(charts.cells(cells, shown, shown, "Who wins", about), f"{about}: {best}")


def _strengths(strengths: Sequence[Figures]) -> Chart:
    said = short([one["model"] for one in strengths[:MOST]])
    rows = [
        {"model": said[one["model"]], "elo": one["elo"]["value"], "low": one["elo"]["low"], "high": one["elo"]["high"]}
        for one in strengths[:MOST]
    ]
    told = "; ".join(f"{one['model']} {one['elo']:,.0f} ({one['low']:,.0f} to {one['high']:,.0f})" for one in rows)
    return Chart(charts.strengths(rows), f"Bradley-Terry strengths on Elo's scale: {told}")


# --- categories -----------------------------------------------------------------------------


def categories(found: Figures) -> Section | None:
    """What came of each category."""
    if not found:
        return None
    rows, several = found["rows"], len(found["rows"]) > 1
    if not several:
        return None
    columns = {
        "prompts": [f"{one['prompts']:,}" for one in rows],
        "pairs": [f"{one['pairs']:,}" for one in rows],
        "chosen is longer": [whole(one["longer"]) for one in rows],
        "judges agree with gold": [whole(one["agrees_with_gold"]) for one in rows],
        "unreadable replies": [f"{one['unreadable']:,}" for one in rows],
    }
    there = {name: cells for name, cells in columns.items() if any(cell not in {"", "0"} for cell in cells)}
    body = [[one["category"] or "none told", *cells] for one, *cells in zip(rows, *there.values(), strict=True)]
    rest = found["categories"] - len(rows)
    caption = f"And {some(rest, 'category', 'categories')} with fewer prompts, not shown" if rest else ""
    about = f"By the column “{found['column']}”. All judges together, of each the first verdict that could be read."
    return Section("categories", "Category by category", [Table(("category", *there), body, caption=caption)], about)


def shared(right: int, n: int) -> str:
    """A share in words."""
    found = share(right, n)
    return whole(vars(found)) if found else ""
