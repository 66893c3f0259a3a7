"""Commands to look at runs: what differs between two of them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from prefgen.options import JsonOpt
from prefgen.terminal import console


def compare(
    a: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run's folder, or a dataset's.")],
    b: Annotated[Path, typer.Argument(metavar="RUN_B", help="Another one.")],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page as well.")] = None,
    examples: Annotated[int | None, typer.Option("--examples", min=0, help="Rows of each kind to read.")] = None,
    as_json: JsonOpt = False,
) -> None:
    """Say what differs between two runs: settings, yield, cost, judges, pairs that flipped, with rows to read."""
    from prefgen import comparison, display_compare

    found = comparison.compare(a, b, examples=comparison.EXAMPLES if examples is None else examples)
    if html:
        comparison.write(found, html)
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        display_compare.show(found, console())
