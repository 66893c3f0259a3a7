"""An audit on a terminal: what was found, with bars of text, on one screen."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefgen.audit import Audit
from prefgen.audit.told import about, beside, clean, counted, limits, percent, title, trl_line, unread, untold
from prefgen.columns import columns
from prefgen.columns import show as fitted
from prefgen.judged import in_percent
from prefgen.phrases import one_line
from prefgen.texts import plain

LINES = 16
"""Findings that are shown; --json and --html have all."""
BAR, REACH = 10, 21
"""Cells of a bar, and of the line on which a share stands with its interval."""
BLOCKS, STEPS = " ▏▎▍▌▋▊▉█", " ▁▂▃▄▅▆▇█"
COLOURS = {"bad": "red", "warn": "yellow", "info": ""}
SIDES = {"chosen": "blue", "rejected": "dark_orange3"}
JUDGES = 4


def show(found: Audit, console: Console) -> None:
    """What was taken for what, what was found, and the biases."""
    for line in _head(found):
        console.print(Text(plain(line)), soft_wrap=True)
    rows = [one for how in ("bad", "warn", "info") for one in beside(found, how)]
    if rows:
        console.print()
        splits = len(found.parts) > 1
        forms = (("rows", "bars"), ("rows",), ("rows", "folds"), ())
        fitted(console, *(partial(_findings, rows[:LINES], form, splits=splits) for form in forms))
    for line in _rest(found, rows):
        console.print(Text(plain(line), style="dim"), soft_wrap=True)
    biases = _biases(found)
    for part in ([biases] if biases.row_count else []) + ([_limits(found)] if found.held else []):
        console.print()
        console.print(part, crop=False)
    if found.trl["columns"]:
        console.print()
        console.print(Text(plain(f"TRL: {trl_line(found)}")), soft_wrap=True)


def _head(found: Audit) -> Iterator[str]:
    yield f"{found.source}: {title(found)}"
    yield f"{counted(found):,} {found.taken.noun}, {about(found)}"
    gone: dict[str, int] = {}
    for part in found.parts:
        for why, number in part.get("unread", {}).items():
            gone[why] = gone.get(why, 0) + number
    if gone:
        yield f"could not be read: {unread(gone)}"
    yield from found.notes


def _findings(found: Sequence[Mapping[str, Any]], form: Collection[str], *, splits: bool) -> Table:
    """Each finding with its count and its share, and, where the form has them, with ``bars`` and the first ``rows``."""
    more = {"bars": " ", "rows": "the first of them"}
    names = ("", "found", "rows", "share", *(name for part, name in more.items() if part in form))
    folds = {"found"} if "folds" in form else set[str]()
    table = columns(names, left={"", "found", *more.values()}, folds=folds)
    for one in found:
        colour, style = COLOURS[one["severity"]], "dim" if one["severity"] == "info" else ""
        told: list[Text | str] = [
            Text(one["severity"], colour),
            escape(one["title"]),
            f"{one['count']:,}",
            percent(one["share"]),
        ]
        picture = [Text(bar(one["share"]), colour)] if "bars" in form else []
        first = [_first(one, splits=splits)] if "rows" in form else []
        table.add_row(*told, *picture, *first, style=style)
    return table


def _first(one: Mapping[str, Any], *, splits: bool) -> str:
    """The first rows, of the first split in which there are any."""
    split = one["examples"][0]["split"]
    rows = [f"{example['row']:,}" for example in one["examples"][:3] if example["split"] == split]
    more = " …" if one["count"] > len(rows) else ""
    return escape(plain(f"{split + ' ' if splits else ''}{', '.join(rows)}{more}"))


def _rest(found: Audit, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if len(rows) > LINES:
        yield f"and {len(rows) - LINES} more, which --json and --html have"
    if number := clean(found):
        others = f"{number:,} other{'s' if number > 1 else ''}" if rows else f"{number:,} kinds of faults"
        yield f"{others} looked for and not found"
    if reasons := untold(found):
        yield f"not looked for: {', '.join(f'{number} for want of {what}' for what, number in reasons.items())}"


# --- pictures of text -----------------------------------------------------------------------


def bar(share: float, width: int = BAR) -> str:
    """A share as a bar; the least that there is still shows."""
    eighths = max(1, round(share * width * 8)) if share else 0
    return BLOCKS[8] * (eighths // 8) + (BLOCKS[eighths % 8] if eighths % 8 else "")


def sparkline(counts: Sequence[int]) -> str:
    """Counts as a row of bars; what is there at all is seen."""
    most = max(counts, default=0)
    return "".join(STEPS[0 if not n else max(1, round(8 * n / most))] for n in counts)


def interval(told: Mapping[str, Any], width: int = REACH) -> str:
    """A share between 0 and 1 with its interval, and where one half is."""
    low, value, high = (min(width - 1, int(told[name] * width)) for name in ("low", "value", "high"))
    line = ["│" if place == width // 2 else "·" for place in range(width)]
    line[low : high + 1] = "─" * (high + 1 - low)
    line[value] = "●"
    return "".join(line)


# --- biases ---------------------------------------------------------------------------------


def _biases(found: Audit) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for place in range(3):
        table.add_column(no_wrap=place < 2, overflow="fold")
    for name, picture, words in (*_lengths(found), *_shares(found), *_authors(found), *_judges(found)):
        table.add_row(name, picture, escape(plain(words)))
    return table


Line = tuple[str, Text, str]
NOTHING = Text("")


def _lengths(found: Audit) -> Iterator[Line]:
    lengths, spread = found.biases["lengths"], found.biases["spread"]
    used = [place for counts in spread.values() for place, n in enumerate(counts) if n]
    for place, side in enumerate(side for side, counts in spread.items() if sum(counts)):
        mean = f", {lengths[f'{side}_characters']:,.0f} characters on average" if lengths else ""
        picture = Text(sparkline(spread[side][min(used) : max(used) + 1]), SIDES[side])
        yield "" if place else "length", picture, f"{side}{mean}"
    if longer := (lengths or {}).get("longer"):
        yield "", Text(interval(longer)), f"chosen is longer in {in_percent(longer)} of {longer['n']:,}"


def _shares(found: Audit) -> Iterator[Line]:
    told = found.biases
    if first := told["first"]:
        yield "place", Text(interval(first)), f"the better one stood first in {in_percent(first)} of {first['n']:,}"
    if author := told["author"]:
        yield (
            "author",
            Text(interval(author)),
            f"the name alone tells the chosen one in {in_percent(author)} of {author['n']:,}",
        )


def _authors(found: Audit) -> Iterator[Line]:
    authors = found.biases["authors"]
    if authors:
        best, worst = authors[0], authors[-1]
        yield "", NOTHING, f"{len(authors)} models, from {_author(best)} to {_author(worst)}"


def _author(one: Mapping[str, Any]) -> str:
    of = one["chosen"] + one["rejected"]
    return f"{one_line(one['model'], 30)} (chosen in {percent(one['chosen'] / of if of else None)})"


def _judges(found: Audit) -> Iterator[Line]:
    judges = [(name, one) for report in found.judges.values() for name, one in report.get("judges", {}).items()]
    for name, one in judges[:JUDGES]:
        shown, flips, words = one.get("first_shown"), one.get("flips"), [f"{one['judgments']:,} judgments"]
        words += [f"says the first in {in_percent(shown)}"] if shown else []
        words += [f"flips in {in_percent(flips)}"] if flips else []
        yield "judge", Text(interval(shown)) if shown else NOTHING, f"{one_line(name, 40)}: {', '.join(words)}"
    if len(judges) > JUDGES:
        yield "", NOTHING, f"and {len(judges) - JUDGES} judges more"


def _limits(found: Audit) -> Table:
    table = columns(("limit", "found", ""), left={"limit", ""})
    for (name, what, verdict), one in zip(limits(found), found.held, strict=True):
        table.add_row(escape(name), what, verdict, style="red" if one.crossed else "")
    return table
