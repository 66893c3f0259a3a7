"""The checks that look at all rows of a split, or at several splits, and what they came to."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from prefgen.audit.benchmarks import contaminated
from prefgen.audit.leaks import How, leaks
from prefgen.audit.near import MOST, repeated, windows
from prefgen.audit.part import Part
from prefgen.audit.taken import Kind
from prefgen.audit.whole import FOUND, contradictory, cycles, duplicated, prompts_again

Found = Mapping[str, pl.DataFrame]
Against = Mapping[str, Sequence[Path]]
"""Benchmarks, by the check that holds prompts against them."""


def together(
    parts: Sequence[Part], kind: Kind, against: Against, window: int, tell: Callable[[str], None]
) -> list[str]:
    """Runs the checks, which note what they find in the parts; gives what is to be known of how it was looked.
    ``window`` is how many bytes of prompts are held against one another.
    """
    how = How()
    for part in parts:
        tell(f"{part.split}: looks at {part.pairs:,} rows together")
        _pairs_and_prompts(part, kind, against, how, window)
    found = leaks(parts, how, window)
    for part in (part for part in parts if part.split in found):
        part.told.update(dict.fromkeys(found[part.split], _asked(part.numbers()).height))
        part.note_places(found[part.split])
    return list(_notes(how, window))


def _notes(how: How, window: int) -> Iterator[str]:
    if how.windows > 1:
        what = (
            f"prompts came in {how.windows} windows of {window / 1e6:,.0f} MB, and each was held against its own alone"
        )
        yield f"nearly repeated prompts: {what}"
    if how.cut:
        what = f"{how.cut:,} prompts have much in common with over {MOST} others, of which {MOST} were looked at"
        yield f"nearly repeated prompts: {what}, so there may be more"


def _asked(numbers: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a prompt, each once."""
    return numbers.filter(pl.col("place") == 0, pl.col("p").is_not_null(), ~pl.col("empty"))


def _pairs_and_prompts(part: Part, kind: Kind, against: Against, how: How, window: int) -> None:
    """Notes what is found in one split."""
    numbers = part.numbers()
    asked, pairs = _asked(numbers), _of_pairs(numbers, kind)
    same, alike = prompts_again(asked)
    prompts = {"prompts_repeated": same, "prompts_repeated_normalised": alike}
    prompts["prompts_nearly_repeated"] = _near(part, asked, how, window)
    for name in (name for name, files in against.items() if files):
        found = prompts[name] = contaminated(part.prompts(asked["n"]), against[name])
        part.benchmarks.update(found["detail"].str.extract("^(.*?), prompt ").to_list())
    part.told.update({**dict.fromkeys(pairs, part.pairs), **dict.fromkeys(prompts, asked.height)})
    part.note_places({**pairs, **prompts})


def _of_pairs(numbers: pl.DataFrame, kind: Kind) -> Found:
    found = {}
    if kind in {"pairs", "unpaired", "completions"}:
        found["duplicated"] = duplicated(numbers)
    if kind in {"pairs", "unpaired"}:
        found["contradictory"] = contradictory(numbers, unpaired=kind == "unpaired")
    if kind == "pairs":
        found["cycles"] = cycles(numbers)
    return found


def _near(part: Part, asked: pl.DataFrame, how: How, window: int) -> pl.DataFrame:
    """The prompts that nearly come again, of those that are different but for case and white space."""
    firsts = asked.filter(pl.col("q").is_first_distinct()).select("n", "row")
    found = [pl.DataFrame(schema=FOUND)]
    for number, rows in enumerate(windows(part.prompts(firsts["n"]), window), 1):
        near, cut = repeated(rows.join(firsts, on="n", how="left", maintain_order="left"))
        found.append(near)
        how.saw(number, cut)
    return pl.concat(found)
