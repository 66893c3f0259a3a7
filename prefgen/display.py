"""What people see of a run: a live table on a terminal, a line now and then elsewhere, a summary at the end."""

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefgen import saved
from prefgen.columns import columns, show
from prefgen.rounds import Count
from prefgen.run import Run
from prefgen.splits import TRAIN, lines
from prefgen.stages import Progress
from prefgen.texts import plain

QUIET_SECONDS = 15.0
"""Between two lines where there is no terminal."""
STILL_SECONDS = 60.0
"""Without news, after which a line says so."""
FEW = 20
"""Prompts that must be done, or a quarter of all, before a rate says when the rest will be."""


class Watch:
    """Shows a run's progress on a console until the block ends."""

    def __init__(self, progress: Progress, console: Console, *, every: float = QUIET_SECONDS) -> None:
        self.progress, self.console, self.every = progress, console, every
        self.began = time.monotonic()
        self._over = threading.Event()
        self._live: Live | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self._table, refresh_per_second=4, transient=True)
            self._live.start()
        else:
            self._thread = threading.Thread(target=self._lines, name="progress", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._live:
            self._live.stop()
        if self._thread:
            self._thread.join()

    def _lines(self) -> None:
        before, since = list[str](), time.monotonic()
        while not self._over.wait(self.every):
            busy = [f"{t} {c.rows_out:,} rows {c.tally.calls:,} calls" for t, c in self._asking()]
            since = since if busy == before else time.monotonic()
            before, still = busy, time.monotonic() - since
            waits = [f"nothing new for {clock(still)}"] if busy and still >= STILL_SECONDS else []
            words = " · ".join([self._clock(), self._share(), *busy, *self.progress.waits(), *waits])
            self.console.print(words, markup=False, highlight=False, soft_wrap=True)

    def _asking(self) -> list[tuple[str, Count]]:
        return [(table, count) for table, count in self.progress.counts.items() if count.drawn or count.tally.calls]

    def _clock(self) -> str:
        return clock(time.monotonic() - self.began)

    def _share(self) -> str:
        p = self.progress
        stage = f"stage {p.stage + 1} of {p.stages}, " if p.stages > 1 else ""
        return f"{stage}{p.prompts_done:,} of {p.prompts:,} prompts{self._left()}"

    def _left(self) -> str:
        """Time left in this stage, once it can be told."""
        p = self.progress
        if not min(FEW, p.prompts / 4) < p.prompts_done < p.prompts:
            return ""
        passed = time.monotonic() - p.stage_began
        return f", about {clock(passed * (p.prompts - p.prompts_done) / p.prompts_done)} left"

    def _below(self) -> str:
        """What stands under the table: the time, how far it is, and what may be waited for for long."""
        waits = (escape(plain(line)) for line in self.progress.waits())
        return "\n".join([f"{self._clock()} · {self._share()}", *waits])

    def _table(self) -> RenderableType:
        table = Table(box=None, pad_edge=False, header_style="dim", caption=self._below())
        for name in ("step", "in", "rows", "calls", "known", "unreadable", "failed", "tokens", "$"):
            table.add_column(name, justify="left" if name == "step" else "right", no_wrap=True)
        for name, count in self.progress.counts.items():
            table.add_row(escape(plain(name)), *cells(count))
        return table


def cells(count: Count) -> list[str]:
    """One step's numbers, as they stand in the table."""
    tally = count.tally
    tokens = tally.prompt_tokens + tally.completion_tokens
    asks = count.drawn or tally.calls
    money = ("?" if tally.unpriced else f"{tally.dollars:.4f}") if asks else ""
    numbers = [count.rows_in, count.rows_out]
    asked = [tally.calls, tally.cached, count.unreadable.total(), count.failed.total(), tokens] if asks else [""] * 5
    return [*(f"{n:,}" for n in numbers), *(f"{n:,}" if isinstance(n, int) else n for n in asked), money]


def clock(seconds: float) -> str:
    """1:02:03, or 02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def one_line(text: str, width: int) -> str:
    """The beginning of a text, on one line of so many cells."""
    words = " ".join(plain(text).split())
    return words if cell_len(words) <= width else set_cell_size(words, width - 1).rstrip() + "…"


# --- the end of a run -----------------------------------------------------------------------


Rows = Sequence[Mapping[str, Any]]
WHY = "lost, and why"


def summary(run: Run, rows: Rows, console: Console, *, results: Rows = ()) -> None:
    """Each step's rows and losses, a benchmark's results, the dataset, and some real pairs."""
    show(console, lambda: funnel(run))
    console.print(spent(run))
    if words := saved.line(saved.told(count.saved) for count in run.counts.values()):
        console.print(Text(plain(words)))
    for line in tried(run):
        console.print(Text(line))
    for number, row in enumerate(rows, 1):
        console.print(pair(number, row, console.width))
    if results:
        scoreboard(results, console)
    for line in lines(run.splits):
        console.print(Text(plain(line)))
    if run.configs:
        configs = ", ".join(f"{name} {_by_split(rows)}" for name, rows in run.configs.items())
        console.print(Text(plain(f"\n{run.dataset}: {configs}")))


def _by_split(rows: Mapping[str, int]) -> str:
    """950, or 950 train + 50 test."""
    if list(rows) == [TRAIN]:
        return f"{rows[TRAIN]:,}"
    return " + ".join(f"{number:,} {split}" for split, number in rows.items())


def funnel(run: Run) -> Table:
    """Each step's rows, and what it lost."""
    table = columns(("step", "in", "out", WHY), left=("step", WHY), folds=(WHY,))
    for name, count in run.counts.items():
        table.add_row(escape(plain(name)), f"{count.rows_in:,}", f"{count.rows_out:,}", why(count))
    return table


def why(count: Count) -> str:
    """What a step lost: dropped, unreadable and failed, with their reasons."""
    parts = [f"{number:,} {reason}" for reason, number in sorted(count.dropped.items())]
    parts += [f"{number:,} unreadable ({reason})" for reason, number in sorted(count.unreadable.items())]
    parts += [f"{number:,} failed ({reason})" for reason, number in sorted(count.failed.items())]
    return escape(plain(", ".join(parts)))


def spent(run: Run) -> Text:
    """Calls, tokens, money and time of this run."""
    tallies = [*(count.tally for count in run.counts.values()), *run.gates.values()]
    calls, cached = sum(t.calls for t in tallies), sum(t.cached for t in tallies)
    tokens = sum(t.prompt_tokens + t.completion_tokens for t in tallies)
    dollars, unpriced = sum(t.dollars for t in tallies), sum(t.unpriced for t in tallies)
    money = f"${dollars:,.4f}" + (f" and {some(unpriced, 'reply', 'replies')} of unknown price" if unpriced else "")
    if untold := sum(t.untold for t in tallies):
        money += f", {some(untold, 'reply', 'replies')} of untold tokens at the most that they can cost"
    known = f"{some(cached, 'reply', 'replies')} known or shared"
    if batched := sum(t.batched for t in tallies):
        known += f", {some(batched, 'reply', 'replies')} by batch"
    read = sum(t.cached_tokens for t in tallies)
    used = f"{tokens:,} tokens" + (f" ({read:,} from the providers' caches)" if read else "")
    return Text(f"\n{some(calls, 'call', 'calls')}, {known}, {used}, {money}, {clock(run.seconds)}")


def tried(run: Run) -> list[str]:
    """What came of known-answer requests, a line for each judge."""
    lines = []
    for table, count in run.counts.items():
        ends: Counter[str] = Counter()
        for (_, end), number in count.canaries.items():
            ends[end] += number
        if ends:
            told = ", ".join(f"{number:,} {end}" for end, number in sorted(ends.items(), reverse=True))
            lines.append(plain(f"canaries of {table}: {told}"))
    return lines


def some(number: float, one: str, more: str) -> str:
    """1 reply, 2 replies."""
    return f"{number:,.0f} {one if number == 1 else more}"


def pair(number: int, row: Mapping[str, Any], width: int) -> Text:
    """A chosen and a rejected response under their prompt."""
    room, shown = max(20, width - 12), Text(f"\n{number}. ", style="bold")
    shown.append(one_line(row["chosen"][-2]["content"], room), style="bold")
    for side, style in (("chosen", "green"), ("rejected", "red")):
        shown.append(f"\n   {side:8} ", style=style)
        shown.append(one_line(row[side][-1]["content"], room))
    return shown


def scoreboard(results: Rows, console: Console) -> None:
    """A benchmark's numbers, a column for each judge, and below how they came about."""
    judges = list(dict.fromkeys(row["judge_model"] or "-" for row in results))
    table = Table(box=None, pad_edge=False, header_style="dim", title_justify="left")
    for name in ("", "rows", *judges):
        table.add_column(escape(plain(name)), justify="right" if name == "rows" else "left", overflow="fold")
    lines: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in results:
        lines.setdefault((row["kind"], row["name"]), []).append(row)
    for (kind, name), found in lines.items():
        scores = {row["judge_model"] or "-": _score(row) for row in found}
        label = f"overall, {name}" if kind == "overall" else name
        style = "" if kind in {"subset", "measure"} else "bold"
        table.add_row(escape(plain(label)), f"{found[0]['rows']:,}", *(scores.get(j, "") for j in judges), style=style)
    console.print("")
    console.print(table)
    for words in dict.fromkeys(_footnote(row) for row in results):
        if words:
            console.print(Text(plain(words), style="dim"))


def _score(row: Mapping[str, Any]) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:.1f} to {row['high']:.1f})"
    return f"{row['score']:.1f}{interval}"


def _footnote(row: Mapping[str, Any]) -> str:
    """How an overall score was counted, and what is to be known of others."""
    who = f"{row['judge_model'] or '-'}, {row['name']}"
    if row["kind"] != "overall":
        return f"{who}: {row['note']}" if row["note"] else ""
    shares = {"unreadable": row["unreadable"], "credited otherwise by the benchmark's own reading": row["disagreement"]}
    parts = [row["mode"], *(f"{share:.1%} {what}" for what, share in shares.items() if share is not None), row["note"]]
    return f"{who}: {'; '.join(part for part in parts if part)}"
