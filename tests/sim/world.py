"""One seed's history: a recipe run to its end through faults, stops, full disks and crashes, and what must hold of it."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from prefgen import do
from prefgen import plan as planning
from prefgen.errors import BudgetReached, Interrupted, PrefgenError, ProviderError, RunError
from prefgen.llm.budget import Budget
from prefgen.llm.client import Client
from prefgen.llm.journal import Entry, Journal
from prefgen.llm.request import Model, Provider, seed_of
from prefgen.planned import Plan
from prefgen.recipe import Recipe
from prefgen.stages import make_tables
from tests.sim.disk import Disk, SimStore
from tests.sim.virtual import VirtualLoop
from tests.sim.wire import MOST_TOKENS, PRICE, Ledger, Wire

SESSIONS = 12
"""Processes in one history, at most: each ends by a crash, a stop, a limit, or because all is done."""
LONGEST = 48 * 3600.0
"""Virtual seconds that one process may take."""
FAST = Path("/dev/shm") if Path("/dev/shm").is_dir() else None


class SimClient(Client):
    """The real client, on a simulated wire."""

    wire: Wire

    def provider(self, model: Model) -> Provider:
        return self.wire


@dataclass(frozen=True)
class Parts:
    """What is under test; a planted bug is another one of these."""

    client: type[SimClient] = SimClient
    journal: type[Journal] = Journal
    budget: type[Budget] = Budget
    store: type[SimStore] = SimStore
    tables: Callable[..., Any] = make_tables


@dataclass
class Found:
    """What a history came to."""

    violations: list[str] = field(default_factory=list)
    crashes: int = 0
    stops: int = 0
    calls: int = 0
    twice: int = 0
    allowed: int = 0
    billed: float = 0.0
    limit: float | None = None
    lost: int = 0
    over: float = 0.0


def recipe(prompts: int) -> Recipe:
    steps = {
        "prompts": do("load", [{"prompt": f"why {n}?"} for n in range(prompts)]),
        "responses": do("answer", "prompts", model="it", n=3),
        "twins": do("answer", "prompts", model="it", n=3),  # the same requests, side by side
        "scored": do("score", "responses", model="it", n=2),
        "means": do("mean", "scored"),
        "pairs": do("best_worst", "means"),
        "orders": do("both_orders", "pairs"),
        "judgments": do("compare", "orders", model="it", n=5, stop="majority"),
    }
    model = {"use": "fake/it", "price": PRICE, "max_tokens": MOST_TOKENS, "timeout": 30.0, "concurrency": 8}
    return Recipe(name="sim", steps=steps, models={"it": model})


@cache
def planned(prompts: int) -> Plan:
    return planning.make(recipe(prompts), fakes={"it": lambda request, seed: ""})


@cache
def undisturbed(prompts: int) -> str:
    """What comes out where nothing goes wrong."""
    history = History(0, Parts(), prompts=prompts, calm=True)
    found = history.run()
    if found.violations:
        raise AssertionError(found.violations)
    return history.digest


class History:
    """One seed, from the first process to the last."""

    def __init__(
        self, seed: int, parts: Parts, *, prompts: int | None = None, calm: bool = False, money: bool = False
    ) -> None:
        self.chance, self.parts, self.calm = random.Random(seed), parts, calm
        self.prompts = prompts or self.chance.choice([3, 6, 9])
        self.disk, self.ledger, self.found = Disk(self.chance), Ledger(), Found()
        self.trouble = 0.0 if calm else self.chance.choice([0.0, 0.1, 0.3])
        self.acked: set[int] = set()
        self.digest = ""
        self.money = money
        self.found.limit = self.chance.uniform(0.0, 0.02) if money else None
        with_spend = not calm and not money and self.chance.random() < 0.2
        self.spent_at = self.chance.randint(1, 120) if with_spend else None

    def violation(self, what: str) -> None:
        self.found.violations.append(what)

    def run(self) -> Found:
        with TemporaryDirectory(dir=FAST) as folder:
            for session in range(SESSIONS):
                last = session == SESSIONS - 1
                if self._session(Path(folder), quiet=self.calm or last):
                    break
            else:
                self.violation("the last process, which nothing disturbed, did not finish")
            self._check(Path(folder))
        self.found.calls, self.found.billed = self.ledger.sent, self.ledger.billed
        return self.found

    # --- one process ---

    def _session(self, folder: Path, *, quiet: bool) -> bool:
        """Whether the run came to its end."""
        self.ledger.ended = False
        store = self.parts.store(self.disk, folder / "journal.sqlite")
        spent_at = None if quiet else self.spent_at
        wire = Wire(self.ledger, self.chance, trouble=0.0 if self.calm else self.trouble, spent_at=spent_at)
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.get_loop().set_exception_handler(lambda *_: None)  # a process that has crashed tells nobody
            try:
                runner.run(self._process(folder, store, wire, quiet=quiet))
            except BudgetReached:
                return self._over_budget()
            except (RunError, ProviderError, Interrupted) as e:
                self._repaired(e)
                return False
            except asyncio.CancelledError:
                return False  # crashed
            except Exception as e:  # noqa: BLE001
                self.violation(f"ended with {type(e).__name__}: {e}")
                return True
        return True

    async def _process(self, folder: Path, store: SimStore, wire: Wire, *, quiet: bool) -> None:
        journal = self._watched()(folder / "journal.sqlite", store=store)
        budget = self.parts.budget(max_cost=self.found.limit, spent=journal.spent() if self.found.limit else 0.0)
        client = self.parts.client(journal, {}, budget, chance=random.Random(self.chance.random()))
        client.wire = wire
        plan = planned(self.prompts)
        model = replace(plan.models["it"][0], concurrency=self.chance.randint(1, 12))
        plan = replace(plan, steps={t: replace(s, models=(model,) if s.asker else ()) for t, s in plan.steps.items()})
        how = {"shard": self.chance.choice([None, 1, 2]), "side_by_side": self.chance.randint(1, 6)}
        work = asyncio.ensure_future(self._work(plan, client, folder, how))
        ends = [] if quiet else self._ends(work, client, store, wire)
        try:
            async with asyncio.timeout(LONGEST):
                await work
        except TimeoutError:
            self.violation("stood still")
        finally:
            for end in ends:
                end.cancel()
            journal.close()

    async def _work(self, plan: Plan, client: Client, folder: Path, how: dict[str, Any]) -> None:
        from prefgen.progress import Progress

        progress = Progress()
        await self.parts.tables(plan, client, folder / "tables", progress=progress, **how)
        if progress.ended:
            raise progress.ended

    def _ends(
        self, work: "asyncio.Future[None]", client: Client, store: SimStore, wire: Wire
    ) -> list[asyncio.TimerHandle]:
        """How this process will end, if it is not done before."""
        loop = asyncio.get_running_loop()
        crashes = (
            [] if self.money else ["crash"] * 3
        )  # what a kill leaves in flight is billed, and nobody wrote it down
        kind = self.chance.choice([*crashes, "stop", "full", "low", "none"])
        at = self.chance.expovariate(1 / 25)

        def crash() -> None:
            if work.done():
                return
            open_ = set(+self.ledger.in_flight) | set(self.ledger.delivered)
            self.found.allowed += len(open_ - self.acked)
            self.found.crashes += 1
            store.die()
            wire.dead = True
            self.ledger.in_flight.clear()
            if self.chance.random() < 0.4:
                self.disk.rot()
            work.cancel()

        def stop() -> None:
            self.found.stops += 1
            client.shut(Interrupted("stopped"))

        act = {"crash": crash, "stop": stop, "full": lambda: self._fills("full"), "low": lambda: self._fills("low")}
        return [loop.call_later(at, act[kind])] if kind in act else []

    def _fills(self, how: str) -> None:
        setattr(self.disk, how, True)

    def _repaired(self, error: PrefgenError) -> None:
        """What the user does about it; about a verb that failed, nobody could do anything."""
        if " failed: " in str(error):
            self.violation(f"ended with {error}")
        if isinstance(error, ProviderError):
            self.ledger.ended, self.spent_at = False, None
        self.disk.full = self.disk.low = False
        self.disk.mend()

    def _over_budget(self) -> bool:
        if not self.money:
            self.violation("a budget was reached where none was set")
        return True

    def _watched(self) -> type[Journal]:
        """The journal under test, which tells what it has acknowledged."""
        acked = self.acked

        class Watched(self.parts.journal):  # type: ignore[name-defined,misc]
            async def put(self, entries: list[Entry]) -> None:
                await super().put(entries)
                if not self.store.dead:  # nobody is told anything any more
                    acked.update(seed_of(entry.key) for entry in entries)

        return Watched

    # --- what must hold ---

    def _check(self, folder: Path) -> None:
        kept = {seed_of(key) for key in self.disk.replies}
        rotten = {seed_of(key) for key in self.disk.rotten}
        self.found.lost = len(self.acked - kept - rotten)
        if self.found.lost:
            self.violation(f"P1: {self.found.lost} replies acknowledged and lost")
        twice = {seed: n - 1 for seed, n in self.ledger.delivered.items() if n > 1 and seed not in rotten}
        self.found.twice = sum(twice.values())
        if self.found.twice > self.found.allowed:
            self.violation(f"P2: {self.found.twice} paid twice, {self.found.allowed} were in flight at crashes")
        if self.ledger.after_the_end > 0:
            self.violation(
                f"P10: {self.ledger.after_the_end} requests after the provider said that no more can succeed"
            )
        self.found.over = (
            max(0.0, self.ledger.billed - self.found.limit - 1e-9) if self.found.limit is not None else 0.0
        )
        if self.found.over:
            self.violation(f"P9: ${self.ledger.billed:.6f} billed, the limit is ${self.found.limit:.6f}")
        if not self.money:
            self._check_tables(folder / "tables")

    def _check_tables(self, folder: Path) -> None:
        files = sorted(folder.glob("*.parquet"))
        self.digest = hashlib.sha256(b"".join(p.name.encode() + p.read_bytes() for p in files)).hexdigest()
        if not self.calm and self.digest != undisturbed(self.prompts):
            self.violation("the tables are not those of an undisturbed run")
        tables = {path.stem: pl.read_parquet(path) for path in files}
        if len(tables) == 2 * len(planned(self.prompts).steps):
            answered = tables["responses"].height + tables["responses.dropped"].height
            if answered != 3 * self.prompts:
                self.violation(f"P7: {answered} responses kept or dropped, {3 * self.prompts} were asked for")
