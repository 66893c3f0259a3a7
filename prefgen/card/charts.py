"""The charts themselves: numbers in, PNG out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

CHOSEN, REJECTED, INK, FAINT, GRID = "#0072b2", "#d55e00", "#1f2933", "#5f6b78", "#e4e8ec"
"""Two colours that all eyes tell apart (Okabe and Ito 2008), and greys on white."""
LOST = "#c3cbd3"
FONT = "Liberation Sans"
"""Comes with vl-convert."""
WIDTH, SCALE = 620, 2.0
"""Pixels of the plot, and how many of the picture's stand for one."""
BINS = 24

Rows = Sequence[Mapping[str, Any]]


def funnel(steps: Rows) -> bytes:
    """Bars of what each ``step`` left (``rows``) and lost (``lost``)."""
    import altair as alt

    long = [
        {"step": one["step"], "kind": kind, "n": one[key], "order": order}
        for one in steps
        for order, (kind, key) in enumerate((("rows it made", "rows"), ("lost, with a reason", "lost")))
    ]
    y = alt.Y("step:N", sort=None, title=None, axis=_names())
    colour = alt.Color(
        "kind:N", scale=alt.Scale(domain=["rows it made", "lost, with a reason"], range=[CHOSEN, LOST]), title=None
    )
    base = _of(long)
    bars = base.mark_bar(height=16).encode(
        x=alt.X("n:Q", title="rows, or replies", stack="zero", axis=_axis()), y=y, color=colour, order="order:O"
    )
    said = [{"step": one["step"], "at": one["rows"] + one["lost"], "said": _said(one)} for one in steps]
    text = _of(said).mark_text(align="left", dx=6, color=INK, fontSize=12)
    layered = alt.layer(bars, text.encode(x="at:Q", y=y, text="said:N"))
    return _png(
        layered.properties(height=alt.Step(26)),
        "What became of every row",
        "Rows that each step made, and what was lost there",
    )


def _said(one: Mapping[str, Any]) -> str:
    return f"{one['rows']:,}" + (f"  ({one['lost']:,} lost)" if one["lost"] else "")


def scores(pairs: "pl.DataFrame", told: str) -> bytes:
    """Histograms of ``chosen_score`` and ``rejected_score`` side by side, over the same bins."""
    import altair as alt

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
        for start, n in zip(edges, _counted(pairs[f"{side}_score"], edges), strict=False)
        if n
    ]
    scale = alt.Scale(domain=[edges[0], edges[-1]], nice=False)
    chart = _of(rows).mark_bar().encode(
        x=alt.X("from:Q", title="score", axis=_axis(grid=False), scale=scale),
        x2="to:Q",
        y=alt.Y("n:Q", title="responses", axis=_axis()),
        y2=alt.datum(0),
        color=_sides(alt),
    )  # fmt: skip
    return _png(chart.properties(height=240), "Scores of chosen and rejected responses", told)


def _edges(pairs: "pl.DataFrame") -> list[float]:
    """Edges of equal bins; where scores are few different ones, each is in the middle of a bin of its own."""
    import polars as pl

    values = pl.concat([pairs["chosen_score"], pairs["rejected_score"].alias("chosen_score")]).unique().sort()
    low, high = float(values[0]), float(values[-1])
    steps = values.diff().drop_nulls()
    nearest = float(steps.min()) if len(steps) else 0.0  # type: ignore[arg-type]
    if nearest and (high - low) / nearest <= BINS:
        width, low, bins = nearest, low - nearest / 2, round((high - low) / nearest) + 1
    else:
        width, bins = ((high - low) or 1.0) / BINS, BINS
    return [low + width * place for place in range(bins + 1)]


def _counted(values: "pl.Series", edges: Sequence[float]) -> list[int]:
    """How many values are in each bin; the last one has its upper edge too."""
    import numpy as np

    return [int(n) for n in np.histogram(values.to_numpy(), bins=edges)[0]]


