"""Two runs side by side: what was set otherwise, what came of it, and which pairs and verdicts are others.

    compare("runs/weak", "runs/strong")["pairs"]["flipped"]

What both have is found by content, not by ids, which say nothing across runs: a prompt by its id (a hash of its
messages), a pair by its prompt and its two texts, a verdict by these and the order in which they were shown. Rows are
read some at a time and joined part by part (``prefgen.comparison.parts``): memory does not grow with them.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.comparison import examples, slim
from prefgen.comparison.pairs import OfPairs, Overlap
from prefgen.comparison.parts import AT_ONCE, Parts, parts_for
from prefgen.comparison.recipes import differing
from prefgen.comparison.sides import Paths, Side, names, opened
from prefgen.comparison.verdicts import OfScores, OfVerdicts, matched
from prefgen.comparison.yields import OfYield, costs, results, steps
from prefgen.folders import no_room, put

EXAMPLES = 3
"""Of each kind that are shown."""
Figures = dict[str, Any]
Tables = tuple[str | None, str | None]


def compare(a: str | Path, b: str | Path, *, examples: int = EXAMPLES, at_once: int = AT_ONCE) -> Figures:
    """Everything that there is to say of two runs, or of two dataset folders, as JSON can hold it.

    What is said of both stands under ``a`` and ``b``, what is in one alone under ``only_a`` and ``only_b``, and a
    ``difference`` is B less A with its 95 % interval (``prefgen.comparison.paired``). ``examples`` rows of each kind
    are given in full, ``at_once`` rows are held at once. Raises RunError for a folder that holds neither, and for a
    file that cannot be read.
    """
    one, other = opened(Path(a)), opened(Path(b))
    number = parts_for(chain.from_iterable(_files(side) for side in (one, other)), at_once)
    called = names(one.folder, other.folder)
    spooled = [_spooled(side, number) for side in (one, other)]
    found = _joined(one, other, spooled, number, examples)
    return {
        **{place: _about(side, name) for place, side, name in zip("ab", (one, other), called, strict=True)},
        "recipe": [dict(zip(("path", "a", "b"), told, strict=True)) for told in differing(one, other)],
        "steps": steps(one, other),
        "cost": {"a": costs(one.told, spooled[0]["pairs"].rows), "b": costs(other.told, spooled[1]["pairs"].rows)},
        **found,
        "results": results(one, other),
    }


def _files(side: Side) -> Iterator[Paths]:
    yield from (side.pairs, side.prompts, *side.judgments.values())


def _about(side: Side, name: str) -> Figures:
    told = {key: side.told.get(key) for key in ("recipe", "status", "take", "seconds", "prefgen")}
    rows = {config: sum(of.values()) for config, of in (side.told.get("dataset") or {}).items()}
    kept = {"run": bool(side.told), "settings": side.recipe is not None, "part": side.is_part}
    return {"name": name, "folder": side.folder.as_posix(), **kept, **told, "dataset": rows}


# --- rows -----------------------------------------------------------------------------------

Spooled = Mapping[str, Any]
"""The slim rows of one side: ``prompts``, ``pairs``, and of each table of judgments whether it is ``of_pairs`` with its
``judges`` and ``rows``.
"""


def _spooled(side: Side, number: int) -> Spooled:
    pairs, prompts = Parts(number), Parts(number)
    _fill(prompts, slim.prompts(side.prompts, side.ahead))
    _fill(pairs, slim.pairs(side.pairs))
    judged = {table: _judged(paths, number) for table, paths in side.judgments.items()}
    return {"prompts": prompts, "pairs": pairs, "judged": judged}


def _fill(parts: Parts, frames: Iterator[pl.DataFrame]) -> None:
    for rows in frames:
        parts.add(rows)
    parts.close()


def _judged(paths: Paths, number: int) -> Spooled:
    rows, judges, of_pairs = Parts(number), dict[str, None](), slim.of_pairs(paths)
    for some in slim.verdicts(paths) if of_pairs else slim.scores(paths):
        judges |= dict.fromkeys(str(one) for one in some["judge_model"].unique(maintain_order=True))
        rows.add(some)
    rows.close()
    return {"of_pairs": of_pairs, "judges": list(judges), "rows": rows}


def _joined(a: Side, b: Side, spooled: Sequence[Spooled], number: int, wanted: int) -> Figures:
    """All that is found by going through both, part by part."""
    pairs, yielded = OfPairs(wanted), OfYield(a, b)
    overlap = {name: Overlap() for name in ("taken", "pairs", "judged")}
    judging = list(_judging(spooled[0], spooled[1], wanted))
    for part in range(number):
        taken, made = ([_part(side[kind], part, kind) for side in spooled] for kind in ("prompts", "pairs"))
        judged = [_judged_prompts(side, part) for side in spooled]
        for name, both in (("taken", taken), ("pairs", made), ("judged", judged)):
            overlap[name].add(*both)
        yielded.add(taken, made)
        pairs.add(*made)
        for tables, one in judging:
            one.add(*(_judgments(side, table, part) for side, table in zip(spooled, tables, strict=True)))
    return {
        "overlap": {name: told for name, one in overlap.items() if any((told := one.told()).values())},
        "yield": yielded.told(),
        "pairs": pairs.told(),
        "judges": [_of_judge(tables, one) for tables, one in judging],
        "examples": _examples(a, b, pairs, judging),
    }


def _part(parts: Parts, number: int, kind: str) -> pl.DataFrame:
    rows = parts.part(number)
    return rows if rows.width else slim.EMPTY[kind]


def _judged_prompts(side: Spooled, part: int) -> pl.DataFrame:
    frames: list[pl.DataFrame] = [
        rows.select("prompt") for one in side["judged"].values() if (rows := one["rows"].part(part)).width
    ]
    return pl.concat([slim.EMPTY["prompts"], *frames])


def _judgments(side: Spooled, table: str | None, part: int) -> pl.DataFrame:
    rows: Parts = side["judged"][table]["rows"] if table else Parts()
    return rows.part(part)


# --- judges ---------------------------------------------------------------------------------

Judging = tuple[Tables, OfVerdicts | OfScores]


def _judging(a: Spooled, b: Spooled, wanted: int) -> Iterator[Judging]:
    """The judges that are held against each other: of tables of one name, or of the one that is left in each."""
    for of_pairs in (True, False):
        tables = [[t for t, one in side["judged"].items() if one["of_pairs"] is of_pairs] for side in (a, b)]
        for two in matched(*tables):
            judges = [side["judged"][table]["judges"] if table else [] for side, table in zip((a, b), two, strict=True)]
            for both in matched(*judges):
                yield two, OfVerdicts(both, wanted) if of_pairs else OfScores(both)


def _of_judge(tables: Tables, one: OfVerdicts | OfScores) -> Figures:
    sides = {place: {"table": t, "judge": j} for place, t, j in zip("ab", tables, one.judges, strict=True) if j}
    return {"a": None, "b": None, **sides, **one.told()}


def _examples(a: Side, b: Side, pairs: OfPairs, judging: Sequence[Judging]) -> Figures:
    found: Figures = {
        "flipped": examples.of_pairs(pairs.flipped, a.pairs, b.pairs),
        "other": examples.of_pairs(pairs.other, a.pairs, b.pairs),
        "verdicts": [],
    }
    for tables, one in judging:
        if isinstance(one, OfVerdicts) and one.differ.height and tables[0] and tables[1]:
            told = examples.of_verdicts(one.differ, a.judgments[tables[0]], b.judgments[tables[1]])
            judges = dict(zip(("judge_a", "judge_b"), one.judges, strict=True))
            found["verdicts"] += [{"judges": {"a": judges["judge_a"], "b": judges["judge_b"]}, **row} for row in told]
    return found


# --- a page ---------------------------------------------------------------------------------


def write(found: Figures, path: Path) -> None:
    """Writes the page of a comparison: one file that opens offline. Raises RunError for a full or forbidden disk."""
    from prefgen.comparison.sections import sections
    from prefgen.html.page import page

    a, b = (found[place]["name"] for place in "ab")
    text = page(f"{a} and {b}", "What differs between two runs, and rows to read.", sections(found), kind="comparison")
    try:
        put(path, text)
    except OSError as e:
        raise no_room(path, e) from e
