"""The command line: one short function a command. Data on stdout, all else on stderr.

Exit codes: 0 done · 1 failed · 2 a wrong command or recipe · 3 budget reached · 4 stopped by the provider or the Hub ·
5 done, but some requests failed (run again to retry them) · 6 a judge did not pass its gate or canaries ·
7 an audit found more than --fail-on lets pass · 130 interrupted.
"""

import gc
import json
import os
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prefgen import cli_hub
from prefgen.allow import Allow
from prefgen.cli_after import append, batches, replay, verify
from prefgen.cli_audit import audit
from prefgen.cli_export import export, formats
from prefgen.cli_lists import models_app, recipes_app, verbs_app
from prefgen.cli_look import compare, marks, report, show, view
from prefgen.cli_new import new
from prefgen.door import FEWER
from prefgen.errors import (
    BudgetReached,
    GateClosed,
    Interrupted,
    PrefgenError,
    ProviderError,
    RecipeError,
    RunError,
)
from prefgen.options import (
    AllowCodeOpt,
    AllowHostOpt,
    BatchOpt,
    ConcurrencyOpt,
    JsonOpt,
    MaxCallsOpt,
    MaxCostOpt,
    OutOpt,
    PresetOpt,
    PublicOpt,
    PushOpt,
    QuietOpt,
    RecipeArg,
    SeedOpt,
    SetOpt,
    TakeOpt,
)
from prefgen.terminal import console, pull_weights, say
from prefgen.texts import plain

if TYPE_CHECKING:
    from prefgen.recipe import Recipe
    from prefgen.run import Run

EXIT_CODES: dict[type[BaseException], int] = {
    RecipeError: 2,
    BudgetReached: 3,
    GateClosed: 6,
    ProviderError: 4,
    Interrupted: 130,
    KeyboardInterrupt: 130,
}
SOME_FAILED = 5

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


@app.command()
def run(
    recipe: RecipeArg,
    overrides: SetOpt = [],  # noqa: B006  # typer reads the default, nobody changes it
    preset: PresetOpt = None,
    take: TakeOpt = None,
    seed: SeedOpt = None,
    out: OutOpt = None,
    max_cost: MaxCostOpt = None,
    max_calls: MaxCallsOpt = None,
    concurrency: ConcurrencyOpt = None,
    batch: BatchOpt = False,
    allow_code: AllowCodeOpt = [],  # noqa: B006
    allow_host: AllowHostOpt = [],  # noqa: B006
    push: PushOpt = None,
    public: PublicOpt = False,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Run a recipe: make its tables, write its dataset. Running again goes on where it stopped."""
    from prefgen.after import failures
    from prefgen.live.watch import Watch
    from prefgen.progress import Progress
    from prefgen.run import run as run_recipe

    found = read_recipe(recipe, overrides, preset, seed, concurrency)
    found = found if max_cost is None else replace(found, max_cost=max_cost)
    screen, progress = console(err=True), Progress()
    pushed = cli_hub.before(found, push, public=public, say=say(screen))
    pull_weights(found, screen)
    with nullcontext() if quiet else Watch(progress, screen):
        allow = Allow(allow_code, allow_host)
        how: dict[str, Any] = {"take": take, "max_calls": max_calls, "allow": allow, "batch": batch}
        done = run_recipe(found, out, progress=progress, say=say(screen), **how)
    tell(done, as_json=as_json)
    for line in failures(done):
        screen.print(plain(line), style="yellow", markup=False, soft_wrap=True)
    if found.write and not done.configs:
        raise RunError("no row was kept, so there is no dataset; the table above says what was lost where")
    if any(count.failed for count in done.counts.values()):
        if push:
            say(screen)(f"nothing was pushed: `prefgen push {done.folder} {push}` pushes it as it is")
        raise typer.Exit(SOME_FAILED)
    if line := pushed(done.folder):
        print(plain(line), file=sys.stderr if as_json else sys.stdout)


@app.command()
def plan(
    recipe: RecipeArg,
    overrides: SetOpt = [],  # noqa: B006
    preset: PresetOpt = None,
    take: TakeOpt = None,
    seed: SeedOpt = None,
    out: OutOpt = None,
    batch: BatchOpt = False,
    allow_code: AllowCodeOpt = [],  # noqa: B006
    allow_host: AllowHostOpt = [],  # noqa: B006
    as_json: JsonOpt = False,
) -> None:
    """Check a recipe and say what a run would ask: replies known, requests to make, tokens and money at most."""
    from prefgen import display_plan
    from prefgen.run import estimates

    found = read_recipe(recipe, overrides, preset, seed)
    allow = Allow(allow_code, allow_host)
    guessed = estimates(found, out, take=take, say=say(console(err=True)), allow=allow, batch=batch)
    if as_json:
        print(json.dumps({table: vars(one) for table, one in guessed.items()}, indent=1))
    else:
        display_plan.estimate(guessed, console())


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


# --- what commands share --------------------------------------------------------------------


def read_recipe(
    name: str, overrides: list[str], preset: str | None, seed: int | None, concurrency: int | None = None
) -> "Recipe":
    """A recipe by its file or its shipped name, with its preset and what the command line overrides."""
    from prefgen import resources
    from prefgen.recipe import load

    path = Path(name)
    if not path.suffix and not path.exists():
        path = resources.recipe(name)
    extra = [] if seed is None else [f"seed={seed}"]
    found = load(path, [*overrides, *extra], preset=preset)
    if concurrency is None:
        return found
    models = {name: {**settings, "concurrency": concurrency} for name, settings in found.models.items()}
    return replace(found, models=models)


def tell(done: "Run", *, as_json: bool) -> None:
    """The end of a run: JSON, or a summary with three real rows."""
    from prefgen import display
    from prefgen.after import failures, pairs, results

    if as_json:
        print(json.dumps(json.loads((done.folder / "run.json").read_text(encoding="utf-8")), indent=1))  # in ASCII
    else:
        display.summary(done, pairs(done, 3), console(), results=results(done), after=failures(done))
