"""The charts themselves: numbers in, Vega-Lite out.

They are written as Vega-Lite's own JSON: the library that writes it from Python costs more to import than all else
that a card needs, and checks what never changes.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

CHOSEN, REJECTED, INK, FAINT, GRID = "#0072b2", "#d55e00", "#1f2933", "#5f6b78", "#e4e8ec"
"""Two colours that all eyes tell apart (Okabe and Ito 2008), and greys on white."""
LOST = "#c3cbd3"
FONT = "Liberation Sans"
"""Comes with vl-convert."""
WIDTH, HEIGHT = 620, 300
"""Pixels of a plot that states no size."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"
"""The form of Vega-Lite that the charts have."""
BINS = 24

Rows = Sequence[Mapping[str, Any]]
Frames = Iterable["pl.DataFrame"]
"""Numbers of pairs, in frames, which can be gone through more than once."""
Spec = Mapping[str, Any]
"""A chart, or a part of one, in Vega-Lite's words."""


def funnel(steps: Rows) -> Spec:
    """Bars of what each ``step`` left (``rows``) and lost (``lost``)."""
    kinds = ("rows it made", "lost, with a reason")
    long = [
        {"step": one["step"], "kind": kind, "n": one[key], "order": order}
        for one in steps
        for order, (kind, key) in enumerate(zip(kinds, ("rows", "lost"), strict=True))
    ]
    y = _names("step")
    bars = {
        "color": _nominal("kind", scale={"domain": kinds, "range": [CHOSEN, LOST]}, title=None),
        "order": {"field": "order", "type": "ordinal"},
        "x": _number("n", title="rows, or replies", stack="zero", axis=_axis()),
        "y": y,
    }
    said = [{"step": one["step"], "at": one["rows"] + one["lost"], "said": _said(one)} for one in steps]
    words = {"type": "text", "align": "left", "color": INK, "dx": 6, "fontSize": 12}
    layers = [
        _layer(long, {"type": "bar", "height": 16}, bars),
        _layer(said, words, {"text": _nominal("said"), "x": _number("at"), "y": y}),
    ]
    title = ("What became of every row", "Rows that each step made, and what was lost there")
    return _looks({"layer": layers, "height": {"step": 26}}, *title)


def _said(one: Mapping[str, Any]) -> str:
    return f"{one['rows']:,}" + (f"  ({one['lost']:,} lost)" if one["lost"] else "")


def scored(pairs: Frames) -> "Iterator[pl.DataFrame]":
    """The pairs whose responses have a score both."""
    import polars as pl

    for rows in pairs:
        yield rows.select("chosen_score", "rejected_score").drop_nulls().filter(pl.all_horizontal(pl.all().is_finite()))


def scores(pairs: Frames, told: str) -> Spec:
    """Histograms of ``chosen_score`` and ``rejected_score`` side by side, over the same bins."""
    edges = _edges(pairs)
    width = edges[1] - edges[0]
    rows = [
        {
            "from": start + width * (0.08 + 0.42 * place),
            "to": start + width * (0.5 + 0.42 * place),
            "n": n,
            "side": side,
        }
        for place, side in enumerate(("chosen", "rejected"))
        for start, n in zip(edges, _counted(pairs, f"{side}_score", edges), strict=False)
        if n
    ]
    sides = {"domain": ["chosen", "rejected"], "range": [CHOSEN, REJECTED]}
    encoding = {
        "color": _nominal("side", scale=sides, title=None),
        "x": _number(
            "from", title="score", axis=_axis(grid=False), scale={"domain": [edges[0], edges[-1]], "nice": False}
        ),
        "x2": {"field": "to"},
        "y": _number("n", title="responses", axis=_axis()),
        "y2": {"datum": 0},
    }
    layer = _layer(rows, {"type": "bar"}, encoding)
    return _looks({**layer, "height": 240}, "Scores of chosen and rejected responses", told)


def _edges(pairs: Frames) -> list[float]:
    """Edges of equal bins; where scores are few different ones, each is in the middle of a bin of its own."""
    values = list[float]()
    for rows in scored(pairs):
        values = sorted({*values, *rows["chosen_score"].unique(), *rows["rejected_score"].unique()})
        few = len(values) <= BINS + 1  # as many as there can be with a bin each
        values = values if few else [values[0], *values[len(values) - BINS - 1 :]]
    low, high = values[0], values[-1]
    nearest = min((later - one for one, later in pairwise(values)), default=0.0)
    if nearest and (high - low) / nearest <= BINS:
        width, low, bins = nearest, low - nearest / 2, round((high - low) / nearest) + 1
    else:
        width, bins = ((high - low) or 1.0) / BINS, BINS
    return [low + width * place for place in range(bins + 1)]


def _counted(pairs: Frames, side: str, edges: Sequence[float]) -> list[int]:
    """How many values are in each bin; the last one has its upper edge too."""
    import numpy as np

    counts = [np.histogram(rows[side].to_numpy(), bins=edges)[0] for rows in scored(pairs)]
    return [int(n) for n in np.sum(counts, axis=0)]


