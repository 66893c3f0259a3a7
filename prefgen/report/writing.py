"""A report as a file beside its run: there whole, or as it was."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from prefgen import folders
from prefgen.browse.pairs import PairTable
from prefgen.folders import no_room
from prefgen.html.page import page
from prefgen.report.figures import figures
from prefgen.report.sections import sections
from prefgen.report.shown import shown

NAME, CHARTS = "report.html", ".charts"
"""What it is called, and the folder of charts that were drawn before."""


def write(folder: str | Path, found: Mapping[str, Any] | None = None) -> Path:
    """Writes a run's report into its folder, and gives its path; ``found`` are its ``figures``, where they are known.
    Raises RunError where no run is, and for a full disk; then what was there is there still.
    """
    place = Path(folder)
    found = found or figures(place)
    folders.check(place, named=True, cure="take it away")
    rows = shown(PairTable(place), int(found["run"]["seed"] or 0)) if found["pairs"] else None
    path = place / NAME
    text = whole(found, rows, place / CHARTS)
    try:
        folders.put(path, text)
    except OSError as e:
        raise no_room(path, e) from e
    return path


def whole(found: Mapping[str, Any], rows: Mapping[str, Any] | None = None, kept: Path | None = None) -> str:
    """The report's page, of a run's ``figures`` and some of its pairs; ``kept`` is a folder of charts that were drawn
    before.
    """
    run = found["run"]
    return page(str(run["recipe"]), str(run.get("about") or ""), sections(found), rows=rows, kind="report", kept=kept)
