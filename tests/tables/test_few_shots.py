from typing import Any

import polars as pl
import pytest

from prefgen.asker import MESSAGES
from prefgen.tables.few_shots import few_shots

SCHEMA: Any = {"prompt_id": pl.String, "id": pl.String, "prompt": MESSAGES, "part": pl.Int64}


def prompts(seeds: int, generated: int = 0) -> pl.DataFrame:
    names = [(f"s{i}", 0) for i in range(seeds)] + [(f"g{i}", 1) for i in range(generated)]
    rows = [(name, name, [{"role": "user", "content": name}], part) for name, part in names]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def kinds(shots: list[str]) -> tuple[int, int]:
    return sum(s.startswith("s") for s in shots), sum(s.startswith("g") for s in shots)


def test_six_seeds_and_two_generated() -> None:
    made = few_shots(prompts(20, 10), n=50)
    assert made.height == 50
    assert made["id"].n_unique() == 50
    for shots in made["shots"].to_list():
        assert kinds(shots) == (6, 2)
        assert len(set(shots)) == 8


@pytest.mark.parametrize(("generated", "expected"), [(0, (8, 0)), (1, (7, 1)), (2, (6, 2))])
def test_seeds_take_the_place_of_what_is_not_there(generated: int, expected: tuple[int, int]) -> None:
    made = few_shots(prompts(20, generated), n=10)
    assert {kinds(shots) for shots in made["shots"].to_list()} == {expected}


def test_without_parts_all_are_seeds() -> None:
    made = few_shots(prompts(20).drop("part"), n=3, each=[4])
    assert {len(shots) for shots in made["shots"].to_list()} == {4}


def test_few_seeds_give_few_shots_and_no_set_twice() -> None:
    assert few_shots(prompts(1), n=5)["shots"].to_list() == [["s0"]]
    assert few_shots(prompts(2), n=50)["shots"].len() == 2


def test_the_seed_decides() -> None:
    table = prompts(30, 10)
    assert few_shots(table, n=5).equals(few_shots(table, n=5))
    assert not few_shots(table, n=5).equals(few_shots(table, n=5, seed=1))
    assert few_shots(table, n=9).head(5).equals(few_shots(table, n=5))


def test_every_place_in_the_list_is_a_generated_ones() -> None:
    made = few_shots(prompts(20, 10), n=200)
    places = {i for shots in made["shots"].to_list() for i, shot in enumerate(shots) if shot.startswith("g")}
    assert places == set(range(8))


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"n": 0}, "n must be 1"), ({"n": 1, "each": []}, "each must"), ({"n": 1, "each": [0]}, "each must"),
     ({"n": 1, "each": [3, -1]}, "each must")],
)  # fmt: skip
def test_what_makes_no_sense(settings: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        few_shots(prompts(3), **settings)


def test_none_of_nothing() -> None:
    assert few_shots(prompts(0), n=4).schema == few_shots(prompts(9), n=4).schema
    assert few_shots(prompts(0), n=4).is_empty()
