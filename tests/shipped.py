"""Shipped recipes on fakes, each run once for all workers of a suite, for tests that look at what a run leaves."""

import json
import shutil
from pathlib import Path

from filelock import FileLock

from prefgen import run
from prefgen.run import Run
from tests.test_recipes import FAKES, TAKE, on_fakes


class Shipped:
    """What each recipe, or its preset, leaves in a folder of its own; who changes something there copies it first."""

    def __init__(self, shared: Path) -> None:
        self.shared = shared
        shared.mkdir(exist_ok=True)

    def home(self, name: str, preset: str | None = None) -> Path:
        """The folder with the journal."""
        one = f"{name}-{preset}" if preset else name
        made = self.shared / one / "made"
        with FileLock(self.shared / f"{one}.lock"):
            if not made.exists():
                run(on_fakes(name, preset), made.parent, fakes=FAKES, take=self.take(name), shard=5)
                made.touch()
        return made.parent

    def done(self, name: str, preset: str | None = None) -> Run:
        """The run, as far as its folder tells of it."""
        folder = self.home(name, preset) / self.place(name)
        return Run(folder, {}, json.loads((folder / "run.json").read_text())["dataset"])

    def folder(self, name: str) -> Path:
        """The run's own folder, within: that of a pilot, where not all prompts are taken."""
        return self.done(name).folder

    def copied(self, name: str, to: Path) -> Path:
        """The run's own folder in a copy of that with the journal, less what readers of a journal leave beside it."""
        shutil.copytree(self.home(name), to, ignore=shutil.ignore_patterns("journal.sqlite-*"))
        return to / self.place(name)

    def place(self, name: str) -> str:
        """Where the run's own folder lies in that with the journal."""
        take = self.take(name)
        return f"take-{take}" if take else "."

    @staticmethod
    def take(name: str) -> int | None:
        """Prompts that are taken."""
        return TAKE.get(name, 12)
