"""What verbs make of prompts, of those together that are ready at one moment: on many rows a verb costs hardly more
than on few. While one batch is made the next gathers, so that batches grow under load and nobody waits without.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import reduce

import polars as pl

from prefgen.applied import split
from prefgen.asker import Asker, Row
from prefgen.errors import PrefgenError, RunError
from prefgen.framing import framed
from prefgen.planned import Plan, Planned
from prefgen.rounds import Count
from prefgen.rows import DROPPED
from prefgen.spool import lost

REST = 4.0
"""How long a batch is gathered, as a multiple of what the last one took: a fifth of one core at most is theirs."""
LONGEST_REST = 0.1
"""Seconds for which a batch is gathered at most."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one prompt, or some, have in one table: rows (a frame, or dicts that are still to become one), and the rows
    that are not in it, with the columns of LOST. ``count`` is an asker's.
    """

    table: pl.DataFrame | list[Row]
    lost: pl.DataFrame | list[Row]
    count: Count | None = None


@dataclass(frozen=True)
class Segment:
    """What lies between two askers: a table (``head``) and the ``verbs`` made of it, by their tables; ``askers`` are
    asked of these. ``is_root`` says that the head is no asker's, and is written elsewhere.
    """

    head: str
    verbs: Sequence[str]
    askers: Sequence[str]
    is_root: bool = False


@dataclass(frozen=True)
class Unit:
    """What goes its way together: the rows of one prompt in a segment's head, as dicts; and as the frame that they come
    from, if they do. Of prompts whose replies are known, those of some.
    """

    rows: list[Row]
    frame: pl.DataFrame | None = None

    @property
    def prompts(self) -> list[str]:
        """Their ids, in order."""
        return [*dict.fromkeys(row["prompt_id"] for row in self.rows)]


Asked = tuple[list[Row], list[str | None]]
"""Rows to ask about, and why each of them is passed over."""


@dataclass(frozen=True)
class Ready:
    """What was made of a unit: its part of each table, and what each asker is asked about."""

    parts: dict[str, Part]
    asked: Mapping[str, Asked]


@dataclass
class Together:
    """Makes the tables of one segment. ``under_way`` counts what waits for replies: where nothing does, nothing
    is gathered.
    """

    plan: Plan
    segment: Segment
    under_way: "UnderWay"
    _waiting: list[tuple[Unit, "asyncio.Future[Ready]"]] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self.plain = {t: not _passes_over(self.plan.steps[t]) for t in self.segment.askers}
        self.alone = not self.segment.verbs and all(self.plain.values())

    async def made(self, unit: Unit) -> Ready:
        """What is made of a unit's rows."""
        if self.alone:  # no verb: the rows themselves
            own = {} if self.segment.is_root else {self.segment.head: Part(unit.rows, [])}
            return Ready(own, {table: (unit.rows, [None] * len(unit.rows)) for table in self.segment.askers})
        self._waiting.append((unit, asyncio.get_running_loop().create_future()))
        ready = self._waiting[-1][1]
        if self._task is None:
            self._task = asyncio.create_task(self._drain())
        return await ready

    async def _drain(self) -> None:
        """Makes batch after batch, until none waits."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                await asyncio.sleep(0)  # those that are ready in this turn of the loop come along
                batch, self._waiting = self._waiting, []
                began = loop.time()
                await self._tell(batch)
                await self.under_way.gathered(min(LONGEST_REST, REST * (loop.time() - began)))
        finally:
            self._task = None

    async def _tell(self, batch: "Sequence[tuple[Unit, asyncio.Future[Ready]]]") -> None:
        """Makes a batch in another thread: the loop stays free for replies, and for Ctrl-C."""
        try:
            made = await asyncio.to_thread(self._make, [unit for unit, _ in batch])
        except BaseException as e:
            for _, ready in batch:
                if not ready.done():
                    ready.set_exception(e if isinstance(e, Exception) else asyncio.CancelledError())
                    ready.exception()
            if not isinstance(e, Exception):
                raise
            return
        for (_, ready), one in zip(batch, made, strict=True):
            if not ready.done():
                ready.set_result(one)

    # --- a batch ---

    def _make(self, units: Sequence[Unit]) -> list[Ready]:
        """What is made of each of these units."""
        frame = self._framed(units)
        tables, lost = {self.segment.head: frame}, {self.segment.head: frame.clear()}
        for table in self.segment.verbs:
            step = self.plan.steps[table]
            tables[table], lost[table] = table_of(step, [tables[step.inputs[0]]])
        try:
            return self._cut(units, tables, lost)
        except _Renamed:  # a verb of somebody's calls prompts otherwise: whose the rows are is known of one unit alone
            return [self._make([unit])[0] for unit in units]

    def _framed(self, units: Sequence[Unit]) -> pl.DataFrame:
        frames = [unit.frame for unit in units if unit.frame is not None]
        if frames:
            return pl.concat(frames)
        return framed([unit.rows for unit in units], self.plan.steps[self.segment.head].schema)

    def _cut(
        self, units: Sequence[Unit], tables: Mapping[str, pl.DataFrame], lost: Mapping[str, pl.DataFrame]
    ) -> list[Ready]:
        prompts = [unit.prompts for unit in units]
        cut = {table: parted(rows, prompts) for table, rows in tables.items()}
        cut_lost = {table: parted(lost[table], prompts) for table in self.segment.verbs}
        asked = {table: self._asked(table, tables, prompts) for table in self.segment.askers}
        written = self.segment.verbs if self.segment.is_root else [self.segment.head, *self.segment.verbs]
        return [
            Ready(
                {t: Part(cut[t][i], cut_lost[t][i] if t in cut_lost else []) for t in written},
                {t: found[i] for t, found in asked.items()},
            )
            for i in range(len(units))
        ]

    def _asked(self, table: str, tables: Mapping[str, pl.DataFrame], prompts: Sequence[Sequence[str]]) -> list[Asked]:
        """What an asker is asked about, unit by unit."""
        step = self.plan.steps[table]
        rows = tables[step.inputs[0]]
        if step.asker is None:
            raise TypeError(f"{table} asks nothing")
        with named(step):
            why = [None] * rows.height if self.plain[table] else step.asker.passes_over(rows).to_list()
        every = rows.rows(named=True)
        spans = _spans(rows, prompts)
        return [([every[i] for i in span], [why[i] for i in span]) for span in spans]


class _Renamed(Exception):
    """Rows of prompts that did not go in."""


def parted(rows: pl.DataFrame, units: Sequence[Sequence[str]]) -> list[pl.DataFrame]:
    """The rows of each unit of prompts, in the order of these."""
    return [
        rows.slice(span.start, len(span)) if isinstance(span, range) else rows[span] for span in _spans(rows, units)
    ]


Places = range | list[int]


def _spans(rows: pl.DataFrame, units: Sequence[Sequence[str]]) -> list[Places]:
    """The places of the rows of each unit: prompt by prompt, so that a verb that mixes prompts makes the same of them
    together and alone. Raises _Renamed.
    """
    of, start = dict[str, Places](), 0
    for prompt, length in rows["prompt_id"].rle().struct.unnest().select("value", "len").iter_rows():
        of[prompt] = _more(of.get(prompt, range(0)), range(start, start + length))
        start += length
    if of.keys() - {prompt for unit in units for prompt in unit}:
        if len(units) == 1:
            return [range(rows.height)]
        raise _Renamed
    nothing: Places = range(0)
    return [reduce(_more, (of[prompt] for prompt in unit if prompt in of), nothing) for unit in units]


def _more(span: Places, more: Places) -> Places:
    """Places and more places; a range where they are one."""
    if not span:
        return more
    if isinstance(span, range) and isinstance(more, range) and span.stop == more.start:
        return range(span.start, more.stop)
    return [*span, *more]


def _passes_over(step: Planned) -> bool:
    """Whether an asker says of rows that they are not asked about."""
    return step.asker is not None and type(step.asker).passes_over is not Asker.passes_over


# --- a verb's table -------------------------------------------------------------------------


def table_of(step: Planned, frames: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A verb's table, and the rows that are not in it, with the columns of LOST. Raises RunError."""
    with named(step):
        made, gone = split(step.verb, frames, step.settings)
    of_its_columns(step, made)
    twice(step, made["id"])
    return made, lost(gone)


