"""Charts as a page holds them: legible on a phone, in the page's colours, with nothing in them but what draws."""

import hashlib
import re
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from prefgen.card import charts, drawing, looks
from prefgen.html.blocks import Chart
from prefgen.html.colours import counterpart, themed
from prefgen.html.drawings import NARROW, WIDE, drawings, sized, slim
from tests.hostile import STRINGS
from tests.html.made import STEPS

FUNNEL = charts.funnel(STEPS)
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10" viewBox="0 0 10 10">{}</svg>'


def test_charts_are_as_wide_as_a_column_and_their_words_stand_apart() -> None:
    (one,) = drawings([Chart(FUNNEL, "alt")])
    assert (one.title, one.subtitle) == (
        "What became of every row",
        "Rows that each step made, and what was lost there",
    )
    assert f'width="{NARROW}"' in one.svgs[0]
    assert "What became" not in one.svgs[0]
    assert ">1. responses</text>" in one.svgs[0]
    assert "font-family" not in one.svgs[0]


def test_a_wide_one_is_drawn_for_phones_too() -> None:
    (wide, other) = drawings([Chart({**FUNNEL, "usermeta": {"wide": True}}, "alt"), Chart(FUNNEL, "alt")])
    assert [f'width="{n}"' in svg for n, svg in zip((WIDE, NARROW), wide.svgs, strict=True)] == [True, True]
    assert len(other.svgs) == 1


def test_what_was_drawn_is_drawn_again_by_nobody(tmp_path: Path) -> None:
    first = drawings([Chart(FUNNEL, "alt")], tmp_path)
    (path,) = tmp_path.iterdir()
    stand_in = path.read_text().replace("1. responses", "1. stand-in").encode()
    path.rename(
        path.with_stem(f"{path.stem.partition('-')[0]}-{hashlib.sha256(stand_in).hexdigest()[:32]}")
    ).write_bytes(stand_in)
    (found,) = drawings([Chart(FUNNEL, "alt")], tmp_path)
    assert found.svgs[0] == first[0].svgs[0].replace("1. responses", "1. stand-in")


def test_the_drawing_says_the_same_in_fewer_bytes() -> None:
    whole = drawing.svg([sized(FUNNEL, NARROW)])[0]
    told = slim(whole, "c0-", "alt")
    assert len(told) < 0.7 * len(whole)
    texts = [
        ["".join(one.itertext()) for one in fromstring(svg).iter() if one.tag.endswith("text")] for svg in (whole, told)
    ]
    assert texts[0] == texts[1]
    bars = [
        sum(1 for one in fromstring(svg).iter() if "#0072b2" in str(one.attrib) or "var(--chosen)" in str(one.attrib))
        for svg in (whole, told)
    ]
    assert bars[0] == bars[1] > 1


@pytest.mark.parametrize(
    "bad",
    [
        "<script>alert(1)</script>", '<image href="http://e.example/x.png"/>', '<a href="javascript:1"><text>x</text></a>',
        "<foreignObject><body/></foreignObject>", '<g onload="alert(1)"><text>x</text></g>', '<path d="M0,0" style="fill:url(http://e.example)"/>',
        "<style>*{}</style>", '<use href="#x"/>', '<animate attributeName="href"/>', '<path d="M0,0" display="none"/>',
    ],
)  # fmt: skip
def test_nothing_is_kept_but_what_draws(bad: str) -> None:
    told = slim(SVG.format(bad), "c0-", "alt")
    names = {one.tag for one in fromstring(told).iter()}
    assert names <= {"svg", "g", "text", "path"}
    assert not re.search(r"\son|href|style|e\.example|display", told)


@pytest.mark.parametrize("text", [one for one in STRINGS if re.fullmatch(r"[\t\n\x20-\x7e]*", one)])
def test_text_of_a_drawing_stays_text(text: str) -> None:
    from html import escape

    told = slim(SVG.format(f'<text fill="{escape(text)}">{escape(text)}</text>'), "c0-", text)
    root = fromstring(told)
    assert [one.tag for one in root.iter()] == ["svg", "text"]
    assert root[0].text == (text or None)


def test_ids_of_two_drawings_are_apart() -> None:
    told = slim(SVG.format('<defs><linearGradient id="g"/></defs><path d="M0,0" fill="url(#g)"/>'), "c7-", "alt")
    assert 'id="c7-g"' in told
    assert 'fill="url(#c7-g)"' in told


@pytest.mark.parametrize(
    ("colour", "page"),
    [
        (looks.CHOSEN, "var(--chosen)"), ("rgb(0, 114, 178)", "var(--chosen)"), (looks.INK.upper(), "var(--ink)"), ("none", "none"), ("transparent", "transparent"),
        ("white", "light-dark(#ffffff,#141414)"), ("#000", "light-dark(#000,#ffffff)"), ("rgb(188, 217, 236)", "light-dark(#bcd9ec,#1a435d)"), ("url(x)", "url(x)"),
        ("javascript:1", "javascript:1"),
    ],
)  # fmt: skip
def test_colours_follow_the_page(colour: str, page: str) -> None:
    assert themed(colour) == page


def test_a_counterpart_is_as_dark_as_the_colour_is_light() -> None:
    ramp = ["#ffffff", "#bcd9ec", "#0072b2", "#00324f", "#000000"]
    light = [max(int(counterpart(one)[place : place + 2], 16) for place in (1, 3, 5)) for one in ramp]
    assert light == sorted(light)
