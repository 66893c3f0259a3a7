"""`prefgen batches`: what a run has under way at its providers, and how to be rid of it."""

from collections.abc import Sequence
from pathlib import Path

from prefgen.door import finished
from prefgen.errors import RunError
from prefgen.folders import home_of, journal_of, locked


def batches(folder: str | Path, *, cancel: bool = False, forget: bool = False) -> Sequence[str]:
    """A line for each batch that is under way. ``cancel`` asks their providers to end them, and what is done by then
    is kept; ``forget`` lets go of them, so that what is in them can be asked anew, and paid for anew. Raises RunError
    where no run is, or one is going on.
    """
    from prefgen.llm.batch.ending import told

    home = home_of(Path(folder))
    if not journal_of(home).exists():
        raise RunError(f"{folder}: no run is here; name a run's folder, such as runs/quickstart")
    with locked(home):
        return finished(told(journal_of(home), cancel=cancel, forget=forget))
