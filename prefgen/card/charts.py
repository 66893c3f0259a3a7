"""The charts themselves: numbers in, Vega-Lite out.

They are written as Vega-Lite's own JSON: the library that writes it from Python costs more to import than all else
that a card needs, and checks what never changes.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prefgen.card.looks import (
    CHOSEN,
    INK,
    LOST,
    REJECTED,
    Rows,
    Spec,
    axis,
    layer,
    looks,
    names,
    nominal,
    number,
)

if TYPE_CHECKING:
    from prefgen.card.bins import Frames, Square


def funnel(steps: Rows) -> Spec:
    """Bars of what each ``step`` left (``rows``) and lost (``lost``)."""
    kinds = ("rows it made", "lost, with a reason")
    long = [
        {"step": one["step"], "kind": kind, "n": one[key], "order": order}
        for one in steps
        for order, (kind, key) in enumerate(zip(kinds, ("rows", "lost"), strict=True))
    ]
    y = names("step")
    bars = {
        "color": nominal("kind", scale={"domain": kinds, "range": [CHOSEN, LOST]}, title=None),
        "order": {"field": "order", "type": "ordinal"},
        "x": number("n", title="rows, or replies", stack="zero", axis=axis()),
        "y": y,
    }
    said = [{"step": one["step"], "at": one["rows"] + one["lost"], "said": _said(one)} for one in steps]
    words = {"type": "text", "align": "left", "color": INK, "dx": 6, "fontSize": 12}
    layers = [
        layer(long, {"type": "bar", "height": 16}, bars),
        layer(said, words, {"text": nominal("said"), "x": number("at"), "y": y}),
    ]
    title = ("What became of every row", "Rows that each step made, and what was lost there")
    return looks({"layer": layers, "height": {"step": 26}}, *title)


def _said(one: Spec) -> str:
    return f"{one['rows']:,}" + (f"  ({one['lost']:,} lost)" if one["lost"] else "")


def scores(pairs: "Frames", told: str) -> Spec:
    """Histograms of ``chosen_score`` and ``rejected_score`` side by side, over the same bins."""
    from prefgen.card.bins import SCORES, counted, edges, scored

    cuts = edges(scored(pairs))
    return score_bars(cuts, *(counted(scored(pairs), side, cuts) for side in SCORES), told=told)


def score_bars(edges: Sequence[float], chosen: Sequence[int], rejected: Sequence[int], *, told: str) -> Spec:
    """The same, of counts by bin."""
    width = edges[1] - edges[0]
    rows = [
        {
            "from": start + width * (0.08 + 0.42 * place),
            "to": start + width * (0.5 + 0.42 * place),
            "n": n,
            "side": side,
        }
        for place, (side, counts) in enumerate((("chosen", chosen), ("rejected", rejected)))
        for start, n in zip(edges, counts, strict=False)
        if n
    ]
    sides = {"domain": ["chosen", "rejected"], "range": [CHOSEN, REJECTED]}
    encoding = {
        "color": nominal("side", scale=sides, title=None),
        "x": number(
            "from", title="score", axis=axis(grid=False), scale={"domain": [edges[0], edges[-1]], "nice": False}
        ),
        "x2": {"field": "to"},
        "y": number("n", title="responses", axis=axis()),
        "y2": {"datum": 0},
    }
    bars = layer(rows, {"type": "bar"}, encoding)
    return looks({**bars, "height": 240}, "Scores of chosen and rejected responses", told)


def lengths(pairs: "Frames", told: str) -> Spec:
    """How many pairs have a rejected response of one length and a chosen one of another, on logarithmic axes with the
    diagonal; counted in squares, so that the picture does not grow with the rows.
    """
    from prefgen.card.bins import squares

    return length_squares(*squares(pairs), told)


def length_squares(edges: Sequence[float], squares: "Sequence[Square]", told: str) -> Spec:
    """The same, of counts by square."""
    told_squares = [
        {"x": edges[i], "x2": edges[i + 1], "y": edges[j], "y2": edges[j + 1], "n": n} for i, j, n in squares
    ]
    scale = {"domain": [edges[0], edges[-1]], "nice": False, "type": "log"}
    side: dict[str, Any] = {"scale": scale, "axis": axis(values=_ticks(edges[0], edges[-1]))}
    legend = {"format": "d", "gradientLength": 120, "orient": "right", "tickCount": 4, "tickMinStep": 1}
    encoding = {
        "color": number(
            "n", title="pairs", scale={"domainMin": 1, "range": ["#bcd9ec", CHOSEN, "#00324f"]}, legend=legend
        ),
        "x": number("x", title="characters of the rejected response", **side),
        "x2": {"field": "x2"},
        "y": number("y", title="characters of the chosen response", **side),
        "y2": {"field": "y2"},
    }
    corners = [{"x": end, "y": end} for end in (edges[0], edges[-1])]
    line = {"type": "line", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1.2}
    layers = [
        layer(told_squares, {"type": "rect"}, encoding),
        layer(corners, line, {"x": number("x", scale=scale), "y": number("y", scale=scale)}),
    ]
    whole = {"layer": layers, "height": 420, "width": 420}
    return looks(whole, "Lengths: above the line, the chosen one is longer", told[0].upper() + told[1:])


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two lengths; of the powers alone where those would be many, and
    evenly between them where they would be few.
    """
    every = [m * 10.0**power for power in range(8) for m in (1, 2, 5)]
    inside = [one for one in every if low <= one <= high]
    if len(inside) < 3:
        return sorted({float(round(low + (high - low) * place / 5)) for place in range(1, 5)})
    return inside if len(inside) <= 9 else [one for one in inside if str(int(one))[0] == "1"]


def positions(judges: Rows) -> Spec:
    """Each ``judge``'s share for the response shown first (``value``) with its interval (``low``, ``high``)."""
    y, told = names("judge"), "share of verdicts for the response shown first"
    how: dict[str, Any] = {"title": told, "axis": axis(format="%"), "scale": {"domain": [0, 1]}}
    half = {"type": "rule", "color": REJECTED, "strokeDash": [4, 3]}
    bar = {"type": "rule", "color": CHOSEN, "strokeWidth": 3}
    dot = {"type": "point", "color": CHOSEN, "filled": True, "opacity": 1, "size": 110}
    layers = [
        layer([{"at": 0.5}], half, {"x": number("at", **how)}),
        layer(judges, bar, {"x": number("low", **how), "x2": {"field": "high"}, "y": y}),
        layer(judges, dot, {"x": number("value", **how), "y": y}),
    ]
    said = "At one half, the dashed line, the place says nothing; bars are 95% intervals"
    return looks({"layer": layers, "height": {"step": 34}}, "Do judges favour a place?", said)
