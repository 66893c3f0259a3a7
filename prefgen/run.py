"""A run, from a recipe to a dataset on disk: plan, make the tables, write, account.

Heavy modules are imported when a run begins, so that ``import prefgen`` stays quick.
"""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefgen import folders
from prefgen.allow import NOTHING, Allow
from prefgen.door import finished, seldom_collecting, stoppable
from prefgen.errors import Interrupted, PrefgenError, RunError
from prefgen.folders import journal_of, locked
from prefgen.recipe import Recipe, dump

if TYPE_CHECKING:
    import polars as pl

    from prefgen.far.engine import Engine
    from prefgen.llm.batch.protocol import Settings
    from prefgen.llm.client import Client
    from prefgen.llm.outcome import Tally
    from prefgen.planned import Plan
    from prefgen.progress import Progress
    from prefgen.rehearse import Estimate
    from prefgen.rounds import Count
    from prefgen.written import Done

RUNS = Path("runs")
"""Where runs lie unless one says otherwise; each in a folder of its recipe's name."""
IN_BATCHES = 512
"""Times 8 prompts under way at once, where models are asked in batches: as large as these are."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, what became of every row, the rows of each split of each dataset config, and what
    there is to say of splits (``prefgen.splits.told``).
    """

    folder: Path
    counts: Mapping[str, "Count"]
    configs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seconds: float = 0.0
    gates: Mapping[str, "Tally"] = field(default_factory=dict)
    splits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def report(self) -> Path:
        """What it looks like to people; it is there unless the disk was full."""
        return self.folder / "report.html"

    @property
    def dataset(self) -> Path:
        """The folder that ``datasets.load_dataset`` loads."""
        return self.folder / "dataset"

    def table(self, name: str) -> "pl.DataFrame":
        """One of the run's tables."""
        import polars as pl

        return pl.read_parquet(self.folder / "tables" / f"{name}.parquet")


def run(  # noqa: PLR0913  (each is the caller's to set)
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    fakes: Mapping[str, Any] | None = None,
    take: int | None = None,
    max_calls: int | None = None,
    shard: int | None = None,
    side_by_side: int | None = None,
    progress: "Progress | None" = None,
    say: Say = lambda _: None,
    allow: Allow = NOTHING,
    batch: "bool | Settings" = False,
    engine: "Engine | None" = None,
) -> Run:
    """Runs a recipe and writes ``folder`` (``runs/<recipe>`` by default): dataset, tables, run.json, journal.

    What the journal holds is not asked again, so running again is resuming. ``fakes`` are functions for models
    called ``fake/NAME``; ``take`` limits each source to its first prompts, and writes to a folder of its own
    (``take-20``), so that a pilot never replaces a whole dataset; ``max_calls`` is a limit on requests; ``shard``
    (prompts) and ``side_by_side`` (shards) change speed and memory, and nothing of what comes out; ``allow`` is what
    the recipe may do beyond data; ``batch`` asks models in batches, at half price (True, or ``protocol.Settings``);
    ``engine`` is where ranges are made (``prefgen.far.engine``), None is here.

    Raises RecipeError before anything is sent, and ProviderError, BudgetReached, Interrupted or RunError where the
    run cannot go on; then everything received is kept.
    """
    from prefgen import dataset, gate, kept, manifest, stages, written
    from prefgen import plan as planning
    from prefgen.card import drawing

    plan = planning.make(recipe, writers=dataset.CONFIGS, fakes=fakes, take=take, allow=allow)
    _tell(plan, gates := gate.plans(plan), say)
    progress, stop, home = progress or stages.Progress(), threading.Event(), _home(recipe, folder)
    place = home if take is None else home / f"take-{take}"
    text = ("" if take is None else f"# --take {take}\n") + dump(plan.recipe)
    with locked(home), drawing.together(), _told(plan, place, progress, take, say) as done, seldom_collecting():
        kept.lay(plan, place)
        client = _client(plan, journal_of(home), max_calls, batch)
        how = {"shard": shard, "side_by_side": side_by_side or (IN_BATCHES if batch else None)}
        tables = _made(plan, gates, client, place, say, progress, how, engine)
        with kept.settled(place, text):
            finished(_stoppably(tables, client, say, stop), stop)
        done.reports["costs"] = manifest.costs(journal_of(home), progress)
        written.write(plan, place, progress, text, done)
        if progress.ended:
            raise progress.ended
    gated, splits = progress.asked_at_gates(), done.reports.get("splits", {})
    return Run(place, progress.counts, done.configs, done.seconds, gated, splits)


def _client(plan: "Plan", path: Path, max_calls: int | None, batch: "bool | Settings") -> "Client":
    """What asks, with its journal, and a budget of which earlier runs' money is gone."""
    from prefgen.llm.batch.gather import Batches
    from prefgen.llm.budget import Budget
    from prefgen.llm.client import Client
    from prefgen.llm.journal import Journal

    journal = Journal(path)
    client = Client(journal, plan.fakes, Budget(max_calls, plan.recipe.max_cost, spent=journal.spent()))
    client.batches = Batches(client, batch)
    return client


def _tell(plan: "Plan", gates: "Mapping[str, Plan]", say: Say) -> None:
    """What will not be sent, which hosts are asked with which keys, and which files are read, before anything is."""
    for notice in dict.fromkeys([*plan.notices, *(one for gated in gates.values() for one in gated.notices)]):
        say(f"note: {notice}")


