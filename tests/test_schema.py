import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from prefgen.schema import dumped, recipe_schema

ROOT = Path(__file__).parent.parent


def parsed(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(path)
    return found


def test_the_file_is_what_the_verbs_say() -> None:
    assert (ROOT / "schemas" / "recipe.json").read_text(encoding="utf-8") == dumped(), "run `make schema`"


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(recipe_schema())
    for path in (ROOT / "schemas").glob("*.json"):
        Draft202012Validator.check_schema(json.loads(path.read_text()))


@pytest.mark.parametrize("path", sorted((ROOT / "recipes").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_recipes_keep_it_and_wrong_ones_do_not(path: Path) -> None:
    check, recipe = Draft202012Validator(recipe_schema()), parsed(path)
    check.validate(recipe)
    next(iter(recipe["steps"].values()))["colour"] = "red"
    assert not check.is_valid(recipe)


@pytest.mark.parametrize(
    ("stop", "fits"),
    [
        ("majority", True), ({"majority": {"risk": 0.01}}, True), ({"race": {"z": 2, "start": 3}}, True), (None, True),
        ("majorty", False), ({"majority": {"risc": 0.01}}, False), ({"majority": {}, "race": {}}, False), ({}, False),
        ({"majority": {"risk": 0.7}}, False), ({"lazy_order": {}}, True), (3, False),
    ],
)  # fmt: skip
def test_a_stop_is_a_name_or_a_name_with_settings(stop: Any, fits: bool) -> None:
    step = {"compare": "orders", "model": "judge", "n": 3, "stop": stop}
    assert Draft202012Validator(recipe_schema()).is_valid({"steps": {"judgments": step}}) is fits
