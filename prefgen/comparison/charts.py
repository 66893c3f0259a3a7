"""Charts of a comparison, in Vega-Lite's words."""

from collections.abc import Iterator, Mapping
from typing import Any

from prefgen.card.charts import CHOSEN, FAINT, Spec, layer, looks, nominal, number
from prefgen.comparison.words import MEASURED

ROW = 44
"""Pixels of a row, of two."""


def judges(one: Mapping[str, Any], names: tuple[str, str], told: str) -> Spec:
    """What is measured of a judge in both runs: two dots with their intervals in each row."""
    rows = list(_rows(one, names))
    how: dict[str, Any] = {"title": None, "axis": {"format": "%", "tickCount": 5, "domain": False, "ticks": False}}
    how["scale"] = {"domain": [0, 1]}
    axis = {"labelLimit": 160, "labelPadding": 8, "ticks": False, "domain": False}
    y = nominal("measure", sort=None, title=None, axis=axis)
    offset = nominal("run", sort=list(names))
    colour = nominal("run", scale={"domain": list(names), "range": [FAINT, CHOSEN]}, title=None)
    both = {"y": y, "yOffset": offset, "color": colour}
    layers = [
        layer(rows, {"type": "rule", "strokeWidth": 3}, {"x": number("low", **how), "x2": {"field": "high"}, **both}),
        layer(rows, {"type": "point", "filled": True, "opacity": 1, "size": 90}, {"x": number("value", **how), **both}),
    ]
    return looks({"layer": layers, "height": {"step": ROW / 2}}, told, "Shares of verdicts or pairs; bars are 95% intervals")


def _rows(one: Mapping[str, Any], names: tuple[str, str]) -> Iterator[dict[str, Any]]:
    for name, measured in one["measures"].items():
        for place, run in zip("ab", names, strict=True):
            if share := measured[place]:
                yield {"measure": MEASURED[name], "run": run, **{key: share[key] for key in ("value", "low", "high")}}
