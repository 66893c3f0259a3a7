"""Commands that give a run's dataset away: in the format that a trainer reads."""

import json
from pathlib import Path
from typing import Annotated

import typer

from prefgen.options import JsonOpt
from prefgen.texts import plain

RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/quickstart.")]


def export(
    folder: RunArg,
    name: Annotated[str, typer.Option("--format", metavar="NAME", help="A format, or a trainer: `prefgen formats`.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="A new folder.  [default: RUN/exports/<config>/<format>]")
    ] = None,
    config: Annotated[
        str | None, typer.Option("--config", metavar="NAME", help="The config to take, such as judge_preferences.")
    ] = None,
    split: Annotated[
        list[str], typer.Option("--split", metavar="NAME", help="Only this split; may be given again.")
    ] = [],  # noqa: B006  # typer reads the default, nobody changes it
    as_json: JsonOpt = False,
) -> None:
    """Write a run's dataset in the format that a trainer reads; what a format cannot hold is counted and named."""
    from prefgen.export import LEFT_OUT, TOLD
    from prefgen.export import export as exported

    done = exported(folder, name, out, config=config, splits=split)
    if as_json:
        print(json.dumps({"folder": str(done.folder), **json.loads((done.folder / TOLD).read_text(encoding="utf-8"))}))
        return
    written = ", ".join(f"{one} {rows:,}" for one, rows in done.rows.items() if rows)
    print(plain(f"{done.folder}: {written}"))
    for reason, rows in done.reasons().items():
        print(plain(f"left out {rows:,}: {reason}"))
    if done.reasons():
        print(plain(f"their ids: {done.folder / LEFT_OUT}"))


def formats() -> None:
    """Every format that a dataset can be exported in, and the trainers that read it."""
    from prefgen.trainers import names

    for name, about in names().items():
        print(f"{name:24} {about}")
