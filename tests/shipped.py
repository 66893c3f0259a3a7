"""Shipped recipes on fakes, each run once for all workers of a suite, for tests that look at what a run leaves."""

from pathlib import Path

from filelock import FileLock

from prefgen import run
from tests.test_recipes import FAKES, TAKE, on_fakes


class Shipped:
    """What each recipe leaves in a folder of its own; who changes something there copies it first."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        shared.mkdir(exist_ok=True)

    def home(self, name: str) -> Path:
        """The folder with the journal."""
        made = self.shared / name / "made"
        with FileLock(self.shared / f"{name}.lock"):
            if not made.exists():
                run(on_fakes(name), made.parent, fakes=FAKES, take=self.take(name), shard=6)
                made.touch()
        return made.parent

    def folder(self, name: str) -> Path:
        """The run's own folder, within: that of a pilot, where not all prompts are taken."""
        return self.home(name) / self.place(name)

    def place(self, name: str) -> str:
        """Where the run's own folder lies in that with the journal."""
        take = self.take(name)
        return f"take-{take}" if take else "."

    @staticmethod
    def take(name: str) -> int | None:
        """Prompts that are taken."""
        return TAKE.get(name, 12)
