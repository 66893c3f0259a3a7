"""A comparison as a page: everything that it says, and its rows side by side."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.comparison import charts, numbers, said, words
from prefgen.html.blocks import Block, Chart, Fact, Facts, Section, Table, Words

Figures = Mapping[str, Any]
HOW = (
    "Intervals are 95 %. A difference is the second less the first, in points of a percent. Over pairs (or prompts) "
    "that are in both it is paired: each is held against itself, the interval is Bonett and Price's (2012), and p is "
    "that of the exact sign test by pairs, which is McNemar's where a pair has one verdict. Where it is unpaired, the "
    "interval is Newcombe's (1998) of two independent shares, and there is no test."
)


def sections(found: Figures) -> list[Section]:
    """The sections of the page; what neither has, has none."""
    a, b = (found[place]["name"] for place in "ab")
    made = [
        Section("summary", "What differs", [*_summary(found)]),
        Section("settings", "Settings", _table(("setting", a, b), words.settings(found), left=(0, 1, 2))),
        Section(
            "results", "Prompts to pairs", [*_results(found)], "How many prompts gave a pair, and what is in the pairs."
        ),
        Section("cost", "Cost", [*_cost(found)], "What the replies came to on which the rows rest, and for each pair."),
        Section("overlap", "What is in both", [*_overlap(found)], "Prompts by their ids, pairs by their texts."),
        Section("judges", "Judges", [*_judges(found)], HOW if found["judges"] else ""),
        Section("benchmark", "Benchmark", _table(("judge", "result", a, b), words.results(found), left=(0, 1))),
        *_examples(found),
    ]
    return [one for one in made if one.blocks]


def _summary(found: Figures) -> Iterator[Block]:
    yield Facts([*_facts(found)])
    yield from (Words(line) for line in said.headline(found))
    yield Table(("run", "folder", "what"), words.sides(found), left=frozenset({0, 1, 2}))


def _facts(found: Figures) -> Iterator[Fact]:
    pairs = found["pairs"]
    if pairs:
        yield Fact("pairs in both", f"{pairs['shared']:,}", f"of {pairs['a']:,} and {pairs['b']:,}")
    if pairs and pairs["shared"]:
        yield Fact("flipped", f"{pairs['flipped']:,}", f"labels agree on {numbers.share(pairs['agreement'])}")
    both = [one for one in found["judges"] if one.get("verdicts")]
    for one in both:
        who = f", {one['b']['judge']}" if len(both) > 1 else ""
        told = one["verdicts"]
        yield Fact(f"verdicts differ{who}", f"{told['differ']:,}", f"of {told['shared']:,} on the same texts")
        yield from _gains(one, who)
    if line := words.each_pair(found):
        yield Fact("a pair", *line)


def _gains(one: Figures, who: str) -> Iterator[Fact]:
    for name in ("agrees_with_gold", "flips"):
        told = one["measures"].get(name)
        if told and told["difference"]:
            *_, (_, a, b, difference, _, p) = numbers.measured("", told, brief=True)
            sure = f", p {p}" if p else ""
            points = difference.partition(" ")[0]
            yield Fact(words.MEASURED[name] + who, points, f"points: {a.split()[0]} to {b.split()[0]}{sure}")


def _results(found: Figures) -> Iterator[Block]:
    yield from _measures(found, words.made(found))
    a, b = (found[place]["name"] for place in "ab")
    yield from _table(
        ("step", "verb", a, b), words.steps(found, all_of_them=True), (0, 1), "Rows in and out of each step"
    )
    yield from _table(("step", "why", a, b), words.lost(found), (0, 1), "What was lost, and why")


def _cost(found: Figures) -> Iterator[Block]:
    a, b = (found[place]["name"] for place in "ab")
    yield from _table(("what", a, b, f"{a}, a pair", f"{b}, a pair"), words.costs(found))
    yield from _table(
        ("step", *words.BILLED, *words.BILLED), words.costs_by_step(found), caption=f"By step: {a}, then {b}"
    )


def _overlap(found: Figures) -> Iterator[Block]:
    a, b = (found[place]["name"] for place in "ab")
    yield from _table(("rows", "in both", f"only {a}", f"only {b}"), words.overlap(found))
    yield from (Words(line) for line in [said.prompts(found)] if line)


def _judges(found: Figures) -> Iterator[Block]:
    a, b = (found[place]["name"] for place in "ab")
    for one in found["judges"]:
        if one["kind"] == "pairs" and one["measures"]:
            alt = f"{said.of_judge(one)}: the shares of the table below, of {a} and of {b}, with their intervals"
            yield Chart(charts.judges(one, (a, b), said.of_judge(one)), alt)
        yield from _measures(found, words.judge(one), f"{said.of_judge(one)}, in numbers")


def _measures(found: Figures, rows: words.Rows, caption: str = "") -> Iterator[Block]:
    names = (found[place]["name"] for place in "ab")
    yield from _table(("measure", *names, "difference", "over", "p"), [*_named(rows)], caption=caption)


def _named(rows: words.Rows) -> Iterator[tuple[str, ...]]:
    """The rows, each with a name that says all: a page's rows can be put in another order."""
    last = ""
    for name, *cells in rows:
        yield (f"{last}, of those in both" if name == numbers.IN_BOTH else name), *cells
        last = name


def _table(head: Sequence[str], rows: words.Rows, left: Sequence[int] = (0,), caption: str = "") -> list[Block]:
    return [Table(head, rows, left=frozenset(left), caption=caption)] if rows else []


def _examples(found: Figures) -> Iterator[Section]:
    """Rows to read, kind by kind."""
    kinds: dict[str, list[Block]] = {}
    for kind, title, head, rows in said.examples(found):
        places = frozenset(range(len(head)))
        kinds.setdefault(kind, []).append(Table(head, rows, left=places, caption=title))
    for kind, blocks in kinds.items():
        name, about = said.KINDS[kind]
        yield Section(kind, name, blocks, about)
