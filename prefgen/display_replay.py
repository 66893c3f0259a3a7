"""What people see of a replay: one line where all is equal, else what differs and what that would have cost."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefgen.columns import columns
from prefgen.columns import show as show_table
from prefgen.differences import Change
from prefgen.llm.offline import Bill
from prefgen.phrases import one_line
from prefgen.replayed import Replay, Step
from prefgen.texts import plain

FEW = 20
"""Rows that are shown; ``--json`` has all."""
WIDE = 48
"""Cells of a value."""
SEEN = 8
"""Characters that are shown of what two texts have in common."""


def as_json(replay: Replay) -> dict[str, Any]:
    """All of it, as JSON can hold it."""
    return {"equal": replay.equal, **asdict(replay), "folder": replay.folder.as_posix()}


def show(replay: Replay, console: Console) -> None:
    """Prints what came of a replay."""
    if not replay.changed:
        for line in _rebuilt(replay):
            console.print(Text(plain(line)))
        return
    show_table(console, lambda: _costs(replay))
    console.print("")
    show_table(console, lambda: _rows(replay))
    notes = [f"note: {note}" for note in [*_prices(replay), *replay.notes]]
    for line in ["", *_differences(replay), *_left_out(replay), *notes]:
        console.print(Text(plain(line)))


def _rebuilt(replay: Replay) -> Iterator[str]:
    """A replay without changes."""
    if replay.equal:
        what = f"{_files(replay.files)}, byte for byte equal" if replay.files else "this recipe writes no dataset"
        yield f"replayed: {what}, 0 calls"
        return
    are = "is" if len(replay.differ) == 1 else "are"
    yield f"replayed: {len(replay.differ):,} of {_files(replay.files)} {are} not as in {replay.folder}, 0 calls"
    yield from (f"  {name} {how}" for name, how in replay.differ.items())
    yield from (f"this may be why: {why}" for why in replay.why)


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number:,} files"


# --- the bill -------------------------------------------------------------------------------


def _costs(replay: Replay) -> Table:
    """Each asking step's draws, tokens and dollars, before and now."""
    table = columns(("step", "draws", "tokens", "$"), left=("step",))
    for step in (*replay.steps, *([replay.total] if len(replay.steps) != 1 else [])):
        tokens = _to(f"{step.before.tokens:,}", f"{step.now.tokens:,}", at_most=step.at_most)
        money = _to(_money(step.before), _money(step.now), at_most=step.at_most)
        table.add_row(escape(plain(step.table)) or "all", _draws(step), tokens, money)
    return table


def _draws(step: Step) -> str:
    return _to(*(f"{n:,}" for n in step.draws))


def _to(before: str, now: str, *, at_most: bool = False) -> str:
    return f"{before} → {'≤' if at_most else ''}{now}"


def _money(bill: Bill) -> str:
    """Dollars; what has no known price is never nought."""
    if bill.unpriced and bill.unpriced == bill.replies:
        return "?"
    return f"{bill.dollars:,.4f}" + (f" + {bill.unpriced:,} of unknown price" if bill.unpriced else "")


def _prices(replay: Replay) -> Iterator[str]:
    """What is not known of the bill."""
    if replay.total.before.unpriced or replay.total.now.unpriced:
        yield "?: what these replies cost was not known when they came (`price: {input: …, output: …}`)"
    if replay.total.at_most:
        yield "≤: replies that are not used now came in one request with others, and their share is not known"


def _rows(replay: Replay) -> Table:
    """Each table's rows, before and now."""
    table = columns(("table", "rows"), left=("table",))
    for name, (before, now) in replay.tables.items():
        style = "" if before == now else "bold"
        table.add_row(escape(plain(name)), _to(f"{before:,}", f"{now:,}"), style=style)
    return table


# --- row by row -----------------------------------------------------------------------------


def _differences(replay: Replay) -> Iterator[str]:
    """How many rows of what differ, and the first of them."""
    if not replay.rows:
        yield "of what is known, no row of the dataset or of the judgments would have been another"
        return
    yield from _counts(replay.rows)
    yield ""
    yield from (_line(change) for change in replay.rows[:FEW])
    if len(replay.rows) > FEW:
        yield f"… and {len(replay.rows) - FEW:,} more; --json has all"


def _counts(rows: Sequence[Change]) -> Iterator[str]:
    for table in dict.fromkeys(change.table for change in rows):
        own = [change for change in rows if change.table == table]
        kinds = Counter(change.kind for change in own)
        columns = Counter(name for change in own if change.kind == "changed" for name in change.columns)
        which = f" ({', '.join(f'{name} {number:,}' for name, number in columns.most_common())})" if columns else ""
        words = ", ".join(f"{kinds[kind]:,} {kind}" for kind in ("gone", "new", "changed"))
        yield f"{table}: {words}{which}"


def _line(change: Change) -> str:
    of = f"{change.table} {change.id} {change.kind}"
    if change.kind != "changed":
        return one_line(of, 2 * WIDE)
    told = (f"{name} {_both(was, now)}" for name, (was, now) in change.columns.items())
    return f"{one_line(of, 2 * WIDE)}: {'; '.join(told)}"


def _both(was: Any, now: Any) -> str:
    """Two values in few words; of lists of keys their number, of texts what is not the same at their beginning."""
    if all(isinstance(value, list) and all(isinstance(one, str) for one in value) for value in (was, now)):
        return f"{len(was)} → {len(now)} of them"
    old, new = _value(was), _value(now)
    same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    cut = same - SEEN if same > WIDE // 2 else 0
    return " → ".join(one_line(("…" if cut else "") + text[cut:], WIDE) for text in (old, new))


def _value(value: Any) -> str:
    """A value as text; of a conversation its last turn."""
    if isinstance(value, list) and value and isinstance(value[-1], Mapping):
        value = value[-1].get("content", value[-1])
    if isinstance(value, float):
        return f"{value:.6g}"
    return "-" if value is None else str(value)


def _left_out(replay: Replay) -> Iterator[str]:
    """What is not known, and what it may cost to know it."""
    if not replay.left_out:
        return
    by_step = ", ".join(f"{step.table} {step.wanted:,}" for step in replay.steps if step.wanted)
    most, prompts = replay.most, f"{replay.left_out:,} prompts" if replay.left_out > 1 else "1 prompt"
    money = "at a price that is not known" if most.dollars is None else f"${most.dollars:,.4f} at most"
    written = f", ≤{most.completion_tokens:,.0f} out" if most.completion_tokens else ""  # no limit: nobody knows
    yield ""
    yield f"left out of before and now: {prompts} with draws that are not in the journal"
    draws = f"{replay.wanted:,} draws at least ({by_step}), {most.draws:,.0f} at most"
    yield f"to ask: {draws}, ~{most.prompt_tokens:,.0f} tokens in{written}, {money}"
