"""How every chart of ours looks: its colours and type, and the pieces of Vega-Lite that charts are put together of."""

from collections.abc import Mapping, Sequence
from typing import Any

CHOSEN, REJECTED, INK, FAINT, GRID = "#0072b2", "#d55e00", "#1f2933", "#5f6b78", "#e4e8ec"
"""Two colours that all eyes tell apart (Okabe and Ito 2008), and greys on white."""
LOST = "#c3cbd3"
FONT = "Liberation Sans"
"""Comes with vl-convert."""
WIDTH, HEIGHT = 620, 300
"""Pixels of a plot that states no size."""
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.4.1.json"
"""The form of Vega-Lite that the charts have."""

Rows = Sequence[Mapping[str, Any]]
Spec = Mapping[str, Any]
"""A chart, or a part of one, in Vega-Lite's words."""


def layer(rows: Rows, mark: Spec, encoding: Spec) -> Spec:
    """Marks of these rows."""
    return {"data": {"values": [dict(one) for one in rows]}, "mark": mark, "encoding": encoding}


def number(field: str, **more: Any) -> Spec:
    """A field that is measured."""
    return {"field": field, "type": "quantitative", **more}


def nominal(field: str, **more: Any) -> Spec:
    """A field of names."""
    return {"field": field, "type": "nominal", **more}


def axis(**more: Any) -> Spec:
    """An axis of numbers."""
    return {"tickCount": 6, "format": ",~f", "domain": False, "ticks": False, "labelPadding": 6, **more}


def names(field: str) -> Spec:
    """An axis of names, in the order in which they come."""
    plain = {"labelLimit": 300, "labelPadding": 8, "ticks": False, "domain": False}
    return nominal(field, sort=None, title=None, axis=plain)


def looks(chart: Spec, title: str, subtitle: str) -> Spec:
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
