"""Each step's rows and losses, as a table that fits: of many steps, those that lost nothing are only counted."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.text import Text

from prefgen.phrases import GAP, aligned, one_line, packed, some
from prefgen.rounds import Count

HEAD = ("step", "in", "out", "lost, and why")
NAME = 32
"""Cells of a step's name at most."""
LEAST = 16
"""Cells for reasons at the least, however narrow a terminal is."""


def funnel(counts: Mapping[str, Count], width: int | None = None, most: int | None = None) -> list[Text]:
    """The table's lines: all steps with all reasons; or, where there is room for ``most`` steps only, those that lost
    the most, a line for each, and what is to be said of the others. Numbers are never cut.
    """
    names = [*counts] if most is None else chosen(counts, most)
    cells = [(one_line(name, NAME), f"{counts[name].rows_in:,}", f"{counts[name].rows_out:,}") for name in names]
    used = sum(cell_len(max(column, key=cell_len)) + len(GAP) for column in zip(HEAD, *cells, strict=False))
    room = None if width is None else max(LEAST, width - used)
    rows: list[Sequence[str]] = [HEAD]
    for name, row in zip(names, cells, strict=True):
        said = (
            [*packed((one_line(one, room) for one in _each(counts[name])), room, ", ")]
            if most is None
            else [brief(counts[name], room)]
        )
        rows += [(*(("", "", "") if number else row), line) for number, line in enumerate(said or [""])]
    head, *lines = aligned(rows, right={1, 2})
    return [Text(head, style="dim"), *map(Text, lines), *_others(counts, names)]


def chosen(counts: Mapping[str, Count], most: int) -> list[str]:
    """So many steps, in their order: those that lost the most, then the first and the last, then the others."""
    names = [*counts]
    lossy = sorted((name for name in names if losses(counts[name])), key=lambda name: -losses(counts[name]))
    order = list(dict.fromkeys([*lossy, *names[:1], *names[-1:], *names]))
    return [name for name in names if name in order[:most]]


def _others(counts: Mapping[str, Count], names: Sequence[str]) -> list[Text]:
    """What is said of the steps that are not shown."""
    left = [count for name, count in counts.items() if name not in names]
    lost = sum(map(losses, left))
    told = f"and {some(len(left), 'step', 'steps')} that lost {f'{lost:,}' if lost else 'nothing'}"
    return [Text(told, style="dim")] if left else []


# --- losses ---------------------------------------------------------------------------------


def losses(count: Count) -> int:
    """Rows and replies that a step lost."""
    return count.dropped.total() + count.unreadable.total() + count.failed.total()


def why(count: Count) -> str:
    """What a step lost: dropped, unreadable and failed, each with its reasons, the most frequent first."""
    return one_line(", ".join(_each(count)))


def brief(count: Count, room: int | None) -> str:
    """As much of it as a line holds, and how many others there are."""
    each, numbers = _each(count), [number for number, _ in _parts(count)]
    for shown in range(len(each), 0, -1):
        rest = sum(numbers[shown:])
        line = one_line(", ".join(each[:shown])) + (f" and {rest:,} more" if rest else "")
        if room is None or cell_len(line) <= room:
            return line
    return one_line(", ".join(each), room)


def _each(count: Count) -> list[str]:
    return [f"{number:,} {end}" for number, end in _parts(count)]


def _parts(count: Count) -> list[tuple[int, str]]:
    forms = ((count.dropped, "{}"), (count.unreadable, "unreadable ({})"), (count.failed, "failed ({})"))
    return [(number, form.format(end)) for ends, form in forms for end, number in _ordered(ends)]


def _ordered(ends: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(ends.items(), key=lambda one: (-one[1], one[0]))
