"""One page, one file: sections of facts, tables, charts, quotes and words, and pairs to look at.

It opens from a disk, with no network and no server: its style, its scripts and its rows stand in it, and its policy
lets nothing else in. Without scripts everything but the pairs is there.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

from prefgen.html.blocks import Block, Chart, Facts, Quote, Section, Table, Words
from prefgen.html.drawings import Drawing, drawings
from prefgen.html.escaped import data, element, policy, words

Kind = Literal["report", "audit", "comparison", "view"]
Rows = Mapping[str, Any]
"""Pairs to look at, as ``prefgen.browse`` samples them: ``rows``, ``of`` how many, ``facets``, and ``cut_at``, the
characters after which a text is cut.
"""
SERVED: Rows = {"served": True}
"""Pairs that the server hands out which the page is from."""
HERE = Path(__file__).parent
STYLES = ("style.css", "pairs.css")
SCRIPTS = ("page.js", "diff.js", "source.js", "detail.js", "marks.js", "keys.js", "address.js", "pairs.js")
LANGUAGE = "en"
SHORT = 28
"""Characters of a table's cell that stands in one line."""


def page(
    title: str,
    about: str,
    sections: Sequence[Section],
    *,
    rows: Rows | None = None,
    kind: Kind = "report",
    kept: Path | None = None,
) -> str:
    """The page as HTML. ``about`` stands below its ``title``; ``rows`` are pairs to look at, in it or ``SERVED``;
    ``kept`` is a folder of charts that were drawn before. Any text may be anybody's: it is shown, and does nothing.
    Raises ValueError where two parts would have one anchor.
    """
    _check([one.name for one in sections], rows)
    charts = [block for section in sections for block in section.blocks if isinstance(block, Chart)]
    drawn = dict(zip(map(id, charts), drawings(charts, kept), strict=True))
    style, script = _asset(*STYLES), _asset(*SCRIPTS)
    told = {
        "title": words(title),
        "about": words(about),
        "kind": kind,
        "language": LANGUAGE,
        "sections": [_section(one, drawn) for one in sections],
        "policy": policy(style, script, served=_is_served(rows)),
    }
    return _filled({**told, "style": style, "script": script, "rows": None if rows is None else data(rows)})


def served_policy() -> str:
    """The policy of a page whose rows are SERVED, for the server to send with it."""
    return policy(_asset(*STYLES), _asset(*SCRIPTS), served=True)


def _check(anchors: Sequence[str], rows: Rows | None) -> None:
    ours = () if rows is None else ("rows", "browse")
    if twice := sorted({one for one in anchors if [*anchors, *ours].count(one) > 1}):
        raise ValueError(f"two parts of a page are named {', '.join(twice)}; give each a name of its own")


def _is_served(rows: Rows | None) -> bool:
    return bool(rows and rows.get("served"))


@cache
def _asset(*names: str) -> str:
    return element("\n".join((HERE / name).read_text(encoding="utf-8") for name in names))


def _filled(told: Mapping[str, Any]) -> str:
    from minijinja import Environment, safe

    template = (HERE / "page.html").read_text(encoding="utf-8")
    env = Environment(
        templates={"page.html": template}, undefined_behavior="strict", trim_blocks=True, lstrip_blocks=True
    )
    ours = {key: safe(told[key]) for key in ("style", "script", "rows") if told[key] is not None}
    return env.render_template("page.html", **{**told, **ours})


# --- blocks in the template's words ----------------------------------------------------------


def _section(section: Section, drawn: Mapping[int, Drawing]) -> dict[str, Any]:
    """Charts that follow one another stand side by side."""
    parts = list[dict[str, Any]]()
    for is_chart, some in groupby(section.blocks, key=lambda block: isinstance(block, Chart)):
        told = [_chart(drawn[id(one)]) if isinstance(one, Chart) else _block(one) for one in some]
        parts += [{"kind": "charts", "charts": told}] if is_chart else told
    return {"name": section.name, "title": words(section.title), "about": words(section.about), "blocks": parts}


def _chart(drawing: Drawing) -> dict[str, Any]:
    from minijinja import safe

    svgs = [safe(one) for one in drawing.svgs]
    return {**drawing._asdict(), "svgs": svgs, "title": words(drawing.title), "subtitle": words(drawing.subtitle)}


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Facts(facts):
            told = [{name: words(value) for name, value in vars(one).items()} for one in facts]
            return {"kind": "facts", "facts": told, "by": _columns(len(told))}
        case Table():
            return _table(block)
        case Quote(text, about):
            return {"kind": "quote", "text": words(text), "about": words(about)}
        case Words(text):
            return {"kind": "words", "text": words(text)}
    raise TypeError(f"no block of a page: {block!r}")


def _columns(facts: int) -> int:
    """How many facts stand side by side on a wide screen, so that the last row lacks few."""
    return min((5, 4, 3), key=lambda by: -facts % by) if facts > 2 else 4


def _table(table: Table) -> dict[str, Any]:
    """Columns of words stand at the left, numbers at the right; long words are broken into lines."""
    aligned = ["left" if place in table.left else "number" for place in range(len(table.head))]
    longest = [max((len(str(cell)) for cell in cells), default=0) for cells in zip(*table.rows, strict=False)]
    long = [" long" if place in table.left and n > SHORT else "" for place, n in enumerate(longest)] or [""] * len(
        aligned
    )
    head = [{"text": words(name), "as": how} for name, how in zip(table.head, aligned, strict=True)]
    rows = [
        [{"text": words(cell), "as": how + more} for cell, how, more in zip(row, aligned, long, strict=True)]
        for row in table.rows
    ]
    return {"kind": "table", "head": head, "rows": rows, "caption": words(table.caption), "shut": table.shut}
