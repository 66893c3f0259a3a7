"""What a report says of the pairs: their scores, their lengths, who wrote them, what they are about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.card import charts as of_cards
from prefgen.card.pictures import FEW
from prefgen.html.blocks import Block, Chart, Section, Table, Words
from prefgen.judged import AUTHORS, author_rows
from prefgen.report import charts
from prefgen.report.pairs import names
from prefgen.report.words import beside_half, between, label, percent, short, some, whole
from prefgen.statistics import share

Figures = Mapping[str, Any]
MOST = 12
"""Models in one picture: those with most battles."""


def scores(pairs: Figures) -> Section | None:
    """Histograms of both sides' scores, and of how far they are apart."""
    if not pairs.get("scores"):
        return None
    found, gaps = pairs["scores"], pairs["gaps"]
    n, mean = found["n"], f"{gaps['mean']:.2f}"
    told = f"{some(n, 'pair')}; the chosen one's score is {mean} higher on average"
    blocks: list[Block] = []
    if n >= FEW:
        sides = of_cards.score_bars(
            found["edges"], found["chosen"], found["rejected"], told=some(n, "pair") + ", both sides in the same bins"
        )
        apart = charts.gaps(gaps["edges"], gaps["counts"], f"{mean} on average")
        blocks += [
            Chart(sides, f"Scores of chosen and of rejected responses: {told}"),
            Chart(apart, f"Score gaps: {told}"),
        ]
    odd = [f"{some(gaps[name], 'pair')} with {what}" for name, what in _ODD.items() if gaps[name]]
    unscored = pairs["pairs"] - n
    rest = [f"{some(unscored, 'pair')} without both scores, in no figure here"] if unscored else []
    if odd or rest:
        blocks.append(
            Words(
                f"There {'is' if (gaps['equal'] + gaps['reversed'] + unscored) == 1 else 'are'} {'; '.join([*odd, *rest])}."
            )
        )
    return Section("scores", "Scores", blocks, f"{told[0].upper()}{told[1:]}.")


_ODD = {"equal": "equal scores", "reversed": "the rejected one's score higher"}


# --- lengths --------------------------------------------------------------------------------


def lengths(pairs: Figures, way: Sequence[Figures]) -> Section | None:
    """Chosen against rejected, and the share in which the chosen one is longer, before and after what drops pairs."""
    if not pairs.get("pairs"):
        return None
    longer, blocks = pairs["longer"], list[Block]()
    told = f"the chosen one is longer in {whole(longer)}" if longer else "no two lengths differ"
    if pairs["pairs"] >= FEW:
        squares = of_cards.length_squares(pairs["lengths"]["edges"], pairs["lengths"]["squares"], _subtitle(longer))
        blocks.append(Chart(squares, f"Length of the chosen response against the rejected one: {told}"))
    if len(way) > 1 and pairs["pairs"] >= FEW and (bars := list(_bars(way))):
        said = "; ".join(f"{one['name']} {percent(one['value'], one['n'])}" for one in bars)
        about = "At one half, the dashed line, length says nothing; bars are 95% intervals"
        way_chart = charts.shares(bars, "Before and after", about, axis_title="chosen is longer")
        blocks.append(Chart(way_chart, f"Share of pairs whose chosen response is longer: {said}"))
    blocks += [Table(_HEAD, [_row(one) for one in way], frozenset({0, 1}), _CAPTION), *_without(way)]
    means = [f"{pairs[f'{side}_characters']:,.0f}" for side in ("chosen", "rejected")]
    about = f"Chosen responses have {means[0]} characters on average, rejected ones {means[1]}; {told}."
    return Section("lengths", "Lengths", blocks, about)


_HEAD = ("pairs of", "made by", "pairs", "chosen, characters", "rejected, characters", "chosen is longer")
_CAPTION = (
    "On the way to the pairs that were kept: every table in which pairs are made or dropped. Means in characters."
)


def _subtitle(longer: Figures | None) -> str:
    if not longer:
        return "No two lengths differ"
    return f"The chosen one is longer in {percent(longer['value'], longer['n'])} ({between(longer)}) of {longer['n']:,} unequal pairs"


def _bars(way: Sequence[Figures]) -> Iterator[Figures]:
    for n, one in enumerate(way, 1):
        if one["longer"]:
            yield {"name": f"{n}. {label(_name(one), 24)}", **one["longer"]}


def _name(one: Figures) -> str:
    return {"without": "without length control", "kept": "kept"}.get(one["verb"], one["table"])


def _row(one: Figures) -> list[str]:
    made = {"without": "best_worst, if it stood here", "kept": "what was kept"}.get(one["verb"], one["verb"])
    means = [
        "" if one[f"{side}_characters"] is None else f"{one[f'{side}_characters']:,.0f}"
        for side in ("chosen", "rejected")
    ]
    return [one["table"], made, f"{one['pairs'] or 0:,}", *means, whole(one["longer"])]


def _without(way: Sequence[Figures]) -> Iterator[Words]:
    if any(one["verb"] == "without" for one in way):
        yield Words(
            "Before length control there are responses and no pairs yet. What it changed is told by the pairs that"
            " best_worst would have made of the same scored responses."
        )


# --- models ---------------------------------------------------------------------------------


def models(found: Figures) -> Section | None:
    """Who is chosen where two models meet."""
    strengths = found.get("strengths")
    if not strengths:
        return None
    blocks: list[Block] = []
    if sum(one["n"] for one in found["met"]) >= FEW:
        blocks += [_wins(found["met"]), _strengths(strengths)]
    blocks.append(Table(AUTHORS, author_rows(strengths), caption="Where two different models met"))
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


def _wins(met: Sequence[Figures]) -> Chart:
    """How often the row's model was chosen over the column's."""
    every, won = names(met)[:MOST], {(one["chosen"], one["rejected"]): one["n"] for one in met}
    said, cells = short(every), list[Figures]()
    for a in every:
        for b in every:
            wins, n = won.get((a, b), 0), won.get((a, b), 0) + won.get((b, a), 0)
            if n and a != b:
                told = percent(wins / n, n)
                cells.append({"x": said[b], "y": said[a], "value": wins / n, "said": told, "small": f"n {n:,}"})
    best = "; ".join(f"{one['y']} over {one['x']} {one['said']} ({one['small']})" for one in cells[:6])
    about = "How often the model of the row is chosen over that of the column"
    order = [said[name] for name in every]
    return Chart(charts.cells(cells, order, order, "Who wins", about), f"{about}: {best}")


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
        "pairs kept": [f"{one['pairs']:,}" for one in rows],
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
