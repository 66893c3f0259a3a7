"""What a signature takes is what a recipe may set: nothing else, of no other type, and none of it left out."""

from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any, Literal, Optional

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefgen import verbs
from prefgen.judges.compare import compare
from prefgen.llm.request import Model
from prefgen.settings import Wrong, check, parameters, resolved
from prefgen.sources.load import load
from prefgen.tables import draw as room_of_draw
from prefgen.tables.draw import draw


def verb(  # type: ignore[no-untyped-def]
    rows: pl.DataFrame,
    *,
    most: int = 10,
    share: float = 0.5,
    strict: bool = False,
    side: Literal["a", "b"] = "a",
    by: str | None = None,
    of: Sequence[str] = (),
    weights: Mapping[str, float] | None = None,
    file: Path = Path(),
    other: Path | None = None,
    third: Optional[Path] = None,  # noqa: UP045
    anything=None,
    frame: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One setting of each type."""
    return rows


def needs(rows: pl.DataFrame, *, model: str, n: "int", seed: int = 0, folder: Path = Path()) -> pl.DataFrame:
    """Two settings that must be there."""
    return rows


def wrongs(of: Any, given: Mapping[str, Any], *spared: str) -> list[Wrong]:
    return check("verb", of, given, frozenset(spared))[1]


def test_what_a_function_takes_by_keyword_alone_is_a_setting() -> None:
    def mixed(rows: Any, of: int, *more: int, most: "int" = 1, least: int, **rest: int) -> None:
        """All kinds of parameters."""

    assert {name: p.annotation for name, p in parameters(mixed).items()} == {"most": int, "least": int}
    assert list(parameters(lambda rows: rows)) == []
    assert "folder" in parameters(load)


def test_what_has_a_default_is_a_setting_though_it_may_go_by_place() -> None:
    def usual(frame: Any, most: int = 1, *, by: str = "id") -> None:
        """As people write functions."""

    assert list(parameters(usual)) == ["most", "by"]
    assert wrongs(usual, {"most": 3, "frame": 4})[0].name == "frame"


def test_an_asker_s_fields_are_its_settings() -> None:
    found = parameters(compare)
    assert list(found)[:4] == ["model", "n", "stop", "template"]
    assert (found["model"].default, found["n"].default, found["n"].annotation) == (found["model"].empty, 1, int)
    assert not {"makes", "needs", "replaces"} & set(found)
    assert "use" in parameters(Model)


GOOD: list[tuple[str, Any]] = [
    ("most", 3), ("most", -(10**30)), ("share", 0.25), ("share", 1), ("share", float("inf")), ("strict", True),
    ("side", "b"), ("by", None), ("by", "x"), ("of", ["x", "y"]), ("of", ("x",)), ("of", []), ("weights", {"a": 1, "b": 0.5}),
    ("anything", {"a": [None]}), ("frame", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), GOOD, ids=str)
def test_a_value_of_its_type_is_taken_as_it_is(name: str, value: Any) -> None:
    checked, wrong = check("verb", verb, {name: value})
    assert (checked, wrong) == ({name: value}, [])
    assert type(checked[name]) is type(value)


BAD: list[tuple[str, Any, str]] = [
    ("most", "3", "input should be a valid integer"),
    ("most", 3.0, "input should be a valid integer"),
    ("most", True, "input should be a valid integer"),
    ("most", None, "input should be a valid integer"),
    ("share", "0.5", "input should be a valid number"),
    ("share", True, "input should be a valid number"),
    ("strict", "yes", "input should be a valid boolean"),
    ("strict", 1, "input should be a valid boolean"),
    ("side", "c", "input should be 'a' or 'b'"),
    ("by", 5, "input should be a valid string"),
    ("of", "x", "'str' instances are not allowed as a Sequence value"),
    ("of", ["x", 5], "input should be a valid string"),
    ("weights", ["a"], "input should be "),
    ("weights", {"a": "b"}, "a: input should be a valid number"),
    ("file", 5, "input is not a valid path"),
    ("file", None, "input is not a valid path"),
    ("other", ["x"], "input is not a valid path"),
    ("frame", "x", "input should be an instance of DataFrame"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "cure"), BAD, ids=str)
def test_a_value_of_another_type_is_wrong(name: str, value: Any, cure: str) -> None:
    checked, (wrong,) = check("verb", verb, {name: value, "side": "b"} if name != "side" else {name: value})
    assert (wrong.name, wrong.what) == (name, f"verb: {name} is {value!r}")
    assert wrong.cure.startswith(cure)
    assert name not in checked


@pytest.mark.parametrize("name", ["file", "other", "third"])
def test_a_path_is_written_as_text(name: str) -> None:
    assert check("verb", verb, {name: "a/b.md"}) == ({name: Path("a/b.md")}, [])
    assert check("verb", verb, {name: Path("a")}) == ({name: Path("a")}, [])


def test_a_word_that_is_no_setting_is_wrong_with_the_nearest() -> None:
    assert wrongs(verb, {"mots": 1}) == [Wrong("mots", "verb has no setting 'mots'", "did you mean 'most'?")]
    (far,) = wrongs(needs, {"model": "j", "n": 1, "zzz": 1})
    assert far == Wrong("zzz", "verb has no setting 'zzz'", "choose from folder, model, n, seed")
    assert wrongs(lambda rows: rows, {"most": 1}) == [Wrong("most", "verb has no setting 'most'", "")]
    assert [one.name for one in wrongs(verb, {"rows": 1, "": 1})] == ["rows", ""]


def test_what_is_left_out_is_wrong_once_each() -> None:
    assert wrongs(needs, {"n": 1}) == [Wrong("", "verb needs the setting 'model'", "write `model: …`")]
    assert [one.what for one in wrongs(needs, {})] == ["verb needs the setting 'model'", "verb needs the setting 'n'"]
    assert [one.name for one in wrongs(needs, {"model": 5, "n": 1})] == ["model"]


def test_what_the_run_gives_is_not_the_recipe_s_to_set() -> None:
    good = {"model": "j", "n": 1}
    assert check("verb", needs, {**good, "folder": "x"}) == ({**good, "folder": Path("x")}, [])
    (wrong,) = wrongs(needs, {**good, "folder": "x"}, "folder", "seed")
    assert (wrong.name, wrong.cure) == ("folder", "choose from model, n")
    assert wrongs(needs, {"n": 1}, "model") == []


def test_all_that_is_wrong_is_told_and_what_is_good_is_kept() -> None:
    checked, wrong = check("verb", needs, {"n": "two", "seed": 3, "sede": 4})
    assert checked == {"seed": 3}
    assert [one.name for one in wrong] == ["n", "sede", ""]


def test_a_long_value_is_told_in_part() -> None:
    (wrong,) = wrongs(verb, {"most": "x" * 1000})
    assert wrong.what == f"verb: most is '{'x' * 59}"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda of: st.lists(of) | st.dictionaries(st.text(), of),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*parameters(verb), "new"]) | st.text(), plain))
def test_whatever_yaml_holds_is_taken_or_wrong(values: dict[str, Any]) -> None:
    checked, wrong = check("verb", verb, values)
    assert {*checked, *(one.name for one in wrong)} == set(values)
    assert len(checked) + len(wrong) == len(values)


@pytest.mark.parametrize("name", verbs.names())
def test_every_verb_s_own_defaults_are_of_their_types(name: str) -> None:
    settings = {name: p.default for name, p in parameters(verbs.find(name)).items() if p.default is not p.empty}
    assert not [one for one in wrongs(verbs.find(name), settings) if one.name]


def test_a_path_is_of_the_recipe_s_folder_or_beside_the_verb_or_where_the_command_runs(tmp_path: Path) -> None:
    here, recipes = tmp_path / "here", tmp_path / "recipes"
    for folder in (here, recipes):
        folder.mkdir()
    (here / "mine.jsonl").write_text("")
    given = {"among": Path("constitution.jsonl"), "n": 2}
    beside = Path(room_of_draw.__file__).with_name("constitution.jsonl")
    assert resolved(draw, given, recipes) == {"among": beside, "n": 2}
    (recipes / "constitution.jsonl").write_text("")
    assert resolved(draw, given, recipes)["among"] == recipes / "constitution.jsonl"
    with chdir(here):
        several = resolved(draw, {"against": [Path("mine.jsonl"), Path("gone.jsonl")]}, recipes)
    assert several["against"] == [Path("mine.jsonl"), recipes / "gone.jsonl"]
