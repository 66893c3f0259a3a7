"""Played runs, each once for a worker."""

from pathlib import Path

import pytest

from prefgen.run import Run
from tests.report import played


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> "Runs":
    """The runs of ``played``, by the names of its functions, made when they are asked for."""
    return Runs(tmp_path_factory.mktemp("runs"))


class Runs:
    """Runs that are made once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, dict[str, Run]()

    def __call__(self, name: str) -> Run:
        if name not in self.made:
            self.made[name] = getattr(played, name)(self.folder / name)
        return self.made[name]
