"""A push beside what is there: the dataset on the Hub with a run's new rows, as ``prefgen append`` makes it."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefgen.append import append
from prefgen.errors import RunError
from prefgen.grown import Appended, lines
from prefgen.hub.api import Hub
from prefgen.hub.changes import check_loaded, others
from prefgen.hub.files import MANIFEST, OURS, RECIPE, File, as_they_are, whole
from prefgen.shardfiles import NAMES


def grown(hub: Hub, head: str, told: Mapping[str, Any], found: Mapping[str, File], work: Path) -> dict[str, File]:
    """The files of what the last push left at ``head``, with the rows of a run's files (``found``) that are not there;
    those of the run alone where there was no push. Where nothing is new, what is there stays as it is. ``work`` is an
    empty folder for them.

    Raises RunError as ``append`` does, and for rows there that are not of a push of prefgen's.
    """
    tree = hub.tree(head)
    last = hub.last(head, tree)
    check_loaded([f"{name}/" for name in NAMES], others(tree, last))
    there = [path for path in last if not path.startswith(f"{OURS}/")]
    if not there:
        return dict(found)
    hub.fetch(head, there, work / "there")
    done = _appended(hub, found, work)
    if not done.added:
        hub.fetch(head, [RECIPE, MANIFEST], work / "there")
        return as_they_are(work / "there")
    return whole(work / "whole", {**told, "dataset": done.rows}, found)


def _appended(hub: Hub, found: Mapping[str, File], work: Path) -> Appended:
    """Appends the files that were checked, and none that lie beside them."""
    for file in found.values():
        if isinstance(file.source, Path) and not file.path.startswith(f"{OURS}/"):
            copy = work / "come" / file.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.source, copy)
    try:
        done = append(work / "there", work / "come", work / "whole")
    except RunError as e:
        words = str(e).replace(f"{work / 'there'}/", f"{hub.repo}: ").replace(f"{work / 'there'}", hub.repo)
        raise RunError(f"{words} (without --append the run takes the place of what is there)") from e
    for line in lines(done):
        hub.say(line)
    return done
