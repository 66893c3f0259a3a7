"""What a page is made of: sections of facts, tables, charts, quotes and words, all of them plain text until the page
is filled. Whatever a model wrote goes in as it is; the page escapes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["", "good", "warn", "bad"]
"""How a fact is meant; never by colour alone, the words say it too."""


@dataclass(frozen=True)
class Fact:
    """One number that stands large: ``0.53``, "chosen is longer", "95 %: 0.49 to 0.57, of 1,200 pairs"."""

    label: str
    value: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Facts:
    """Some facts side by side."""

    facts: Sequence[Fact]


@dataclass(frozen=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table of texts; the columns at the places in ``left`` are words, the others numbers. ``shut`` shows its caption
    alone until it is opened.
    """

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: frozenset[int] = frozenset({0})
    caption: str = ""
    shut: bool = False


@dataclass(frozen=True)
class Chart:
    """A chart in Vega-Lite's words, drawn as SVG when the page is made; ``alt`` says in words what it shows.

    Its title stands above it as words. It is drawn 440 pixels wide, whatever width it states, and charts that follow
    one another stand side by side; one that needs the page's width says ``"usermeta": {"wide": True}``. Colours of
    ``prefgen.card.charts`` follow the page's; any other becomes its counterpart on dark pages.
    """

    spec: Mapping[str, Any]
    alt: str


@dataclass(frozen=True)
class Quote:
    """What somebody else wrote, kept apart from what we say: ``about`` tells whose it is."""

    text: str
    about: str = ""


Block = Facts | Words | Table | Chart | Quote


@dataclass(frozen=True)
class Section:
    """A part of a page: its anchor, its title, a sentence on what it shows, and its blocks."""

    name: str
    title: str
    blocks: Sequence[Block]
    about: str = ""
