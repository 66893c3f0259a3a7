"""What is said of a run that did not come to its end: what it left, and how it goes on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefgen.browse.replies import Replies
from prefgen.errors import RunError

HOW = {
    "BudgetReached": "This run ended where its budget did",
    "Interrupted": "This run was stopped before its end",
    "GateClosed": "This run was ended because its judge did not pass its gate, or its canaries",
    "ProviderError": "This run was stopped by a provider before its end",
}
KILLED, EARLY = "This run was ended before it could tell of itself", "This run ended early"


def ending(folder: Path, told: Mapping[str, Any]) -> str:
    """A sentence of a run that ended early, with how many replies its journal keeps; nothing of one that finished, or
    that an older prefgen wrote. ``told`` is its run.json, and empty where there is none.
    """
    status = str(told.get("status", "finished")) if told else ""
    if status == "finished":
        return ""
    how = HOW.get(status, EARLY) if status else KILLED
    more = ", with more to spend," if status == "BudgetReached" else ""
    return f"{how}. {_kept(folder)}The command that began it{more} goes on from there."


def _kept(folder: Path) -> str:
    try:
        number = Replies(folder).count()
    except RunError:  # whoever reads replies says what is wrong
        return ""
    return f"{number:,} {'reply is' if number == 1 else 'replies are'} in its journal. "
