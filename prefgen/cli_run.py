"""Commands that make datasets: a run here or on Ray's workers, slices of one and their merge; and what it would ask."""

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from prefgen import cli_hub
from prefgen.allow import Allow
from prefgen.errors import Problem, RecipeError, RunError
from prefgen.options import (
    AddressOpt,
    AllowCodeOpt,
    AllowHostOpt,
    BatchOpt,
    ConcurrencyOpt,
    EngineName,
    EngineOpt,
    JsonOpt,
    MaxCallsOpt,
    MaxCostOpt,
    OutOpt,
    PresetOpt,
    PublicOpt,
    PushOpt,
    QuietOpt,
    RecipeArg,
    RestOpt,
    SeedOpt,
    SetOpt,
    ShardOpt,
    StorageOpt,
    TakeOpt,
    WorkersOpt,
)
from prefgen.terminal import console, pull_weights, say
from prefgen.texts import plain

if TYPE_CHECKING:
    from prefgen.far.engine import Engine
    from prefgen.recipe import Recipe
    from prefgen.run import Run

SOME_FAILED = 5
"""The exit code where some requests failed."""


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
    engine: EngineOpt = EngineName.local,
    address: AddressOpt = None,
    workers: WorkersOpt = None,
    storage: StorageOpt = None,
    shard: ShardOpt = None,
    allow_code: AllowCodeOpt = [],  # noqa: B006
    allow_host: AllowHostOpt = [],  # noqa: B006
    push: PushOpt = None,
    public: PublicOpt = False,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Run a recipe: make its tables, write its dataset. Running again goes on where it stopped."""
    found = read_recipe(recipe, overrides, preset, seed, concurrency, max_cost)
    how: dict[str, Any] = {"take": take, "max_calls": max_calls, "allow": Allow(allow_code, allow_host)}
    far = {"--address": address, "--workers": workers, "--storage": storage}
    if shard is not None:
        _refused("--shard", engine=engine, batch=batch, push=push, address=address, workers=workers)
        _slice(found, shard, storage, out, how, f"prefgen merge {recipe}")
        return
    how |= {"engine": _engine(engine, far, batch=batch), "batch": batch}
    _made(found, out, how, push, public=public, as_json=as_json, quiet=quiet)


def merge(
    recipe: RecipeArg,
    overrides: SetOpt = [],  # noqa: B006
    preset: PresetOpt = None,
    take: TakeOpt = None,
    seed: SeedOpt = None,
    storage: StorageOpt = None,
    out: OutOpt = None,
    rest: RestOpt = False,
    max_cost: MaxCostOpt = None,
    allow_code: AllowCodeOpt = [],  # noqa: B006
    allow_host: AllowHostOpt = [],  # noqa: B006
    push: PushOpt = None,
    public: PublicOpt = False,
    as_json: JsonOpt = False,
    quiet: QuietOpt = False,
) -> None:
    """Join what the shards of a recipe made into its dataset, with the bytes that one run would have written."""
    from prefgen.far.merge import Merge

    found = read_recipe(recipe, overrides, preset, seed, max_cost=max_cost)
    how = {"take": take, "allow": Allow(allow_code, allow_host), "engine": Merge(storage, rest)}
    _made(found, out, how, push, public=public, as_json=as_json, quiet=quiet)


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


# --- what commands share --------------------------------------------------------------------


def _made(
    found: "Recipe",
    out: Path | None,
    how: dict[str, Any],
    push: str | None,
    *,
    public: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Runs a recipe, shows it, and pushes what came of it where that is asked for."""
    from prefgen.live.watch import Watch
    from prefgen.progress import Progress
    from prefgen.run import run as run_recipe

    screen, progress = console(err=True), Progress()
    pushed = cli_hub.before(found, push, public=public, say=say(screen))
    pull_weights(found, screen)
    with nullcontext() if quiet else Watch(progress, screen):
        done = run_recipe(found, out, progress=progress, say=say(screen), **how)
    tell(done, as_json=as_json)
    _ended(found, done, say(screen), f"`prefgen push {done.folder} {push}` pushes it as it is" if push else "")
    if line := pushed(done.folder):
        print(plain(line), file=sys.stderr if as_json else sys.stdout)


def _ended(found: "Recipe", done: "Run", say: Callable[[str], None], push: str) -> None:
    """Says what failed. Raises RunError where nothing was kept, and Exit where requests failed."""
    from prefgen.after import failures

    for line in failures(done):
        console(err=True).print(plain(line), style="yellow", markup=False, soft_wrap=True)
    if found.write and not done.configs:
        raise RunError("no row was kept, so there is no dataset; the table above says what was lost where")
    if any(count.failed for count in done.counts.values()):
        if push:
            say(f"nothing was pushed: {push}")
        raise typer.Exit(SOME_FAILED)


def _engine(name: EngineName, far: dict[str, Any], *, batch: bool) -> "Engine | None":
    """Where ranges are made; None is here. Raises RecipeError for options that do not go together."""
    given = [option for option, value in far.items() if value is not None]
    if name is EngineName.local:
        if given:
            cure = "say --engine ray as well" + (", or --shard" if given[0] == "--storage" else "")
            raise RecipeError([Problem("", "", f"{given[0]} says how Ray works", cure)])
        return None
    if batch:
        raise RecipeError([Problem("", "", "batches are sent by one process", "say --batch or --engine ray, not both")])
    from prefgen.engines.ray import Ray

    return Ray(far["--address"], far["--workers"], far["--storage"])


def _refused(option: str, *, engine: EngineName, **others: Any) -> None:
    """Raises RecipeError for options that a slice has no use for."""
    given = [f"--{name}" for name, value in others.items() if value] + (["--engine"] if engine.value != "local" else [])
    if given:
        cure = f"leave out {' and '.join(given)}; `prefgen merge` makes the dataset"
        raise RecipeError([Problem("", "", f"{option} makes a slice with this process alone", cure)])


def _slice(found: "Recipe", shard: str, storage: str | None, out: Path | None, how: dict[str, Any], merge: str) -> None:
    """Makes one slice, and says what came of it."""
    from prefgen.far.slices import parsed, run_slice, summary
    from prefgen.run import folder_of

    part, screen = parsed(shard), console(err=True)
    pull_weights(found, screen)
    done = run_slice(found, part, storage or folder_of(found, out) / "ranges", say=say(screen), **how)
    where = f" --storage {storage}" if storage else f" --out {out}" if out else ""
    for line in summary(part, done, merge + where):
        print(plain(line))
    if done.failed:
        raise typer.Exit(SOME_FAILED)


def read_recipe(
    name: str,
    overrides: list[str],
    preset: str | None,
    seed: int | None,
    concurrency: int | None = None,
    max_cost: float | None = None,
) -> "Recipe":
    """A recipe by its file or its shipped name, with its preset and what the command line overrides."""
    from prefgen import resources
    from prefgen.recipe import load

    path = Path(name)
    if not path.suffix and not path.exists():
        path = resources.recipe(name)
    extra = [] if seed is None else [f"seed={seed}"]
    found = load(path, [*overrides, *extra], preset=preset)
    found = found if max_cost is None else replace(found, max_cost=max_cost)
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
