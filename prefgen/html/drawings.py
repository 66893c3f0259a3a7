"""Charts as they stand in a page: drawn as wide as a column of it, and as a phone, in colours that follow the page's,
without what nobody sees.

The drawing comes from our own charts, and is yet taken for anybody's: only elements and attributes that draw are kept,
and every text of it is escaped.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prefgen.card import drawing
from prefgen.html.blocks import Chart
from prefgen.html.colours import themed

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

NARROW, WIDE = 440, 920
"""Pixels of a chart that stands beside another, or alone on a phone, and of one that has the column for itself."""
BESIDE = 100
"""About what labels and legend take of them."""
FONT = 13
SIZES = ("labelFontSize", "titleFontSize")
FITS = {"type": "fit-x", "contains": "padding"}
"""The chart with its labels is as wide as it is told to be."""
ELEMENTS = frozenset(
    {"svg", "g", "path", "rect", "line", "circle", "text", "tspan", "defs", "linearGradient", "stop", "clipPath"}
)
COLOURS = frozenset({"fill", "stroke", "stop-color"})
PLACES = frozenset(
    {
        *("d", "x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "cx", "cy", "r", "rx", "width", "height", "transform"),
        *("viewBox", "offset", "gradientUnits", "opacity", "fill-opacity", "stroke-opacity", "stroke-width"),
        *("stroke-dasharray", "stroke-linecap", "text-anchor", "font-size", "font-weight", "id", "clip-path"),
    }
)
DEFAULTS = {("opacity", "1"), ("x1", "0"), ("y1", "0"), ("font-weight", "normal"), ("transform", "translate(0,0)")}
_LONG = re.compile(r"-?\d+\.\d{2,}(?:e-?\d+)?")
_INNER = re.compile(r"url\(#([\w-]+)\)")


_INNARDS = re.compile(r"; (?:x2|y2|order): [^;]*")
"""What a mark has that means nothing to people."""


class Drawing(NamedTuple):
    """A chart in a page: its words, and one SVG, or two, the second for phones."""

    title: str
    subtitle: str
    alt: str
    svgs: tuple[str, ...]
    wide: bool


def drawings(charts: Sequence[Chart], kept: Path | None = None) -> list[Drawing]:
    """The charts of a page, drawn at once. ``kept`` is a folder of what was drawn before."""
    widths = [[WIDE, NARROW] if _is_wide(one.spec) else [NARROW] for one in charts]
    asked = [sized(one.spec, width) for one, some in zip(charts, widths, strict=True) for width in some]
    drawn = iter(enumerate(drawing.svg(asked, kept)))
    found = []
    for one, some in zip(charts, widths, strict=True):
        svgs = tuple(slim(svg, f"c{n}-", one.alt) for _, (n, svg) in zip(some, drawn, strict=False))
        found.append(Drawing(*_words(one.spec.get("title")), one.alt, svgs, _is_wide(one.spec)))
    return found


def _is_wide(spec: Mapping[str, Any]) -> bool:
    return bool((spec.get("usermeta") or {}).get("wide"))


def _words(title: Any) -> tuple[str, str]:
    """A chart's title and subtitle, which stand above it as words of the page."""
    told = title if isinstance(title, Mapping) else {"text": title or ""}
    text, sub = (told.get(key) or "" for key in ("text", "subtitle"))
    return tuple(one if isinstance(one, str) else " ".join(one) for one in (text, sub))  # type: ignore[return-value]


def sized(spec: Mapping[str, Any], width: int) -> dict[str, Any]:
    """The chart without words and ground, as wide as that; a square one stays about square. What has charts side by
    side keeps its own size.
    """
    found = {key: value for key, value in spec.items() if key not in {"title", "background", "usermeta"}}
    found |= {"background": None, "padding": {"left": 0, "right": 4, "top": 4, "bottom": 0}, "config": _config(spec)}
    if not {"hconcat", "vconcat", "concat", "facet", "repeat"} & set(found):
        found |= {"width": width, "autosize": FITS, **_height(spec, width - BESIDE)}
    return found


def _height(spec: Mapping[str, Any], width: int) -> dict[str, int]:
    """A height that keeps the shape of a plot whose sides are both told."""
    sides = [side for side in (spec.get("width"), spec.get("height")) if isinstance(side, int | float)]
    return {"height": round(width * sides[1] / sides[0])} if len(sides) == 2 else {}


def _config(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The chart's looks, with letters that a phone can still show."""
    config = dict(spec.get("config") or {})
    for part in ("axis", "legend"):
        config[part] = {**(config.get(part) or {}), **dict.fromkeys(SIZES, FONT)}
    config["axis"] = {"labelLimit": 130, **config["axis"]}
    config["legend"] = {"columnPadding": 20, **config["legend"]}
    return config


# --- what of a drawing is kept ---------------------------------------------------------------


def slim(svg: str, prefix: str, alt: str) -> str:
    """A drawing as a page's element: named by ``alt``, its ids with a ``prefix`` of its own. Raises ParseError where
    it is no XML.
    """
    from xml.etree.ElementTree import fromstring

    root = fromstring(svg)  # noqa: S314  (vl-convert's, of our charts)
    told = "".join(f' {key}="{escape(value)}"' for key, value in _attributes(root, prefix) if key != "id")
    inner = "".join(_shown(list(root), prefix))
    return f'<svg role="img" aria-label="{escape(alt)}"{told}>{inner}</svg>'


def _shown(elements: "Iterable[Element]", prefix: str) -> Iterator[str]:
    for element in elements:
        name = element.tag.rpartition("}")[2]
        if name in ELEMENTS and not _is_unseen(element, name):
            yield _written(element, name, prefix)


def _written(element: "Element", name: str, prefix: str) -> str:
    told = "".join(f' {key}="{escape(value)}"' for key, value in _attributes(element, prefix))
    inner = escape(element.text or "", quote=False) if name in {"text", "tspan"} else ""
    inner += _hover(element) + "".join(_shown(element, prefix))
    if name == "g" and not (inner and told):
        return inner
    return f"<{name}{told}>{inner}</{name}>" if inner else f"<{name}{told}/>"


def _is_unseen(element: "Element", name: str) -> bool:
    gets = element.attrib.get
    if gets("display") == "none" or (name == "path" and not gets("d")):
        return True
    return gets("class") == "background" and gets("stroke-width", "0") == "0" and gets("fill", "none") == "none"


def _hover(element: "Element") -> str:
    """What a mark stands for, said where a pointer rests on it."""
    said = _LONG.sub(_rounded, _INNARDS.sub("", element.attrib.get("aria-label", "")))
    mark = element.attrib.get("role") == "graphics-symbol" and element.tag.rpartition("}")[2] in {"path", "rect"}
    return f"<title>{escape(said, quote=False)}</title>" if said and mark else ""


def _attributes(element: "Element", prefix: str) -> Iterator[tuple[str, str]]:
    for key, value in element.attrib.items():
        if key in COLOURS:
            yield key, _INNER.sub(rf"url(#{prefix}\1)", value) if value.startswith("url") else themed(value)
        elif key == "id":
            yield key, prefix + value
        elif key == "clip-path":
            yield key, _INNER.sub(rf"url(#{prefix}\1)", value)
        elif key in PLACES and (key, value) not in DEFAULTS:
            yield key, value if key == "offset" else _LONG.sub(_rounded, value)


def _rounded(number: "re.Match[str]") -> str:
    told = f"{float(number[0]):.1f}".removesuffix(".0")
    return "0" if told == "-0" else told
