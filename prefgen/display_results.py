"""A benchmark's numbers on a screen."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from prefgen.phrases import aligned, one_line, packed, some
from prefgen.statistics import percent

PARTS = frozenset({"subset", "measure"})
Rows = Sequence[Mapping[str, Any]]


def scoreboard(results: Rows, width: int | None = None, *, brief: bool = False) -> list[Text]:
    """A column for each judge, and below how the numbers came about; in ``brief`` without what others are made of."""
    judges = list(dict.fromkeys(_judge(row) for row in results))
    lines: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in results:
        lines.setdefault((row["kind"], row["name"]), []).append(row)
    shown = {key: found for key, found in lines.items() if not (brief and key[0] in PARTS)}
    cells = [["", "rows", *(one_line(judge, 40) for judge in judges)]]
    for (kind, name), found in shown.items():
        scores = {_judge(row): _score(row) for row in found}
        label = one_line(f"overall, {name}" if kind == "overall" else name, 40)
        cells.append([label, f"{found[0]['rows']:,}", *(scores.get(judge, "") for judge in judges)])
    head, *rows = aligned(cells, right={1})
    styles = ["" if kind in PARTS else "bold" for kind, _ in shown]
    board = [Text(head, style="dim"), *(Text(row, style=style) for row, style in zip(rows, styles, strict=True))]
    notes = [*_left_out(len(lines) - len(shown)), *dict.fromkeys(_footnote(row) for row in results)]
    folded = [line for words in notes for line in packed(one_line(words).split(" "), width, " ")]
    return [*board, *(Text(line, style="dim") for line in folded)]


def _left_out(number: int) -> Iterator[str]:
    if number:
        yield f"and what these are made of, {some(number, 'line', 'lines')} in results.json"


def _judge(row: Mapping[str, Any]) -> str:
    return row["judge_model"] or "-"


def _score(row: Mapping[str, Any]) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:.1f} to {row['high']:.1f})"
    return f"{row['score']:.1f}{interval}"


def _footnote(row: Mapping[str, Any]) -> str:
    """How an overall score was counted, and what is to be known of others."""
    who = f"{row['judge_model'] or '-'}, {row['name']}"
    if row["kind"] != "overall":
        return f"{who}: {row['note']}" if row["note"] else ""
    shares = {"unreadable": row["unreadable"], "credited otherwise by the benchmark's own reading": row["disagreement"]}
    said = [f"{percent(share, 1)} {what}" for what, share in shares.items() if share is not None]
    parts = [row["mode"], *said, row["note"]]
    return f"{who}: {'; '.join(part for part in parts if part)}"
