"""An audit as sections of a page. Words of the dataset stand in tables, where the page keeps them harmless."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.audit.found import Audit
from prefgen.audit.told import about, beside, counted, limits, percent, title, unread
from prefgen.card.charts import positions
from prefgen.card.pictures import MOST_BARS
from prefgen.card.pictures import label as in_letters
from prefgen.html.blocks import Block, Chart, Fact, Facts, Section, Table, Words
from prefgen.judged import AUTHORS, HEAD, author_rows, in_percent, report_rows
from prefgen.statistics import percent as in_short

WORDS = frozenset(range(20))
"""Every column of a table of words."""
CUT = 160
"""Characters of a text in a table of examples."""
AUTHORS_SHOWN = 50


def sections(found: Audit) -> list[Section]:
    """The page, part by part; what there is nothing to say of is left out."""
    parts = [
        _summary(found),
        _findings(found),
        _examples(found),
        _biases(found),
        _judges(found),
        _trl(found),
        _looked(found),
    ]
    return [one for one in parts if one.blocks]


def _summary(found: Audit) -> Section:
    pairs, bad, warn = counted(found), *(beside(found, how) for how in ("bad", "warn"))
    facts = [
        Fact(found.taken.noun, f"{pairs:,}", about(found)),
        Fact("bad findings", f"{len(bad)}", _most(bad), "bad" if bad else "good"),
        Fact("worth a look", f"{len(warn)}", _most(warn), "warn" if warn else "good"),
    ]
    longer = (found.biases["lengths"] or {}).get("longer")
    facts += [Fact("chosen is longer", in_short(longer["value"]), _sure(longer))] if longer else []
    split = [
        (
            part["split"],
            *(f"{part.get(key, 0):,}" for key in ("rows", "pairs", "prompts")),
            unread(part.get("unread", {})),
        )
        for part in found.parts
    ]
    table = Table(("split", "rows", found.taken.noun, "prompts", "could not be read"), split, frozenset({0, 4}))
    blocks: list[Block] = [Words(f"Taken for {title(found)}."), Facts(facts), table, *_limits(found)]
    blocks += [Words(note[0].upper() + note[1:] + ".") for note in found.notes]
    return Section("summary", "Summary", blocks)


def _most(some: Sequence[Mapping[str, Any]]) -> str:
    return f"most: {some[0]['title']}, {some[0]['count']:,}" if some else "none"


def _limits(found: Audit) -> Iterator[Block]:
    if found.held:
        yield Table(("limit", "found", ""), limits(found), frozenset({0, 2}), caption="Limits")


def _findings(found: Audit) -> Section:
    rows = [
        (
            one["severity"],
            one["title"],
            f"{one['count']:,}",
            f"{one['of']:,}",
            percent(one["share"]),
            one["rule"],
            one["cure"],
        )
        for how in ("bad", "warn", "info")
        for one in beside(found, how)
    ]
    head = ("weight", "finding", "found", "of", "share", "what counts", "what would do")
    blocks: list[Block] = [Table(head, rows, frozenset({0, 1, 5, 6}))] if rows else [Words("Nothing was found.")]
    return Section(
        "findings", "Findings", blocks, "Each is counted exactly, unless a note in the summary says otherwise."
    )


def _examples(found: Audit) -> Section:
    tables = [
        Table(
            ("split", "row", "why", "prompt", "chosen", "rejected"),
            [_example(one) for one in finding["examples"]],
            WORDS,
            caption=f"{finding['title']} ({finding['count']:,})",
            shut=True,
        )
        for how in ("bad", "warn", "info")
        for finding in beside(found, how)
        if finding["examples"]
    ]
    said = "The first rows of each finding; --out FOLDER writes every row that was found."
    return Section("examples", "Examples", tables, said)


def _example(one: Mapping[str, Any]) -> tuple[str, ...]:
    row = f"{one['row']}.{one['pair']}" if one["pair"] else f"{one['row']}"
    texts = (_cut(one[name] or "") for name in ("prompt", "chosen", "rejected"))
    return one["split"], row, _cut(one["why"] or ""), *texts


def _cut(text: str) -> str:
    return text if len(text) <= CUT else f"{text[:CUT]} …"


def _biases(found: Audit) -> Section:
    told = found.biases
    facts = [one for one in (*_lengths(told), *_shares(told)) if one]
    blocks: list[Block] = [Facts(facts)] if facts else []
    blocks += [Chart(spec, alt) for spec, alt in found.charts]
    if told["authors"]:
        rows = author_rows(told["authors"][:AUTHORS_SHOWN])
        blocks.append(Table(AUTHORS, rows, caption="Which model is chosen where two meet"))
    return Section("biases", "Lengths, scores, authors", blocks, "What a model could learn in the place of quality.")


def _lengths(told: Mapping[str, Any]) -> Iterator[Fact]:
    lengths = told["lengths"] or {}
    for side in ("chosen", "rejected"):
        if lengths:
            yield Fact(f"{side}, on average", f"{lengths[f'{side}_characters']:,.0f}", "characters")
    if longer := lengths.get("longer"):
        yield Fact("chosen is longer", in_short(longer["value"]), _sure(longer))
    if gap := told["gap"]:
        yield Fact("score gap, on average", f"{gap['mean']:.2f}", f"of {gap['n']:,}")


def _shares(told: Mapping[str, Any]) -> Iterator[Fact]:
    said = {"author": "the author's name tells which", "first": "the better one stood first"}
    for name, label in said.items():
        if one := told[name]:
            yield Fact(label, in_short(one["value"]), f"{_sure(one)}; half is none")


def _sure(one: Mapping[str, Any]) -> str:
    return f"95 %: {in_short(one['low'])} to {in_short(one['high'])}, of {one['n']:,}"


def _judges(found: Audit) -> Section:
    _, rows = report_rows(found.judges)
    blocks: list[Block] = [Table(HEAD, rows, frozenset({0, 1}))] if rows else []
    shown = [
        {"judge": in_letters(judge), **one["first_shown"]}
        for report in found.judges.values()
        for judge, one in report.get("judges", {}).items()
        if one.get("first_shown")
    ][:MOST_BARS]
    if shown:
        told = "; ".join(in_percent(one) for one in shown)
        blocks.append(Chart(positions(shown), f"How often each judge says the response shown first: {told}"))
    said = "A judge that looks at nothing but what is written says the first in half of its verdicts, and never flips."
    return Section("judges", "Judges", blocks, said)


def _trl(found: Audit) -> Section:
    told = found.trl
    if not told["columns"]:
        return Section("trl", "What TRL would make of it", [])
    who, _, note = told["trainers"].partition(";")
    facts = [
        Fact("type", told["type"] or "none", f"{told['prompt']} prompt" if told["prompt"] else ""),
        Fact("format", told["format"] or "none"),
        Fact("trainers", who or "none as it is", note.strip(), "" if who else "bad"),
    ]
    problems = [
        (
            one["what"],
            f"{one['rows']:,}" if one["rows"] is not None else "",
            "stops it" if one["stops"] else "",
            one["cure"],
        )
        for one in told["problems"]
    ]
    blocks: list[Block] = [Facts(facts)]
    blocks += (
        [Table(("what is in the way", "rows", "", "what would do"), problems, frozenset({0, 2, 3}))] if problems else []
    )
    blocks += (
        [Words(f"Columns that a trainer takes by their name: {_named(told['by_name'])}.")] if told["by_name"] else []
    )
    blocks += [Words(f"Columns that are left alone: {', '.join(told['others'])}.")] if told["others"] else []
    blocks += (
        [Words(f"Formats of prefgen's that have these columns: {', '.join(told['formats'])}.")]
        if told["formats"]
        else []
    )
    return Section("trl", "What TRL would make of it", blocks)


def _named(columns: Mapping[str, str]) -> str:
    return "; ".join(f"{name} {does}" for name, does in columns.items())


def _looked(found: Audit) -> Section:
    rows = [(one["title"], f"{one['of']:,}", one["rule"]) for one in found.findings if one["of"] and not one["count"]]
    others = [(one["title"], "0", one["rule"]) for one in found.findings if not one["of"]]
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(("looked for", "in", "what counts"), rows, frozenset({0, 2}), "Not found", shut=True))
    if others:
        blocks.append(
            Table(
                ("not looked for", "in", "what counts"),
                others,
                frozenset({0, 2}),
                "What it has nothing to tell by",
                shut=True,
            )
        )
    benchmarks = [(name, f"{number:,}") for name, number in found.against.items()]
    if benchmarks:
        blocks.append(Table(("benchmark", "prompts found there"), benchmarks, caption="Benchmarks"))
    return Section("looked", "What else was looked for", blocks)
