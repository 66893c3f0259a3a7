"""The options that commands share, each with its words of help."""

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
