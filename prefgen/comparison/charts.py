"""Charts of a comparison, in Vega-Lite's words."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefgen.card.looks import CHOSEN, FAINT, Spec, axis, layer, looks, names, nominal, number
from prefgen.comparison.words import MEASURED

ROW = 22
"""Pixels of one run in a row of two."""


def judges(one: Mapping[str, Any], both: tuple[str, str], title: str) -> Spec:
    """What is measured of a judge in both runs: two dots with their intervals in each row."""
    rows = list(_rows(one, both))
    how: dict[str, Any] = {"title": None, "axis": axis(format="%"), "scale": {"domain": [0, 1]}}
    colour = nominal("run", scale={"domain": list(both), "range": [FAINT, CHOSEN]}, title=None)
    where = {"y": names("measure"), "yOffset": nominal("run", sort=list(both)), "color": colour}
    bars = {"x": number("low", **how), "x2": {"field": "high"}, **where}
    layers = [
        layer(rows, {"type": "rule", "strokeWidth": 3}, bars),
        layer(
            rows, {"type": "point", "filled": True, "opacity": 1, "size": 90}, {"x": number("value", **how), **where}
        ),
    ]
    chart = {"layer": layers, "height": {"step": ROW, "for": "offset"}}
    return looks(chart, title, "Shares of verdicts, or of pairs; bars are 95% intervals")


def _rows(one: Mapping[str, Any], both: tuple[str, str]) -> Iterator[dict[str, Any]]:
    for name, measured in one["measures"].items():
        for place, run in zip("ab", both, strict=True):
            if share := measured[place]:
                yield {"measure": MEASURED[name], "run": run, **{key: share[key] for key in ("value", "low", "high")}}
