"""The options that commands share, each with its words of help."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

RecipeArg = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A recipe's file, or the name of one that comes with prefgen.")
]
SetOpt = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value: models.judge.use=openai/gpt-4.1"),
]
PresetOpt = Annotated[
    str | None, typer.Option("--preset", metavar="NAME", help="One of the recipe's own presets; --set goes over it.")
]
TakeOpt = Annotated[
    int | None,
    typer.Option("--take", min=1, help="Only the first N prompts: a pilot whose replies the full run finds again."),
]
AllowCodeOpt = Annotated[
    list[str],
    typer.Option(
        "--allow-code",
        metavar="FILE.py:FUNCTION",
        help="Let a function of the recipe's own file run, or all of the file (FILE.py). Read it first.",
    ),
]
AllowHostOpt = Annotated[
    list[str],
    typer.Option("--allow-host", metavar="HOST", help="Let a key that the recipe names go to this host."),
]
MaxCallsOpt = Annotated[
    int | None, typer.Option("--max-calls", min=0, help="Send N requests at most, then end cleanly.")
]
MaxCostOpt = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, help="Dollars that all runs in this folder may cost; never passed."),
]
BatchOpt = Annotated[
    bool,
    typer.Option("--batch", help="Ask in batches, at half price; each round may take up to a day."),
]
ConcurrencyOpt = Annotated[
    int | None, typer.Option("--concurrency", min=1, help="Requests in flight to each model at once.")
]
QuietOpt = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
SeedOpt = Annotated[int | None, typer.Option("--seed", help="The recipe's seed.")]
OutOpt = Annotated[Path | None, typer.Option("--out", help="The run's folder.  [default: runs/<recipe>]")]
JsonOpt = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
PushOpt = Annotated[
    str | None, typer.Option("--push", metavar="OWNER/NAME", help="Push the dataset to the Hub in the end.")
]
PublicOpt = Annotated[bool, typer.Option("--public", help="Let everybody see what is pushed.")]


class EngineName(Enum):
    """Where ranges of a run are made."""

    local = "local"
    ray = "ray"


EngineOpt = Annotated[
    EngineName, typer.Option("--engine", help="Where the work is done: this process, or Ray's workers (prefgen[ray]).")
]
AddressOpt = Annotated[
    str | None,
    typer.Option(
        "--address", metavar="HOST:PORT", help="Ray's cluster, auto for this machine's.  [default: a new one]"
    ),
]
WorkersOpt = Annotated[
    int | None, typer.Option("--workers", min=1, help="Ray's workers at once.  [default: one for each core]")
]
StorageOpt = Annotated[
    str | None,
    typer.Option("--storage", metavar="PATH", help="A path that all machines see: a folder, s3://bucket/folder."),
]
ShardOpt = Annotated[
    str | None,
    typer.Option("--shard", metavar="I/N", help="Make slice I of N, from 0, for `prefgen merge` to join."),
]
RestOpt = Annotated[bool, typer.Option("--rest", help="Make here what no shard has made.")]
