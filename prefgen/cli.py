"""The command line: one short function a command. Data on stdout, all else on stderr.

Exit codes: 0 done · 1 failed · 2 a wrong command or recipe · 3 budget reached · 4 stopped by the provider or the Hub ·
5 done, but some requests failed (run again to retry them) · 6 a judge did not pass its gate or canaries ·
7 an audit found more than --fail-on lets pass · 130 interrupted.
"""

import gc
import os
import sys
from typing import Annotated

import typer

from prefgen import cli_hub
from prefgen.cli_after import append, batches, replay, verify
from prefgen.cli_audit import audit
from prefgen.cli_export import export, formats
from prefgen.cli_lists import models_app, recipes_app, verbs_app
from prefgen.cli_look import compare, marks, report, show, view
from prefgen.cli_new import new
from prefgen.cli_run import merge, plan, run
from prefgen.door import FEWER
from prefgen.errors import (
    BudgetReached,
    GateClosed,
    Interrupted,
    PrefgenError,
    ProviderError,
    RecipeError,
)
from prefgen.texts import plain

EXIT_CODES: dict[type[BaseException], int] = {
    RecipeError: 2,
    BudgetReached: 3,
    GateClosed: 6,
    ProviderError: 4,
    Interrupted: 130,
    KeyboardInterrupt: 130,
}

app = typer.Typer(
    name="prefgen",
    help="Preference datasets for LLM alignment, from a recipe that reads like the paper.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(recipes_app, name="recipes")
app.add_typer(verbs_app, name="verbs")
app.add_typer(models_app, name="models")


def show_version(asked: bool) -> None:  # noqa: FBT001  # typer calls it so
    """Prints which prefgen this is, and ends."""
    if asked:
        from prefgen import __version__

        print(f"prefgen {__version__}")
        raise typer.Exit


@app.callback()
def every(
    version: Annotated[  # its callback has done all
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Preference datasets for LLM alignment, from a recipe that reads like the paper."""


AT_IMPORT = {
    **({"ARROW_DEFAULT_MEMORY_POOL": "jemalloc"} if sys.platform == "linux" else {}),
    "_RJEM_MALLOC_CONF": "background_thread:false,dirty_decay_ms:0,muzzy_decay_ms:0",
    "OPENBLAS_NUM_THREADS": "1",
    "PYDANTIC_DISABLE_PLUGINS": "__all__",
}
"""What Arrow, polars, NumPy and pydantic read when they are imported. Memory that is freed is given back at once: kept
for what comes next, it is a quarter of what a run holds. NumPy's threads wait for matrices, of which there are none, by
turning round; pydantic looks for plugins in every package that is installed: together a sixth of a second.
"""


def main() -> None:
    """Runs a command; errors that have a cure are told in a line, without a traceback."""
    # Imports and rows make much that stays; looking through it for garbage takes a tenth of a run.
    gc.set_threshold(*FEWER)
    for name, value in AT_IMPORT.items():
        os.environ.setdefault(name, value)
    try:
        app()
    except (PrefgenError, KeyboardInterrupt) as e:
        if os.environ.get("PREFGEN_DEBUG"):
            raise
        words = str(e) or "interrupted"
        kind = "" if isinstance(e, Interrupted | KeyboardInterrupt) else "error: "  # who stops a run made none
        print("\n".join(f"{kind}{plain(line)}" for line in words.splitlines()), file=sys.stderr)
        raise SystemExit(next((code for kind, code in EXIT_CODES.items() if isinstance(e, kind)), 1)) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None


app.command()(run)
app.command()(merge)
app.command()(plan)
app.command()(cli_hub.push)
app.command()(report)
app.command()(verify)
app.command()(replay)
app.command()(batches)
app.command()(append)
app.command()(export)
app.command()(formats)
app.command()(show)
app.command()(view)
app.command()(marks)
app.command()(compare)
app.command()(new)
app.command()(audit)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON schema of recipes, for editors."""
    from prefgen.schema import dumped

    print(dumped(), end="")
