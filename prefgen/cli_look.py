"""Commands to look at runs: reports, rows in the terminal, pairs in the browser, what people say of them, and two runs
side by side.
"""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from prefgen import phrases
from prefgen.errors import RunError
from prefgen.options import JsonOpt
from prefgen.terminal import console
from prefgen.texts import plain, visible

RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/quickstart.")]


def show(
    folder: RunArg,
    table: Annotated[
        str | None, typer.Option("--table", "-t", metavar="NAME", help="Rows of this table, or of NAME.dropped.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="SQL", help='Rows that are so: "gold != verdict AND score > 3".'),
    ] = None,
    row: Annotated[
        str | None, typer.Option("--row", metavar="ID", help="One row whole, and what it came from.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, help="Rows at most.")] = 10,
    as_json: JsonOpt = False,
) -> None:
    """Show a run's tables, some rows of one, or one row with all that it came from."""
    from prefgen import display_show
    from prefgen.browse import rows

    if where is not None and table is None:
        raise RunError("--where says which rows of a table; name one with --table")
    screen = console()
    if row is not None:
        found = rows.one(folder, row, table)
        print(_json(found)) if as_json else display_show.one(found, screen)
    elif table is None:
        listed = rows.tables(folder)
        print(_json(listed)) if as_json else display_show.tables(listed, screen)
    else:
        some = rows.some(folder, table, where, limit)
        print(_json(some)) if as_json else display_show.some(some, screen)


def view(
    folder: RunArg,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes one that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Say the address, and open no browser.")] = False,
) -> None:
    """Look at a run's pairs in the browser, and mark them; for this machine alone, until Ctrl-C."""
    from prefgen.browse.server import serve

    def ready(address: str) -> None:
        print(f"{plain(str(folder))} is shown at {address} (Ctrl-C ends it)", flush=True)
        if not no_open and _has_display():
            import webbrowser

            webbrowser.open(address)

    serve(folder, port, ready)


def marks(
    folder: RunArg,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write human labels: .parquet, .jsonl or .csv.")
    ] = None,
    as_json: JsonOpt = False,
) -> None:
    """Say how far the marks that people set agree with a run's labels and judges; export them as human labels."""
    from prefgen import display_show
    from prefgen.browse.labels import Labels
    from prefgen.browse.pairs import PairTable

    labels = Labels(PairTable(folder))
    number = labels.write(out) if out else 0
    told = labels.agreement()
    if as_json:
        print(json.dumps(told, indent=1))
    else:
        display_show.agreement(told, console())
    if out:
        print(plain(f"{out}: {phrases.some(number, 'human label', 'human labels')}"), file=sys.stderr)


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


def _json(value: object) -> str:
    """Rows as JSON, in which nothing steers a terminal."""
    return visible(json.dumps(value, indent=1, ensure_ascii=False, default=str))


def _has_display() -> bool:
    """Whether a browser could be seen here."""
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
