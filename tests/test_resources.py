from pathlib import Path

import pytest

from prefgen.errors import RunError
from prefgen.resources import resources


def test_a_clone_has_them_beside_the_package() -> None:
    assert (resources("schemas") / "preferences.json").is_file()


def test_a_wheel_has_them_inside(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    package = tmp_path / "prefgen"
    (package / "schemas").mkdir(parents=True)
    assert resources("schemas", package) == package / "schemas"


def test_an_installation_without_them_says_so(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="recipes/ is missing from this installation of prefgen; install it again"):
        resources("recipes", tmp_path / "prefgen")
