"""Prompts that are near one another: as the filter says, in bounded memory and time."""

from pathlib import Path
from random import Random

import polars as pl
import pytest

from prefgen.audit import Asked, audit
from prefgen.audit.near import held_out, leaked, repeated, windows
from prefgen.filters import near_duplicates
from prefgen.filters._shingles import jaccard, ngrams, words
from tests.audit.planted import Planted, clean
from tests.audit.planted import words as some


def prompts(seed: int, n: int = 300) -> pl.DataFrame:
    """Prompts of which half are near an earlier one, or nearly so."""
    chance, made = Random(seed), [some(Random(seed), 15)]
    for _ in range(n - 1):
        said = chance.choice(made).split() if chance.random() < 0.5 else some(chance, 15).split()
        for _ in range(chance.randint(0, 3)):
            said[chance.choice([0, len(said) - 1, chance.randrange(len(said))])] = some(chance, 1)
        made.append(" ".join(said))
    return pl.DataFrame({"prompt": made}).with_row_index("n").with_columns(row=pl.col("n") + 1)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_nearly_repeated_is_what_the_filter_drops(seed: int) -> None:
    rows = prompts(seed)
    dropped = near_duplicates.marked(rows.select(pl.col("row").cast(pl.String).alias("id"), "prompt"))["dropped"]
    found, cut = repeated(rows)
    assert (found["n"].to_list(), cut) == (dropped.is_not_null().arg_true().to_list(), 0)
    assert found.height > 30


def test_leaks_are_what_every_two_prompts_say() -> None:
    rows = prompts(7, 200)
    train, held = rows[:120].with_columns(split=pl.lit("train")), rows[120:]
    sets = [ngrams(words(text), 3) for text in rows["prompt"]]
    near = [n for n in range(120, 200) if any(jaccard(sets[n], one) >= 0.8 for one in sets[:120])]
    found, cut = leaked(train, held)
    assert (found["n"].to_list(), cut) == (near, 0)
    assert near


def test_a_template_that_all_share_takes_no_square_of_time() -> None:
    template, chance = some(Random(1), 60), Random(2)
    rows = pl.DataFrame({"prompt": [f"{template} {some(chance, 12)} again again" for _ in range(400)]})
    rows = rows.with_row_index("n").with_columns(row=pl.col("n") + 1)
    found, cut = repeated(rows, most=20)
    assert cut > 100
    assert found.height < 400


def test_windows_are_of_so_many_bytes_and_lose_nothing() -> None:
    rows = prompts(1)
    some = list(windows((rows[start : start + 50] for start in range(0, 300, 50)), 5_000))
    assert len(some) > 2
    assert pl.concat(some).equals(rows)


def test_an_audit_in_windows_says_so_and_finds_all_leaks(tmp_path: Path) -> None:
    chance = Random(5)
    made = Planted(chance)
    row = made.add(clean(chance))
    for _ in range(12_000):
        made.add({**row, "prompt": some(chance, 8)})
    made.add({**clean(chance), "prompt": f"{row['prompt']} {some(chance, 1)}"}, "test")
    found = audit(Asked(str(made.folder(tmp_path / "d"))), window=200_000)
    assert len(found.notes) == 1
    assert found.notes[0].endswith("windows of 0 MB, and each was held against its own alone")
    assert {one["name"]: one["count"] for one in found.findings if one["count"]} == {"leaked_nearly": 1}


def test_splits_that_are_held_out() -> None:
    names = [
        "train",
        "test",
        "test_prefs",
        "validation",
        "val",
        "dev",
        "train_sft",
        "eval.hard",
        "heldout",
        "latest",
        "devices",
    ]
    assert held_out(names) == ["test", "test_prefs", "validation", "val", "dev", "eval.hard", "heldout"]
