"""The journal's key: the same bytes for ever, or replies that were paid for are not found again."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen.llm.request import is_plain, key, keys

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("sees", "draw", "seed", "digest"),
    [
        ({}, 0, 0, "21dc7eb6049daceeef1f6d6d1a9bdd5050f939b3ac603685e3dd6583e3c47a72"),
        (
            {"model": "m", "messages": [{"role": "user", "content": "é\ud800\n"}], "t": 0.7},
            3,
            9,
            "c594187ae7e956f5ce27b052b60b2a3ec1f0d33d10db3ed961418d78c2ffec9a",
        ),
    ],
)
def test_a_key_is_what_it_was(sees: dict[str, Any], draw: int, seed: int, digest: str) -> None:
    assert key(sees, draw, seed).hex() == digest


@given(
    st.dictionaries(st.text(max_size=5), VALUES, max_size=4), st.lists(st.integers(0, 40), min_size=1), st.integers()
)
def test_keys_of_several_draws_are_those_of_each(sees: dict[str, Any], draws: list[int], seed: int) -> None:
    """Sorted JSON without blanks, of what is seen, the draw and the seed; in UTF-8, halves of pairs as they are."""
    plain = [json.dumps([sees, d, seed], sort_keys=True, ensure_ascii=False, separators=(",", ":")) for d in draws]
    expected = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in plain]
    assert keys(sees, draws, seed) == [key(sees, draw, seed) for draw in draws] == expected


SETTINGS = st.dictionaries(
    st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4
)  # fmt: skip


@given(SETTINGS, st.lists(st.text(st.characters())), st.integers(-(2**70), 2**70))
def test_a_key_is_the_same_where_orjson_spells_it(settings: dict[str, Any], texts: list[str], seed: int) -> None:
    asked = {**settings, "messages": [{"role": "user", "content": text} for text in texts]}
    if is_plain({**settings, "messages": []}):
        assert keys(asked, [0], seed, plain=True) == keys(asked, [0], seed)
    assert keys(asked, [0, 1], seed)[0] == keys(asked, [0], seed)[0]


@pytest.mark.parametrize(("value", "plain"), [(0.7, True), (1e-5, False), (float("nan"), False)])
def test_what_orjson_spells_otherwise_is_no_plain_setting(value: float, plain: bool) -> None:
    assert is_plain({"temperature": value}) is plain
