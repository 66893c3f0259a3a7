"""The checks that look at all rows of a split, or at several splits, and what they came to."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl

from prefgen.audit.benchmarks import contaminated
from prefgen.audit.leaks import leaks
from prefgen.audit.near import repeated, windows
from prefgen.audit.part import Part
from prefgen.audit.taken import Kind
from prefgen.audit.whole import contradictory, cycles, duplicated, prompts_again

Found = Mapping[str, pl.DataFrame]


def together(
    parts: Sequence[Part], kind: Kind, against: Sequence[Path], window: int, tell: Callable[[str], None]
) -> list[str]:
    """Runs the checks, which note what they find in the parts; gives what is to be known of how it was looked.
    ``window`` is how many bytes of prompts are held against one another.
    """
    most = 1
    for part in parts:
        tell(f"{part.split}: looks at {part.pairs:,} rows together")
        most = max(most, _pairs_and_prompts(part, kind, against, window))
    found, number = leaks(parts, window)
    for part in (part for part in parts if part.split in found):
        part.told.update(dict.fromkeys(found[part.split], _asked(part.numbers()).height))
        part.note_places(found[part.split])
    most = max(most, number)
    how = f"prompts came in {most} windows of {window / 1e6:,.0f} MB, and each was held against its own alone"
    return [f"near duplicates: {how}"] if most > 1 else []


def _asked(numbers: pl.DataFrame) -> pl.DataFrame:
    """The rows that have a prompt, each once."""
    return numbers.filter(pl.col("place") == 0, pl.col("p").is_not_null(), ~pl.col("empty"))


def _pairs_and_prompts(part: Part, kind: Kind, against: Sequence[Path], window: int) -> int:
    """Notes what is found in one split; gives the number of windows."""
    numbers = part.numbers()
    asked, pairs = _asked(numbers), _of_pairs(numbers, kind)
    same, alike = prompts_again(asked)
    near, number = _near(part, asked, window)
    prompts = {"prompts_repeated": same, "prompts_repeated_normalised": alike, "prompts_nearly_repeated": near}
    if against:
        found = prompts["contaminated"] = contaminated(part.prompts(asked["n"]), against)
        part.benchmarks.update(found["detail"].str.extract("^(.*?), prompt ").to_list())
    part.told.update({**dict.fromkeys(pairs, part.pairs), **dict.fromkeys(prompts, asked.height)})
    part.note_places({**pairs, **prompts})
    return number


def _of_pairs(numbers: pl.DataFrame, kind: Kind) -> Found:
    found = {}
    if kind in {"pairs", "unpaired", "completions"}:
        found["duplicated"] = duplicated(numbers)
    if kind in {"pairs", "unpaired"}:
        found["contradictory"] = contradictory(numbers, unpaired=kind == "unpaired")
    if kind == "pairs":
        found["cycles"] = cycles(numbers)
    return found


def _near(part: Part, asked: pl.DataFrame, window: int) -> tuple[pl.DataFrame, int]:
    """The prompts that nearly come again, and in how many windows they were looked for."""
    firsts = asked.filter(pl.col("q").is_first_distinct()).select("n", "row")
    some = windows(part.prompts(firsts["n"]), window)
    found = [repeated(rows.join(firsts, on="n", how="left", maintain_order="left")) for rows in some]
    return (pl.concat(found), len(found)) if found else (repeated(firsts.with_columns(prompt=pl.lit(""))), 0)