def lengths(pairs: Frames, told: str) -> Spec:
    """How many pairs have a rejected response of one length and a chosen one of another, on logarithmic axes with the
    diagonal; counted in squares, so that the picture does not grow with the rows.
    """
    import numpy as np

    sides = ("rejected_characters", "chosen_characters")
    ends = [(float(rows[side].min()), float(rows[side].max())) for rows in pairs for side in sides]  # type: ignore[arg-type]
    low, high = max(min(low for low, _ in ends), 1.0), max(*(high for _, high in ends), 1.0)
    middle, reach = (low * high) ** 0.5, max((high / low) ** 0.5, 1.25) * 1.05
    edges = np.geomspace(middle / reach, middle * reach, BINS + 5)
    counts: Any = 0
    for rows in pairs:
        rejected, chosen = (np.maximum(rows[side].to_numpy(), 1) for side in sides)
        counts += np.histogram2d(rejected, chosen, bins=[edges, edges])[0]
    told_squares = [
        {
            "x": float(edges[i]),
            "x2": float(edges[i + 1]),
            "y": float(edges[j]),
            "y2": float(edges[j + 1]),
            "n": int(counts[i, j]),
        }
        for i, j in zip(*np.nonzero(counts), strict=True)
    ]
    scale = {"domain": [float(edges[0]), float(edges[-1])], "nice": False, "type": "log"}
    axis = {"scale": scale, "axis": _axis(values=_ticks(float(edges[0]), float(edges[-1])))}
    legend = {"format": "d", "gradientLength": 120, "orient": "right", "tickCount": 4}
    squares = {
        "color": _number(
            "n", title="pairs", scale={"domainMin": 1, "range": ["#bcd9ec", CHOSEN, "#00324f"]}, legend=legend
        ),
        "x": _number("x", title="characters of the rejected response", **axis),
        "x2": {"field": "x2"},
        "y": _number("y", title="characters of the chosen response", **axis),
        "y2": {"field": "y2"},
    }
    corners = [{"x": float(end), "y": float(end)} for end in (edges[0], edges[-1])]
    line = {"type": "line", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1.2}
    layers = [
        _layer(told_squares, {"type": "rect"}, squares),
        _layer(corners, line, {"x": _number("x", scale=scale), "y": _number("y", scale=scale)}),
    ]
    whole = {"layer": layers, "height": 420, "width": 420}
    return _looks(whole, "Lengths: above the line, the chosen one is longer", told[0].upper() + told[1:])


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
    y, told = _names("judge"), "share of verdicts for the response shown first"
    how: dict[str, Any] = {"title": told, "axis": _axis(format="%"), "scale": {"domain": [0, 1]}}
    half = {"type": "rule", "color": REJECTED, "strokeDash": [4, 3]}
    bar = {"type": "rule", "color": CHOSEN, "strokeWidth": 3}
    dot = {"type": "point", "color": CHOSEN, "filled": True, "opacity": 1, "size": 110}
    layers = [
        _layer([{"at": 0.5}], half, {"x": _number("at", **how)}),
        _layer(judges, bar, {"x": _number("low", **how), "x2": {"field": "high"}, "y": y}),
        _layer(judges, dot, {"x": _number("value", **how), "y": y}),
    ]
    said = "At one half, the dashed line, the place says nothing; bars are 95% intervals"
    return _looks({"layer": layers, "height": {"step": 34}}, "Do judges favour a place?", said)


# --- looks ----------------------------------------------------------------------------------


def _layer(rows: Rows, mark: Spec, encoding: Spec) -> Spec:
    return {"data": {"values": [dict(one) for one in rows]}, "mark": mark, "encoding": encoding}


def _number(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "quantitative", **more}


def _nominal(field: str, **more: Any) -> Spec:
    return {"field": field, "type": "nominal", **more}


def _axis(**more: Any) -> Spec:
    return {"tickCount": 6, "format": ",~f", "domain": False, "ticks": False, "labelPadding": 6, **more}


def _names(field: str) -> Spec:
    axis = {"labelLimit": 300, "labelPadding": 8, "ticks": False, "domain": False}
    return _nominal(field, sort=None, title=None, axis=axis)


def _looks(chart: Spec, title: str, subtitle: str) -> Spec:
    """The chart with our looks, on white, which is legible on pages of either colour."""
    small = {"labelFontSize": 12, "titleFontSize": 12, "labelColor": INK, "titleColor": FAINT}
    small |= {"titleFontWeight": "normal"}
    heads = {"fontSize": 18, "color": INK, "subtitleFontSize": 13, "subtitleColor": FAINT}
    config = {
        "font": FONT,
        "view": {"strokeWidth": 0, "continuousWidth": WIDTH, "continuousHeight": HEIGHT},
        "title": {"anchor": "start", "frame": "group", "offset": 16, "subtitlePadding": 6, **heads},
        "axis": {"gridColor": GRID, "titlePadding": 10, **small},
        "legend": {"orient": "top", "symbolType": "square", "offset": 8, **small},
    }
    about = {"title": {"text": title, "subtitle": subtitle}, "background": "white", "padding": 20}
    return {"$schema": SCHEMA, "config": config, **about, **chart}
