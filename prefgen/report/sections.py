"""A report's figures, in words, tables and charts: a section for each thing that there is something to say of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.card import charts
from prefgen.card.pictures import FEW, MOST_BARS
from prefgen.html.blocks import Block, Chart, Quote, Section, Table, Words
from prefgen.report import of_costs, of_judges, of_pairs
from prefgen.report.verdict import verdict
from prefgen.report.words import label, percent, some
from prefgen.splits import lines

Figures = Mapping[str, Any]


def sections(figures: Figures) -> list[Section]:
    """The sections of a report, from its ``figures``; what a run has nothing of has none."""
    parts = [
        verdict(figures),
        _results(figures["results"]),
        _funnel(figures),
        of_pairs.scores(figures["pairs"]),
        of_pairs.lengths(figures["pairs"], figures["way"]),
        of_judges.judges(figures["judges"], figures["saved"]),
        of_judges.agreement(figures["judges"]),
        of_pairs.models(figures["pairs"].get("models") or {}),
        of_pairs.categories(figures["categories"]),
        of_judges.unreadable(figures),
        of_judges.canaries(figures["canaries"]),
        of_judges.gates(figures["gates"]),
        of_costs.costs(figures),
        _splits(figures["splits"]),
        _made(figures),
    ]
    return [one for one in parts if one and (one.blocks or one.about)]


# --- rows -----------------------------------------------------------------------------------


REASONS = 200
"""Reasons in one table."""
NARROW = 8
"""Steps that have room in half of a page."""


def _funnel(figures: Figures) -> Section:
    steps = figures["funnel"]
    blocks: list[Block] = [_picture(steps)] if max((one["rows_out"] for one in steps), default=0) >= FEW else []
    blocks += [_steps(steps), Words(_SUMS)]
    if reasons := list(_reasons(steps)):
        head = ("step", "why", "what", "n", "of")
        rest = f", the first {REASONS} of {len(reasons):,}" if len(reasons) > REASONS else ""
        told = f"Every loss, and its reason{rest}"
        blocks.append(Table(head, reasons[:REASONS], frozenset({0, 1, 2}), told, len(reasons) > 20))
    if figures["written"]:
        blocks.append(_written(figures["written"]))
    end = "results" if figures["results"] else "pairs" if figures["pairs"] else "rows"
    return Section("funnel", f"From prompts to {end}", blocks, "What became of every row, step by step.")


_SUMS = (
    "Rows in are used, dropped, or without a reply that could be read. A row that is used may become several rows, or a"
    " part of one; prompts are those that still have a row."
)


def _picture(steps: Sequence[Figures]) -> Chart:
    bars = [
        {"step": f"{n}. {label(one['table'])}", "rows": one["rows_out"], "lost": _lost(one)}
        for n, one in enumerate(steps[:MOST_BARS], 1)
    ]
    ends = [f"{one['rows']:,} in {one['step'].partition(' ')[2]}" for one in (bars[0], bars[-1])]
    alt = f"Rows of each of {some(len(bars), 'step')}, from {' to '.join(ends)}, and rows or replies lost there"
    return Chart({**charts.funnel(bars), "usermeta": {"wide": len(bars) > NARROW}}, alt)


def _lost(step: Figures) -> int:
    return sum(sum(step[kind].values()) for kind in ("dropped", "unreadable", "failed"))


def _steps(steps: Sequence[Figures]) -> Table:
    silent = any(one["unanswered"] for one in steps)
    head = ("step", "verb", "rows in", "dropped", *(["no reply read"] if silent else []), "used", "rows out", "prompts")
    rows = [
        [
            one["table"],
            one["verb"],
            f"{one['rows_in']:,}",
            f"{sum(one['dropped'].values()):,}",
            *([f"{one['unanswered']:,}"] if silent else []),
            f"{one['used']:,}",
            f"{one['rows_out']:,}",
            "not known" if one["prompts"] is None else f"{one['prompts']:,}",
        ]
        for one in steps
    ]
    return Table(head, rows, frozenset({0, 1}), "Every step")


def _reasons(steps: Sequence[Figures]) -> Iterator[list[str]]:
    """Dropped rows are of those that went in, unreadable and failed replies of those drawn."""
    for one in steps:
        for kind, of, what in (
            ("dropped", "rows_in", "rows"),
            ("unreadable", "drawn", "replies"),
            ("failed", "drawn", "replies"),
        ):
            for reason, n in sorted(one[kind].items(), key=lambda found: (-found[1], found[0])):
                share = f" ({percent(n / one[of], one[of])})" if one[of] else ""
                yield [one["table"], reason, kind, f"{n:,}{share}", f"{one[of]:,} {what}"]


def _written(configs: Figures) -> Table:
    rows = [[name, split, f"{n:,}"] for name, splits in configs.items() for split, n in splits.items()]
    return Table(("config", "split", "rows"), rows, frozenset({0, 1}), "The dataset")


# --- a benchmark ----------------------------------------------------------------------------


def _results(results: Sequence[Figures]) -> Section | None:
    """A column for each judge, a row for each part of the benchmark: the whole, then its parts, then theirs."""
    if not results:
        return None
    judges = list(dict.fromkeys(row["judge_model"] or "" for row in results))
    small = [row for row in results if row["kind"] in {"subset", "measure"}]
    large = [row for row in results if row not in small]
    blocks = [_scores(sorted(large, key=lambda row: row["kind"] != "overall"), judges, "")]
    blocks += [_scores(small, judges, "Part by part", shut=True)] if small else []
    notes = [Words(one) for one in dict.fromkeys(map(_footnote, results)) if one]
    about = "Scores in percent, with 95% intervals where they can be told."
    return Section("results", "The benchmark", [*blocks, *notes], about)


def _scores(results: Sequence[Figures], judges: Sequence[str], caption: str, *, shut: bool = False) -> Table:
    lines: dict[tuple[str, str], list[Figures]] = {}
    for row in results:
        lines.setdefault((row["kind"], row["name"]), []).append(row)
    rows = [[name, kind, *_scored(of, judges)] for (kind, name), of in lines.items()]
    return Table(("name", "part", *(judge or "score" for judge in judges)), rows, frozenset({0, 1}), caption, shut)


def _scored(rows: Sequence[Figures], judges: Sequence[str]) -> list[str]:
    said = {row["judge_model"] or "": _score(row) for row in rows}
    return [said.get(judge, "") for judge in judges]


def _score(row: Figures) -> str:
    interval = "" if row["low"] is None else f" ({row['low']:.1f} to {row['high']:.1f})"
    return f"{row['score']:.1f}{interval}, n {row['rows']:,}"


def _footnote(row: Figures) -> str:
    """How an overall score was counted, and what is to be known of others."""
    who = f"{row['judge_model'] or 'score'}, {row['name']}"
    shares = {"unreadable": row["unreadable"], "credited otherwise by the benchmark's own reading": row["disagreement"]}
    told = [f"{percent(share)} {what}" for what, share in shares.items() if share is not None]
    parts = [row["mode"], *told, row["note"]] if row["kind"] == "overall" else [row["note"]]
    return f"{who}: {'; '.join(said)}." if (said := [one for one in parts if one]) else ""


# --- how it was made ------------------------------------------------------------------------


def _splits(told: Figures) -> Section | None:
    return Section("splits", "Splits", [Words(line) for line in lines(told)]) if told else None


SAID = ("use", "temperature", "top_p", "max_tokens")


def _made(figures: Figures) -> Section:
    run = figures["run"]
    rows = [
        [name, *("" if one.get(key) is None else str(one[key]) for key in SAID)]
        for name, pool in (run.get("models") or {}).items()
        for one in pool
    ]
    paper = f" Paper: {run['paper']}." if run.get("paper") else ""
    seed = f" Seed {run['seed']}." if run.get("seed") is not None else ""
    blocks: list[Block] = [Table(("model", *SAID), rows, frozenset({0, 1}))] if rows else []
    if figures.get("text"):
        blocks.append(Quote(figures["text"], "the recipe"))
    return Section("made", "How it was made", blocks, f"Made by prefgen {run.get('prefgen', '')}.{paper}{seed}")
