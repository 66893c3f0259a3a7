"""Commands for a run that is over: is it as it was written, what would have come of it otherwise, and its rows beside
those of an older one.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from prefgen.allow import Allow
from prefgen.options import AllowCodeOpt, JsonOpt, PresetOpt, SetOpt
from prefgen.terminal import console
from prefgen.texts import plain

RunArg = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, such as runs/quickstart.")]


def verify(
    folder: RunArg,
    mend: Annotated[bool, typer.Option("--mend", help="Let go of damaged replies; rebuild a broken journal.")] = False,
) -> None:
    """Check that every reply of a run's journal, and every file of its dataset, is as it was written."""
    from prefgen.after import verified
    from prefgen.verify import lines

    found = verified(folder, mend=mend)
    for line in lines(found):
        print(plain(line))
    raise typer.Exit(0 if found.sound else 1)


def replay(
    folder: RunArg,
    overrides: SetOpt = [],  # noqa: B006  # typer reads the default, nobody changes it
    stop: Annotated[
        str | None,
        typer.Option(
            "--stop", metavar="NAME", help="The stop of every judging step (race, or 'race: {z: 2.0}'), or none."
        ),
    ] = None,
    preset: PresetOpt = None,
    allow_code: AllowCodeOpt = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option("--out", help="A new folder for what is rebuilt.")] = None,
    as_json: JsonOpt = False,
) -> None:
    """Rebuild a run's dataset from its journal, with no call; or say what a change of its recipe would have changed."""
    from prefgen import display_replay
    from prefgen.replay import replay as replayed

    allow = Allow(code=allow_code)
    found = replayed(folder, overrides, preset=preset, stop=stop, out=out, allow=allow)
    if as_json:
        print(json.dumps(display_replay.as_json(found), indent=1, default=str))
    else:
        display_replay.show(found, console())
    raise typer.Exit(0 if found.equal or found.changed else 1)


def batches(
    folder: RunArg,
    cancel: Annotated[bool, typer.Option("--cancel", help="End them; what is done by then is kept.")] = False,
    forget: Annotated[
        bool, typer.Option("--forget", help="Let go of them: what is in them may be paid for twice.")
    ] = False,
) -> None:
    """Say which batches of a run are under way at its providers; end them, or let go of them."""
    from prefgen.batches import batches as found

    lines = found(folder, cancel=cancel, forget=forget)
    for line in lines or ["no batch is under way"]:
        print(plain(line))


def append(
    older: Annotated[Path, typer.Argument(metavar="OLDER", help="The dataset folder that is there.")],
    newer: Annotated[Path, typer.Argument(metavar="NEWER", help="A second run's folder, or its dataset folder.")],
    out: Annotated[Path, typer.Option("--out", help="The folder for the whole; it may be OLDER.")],
    replace: Annotated[bool, typer.Option("--replace", help="Take the newer of two rows with one id.")] = False,
    as_json: JsonOpt = False,
) -> None:
    """Add the rows of a second run to a dataset, as files of their own; what is there stays as it is."""
    from prefgen.append import append as appended
    from prefgen.grown import lines

    older, newer = (folder / "dataset" if (folder / "dataset").is_dir() else folder for folder in (older, newer))
    found = appended(older, newer, out, replace=replace)
    if as_json:
        print(json.dumps(vars(found), indent=1))
    for line in [] if as_json else lines(found):
        print(plain(line))
