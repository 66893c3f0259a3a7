from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.resources import copy_recipe, recipe, resources


def test_folders_of_a_wheel_come_before_those_of_a_clone(tmp_path: Path) -> None:
    package = tmp_path / "prefgen"
    with pytest.raises(RunError, match="recipes"):
        resources("recipes", package)
    (tmp_path / "recipes").mkdir()
    assert resources("recipes", package) == tmp_path / "recipes"
    (package / "recipes").mkdir(parents=True)
    assert resources("recipes", package) == package / "recipes"


def test_what_is_shipped_is_found() -> None:
    assert (resources("schemas") / "preferences.json").exists()


def test_a_recipe_that_cannot_be_copied_is_told_with_the_place(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text("mine")
    (tmp_path / "taken" / "quickstart.yaml").mkdir(parents=True)
    for folder, words in (("p.jsonl", "is a file; name a"), ("p.jsonl/in", "directory"), ("taken", "directory")):
        with pytest.raises(RunError, match=rf"{tmp_path}/{folder}.*{words}.*folder"):
            copy_recipe(recipe("quickstart"), tmp_path / folder)
    assert (tmp_path / "p.jsonl").read_text() == "mine"
