"""Differences of two texts, as the page marks them, against the longest common subsequence by its definition."""

import itertools
import json
import random
from typing import Any

from prefgen.html.page import page
from tests.browser import Browser
from tests.html.made import sample

PAGE = page("One", "", [], rows=sample([]))


def longest(a: list[Any], b: list[Any]) -> int:
    """Length of the longest common subsequence, by the textbook's table."""
    row = [0] * (len(b) + 1)
    for one in a:
        before = row[:]
        for place, other in enumerate(b, 1):
            row[place] = before[place - 1] + 1 if one == other else max(before[place], row[place - 1])
    return row[-1]


def texts(seed: int, words: int, kinds: int) -> tuple[str, str]:
    draw = random.Random(seed)
    vocabulary = [*"abcdefghij"[:kinds], "\u4e2d", "\u6587", "e\u0301", ".", "\U0001f600"]
    a = [draw.choice(vocabulary) for _ in range(draw.randint(0, words))]
    b = (
        [one for one in a if draw.random() > 0.3]
        if seed % 2
        else [draw.choice(vocabulary) for _ in range(draw.randint(0, words))]
    )
    return tuple(draw.choice([" ", "  ", "\n"]).join(one) for one in (a, b))  # type: ignore[return-value]


def test_the_common_words_are_as_many_as_there_can_be_and_in_order(browser: Browser) -> None:
    lists = []
    for seed in range(300):
        draw = random.Random(seed)
        lists.append([[draw.randint(0, 4) for _ in range(draw.randint(0, 24))] for _ in "ab"])
    with browser.opened(PAGE) as shown:
        found = shown.evaluate(
            "(lists) => lists.map(([a, b]) => Diff.common(Int32Array.from(a), Int32Array.from(b)))", lists
        )
    for (a, b), pairs in zip(lists, found, strict=True):
        assert all(a[x] == b[y] for x, y in pairs)
        assert all(x < later_x and y < later_y for (x, y), (later_x, later_y) in itertools.pairwise(pairs))
        assert len(pairs) == longest(a, b)


def test_pieces_make_the_texts_again_and_what_is_not_marked_is_common(browser: Browser) -> None:
    pairs = [texts(seed, 40, 6) for seed in range(200)]
    with browser.opened(PAGE) as shown:
        found = shown.evaluate("(pairs) => pairs.map(([a, b]) => Diff.compare(a, b))", pairs)
        words = shown.evaluate(
            "(texts) => texts.map((text) => Diff.words(text).map((one) => one.word))",
            ["\u4e2d\u6587 ab_c, e\u0301x\u0e01\u0e02!", "", "don't 1,204.5. 'a'"],
        )
    assert words == [
        ["\u4e2d", "\u6587", "ab_c", ",", "e\u0301x", "\u0e01", "\u0e02", "!"],
        [],
        ["don't", "1,204.5", ".", "'", "a", "'"],
    ]
    for (left, right), one in zip(pairs, found, strict=True):
        assert "".join(piece["text"] for piece in one["left"]) == left
        assert "".join(piece["text"] for piece in one["right"]) == right
        common = [
            "".join("".join(p["text"] for p in one[side] if not p["marked"]).split()) for side in ("left", "right")
        ]
        assert common[0] == common[1]
        assert one["exact"]
        assert 0 <= one["share"] <= 1
        assert (one["share"] == 1) == (left.split() == right.split())


SEEN = [
    ("the cat sat", "the dog sat", [["cat"], ["dog"]]),
    ("same", "same", [[], []]),
    ("", "new words", [[], ["new words"]]),
    ("one two three", "one three", [["two"], []]),
    ("it was, so good work, here", "now. he, bad art, there", [["it was, so good work, here"], ["now. he, bad art, there"]]),
]  # fmt: skip


def test_what_people_see(browser: Browser) -> None:
    with browser.opened(PAGE) as shown:
        told = shown.evaluate("(pairs) => pairs.map(([a, b]) => Diff.compare(a, b))", [one[:2] for one in SEEN])
    marked = [[[piece["text"] for piece in one[side] if piece["marked"]] for side in ("left", "right")] for one in told]
    assert marked == [one[2] for one in SEEN]


def test_texts_that_differ_in_much_are_counted_and_nothing_is_lost(browser: Browser) -> None:
    draw = random.Random(5)
    left, right = (" ".join(f"w{draw.randint(0, 5000)}" for _ in range(20_000)) for _ in "ab")
    with browser.opened(PAGE) as shown:
        told = json.loads(shown.evaluate("([a, b]) => JSON.stringify(Diff.compare(a, b))", [left, right]))
    assert not told["exact"]
    for side, text in (("left", left), ("right", right)):
        assert "".join(piece["text"] for piece in told[side]) == text
    rest = [
        " ".join(piece["text"] for piece in told[side] if not piece["marked"]).split() for side in ("left", "right")
    ]
    assert sorted(rest[0]) == sorted(rest[1])
