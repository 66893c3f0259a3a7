"""A push beside what is there: the dataset on the Hub with a run's new rows, as ``prefgen append`` makes it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefgen.append import append
from prefgen.grown import lines
from prefgen.hub.api import Hub
from prefgen.hub.files import OURS, File, whole


def grown(
    hub: Hub, head: str, run: Path, told: Mapping[str, Any], found: Mapping[str, File], work: Path
) -> dict[str, File]:
    """The files of what the last push left at ``head``, with the rows of ``run`` that are not there; those of the run
    alone (``found``) where there was no push. ``work`` is an empty folder for them. Raises RunError as ``append`` does.
    """
    there = [path for path in hub.last(head, hub.tree(head)) if not path.startswith(f"{OURS}/")]
    if not there:
        return dict(found)
    hub.fetch(head, there, work / "there")
    done = append(work / "there", run / "dataset", work / "whole")
    for line in lines(done):
        hub.say(line)
    return whole(work / "whole", {**told, "dataset": done.rows}, found)
