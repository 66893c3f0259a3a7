"""Pictures: the same bytes from the same numbers, with what they show said in words, and no letter of another font."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.card import bins, charts, drawer
from prefgen.card.measures import Measures
from prefgen.card.pictures import FEW, Picture, drawn, label, pictures
from prefgen.judged import pair_report
from tests.hostile import STRINGS

FUNNEL = [
    {"table": "prompts", "rows_out": 100, "dropped": {}, "unreadable": {}, "failed": {}},
    {"table": "scored", "rows_out": 380, "dropped": {}, "unreadable": {"missing": 15}, "failed": {"refused": 5}},
    {"table": "pairs", "rows_out": 60, "dropped": {"no gap": 40}, "unreadable": {}, "failed": {}},
]
SHARE = {"value": 0.6, "low": 0.5, "high": 0.7, "n": 90}
JUDGES = {"judgments": {"judges": {"openai/gpt-4.1": {"first_shown": SHARE}, "fake/it": {"judgments": 2}}}}


def pairs(n: int, *, scored: bool = True) -> Measures:
    """Pairs of which every third has the longer response rejected."""
    talk = [
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": "x" * (10 + i % 50)}] for i in range(2 * n)
    ]
    longer = [
        [a, b] if len(a[1]["content"]) > len(b[1]["content"]) else [b, a]
        for a, b in zip(talk[::2], talk[1::2], strict=True)
    ]
    sides = [pair[::-1] if i % 3 == 0 else pair for i, pair in enumerate(longer)]
    score = {"chosen_score": [4.0 + i % 2 for i in range(n)], "rejected_score": [1.0 + i % 3 for i in range(n)]}
    made = {"chosen": [a for a, _ in sides], "rejected": [b for _, b in sides]}
    scores = score if scored else dict.fromkeys(score, pl.Series([None] * n, dtype=pl.Float64))
    found = Measures()
    found.add(pl.DataFrame({**made, **scores, "chosen_model": "a", "rejected_model": "b"}))
    return found


def of(n: int, *, scored: bool = True, judges: Any = JUDGES) -> list[Picture]:
    rows = pairs(n, scored=scored)
    return drawn(FUNNEL, rows, judges, pair_report(rows))


def chunks(png: bytes) -> dict[str, bytes]:
    """The parts of a PNG, whose sums are right."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    found, place = {}, 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        body = png[place + 8 : place + 8 + size]
        assert struct.unpack(">I", png[place + 8 + size : place + 12 + size])[0] == zlib.crc32(kind + body)
        found[kind.decode()] = body
        place += 12 + size
    return found


def test_four_pictures_the_same_each_time_and_without_a_date() -> None:
    found = of(60)
    assert [one.path for one in found] == [
        f"pictures/{name}.png" for name in ("funnel", "scores", "lengths", "positions")
    ]
    assert found == of(60)
    for one in found:
        parts = chunks(one.png)
        assert set(parts) <= {"IHDR", "PLTE", "IDAT", "pHYs", "sRGB", "gAMA", "IEND"}
        width, height = struct.unpack(">II", parts["IHDR"][:8])
        assert 600 < width < 2400
        assert 200 < height < 2400
        assert len(one.png) < 300_000


def test_other_numbers_make_another_picture() -> None:
    first, second = (charts.funnel([{"step": "1. a", "rows": rows, "lost": 0}]) for rows in (10, 11))
    assert first != second


def test_what_is_drawn_is_said_in_numbers() -> None:
    said = {one.name: one.alt for one in of(60)}
    assert said["funnel"] == "Rows after each of 3 steps, from 100 to 60, and rows or replies lost there"
    assert "60 pairs; the chosen one's score is 2.50 higher on average" in said["scores"]
    assert "the chosen one is the longer one in 67% (54% to 77%) of 60 pairs" in said["lengths"]
    assert "60% (50% to 70%)" in said["positions"]
    text = pictures(of(60))
    assert text.count("![") == 4
    assert all(f"]({one.path})\n\n{one.alt}." in text for one in of(60))


def test_of_few_rows_nothing_is_drawn_and_of_what_is_not_there_neither() -> None:
    assert of(FEW - 1) == []
    assert drawn(FUNNEL, None, JUDGES, {}) == []
    assert [one.name for one in of(FEW, scored=False, judges={})] == ["funnel", "lengths"]
    assert pictures([]) == ""


def test_scores_of_one_value_and_of_many_have_bins() -> None:
    one = [pl.DataFrame({"chosen_score": [5.0] * 40, "rejected_score": [5.0] * 40})]
    assert sum(bins.counted(one, "chosen_score", bins.edges(one))) == 40
    few = [pl.DataFrame({"chosen_score": [1.0, 2.0, 5.0], "rejected_score": [1.0, 1.0, 4.0]})]
    assert bins.edges(few) == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    scores = {"chosen_score": [i / 997 for i in range(500)], "rejected_score": [-i / 991 for i in range(500)]}
    many = pl.DataFrame(scores)
    edges = bins.edges([many])
    assert len(edges) == bins.BINS + 1
    assert sum(bins.counted([many], "chosen_score", edges)) == 500
    assert bins.edges([many[:7], many[7:300], many[300:]]) == edges
    assert chunks(drawer.png(json.dumps(charts.scores(one, "x"))))


def test_scores_without_a_difference_are_left_out() -> None:
    pairs = [pl.DataFrame({"chosen_score": [1e308, 1.0, None], "rejected_score": [-1e308, 0.0, 2.0]})]
    assert [rows.rows() for rows in bins.scored(pairs)] == [[(1.0, 0.0)]]


@given(st.lists(st.floats(-100, 100), min_size=1) | st.lists(st.integers(0, 30).map(lambda n: n * 0.1), min_size=1))
def test_each_score_is_in_a_bin(scores: list[float]) -> None:
    """The highest one too, where edges are rounded."""
    found = [pl.DataFrame({"gap": scores})]
    assert sum(bins.counted(found, "gap", bins.edges(found))) == len(scores)


@pytest.mark.parametrize("text", STRINGS, ids=range(len(STRINGS)))
def test_a_name_is_drawn_in_letters_that_the_font_has(text: str) -> None:
    shown = label(text)
    assert len(shown) <= 48
    assert shown.isascii()
    assert shown.isprintable() or not shown


def test_a_name_that_is_code_elsewhere_is_a_name_in_a_picture() -> None:
    hostile = "datum.x' + alert(1) <script> {{ x }}"
    judges = {hostile: {"judges": {hostile: {"first_shown": SHARE}}}}
    rows = pairs(40)
    found = drawn([{**FUNNEL[0], "table": hostile}], rows, judges, pair_report(rows))
    assert len(found) == 4
    assert not any("alert" in one.alt for one in found)


@pytest.mark.slow
def test_another_process_draws_the_same() -> None:
    code = (
        "import hashlib\nfrom tests.card.test_pictures import of\n"
        "print(hashlib.sha256(b''.join(one.png for one in of(60))).hexdigest())"
    )
    root = Path(__file__).parent.parent.parent
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root), "TZ": zone})
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]  # fmt: skip
    assert runs[0].stdout == runs[1].stdout != ""