def of_its_columns(step: Planned, made: pl.DataFrame) -> None:
    """Raises RunError where a verb made other columns than the plan has."""
    if made.schema != step.schema:
        raise RunError(f"{step.table}: {step.word} made other columns than it made of an empty table: {made.schema}")


def twice(step: Planned, ids: pl.Series) -> None:
    """Raises RunError where an id comes twice."""
    if not ids.is_unique().all():
        again = ids.filter(ids.is_duplicated())[0]
        raise RunError(f"{step.table}: {step.word} made several rows with the id {again}; a row's id is its own")


def counted(rows_in: int, rows_out: int, lost: pl.DataFrame) -> Count:
    """What became of a verb's rows."""
    return Count(rows_in, rows_in - lost.height, rows_out, dropped=Counter(lost[DROPPED].to_list()))


@contextmanager
def named(step: Planned) -> Iterator[None]:
    """Whatever a verb raises (one of yours, or a fault of ours), told with the table's name."""
    try:
        yield
    except PrefgenError:
        raise
    except Exception as e:
        line = (str(e).splitlines() or [""])[0]
        what = f"{step.table}: {step.word} failed: {type(e).__name__}: {line}"
        raise RunError(f"{what}; what was received is kept (PREFGEN_DEBUG=1 shows where it happened)") from e


class UnderWay:
    """How much waits for replies: as long as something does, more prompts may become ready."""

    def __init__(self) -> None:
        self._waits = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._waits += 1
        self._none.clear()

    def __exit__(self, *_: object) -> None:
        self._waits -= 1
        if not self._waits:
            self._none.set()

    async def gathered(self, seconds: float) -> None:
        """Waits so long, or until nothing is waited for."""
        if self._none.is_set():
            return
        try:
            async with asyncio.timeout(seconds):
                await self._none.wait()
        except TimeoutError:
            return
