"""The charts that a report has beside a card's: numbers in, Vega-Lite out, with the same looks."""

from collections.abc import Sequence
from typing import Any

from prefgen.card.looks import (
    CHOSEN,
    FAINT,
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

HALF = {"type": "rule", "color": FAINT, "strokeDash": [4, 3]}
"""A line at what would be no bias."""
PALE, DEEP = "#eef3f7", "#86b9dd"
"""Cells of nothing and of all, both light enough for dark words."""
TEXT = {"type": "text", "color": INK, "fontSize": 12}


def gaps(edges: Sequence[float], counts: Sequence[int], told: str) -> Spec:
    """A histogram of how much higher the chosen one's score is."""
    width = edges[1] - edges[0]
    rows = [
        {"from": start + width * 0.04, "to": start + width * 0.96, "n": n}
        for start, n in zip(edges, counts, strict=False)
        if n
    ]
    scale = {"domain": [edges[0], edges[-1]], "nice": False}
    encoding = {
        "x": number("from", title="chosen score less rejected score", axis=axis(grid=False), scale=scale),
        "x2": {"field": "to"},
        "y": number("n", title="pairs", axis=axis(tickMinStep=1)),
        "y2": {"datum": 0},
    }
    layers = [layer(rows, {"type": "bar", "color": CHOSEN}, encoding)]
    if edges[0] < 0 < edges[-1]:
        layers.append(layer([{"at": 0}], HALF, {"x": number("at", scale=scale)}))
    return looks({"layer": layers, "height": 240}, "How far the two scores are apart", told)


def shares(rows: Rows, title: str, told: str, *, axis_title: str) -> Spec:
    """Shares (``value``) with their intervals (``low``, ``high``), a line for each ``name``, beside one half."""
    y = names("name")
    how: dict[str, Any] = {"title": axis_title, "axis": axis(format="%"), "scale": {"domain": [0, 1]}}
    bar = {"type": "rule", "color": CHOSEN, "strokeWidth": 3}
    dot = {"type": "point", "color": CHOSEN, "filled": True, "opacity": 1, "size": 110}
    layers = [
        layer([{"at": 0.5}], HALF, {"x": number("at", **how)}),
        layer(rows, bar, {"x": number("low", **how), "x2": {"field": "high"}, "y": y}),
        layer(rows, dot, {"x": number("value", **how), "y": y}),
    ]
    return looks({"layer": layers, "height": {"step": 34}}, title, told)


def positions(rows: Rows) -> Spec:
    """What the place does to each ``judge``: ``measure`` is one of two, each a share with its interval."""
    kinds = list(dict.fromkeys(one["measure"] for one in rows))
    how: dict[str, Any] = {"title": "share", "axis": axis(format="%"), "scale": {"domain": [0, 1]}}
    both = {
        "color": nominal("measure", title=None, scale={"domain": kinds, "range": [CHOSEN, REJECTED]}),
        "y": names("judge"),
        "yOffset": {"field": "measure", "type": "nominal", "scale": {"domain": kinds, "paddingOuter": 0.6}},
    }
    dot = {"type": "point", "filled": True, "opacity": 1, "size": 100}
    layers = [
        layer([{"at": 0.5}], HALF, {"x": number("at", **how)}),
        layer(rows, {"type": "rule", "strokeWidth": 3}, {"x": number("low", **how), "x2": {"field": "high"}, **both}),
        layer(rows, dot, {"x": number("value", **how), **both}),
    ]
    said = "The dashed line is a judge that no place sways; bars are 95% intervals"
    return looks(
        {"layer": layers, "height": {"step": 24 * max(len(kinds), 1), "for": "position"}},
        "Do judges favour a place?",
        said,
    )


def cells(rows: Rows, across: Sequence[str], down: Sequence[str], title: str, told: str) -> Spec:
    """A heat map: the cell of ``x`` and ``y`` is as dark as ``value`` (0 to 1) says, and says ``said`` over
    ``small``.
    """
    side: dict[str, Any] = {"title": None, "axis": {"labelLimit": 150, "ticks": False, "domain": False}}
    x = nominal("x", sort=list(across), **{**side, "axis": {**side["axis"], "orient": "top", "labelAngle": 0}})
    place = {"x": x, "y": nominal("y", sort=list(down), **side)}
    scale = {"domain": [0, 1], "clamp": True, "range": [PALE, DEEP]}
    layers = [
        layer(rows, {"type": "rect", "cornerRadius": 3}, {"color": number("value", scale=scale, legend=None), **place}),
        layer(rows, {**TEXT, "fontWeight": "bold", "dy": -7}, {"text": nominal("said"), **place}),
        layer(rows, {**TEXT, "fontSize": 11, "dy": 9}, {"text": nominal("small"), **place}),
    ]
    return looks({"layer": layers, "height": {"step": 46}}, title, told)


def strengths(rows: Rows) -> Spec:
    """Each ``model``'s strength on Elo's scale, with its interval."""
    y = names("model")
    how: dict[str, Any] = {"title": "Elo points", "axis": axis(tickCount=4), "scale": {"zero": False}}
    bar = {"type": "rule", "color": CHOSEN, "strokeWidth": 3}
    dot = {"type": "point", "color": CHOSEN, "filled": True, "opacity": 1, "size": 110}
    layers = [
        layer([{"at": 1000}], HALF, {"x": number("at", **how)}),
        layer(rows, bar, {"x": number("low", **how), "x2": {"field": "high"}, "y": y}),
        layer(rows, dot, {"x": number("elo", **how), "y": y}),
    ]
    said = "Bradley-Terry strengths; the mean of all is 1,000, and bars are 95% intervals"
    return looks({"layer": layers, "height": {"step": 34}}, "Whose responses are chosen", said)


def tokens(steps: Rows) -> Spec:
    """Bars of the tokens that each ``step`` read (``prompt_tokens``) and wrote (``completion_tokens``)."""
    kinds = {"prompt_tokens": "in prompts", "completion_tokens": "in replies"}
    rows = [
        {"step": one["step"], "kind": kind, "n": one[key], "order": order}
        for one in steps
        for order, (key, kind) in enumerate(kinds.items())
    ]
    encoding = {
        "color": nominal("kind", scale={"domain": [*kinds.values()], "range": [LOST, CHOSEN]}, title=None),
        "order": {"field": "order", "type": "ordinal"},
        "x": number("n", title="tokens", stack="zero", axis=axis(tickCount=4)),
        "y": names("step"),
    }
    bars = layer(rows, {"type": "bar", "height": 16}, encoding)
    said = "Of the replies on which the rows rest, whichever run paid for them"
    return looks({**bars, "height": {"step": 26}}, "Where the tokens went", said)


def times(steps: Rows) -> Spec:
    """From when (``began``) to when (``ended``) each ``step`` was at work, in seconds."""
    encoding = {
        "x": number("began", title="seconds since the run began", axis=axis(tickCount=5), scale={"domainMin": 0}),
        "x2": {"field": "ended"},
        "y": names("step"),
    }
    bars = layer(steps, {"type": "bar", "color": CHOSEN, "height": 10, "cornerRadius": 3}, encoding)
    said = "From a step's first row to its last, in this run; steps are at work side by side"
    return looks({**bars, "height": {"step": 26}}, "When each step was at work", said)