async def _made(
    plan: "Plan",
    gates: "Mapping[str, Plan]",
    client: "Client",
    place: Path,
    say: Say,
    progress: "Progress",
    how: Mapping[str, Any],
    engine: "Engine | None",
) -> None:
    """Makes all tables, once every gated judge has passed."""
    from prefgen import gate, stages
    from prefgen.far.engine import ready

    if client.batches:
        progress.waits = client.batches.words
        models = [model for one in (plan, *gates.values()) for pool in one.models.values() for model in pool]
        await client.batches.open(models, say)
    async with ready(engine, plan, gates, client, folders.home_of(place), say) as (there, judged, walk):
        await gate.opened(there, judged, client, place, progress, say, how)
        await stages.make_tables(there, client, place / "tables", progress=progress, walk=walk, **how)


@contextmanager
def _told(plan: "Plan", place: Path, progress: "Progress", take: int | None, say: Say) -> Iterator["Done"]:
    """Writes run.json at the end, however it comes, and then the report."""
    from prefgen import manifest
    from prefgen.written import Done

    done, status, began, hurry = Done(), "failed", time.monotonic(), False
    progress.clock.began = began
    try:
        yield done
        status = "finished"
    except PrefgenError as e:
        status = type(e).__name__
        raise
    except KeyboardInterrupt:  # the second one
        status, hurry = Interrupted.__name__, True
        raise Interrupted("stopped at once; what was in flight will be asked again") from None
    finally:
        done.seconds = time.monotonic() - began
        asked = {"take": take, "target": dict(plan.recipe.target) or None, "max_cost": plan.recipe.max_cost}
        about = {"status": status, **asked, "seconds": round(done.seconds, 1)}
        with nullcontext() if status == "finished" else suppress(RunError):  # the first fault is the one to tell
            manifest.write(plan, place, progress, done.configs, done.reports, about)
            if not hurry:
                _report(place, say)


def _report(place: Path, say: Say) -> None:
    """The run's report. The run is what it is without it: whatever goes wrong here is told, and no more."""
    from prefgen.report import write

    try:
        write(place)
    except Exception as e:  # noqa: BLE001  (a fault of ours loses no run)
        why = " ".join(f"{type(e).__name__}: {e}".split())
        say(f"note: no report was written ({why}); `prefgen report {place}` tries again")


def folder_of(recipe: Recipe, folder: str | Path | None = None) -> Path:
    """The folder of a recipe's run."""
    return Path(folder) if folder is not None else RUNS / recipe.name


def _home(recipe: Recipe, folder: str | Path | None) -> Path:
    """The same, where a run may write. Raises RunError where it may not."""
    home = folder_of(recipe, folder)
    folders.check(home, named=folder is not None)
    folders.free(home)
    return home


async def _stoppably(tables: Awaitable[Any], client: "Client", say: Say, stop: threading.Event) -> None:
    """Makes the tables. Ctrl-C lets in what is in flight and sends nothing more."""
    from prefgen.llm.watch import watched

    def halt() -> None:
        number = client.pace.in_flight
        say(f"stopping: waiting for {number} requests in flight; Ctrl-C again gives them up" if number else "stopping")
        client.shut(Interrupted("stopped; what was received is kept, and the same command goes on from here"))

    try:
        async with stoppable(halt, stop), watched(client):
            await tables
    finally:
        await client.close()
        client.journal.close()


def estimates(
    recipe: Recipe,
    folder: str | Path | None = None,
    *,
    take: int | None = None,
    say: Say = lambda _: None,
    allow: Allow = NOTHING,
    batch: bool = False,
) -> "Mapping[str, Estimate]":
    """What a run of this recipe would ask, step by step, given what its journal holds. Sends nothing.
    ``batch`` tells it at the price of batches.

    Raises RecipeError as ``run`` does, but for keys that are not set, which are told by ``say``.
    """
    from tempfile import TemporaryDirectory

    from prefgen import dataset, gate
    from prefgen import plan as planning

    plan = planning.make(recipe, writers=dataset.CONFIGS, take=take, keys=False, allow=allow)
    gates = gate.plans(plan, keys=False)
    _tell(plan, gates, say)
    kept = journal_of(_home(recipe, folder))
    with TemporaryDirectory() as nowhere:
        path = kept if kept.exists() else Path(nowhere) / "journal.sqlite"
        return finished(_rehearsed(plan, gates, path, say, batch=batch))


async def _rehearsed(
    plan: "Plan", gates: "Mapping[str, Plan]", path: Path, say: Say, *, batch: bool
) -> "Mapping[str, Estimate]":
    """The estimates of each gate's judge, and of each step."""
    from prefgen.llm.batch.gather import Batches
    from prefgen.llm.batch.held import under_way
    from prefgen.llm.client import Client
    from prefgen.llm.journal import Journal
    from prefgen.rehearse import rehearse

    journal = Journal(path)
    client = Client(journal, plan.fakes)
    client.batches = Batches(client) if batch else None
    try:
        for line in under_way(journal):
            say(f"note: under way, and counted as still to ask: {line}")
        before = {f"gate of {table}": (await rehearse(one, client))["judgments"] for table, one in gates.items()}
        return {**before, **await rehearse(plan, client)}
    finally:
        journal.close()
