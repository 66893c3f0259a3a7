"""What `prefgen show` and `prefgen marks` print: tables, rows, a row's lineage as a tree, agreement with people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from prefgen import phrases
from prefgen.browse.lineage import spelt
from prefgen.browse.replies import line
from prefgen.errors import ending
from prefgen.statistics import percent
from prefgen.texts import plain

SHORT, LONG, LINES = 24, 200, 12
"""Characters of a value that shares a line of a tree with others, and of one that has a line; and lines of a text among
several rows.
"""
KEYS = ("_reply", "_replies")
"""How the columns end that hold the journal's keys."""
JUDGMENTS = 24
"""Judgments of a pair that stand in a line each."""
MOST = 4
"""Reasons for which rows of a table went that are told of it."""
NARROW = 72
"""Cells below which tables are told in blocks."""
WIDEST = 120
"""Cells in which rows are printed at most: longer lines are hard to read."""


# --- tables ---------------------------------------------------------------------------------


def tables(told: Mapping[str, Any], console: Console) -> None:
    """The tables of a run, with what became of their rows and their columns."""
    said = [plain(str(one)) for one in (told.get("recipe"), told["run"], ending(told.get("status"))) if one]
    styles = zip(said, ("bold", "", "dim"), strict=False)
    console.print(Text("  ").join(Text(name, style) for name, style in styles))
    if told["ending"]:
        console.print(Text(told["ending"], "yellow"), soft_wrap=False)
    columns = {one["table"]: set(one["columns"]) for one in told["tables"]}
    new = [_columns(one, set[str]().union(*(columns[name] for name in one["inputs"]))) for one in told["tables"]]
    (_blocks if console.width < NARROW else _rows)(told["tables"], new, console)
    console.print("`--table NAME` shows rows, `--table NAME.dropped` what went, `--row ID` one row whole", style="dim")


def _rows(listed: Sequence[Mapping[str, Any]], new: Sequence[Text], console: Console) -> None:
    """Tables side by side with what they have."""
    grid = _grid(("table", "left"), ("made by", "left"), ("rows", "right"), ("lost", "right"), ("new columns", "left"))
    for one, own in zip(listed, new, strict=True):
        lost = f"{one['lost']:,}" if one["lost"] else ""
        grid.add_row(_name(one, "\n"), _made(one), f"{one['rows']:,}", lost, own)
    _print(console, grid)


def _blocks(listed: Sequence[Mapping[str, Any]], new: Sequence[Text], console: Console) -> None:
    """Tables one below another, where columns would break words."""
    for one, own in zip(listed, new, strict=True):
        rows = phrases.some(one["rows"], "row", "rows") + (f", {one['lost']:,} lost" if one["lost"] else "")
        _print(console, Text("  ").join([_name(one, " "), Text(rows)]))
        _print(console, Padding(Group(_made(one), *([own] if own else [])), (0, 0, 0, 2)))


def _name(one: Mapping[str, Any], end: str) -> Text:
    written = f"{end}→ {', '.join(one['written'])}" if one["written"] else ""
    return Text(plain(one["table"]), "bold") + Text(plain(written), "green")


def _made(one: Mapping[str, Any]) -> Text:
    of = f" {', '.join(one['inputs'])}" if one["inputs"] else ""
    return Text.assemble(plain(one["verb"]), (plain(of), "dim")) if one["verb"] else Text("not known", "dim")


def _columns(one: Mapping[str, Any], before: set[str]) -> Text:
    """The columns that its inputs have not, and why rows went."""
    why = {**one["dropped"], **one["unreadable"], **one["failed"]}
    reasons = sorted(why.items(), key=lambda item: -item[1])[:MOST]
    parts = [Text(plain(", ".join(name for name in one["columns"] if name not in before)), "dim")]
    parts += [Text(f"{number:,} {plain(str(reason))}", "yellow") for reason, number in reasons]
    return Text("\n").join(part for part in parts if part)


