"""How far a run is, as whoever shows it reads it: counters that the run keeps anyway, and where its prompts are."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prefgen.clock import Clock
from prefgen.errors import PrefgenError
from prefgen.rounds import Count
from prefgen.shards import Spans

if TYPE_CHECKING:
    from prefgen.early import Early
    from prefgen.llm.client import Client
    from prefgen.llm.outcome import Tally
    from prefgen.planned import Plan


@dataclass
class Progress:
    """How far a run is; changed as it goes, read by whoever shows it. ``ended`` says why not all prompts were begun,
    ``finished`` which of each root are in the tables, ``gates`` how far each gate came, ``waits`` what takes a day,
    ``clock`` when each step was at work.

    ``tables`` are those under way together, their root first; of its ``prompts`` so many are ``begun``. ``within`` is
    how many of these are at each asker now, and ``early`` may hold the others back; ``made`` are the tables that are
    whole, and ``open`` is what the shards under way have counted so far, by table.
    """

    counts: dict[str, Count] = field(default_factory=dict)
    stage: int = 0
    stages: int = 0
    prompts_done: int = 0
    prompts: int = 0
    stage_began: float = 0.0
    ended: PrefgenError | None = None
    finished: dict[str, Spans] = field(default_factory=dict)
    gates: "dict[str, Progress]" = field(default_factory=dict)
    waits: Callable[[], Sequence[str]] = tuple
    clock: Clock = field(default_factory=Clock)
    plan: "Plan | None" = None
    client: "Client | None" = None
    tables: Sequence[str] = ()
    early: "Early | None" = None
    begun: int = 0
    within: Counter[str] = field(default_factory=Counter)
    made: set[str] = field(default_factory=set)
    open: dict[str, dict[int, Count]] = field(default_factory=dict)

    def begin(self, tables: Sequence[str], prompts: int, early: "Early", now: float) -> None:
        """A root, and what is made of it; ``now`` is monotonic seconds."""
        self.early = early
        self.prompts, self.prompts_done, self.begun, self.stage_began = prompts, 0, 0, now
        self.within.clear()
        self.tables = tables

    def end(self) -> None:
        """These tables are whole."""
        self.made.update(self.tables)
        self.open.clear()

    def opened(self, table: str, count: Count) -> Count:
        """What a shard under way is to count in, which is told from now on."""
        self.open.setdefault(table, {})[id(count)] = count
        return count

    def add(self, table: str, count: Count) -> None:
        """What a shard counted, now that its rows are in the table."""
        self.open.get(table, {}).pop(id(count), None)
        self.counts[table].add(count)

    def asked_at_gates(self) -> "dict[str, Tally]":
        """What was spent on each gate."""
        return {table: one.counts["judgments"].tally for table, one in self.gates.items() if one.counts}
