"""How the judges judged, and what the chosen responses have in common beyond being better."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.card.markdown import cell, marked, section, table


def judges(reports: Mapping[str, Any]) -> str:
    """How the judges judged: agreement with what is known, and bias, with 95% intervals."""
    from prefgen.judged import AGREEMENT, agreement_rows, report_rows

    head, rows = report_rows(reports)
    told, agreed = (_named(one) for one in (rows, agreement_rows(reports)))
    if not told:
        return ""
    note = "Shares with their 95% intervals; verdicts on one pair are not counted as independent."
    return section(
        "Judges", note, table(head, told), *(["How far they agree:", table(AGREEMENT, agreed)] if agreed else [])
    )


def _named(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Names in code marks; numbers as they are."""
    return [[*map(marked, row[:2]), *map(cell, row[2:])] for row in rows]


def lengths(pairs: Mapping[str, Any]) -> str:
    """Whether chosen responses tend to be the longer ones."""
    from prefgen.judged import in_percent

    if not pairs:
        return ""
    chosen, rejected = (f"{pairs[f'{side}_characters']:,.0f}" for side in ("chosen", "rejected"))
    means = f"Chosen responses have {chosen} characters on average, rejected ones {rejected}."
    longer = pairs.get("longer")
    share = f" Of {longer['n']:,} unequal pairs, the chosen one is longer in {in_percent(longer)}." if longer else ""
    return section("Lengths", means + share)


def canaries(funnel: Sequence[Mapping[str, Any]]) -> str:
    """How judges did where the answer was known."""
    from prefgen.judged import in_percent

    rows = [
        (f"`{cell(step['table'])}`", kind, *(f"{ends.get(end, 0):,}" for end in ("withstood", "fooled", "unreadable")))
        for step in funnel
        for kind, ends in step.get("canaries", {}).get("kinds", {}).items()
    ]
    held = [step["canaries"]["withstood"] for step in funnel if step.get("canaries", {}).get("withstood")]
    if not rows:
        return ""
    told = "; ".join(in_percent(one).replace(" ", " withstood ", 1) for one in held)
    about = "Requests with a known answer were put among the judges' own; they stand in no table."
    head = ("table", "attack", "withstood", "fooled", "unreadable")
    return section("Canaries", f"{about}{f' {told}.' if told else ''}", table(head, rows))


def authors(found: Sequence[Mapping[str, Any]]) -> str:
    """Which model tends to be chosen where two meet."""
    from prefgen.judged import AUTHORS, author_rows

    cells = [[marked(row[0]), *row[1:]] for row in author_rows(found)]
    return section("Authors", "Where two different models meet:", table(AUTHORS, cells)) if cells else ""