def _grid(*columns: tuple[str, Any]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name, justify in columns:
        grid.add_column(name, justify=justify, no_wrap=name in {"rows", "lost"}, overflow="fold")
    return grid


# --- rows -----------------------------------------------------------------------------------


def some(told: Mapping[str, Any], console: Console) -> None:
    """Rows one below another, each column's value beside its name, long texts folded."""
    for row in told["rows"]:
        title = Text(f"{row['row'] + 1:,}  {plain(str(row.get('id', '')))}")
        _print(console, Rule(title, align="left", style="dim"))
        _print(console, _values(row, skip={"row", "id"}, most=LINES))
    shown, found, of = len(told["rows"]), told["found"], told["of"]
    among = "" if found == of else f" that are so, of {of:,}"
    console.print(f"{shown:,} of {phrases.some(found, 'row', 'rows')}{among} in {plain(told['table'])}", style="dim")


def _values(row: Mapping[str, Any], *, skip: set[str], most: int | None) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0), expand=False)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in row.items():
        if name not in skip and value is not None:
            grid.add_row(plain(name), _value(name, value, most))
    return grid


def _value(name: str, value: Any, most: int | None) -> RenderableType:
    if name.endswith(KEYS):
        keys = value if isinstance(value, list) else [value]
        return Text(", ".join(plain(str(one))[:12] for one in keys[:6]) + (" …" if len(keys) > 6 else ""), "dim")
    if _is_talk(value):
        return Group(*(_turn(one, most) for one in value))
    if isinstance(value, bool | int | float):
        return Text(f"{value:g}" if isinstance(value, float) else str(value), "cyan")
    return _folded(spelt(value), most)


