"""Texts passed over in bulk are near none: held against sets of words, one by one."""

from itertools import combinations
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen.filters import decontaminate
from prefgen.filters._bulk import Known, runs, suspects
from prefgen.filters._shingles import jaccard, ngrams, words

WORD = st.sampled_from(["a", "b", "c", "d", "Éa", "ß", "漢", "字", "12", "x²", "_", "İ"])
TEXT = st.lists(WORD, max_size=12).map(" ".join)
TEXTS = st.lists(TEXT, max_size=12)


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(1, 4))
def test_runs_are_those_of_words(texts: list[str], n: int) -> None:
    row, number = runs(pl.Series(texts, dtype=pl.String), n)
    spelt = [(place, " ".join(run)) for place, text in enumerate(texts) for run in in_order(words(text), n)]
    assert [place for place, _ in spelt] == row.tolist()
    named: dict[int, str] = {}
    for (_, run), one in zip(spelt, number.tolist(), strict=True):
        assert named.setdefault(one, run) == run
    assert len(named) == len({run for _, run in spelt})


def in_order(said: list[str], n: int) -> list[list[str]]:
    return [said[i : i + n] for i in range(len(said) - n + 1)] if len(said) > n else [said] if said else []


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.sampled_from([0.1, 0.3, 0.5, 0.8, 1.0]), st.integers(1, 3))
def test_no_near_text_is_passed_over(texts: list[str], threshold: float, n: int) -> None:
    sets = [ngrams(words(text), n) for text in texts]
    near = {
        place
        for a, b in combinations(range(len(texts)), 2)
        if (sets[a] or sets[b]) and jaccard(sets[a], sets[b]) >= threshold
        for place in (a, b)
    }
    assert near <= set(suspects(pl.Series(texts, dtype=pl.String), threshold, n))


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.lists(TEXT, min_size=1, max_size=4), st.sampled_from([0.3, 0.8, 1.0]), st.integers(1, 4))
def test_no_text_near_a_known_one_is_passed_over(texts: list[str], others: list[str], threshold: float, n: int) -> None:
    pairs, theirs = ([ngrams(words(text), 2) for text in of] for of in (texts, others))
    held = {tuple(run) for text in others for run in in_order(words(text), n)}
    hit = {p for p, text in enumerate(texts) if held & {tuple(run) for run in in_order(words(text), n)}}
    hit |= {p for p, own in enumerate(pairs) if own and any(jaccard(own, one) >= threshold for one in theirs)}
    assert hit <= set(Known(pl.Series(others), n, 2).suspects(pl.Series(texts, dtype=pl.String), threshold))


def test_texts_that_are_near_none_are_passed_over() -> None:
    texts = pl.Series([f"w{n} x{n} y{n} z{n} and so on" for n in range(200)] + ["w7 x7 y7 z7 and so on again"])
    assert suspects(texts, 0.6, 3).to_list() == [7, 200]
    assert Known(texts.head(3), 13, 2).suspects(texts, 0.8).to_list() == [0, 1, 2]


TALES = [f"the {a} fox and the {b} dog went over {a} hills and {b} fields by day {a}{b}" for a in "ab" for b in "ab"]


def test_pieces_and_threads_change_nothing() -> None:
    texts = pl.Series([*TALES, *(f"{text} again" for text in TALES), "a", "", "é " * 40, *TALES, "nothing of the kind"])
    known = Known(pl.Series(TALES[:2]), 5, 2)
    for piece in (200, 10**9):
        assert suspects(texts, 0.8, 3, piece=piece).equals(suspects(texts, 0.8, 3, piece=1))
        assert known.suspects(texts, 0.8, piece=piece).equals(known.suspects(texts, 0.8, piece=1))
    assert len(suspects(texts, 0.8, 3)) == 12
    assert 5 < len(known.suspects(texts, 0.8)) < len(texts)


def test_a_benchmark_is_read_again_where_its_file_is_another(tmp_path: Path) -> None:
    path, rows = tmp_path / "bench.txt", pl.DataFrame({"id": ["0"], "prompt": [TALES[0]]})
    path.write_text("nothing of the kind is here")
    assert decontaminate(rows, against=path).height == 1
    path.write_text(f"{TALES[0]}\nand more")
    assert decontaminate(rows, against=path).is_empty()
    verb: Any = decontaminate
    path.unlink()
    with pytest.raises(ValueError, match="against must be files that can be read"):
        verb(rows, against=path)
