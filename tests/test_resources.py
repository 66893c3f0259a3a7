from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.resources import resources


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
