"""What people see at the end of a run: each step's losses, what it cost, some pairs, and where to look next. It fits a
terminal of 24 lines of 80 columns; what there is no room for is counted.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from prefgen import saved
from prefgen.canaries import FOOLED, WITHSTOOD
from prefgen.display_funnel import funnel, losses
from prefgen.display_results import scoreboard
from prefgen.llm.budget import dollars
from prefgen.phrases import clock, one_line, packed, some
from prefgen.run import Run
from prefgen.splits import TRAIN, lines
from prefgen.texts import plain

FEWEST = 6
"""Steps that are shown at the least, before pairs are left out for others."""
Rows = Sequence[Mapping[str, Any]]


def summary(run: Run, rows: Rows, console: Console, *, results: Rows = (), after: Sequence[str] = ()) -> None:
    """Each step's rows and losses, what the run spent and saved, some real pairs, a benchmark's results, and the
    dataset; on a terminal in the first form that it has room for, with what will be said ``after`` it.
    """
    width = console.width if console.is_terminal else None
    pairs = [pair(number, row, console.width) for number, row in enumerate(rows, 1)]
    room = console.height - 1 - height([Text(plain(line)) for line in after], width)
    shown: list[Text] = []
    for shown in forms(run, pairs, results, width, room):
        if width is None or height(shown, width) <= room:
            break
    for line in shown:
        console.print(line, soft_wrap=True, crop=False)


def forms(
    run: Run, pairs: Sequence[Sequence[Text]], results: Rows, width: int | None, room: int
) -> Iterator[list[Text]]:
    """All of it; then with fewer and fewer pairs, steps and results. ``width`` is None where lines may be as long as
    they are, ``room`` how many lines there may be else.
    """
    rest = [Text(), *_told(run, width)]
    end = [Text(), *_dataset(run, width)]
    whole = funnel(run.counts, width)
    board = [Text(), *scoreboard(results, width)] if results else []
    for number in (3, 2):
        yield [*whole, *rest, *_first(pairs, number), *board, *end]
    board = [Text(), *scoreboard(results, width, brief=True)] if results else []
    lossy = sum(bool(losses(count)) for count in run.counts.values())
    for number in (2, 1, 0):
        others = [*rest, *_first(pairs, number), *board, *end]
        most = room - height(others, width) - 2
        if not number or most >= min(len(run.counts), max(FEWEST, lossy)):
            yield [*funnel(run.counts, width, max(1, most)), *others]


def height(shown: Sequence[Text], width: int | None) -> int:
    """The lines that a terminal of this width needs."""
    return sum(max(1, -(-cell_len(line.plain) // (width or 10**6))) for line in shown)


# --- its parts ------------------------------------------------------------------------------


def _told(run: Run, width: int | None) -> list[Text]:
    """What it spent and saved, how judges stood up to known answers, and what was split."""
    words = [saved.line(saved.told(count.saved) for count in run.counts.values()), *tried(run), *lines(run.splits)]
    found = [packed(spent(run), width, ", "), *(packed(plain(one).split(" "), width, " ") for one in words)]
    return [Text(line) for some_lines in found for line in some_lines]


def spent(run: Run) -> Iterator[str]:
    """Calls, tokens, money and time of this run."""
    tallies = [*(count.tally for count in run.counts.values()), *run.gates.values()]
    yield some(sum(t.calls for t in tallies), "call", "calls")
    yield f"{some(sum(t.cached for t in tallies), 'reply', 'replies')} known or shared"
    if batched := sum(t.batched for t in tallies):
        yield f"{some(batched, 'reply', 'replies')} by batch"
    read = sum(t.cached_tokens for t in tallies)
    tokens = sum(t.prompt_tokens + t.completion_tokens for t in tallies)
    yield f"{tokens:,} tokens" + (f" ({read:,} from the providers' caches)" if read else "")
    unpriced = sum(t.unpriced for t in tallies)
    also = f" and {some(unpriced, 'reply', 'replies')} of unknown price" if unpriced else ""
    yield f"{dollars(sum(t.dollars for t in tallies))}{also}"
    if untold := sum(t.untold for t in tallies):
        yield f"{some(untold, 'reply', 'replies')} of untold tokens at the most that they can cost"
    yield clock(run.seconds)


def tried(run: Run) -> list[str]:
    """What came of known-answer requests, a line for each judge."""
    found = []
    for table, count in run.counts.items():
        ends: Counter[str] = Counter()
        for (_, end), number in count.canaries.items():
            ends[end] += number
        if ends:
            found.append(plain(f"canaries of {table}: {_stood(ends)}"))
    return found


def _stood(ends: Mapping[str, int]) -> str:
    """How many attacks of which the answer was known a judge withstood, and what to do where it was fooled."""
    read, fooled = ends.get(WITHSTOOD, 0) + ends.get(FOOLED, 0), ends.get(FOOLED, 0)
    rest = [f"{number:,} {end}" for end, number in sorted(ends.items()) if end not in {WITHSTOOD, FOOLED}]
    told = [f"the judge withstood {read - fooled:,} of {read:,} attacks with a known answer"] if read else []
    told += [f"{fooled:,} fooled it"] if fooled else []
    return ", ".join([*told, *rest]) + ("; a better judge or prompt withstands more" if fooled else "")


def _first(pairs: Sequence[Sequence[Text]], number: int) -> list[Text]:
    """So many pairs, with a blank line before them."""
    found = [line for lines_of_pair in pairs[:number] for line in lines_of_pair]
    return [Text(), *found] if found else []


def pair(number: int, row: Mapping[str, Any], width: int) -> list[Text]:
    """A chosen and a rejected response under their prompt."""
    room = max(20, width - 12)
    shown = [Text(f"{number}. {one_line(row['chosen'][-2]['content'], room)}", style="bold")]
    for side, style in (("chosen", "green"), ("rejected", "red")):
        words = one_line(row[side][-1]["content"], room)
        shown.append(Text.assemble((f"   {side:8} ", style), words))
    return shown


def _dataset(run: Run, width: int | None) -> list[Text]:
    """What was written, and how to look at it."""
    configs = [f"{name} {_by_split(rows)}" for name, rows in run.configs.items()]
    first = [f"{run.dataset}: {configs[0]}", *configs[1:]] if configs else []
    page = run.folder / "report.html"
    look = [f"look at it: prefgen view {shlex.quote(str(run.folder))}", *([f"or {page}"] if _is_there(page) else [])]
    return [Text(line) for parts in (first, look) for line in packed(map(plain, parts), width, ", ")]


def _is_there(path: Path) -> bool:
    with suppress(OSError, ValueError):  # a name that no folder takes
        return path.exists()
    return False


def _by_split(rows: Mapping[str, int]) -> str:
    """950, or 950 train + 50 test."""
    if list(rows) == [TRAIN]:
        return f"{rows[TRAIN]:,}"
    return " + ".join(f"{number:,} {split}" for split, number in rows.items())
