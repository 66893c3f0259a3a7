"""Commands to look at a run: its report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from prefgen.options import JsonOpt
from prefgen.texts import plain

RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/quickstart.")]


def report(folder: RunArg, as_json: JsonOpt = False) -> None:
    """Write a run's report anew: one page that opens offline. With --json print its figures, and write nothing."""
    from prefgen import report as reports

    found = reports.figures(folder)
    if as_json:
        print(json.dumps(found, indent=1))
        return
    path = reports.write(folder, found)
    for line in reports.lines(found):
        print(plain(line))
    print(plain(str(path)))
