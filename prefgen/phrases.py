"""Small things that are said on a screen: a time, a number of something, the beginning of a text, aligned lines."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from prefgen.texts import plain

GAP = "  "
"""Between two columns."""


def clock(seconds: float) -> str:
    """1:02:03, or 02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def one_line(text: str, width: int | None = None) -> str:
    """A text on one line; of one that takes more cells than ``width``, the beginning."""
    words = " ".join(plain(text).split())
    if width is None or cell_len(words) <= width:
        return words
    return set_cell_size(words, width - 1).rstrip() + "…"


def some(number: float, one: str, more: str) -> str:
    """1 reply, 2 replies."""
    return f"{number:,.0f} {one if number == 1 else more}"


def packed(parts: Iterable[str], width: int | None, joint: str) -> Iterator[str]:
    """Parts in lines of so many cells, as many in each as it holds; one that is longer by itself stays whole."""
    line, end = "", joint.rstrip(" ·")
    for part in filter(None, parts):
        if line and width is not None and cell_len(line + joint + part + end) > width:
            yield line + end
            line = ""
        line = line + joint + part if line else part
    if line:
        yield line


def aligned(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell; those in ``right`` end together."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [GAP.join(_padded(cell, widths[i], right=i in right) for i, cell in enumerate(row)).rstrip() for row in rows]


def _padded(cell: str, width: int, *, right: bool) -> str:
    blanks = " " * (width - cell_len(cell))
    return blanks + cell if right else cell + blanks
