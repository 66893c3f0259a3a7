"""Prompts that stand in a benchmark, or nearly: who trains on them cannot be measured by it.

A run of 13 words in common is GPT-3's rule (arXiv:2005.14165); shorter prompts are held against the benchmark's as
wholes, by the Jaccard likeness of their words' pairs.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import bounds
from prefgen.asker import as_text
from prefgen.filters._bulk import Known
from prefgen.filters._shingles import Near, band_keys, ngrams, texts_of, words
from prefgen.rows import drops

FIELDS = ("prompt", "instruction", "question", "turns", "text", "input", "query")
"""Where a benchmark's prompt stands, where no field is named."""
PAIR = 2

Hit = tuple[str, str]
"""The benchmark's file, and what was found where in it."""


def _hit(
    *,
    against: Path | list[Path],  # noqa: ARG001
    field: str | None = None,  # noqa: ARG001
    of: str | Sequence[str] = "prompt",  # noqa: ARG001
    ngram: int = 13,
    threshold: float = 0.8,
) -> pl.Expr:
    if ngram < 1 or not 0 < threshold <= 1:
        raise ValueError(f"ngram must be 1 or more, threshold above 0 and at most 1; they are {ngram}, {threshold:g}")
    return pl.when(pl.col("benchmark").is_not_null()).then(pl.format("in {}", "benchmark"))


def _searched(
    rows: pl.DataFrame,
    *,
    against: Path | list[Path],
    field: str | None = None,
    of: str | Sequence[str] = "prompt",
    ngram: int = 13,
    threshold: float = 0.8,
) -> pl.DataFrame:
    """The rows with the benchmark that each was found in, and what was found."""
    files = [Path(file) for file in (against if isinstance(against, list | tuple) else [against])]
    index = _index(tuple(map(_as_it_is, files)), field, ngram, threshold)
    texts = texts_of(rows, [of] if isinstance(of, str) else of)
    places = index.known.suspects(texts, threshold)
    if places.is_empty():
        return rows.with_columns(pl.lit(None, pl.String).alias(one) for one in ("benchmark", "detail"))
    hits = [hit or (None, None) for hit in index.hits(texts.gather(places).to_list())]
    found = pl.DataFrame(hits, schema={"benchmark": pl.String, "detail": pl.String}, orient="row")
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)
    return rows.with_columns(nothing.alias(one.name).scatter(places, one) for one in found)


@drops(_hit, prepared=_searched)
def decontaminate(
    rows: pl.DataFrame,
    *,
    against: Path | list[Path],  # noqa: ARG001  the settings decide which rows are dropped
    field: str | None = None,  # noqa: ARG001
    of: str | Sequence[str] = "prompt",  # noqa: ARG001
    ngram: int = 13,  # noqa: ARG001
    threshold: float = 0.8,  # noqa: ARG001
) -> pl.DataFrame:
    """Drops rows whose text (``of``) shares a run of ``ngram`` words with a prompt of a benchmark, or is ``threshold``
    alike to one. ``against`` names the benchmarks' files: JSONL, JSON, Parquet, CSV, or text with a prompt on each
    line; ``field`` is where their prompts stand (prompt, instruction, question, turns … where it is not named). The
    reason names the file; ``detail`` the prompt's number in it, and the words or how alike.
    Raises ValueError for a file that cannot be read or has no such field.
    """
    return rows.drop("benchmark", "detail")


class _Index:
    """Benchmarks' prompts, by their runs of words and by their likeness."""

    def __init__(self, prompts: Sequence[tuple[str, int, str]], ngram: int, threshold: float) -> None:
        self.ngram, self.threshold, self.prompts = ngram, threshold, prompts
        self.known = Known(pl.Series([text for _, _, text in prompts], dtype=pl.String), ngram, PAIR)
        self.runs: dict[str, int] = {}
        self.near = Near(threshold)
        keys = band_keys([text for _, _, text in prompts], threshold, PAIR)
        for place, ((_, _, text), mine) in enumerate(zip(prompts, keys.iter_rows(), strict=True)):
            said = words(text)
            self.near.add(place, ngrams(said, PAIR), mine)
            for run in ngrams(said, ngram) if len(said) >= ngram else ():
                self.runs.setdefault(run, place)

    def hits(self, texts: Sequence[str]) -> list[Hit | None]:
        """What each text has in common with a benchmark, if anything."""
        keys = band_keys(texts, self.threshold, PAIR)
        return [self._hit(words(text), mine) for text, mine in zip(texts, keys.iter_rows(), strict=True)]

    def _hit(self, said: list[str], keys: Sequence[int | None]) -> Hit | None:
        if len(said) >= self.ngram:
            for i in range(len(said) - self.ngram + 1):
                run = " ".join(said[i : i + self.ngram])
                if run in self.runs:
                    return self._told(self.runs[run], run)
        near = self.near.nearest(ngrams(said, PAIR), keys)
        return self._told(near[0], f"alike by {near[1]:.2f}") if near else None

    def _told(self, place: int, what: str) -> Hit:
        file, number, _ = self.prompts[place]
        return file, f"prompt {number}: {what}"


@lru_cache(maxsize=2)
def _index(files: tuple[tuple[Path, tuple[int, ...]], ...], field: str | None, ngram: int, threshold: float) -> _Index:
    """The index of files as they are: a run asks for it with every few prompts."""
    return _Index([(f.name, n, text) for f, _ in files for n, text in prompts_of(f, field)], ngram, threshold)


def _as_it_is(path: Path) -> tuple[Path, tuple[int, ...]]:
    """A file, and by what it is seen that it is another one, or was written anew."""
    with suppress(OSError):  # whoever reads it says why it cannot be read
        about = path.stat()
        return path, (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
    return path, ()


def prompts_of(path: Path, field: str | None = None) -> Iterator[tuple[int, str]]:
    """The prompts of a benchmark's file, with their numbers from 1."""
    try:
        rows = list(_rows(path))
    except (OSError, ValueError, pl.exceptions.PolarsError) as e:
        why = getattr(e, "strerror", None) or str(e).splitlines()[0]
        raise ValueError(f"against must be files that can be read; {path}: {why}") from e
    if not rows:
        raise ValueError(f"against must be files with prompts in them; {path} has none")
    for number, row in enumerate(rows, 1):
        if text := _prompt(row, field, path):
            yield number, text


def _rows(path: Path) -> Iterator[Any]:
    if path.suffix in {".parquet", ".csv"}:
        check = bounds.check_parquet if path.suffix == ".parquet" else bounds.check_csv
        check(path)
        frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path)
        yield from frame.to_dicts()
    elif path.suffix == ".json":
        yield from json.loads(bounds.whole(path))
    else:
        lines = (line for line in bounds.whole(path).decode("utf-8").splitlines() if line.strip())
        yield from (json.loads(line) if path.suffix == ".jsonl" else line for line in lines)


def _prompt(row: Any, field: str | None, path: Path) -> str:
    """A row's prompt as text; of a conversation, or of several turns, all of them."""
    if isinstance(row, str):
        return row
    name = field or next((one for one in FIELDS if one in row), None)
    if name is None or name not in row:
        raise ValueError(f"field must name where {path.name} has its prompts; its rows have {', '.join(row)}")
    value = row[name]
    if isinstance(value, list) and all(isinstance(turn, str) for turn in value):
        return "\n".join(value)
    return str(as_text(value)) if value is not None else ""