def lengths(pairs: "pl.DataFrame", told: str) -> bytes:
    """How many pairs have a rejected response of one length and a chosen one of another, on logarithmic axes with the
    diagonal; counted in squares, so that the picture does not grow with the rows.
    """
    import altair as alt
    import numpy as np

    chosen, rejected = (np.maximum(pairs[f"{side}_characters"].to_numpy(), 1) for side in ("chosen", "rejected"))
    low, high = float(min(chosen.min(), rejected.min())), float(max(chosen.max(), rejected.max()))
    middle, reach = (low * high) ** 0.5, max((high / low) ** 0.5, 1.25) * 1.05
    edges = np.geomspace(middle / reach, middle * reach, BINS + 5)
    counts = np.histogram2d(rejected, chosen, bins=[edges, edges])[0]
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
    scale = alt.Scale(type="log", domain=[float(edges[0]), float(edges[-1])], nice=False)
    ticks = _ticks(float(edges[0]), float(edges[-1]))
    square = _of(told_squares).mark_rect().encode(
        x=alt.X("x:Q", title="characters of the rejected response", scale=scale, axis=_axis(values=ticks)),
        x2="x2:Q",
        y=alt.Y("y:Q", title="characters of the chosen response", scale=scale, axis=_axis(values=ticks)),
        y2="y2:Q",
        color=alt.Color("n:Q", title="pairs", scale=alt.Scale(range=["#bcd9ec", CHOSEN, "#00324f"], domainMin=1),
                        legend=alt.Legend(orient="right", format="d", tickCount=4, gradientLength=120)),
    )  # fmt: skip
    ends = [{"x": float(edges[0]), "y": float(edges[0])}, {"x": float(edges[-1]), "y": float(edges[-1])}]
    line = _of(ends).mark_line(color=INK, strokeDash=[4, 3], strokeWidth=1.2)
    chart = alt.layer(square, line.encode(x=alt.X("x:Q", scale=scale), y=alt.Y("y:Q", scale=scale)))
    return _png(
        chart.properties(height=420, width=420),
        "Lengths: above the line, the chosen one is longer",
        told[0].upper() + told[1:],
    )


def _ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between two lengths; of the powers alone where those would be many, and
    evenly between them where they would be few.
    """
    every = [m * 10.0**power for power in range(8) for m in (1, 2, 5)]
    inside = [one for one in every if low <= one <= high]
    if len(inside) < 3:
        return sorted({float(round(low + (high - low) * place / 5)) for place in range(1, 5)})
    return inside if len(inside) <= 9 else [one for one in inside if str(int(one))[0] == "1"]


def positions(judges: Rows) -> bytes:
    """Each ``judge``'s share for the response shown first (``value``) with its interval (``low``, ``high``)."""
    import altair as alt

    base = _of(judges)
    y = alt.Y("judge:N", sort=None, title=None, axis=_names())
    how: dict[str, Any] = {"title": "share of verdicts for the response shown first", "axis": _axis(format="%")}
    how["scale"] = alt.Scale(domain=[0, 1])
    bar = base.mark_rule(color=CHOSEN, strokeWidth=3).encode(x=alt.X("low:Q", **how), x2="high:Q", y=y)
    dot = base.mark_point(color=CHOSEN, filled=True, size=110, opacity=1).encode(x=alt.X("value:Q", **how), y=y)
    half = _of([{"at": 0.5}]).mark_rule(color=REJECTED, strokeDash=[4, 3]).encode(x=alt.X("at:Q", **how))
    told = "At one half, the dashed line, the place says nothing; bars are 95% intervals"
    return _png(alt.layer(half, bar, dot).properties(height=alt.Step(34)), "Do judges favour a place?", told)


# --- looks ----------------------------------------------------------------------------------


def _of(rows: Rows) -> Any:
    import altair as alt

    data: Any = alt.Data
    return alt.Chart(data(values=[dict(one) for one in rows]))


def _axis(**more: Any) -> Any:
    import altair as alt

    return alt.Axis(**{"tickCount": 6, "format": ",~f", "domain": False, "ticks": False, "labelPadding": 6, **more})


def _names() -> Any:
    import altair as alt

    return alt.Axis(labelLimit=300, labelPadding=8, ticks=False, domain=False)


def _sides(alt: Any) -> Any:
    return alt.Color("side:N", scale=alt.Scale(domain=["chosen", "rejected"], range=[CHOSEN, REJECTED]), title=None)


def _png(chart: Any, title: str, subtitle: str) -> bytes:
    """The chart with our looks, on white, which is legible on pages of either colour."""
    import altair as alt
    import vl_convert

    small = {"labelFontSize": 12, "titleFontSize": 12, "labelColor": INK, "titleColor": FAINT}
    small |= {"titleFontWeight": "normal"}
    heads = {"fontSize": 18, "color": INK, "subtitleFontSize": 13, "subtitleColor": FAINT}
    whole = (
        chart.properties(title=alt.Title(title, subtitle=subtitle), background="white", padding=20)
        .configure(font=FONT)
        .configure_view(strokeWidth=0, continuousWidth=WIDTH)
        .configure_title(anchor="start", frame="group", offset=16, subtitlePadding=6, **heads)
        .configure_axis(gridColor=GRID, titlePadding=10, **small)
        .configure_legend(orient="top", symbolType="square", offset=8, **small)
    )
    png: bytes = vl_convert.vegalite_to_png(whole.to_dict(), scale=SCALE, allowed_base_urls=[])
    return png