def _is_talk(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and "role" in value[0]


def _turn(turn: Mapping[str, Any], most: int | None) -> RenderableType:
    """One turn of a conversation, marked by who speaks."""
    return Text.assemble((f"{plain(str(turn['role']))}: ", "bold magenta"), _folded(str(turn["content"]), most))


def _folded(text: str, most: int | None) -> Text:
    """A text, of which so many lines are shown; how much more there is, is said."""
    words, room = plain(text.replace("\r\n", "\n")), None if most is None else most * WIDEST // 2
    lines = words.split("\n")
    short = "\n".join(lines[:most])[:room]
    return Text(short).append(f" … {len(words) - len(short):,} more characters" * (len(short) < len(words)), "dim")


# --- one row --------------------------------------------------------------------------------


def one(told: Mapping[str, Any], console: Console) -> None:
    """A row whole, where rows of it went, and what it comes from as a tree."""
    words = {"went through": told["also_in"], "another row of this id is in": told["others"]}
    also = "".join(f"  {what} {', '.join(tables)}" for what, tables in words.items() if tables)
    title = Text.assemble((plain(told["table"]), "bold"), f"  {plain(told['id'])}", (plain(also), "dim"))
    _print(console, Rule(title, align="left", style="dim"))
    _print(console, _values(told["row"], skip={"id"}, most=None))
    if told["pair"]:
        _print(console, _pair(told["pair"]))
    for lost in [] if told["pair"] else told["dropped"]:
        console.print(Text(f"dropped by {plain(lost['table'])}: {plain(str(lost['reason']))}", "yellow"))
        if lost["detail"]:
            _print(console, Padding(_folded(lost["detail"], None), (0, 0, 0, 2)))
    if told["lineage"]:
        console.print()
        _print(console, _tree(told["lineage"]))


def _pair(pair: Mapping[str, Any]) -> RenderableType:
    """Whether a pair was kept, and each judgment of it in a line."""
    kept = pair["state"] == "kept"
    why = "" if kept else f" by {pair['step']}" + (f": {pair['reason']}" if pair["reason"] else "")
    lines = [Text(f"\n{pair['state']}{plain(why)}", "bold green" if kept else "bold yellow")]
    if pair["mark"]:
        lines.append(Text(f"marked: {pair['mark']['mark']}, {pair['mark']['at']}", "bold"))
    lines += [_judgment(one) for one in pair["judgments"][:JUDGMENTS]]
    more = len(pair["judgments"]) - JUDGMENTS
    return Group(*lines, *([Text(f"and {more:,} judgments more", "dim")] if more > 0 else []))


def _judgment(one: Mapping[str, Any]) -> Text:
    said = f"prefers the {one['verdict']} one" if one["verdict"] in {"chosen", "rejected"} else one["verdict"]
    if one["of"] is not None:
        said = f"gives the {one['of']} one {one['score'] if one['score'] is None else format(one['score'], 'g')}"
    said = f"could not be read ({one['unreadable']})" if one["unreadable"] else said or "says no verdict"
    first = f"  shown first: the {one['first']} one" if one["first"] else ""
    if one["first"] and one["verdict"] in {"chosen", "rejected"}:
        first = ", shown first" if one["first"] == one["verdict"] else ", shown second"
    style = {"chosen": "green", "rejected": "yellow"}.get(str(one["verdict"]), "")
    return Text.assemble(
        plain(one["judge"] or "a judge"), " ", (plain(said), style), (plain(f"{first}  {one['table']}"), "dim")
    )


def _tree(rows: Sequence[Mapping[str, Any]]) -> Tree:
    """The rows below one another as deep as they are."""
    root = Tree(Text("comes from", "dim"), guide_style="dim")
    open_at = {-1: root}
    for place, row in enumerate(rows):
        label = Group(*_label(row, own=place > 0))
        open_at[row["depth"]] = open_at[row["depth"] - 1].add(label)
    return root


def _label(row: Mapping[str, Any], *, own: bool) -> Iterator[Text]:
    by = f" by {plain(row['verb'])}" if row["verb"] else ""
    yield Text.assemble((plain(row["table"]), "bold"), (by, "dim"), f"  {plain(row['id'])}")
    yield from _added(row["added"] if own else {})
    for reply in row["replies"]:
        yield Text.assemble(("reply  ", "green"), plain(line(reply)), (f"  {reply['key'][:12]}", "dim"))
    if row["more"]:
        yield Text(f"and {row['more']:,} rows more", "dim")


def _added(values: Mapping[str, Any]) -> Iterator[Text]:
    """Short values in one line, longer ones in a line each as far as it goes."""
    sizes = {name: len(spelt(value)) for name, value in values.items()}
    told = {name: plain(spelt(value).replace("\n", " ⏎ ")) for name, value in values.items()}
    short = [Text.assemble((f"{plain(name)} ", "dim"), text) for name, text in told.items() if len(text) <= SHORT]
    if short:
        yield Text("  ").join(short)
    for name, text in told.items():
        if len(text) > SHORT:
            size = f" {sizes[name]:,} characters" * (len(text) > LONG)
            head = Text.assemble((f"{plain(name)}{size}  ", "dim"), text[:LONG])
            head.no_wrap, head.overflow = True, "ellipsis"
            yield head


# --- people ---------------------------------------------------------------------------------


def agreement(told: Mapping[str, Any], console: Console) -> None:
    """Marks, and how far they agree with labels, judges and kinds of prompts."""
    marks = told["marks"]
    counted = ", ".join(f"{number:,} {name}" for name, number in marks.items())
    console.print(f"{phrases.some(sum(marks.values()), 'mark', 'marks')}: {counted}")
    for name, words in (("gone", "of pairs that are gone"), ("changed", "of pairs whose texts are others now")):
        if told[name]:
            console.print(f"not counted: {told[name]:,} {words}", style="yellow")
    if told["damaged"]:
        lines = phrases.some(told["damaged"], "line", "lines")
        console.print(f"damaged in the file of marks: {lines}", style="yellow")
    if told["label"] is None:
        console.print("`prefgen view` sets marks" if not sum(marks.values()) else "no mark says which is better")
        return
    grid = _grid(("agrees with", "left"), ("share", "right"), ("95 %", "left"), ("of", "right"), ("kappa", "right"))
    grid.add_row("the labels", *_share(told["label"]), "")
    for name, judge in told["judges"].items():
        kappa = "" if judge["kappa"] is None else f"{judge['kappa']:.2f}"
        grid.add_row(plain(name), *_share(judge["share"]), kappa)
    for name, share in told["categories"].items():
        grid.add_row(f"the labels of {plain(name)}", *_share(share), "")
    _print(console, grid)


def _share(found: Mapping[str, Any] | None) -> tuple[str, str, str]:
    if found is None:
        return "", "", "0"
    value, low, high = (percent(found[name], 1) for name in ("value", "low", "high"))
    return value, f"{low} to {high}", f"{found['n']:,}"


def _print(console: Console, what: RenderableType) -> None:
    """Prints within the terminal's width, and within what can be read."""
    console.print(what, width=min(console.width, WIDEST), soft_wrap=False)
