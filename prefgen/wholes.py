"""What a verb makes of whole tables, when memory has no room for them.

Of a verb whose rows are each made by themselves (``row_by_row``), the reasons are found over what they look at alone,
which polars' streaming engine takes from the files; then the rows go by, some thousand at a time. One that makes rows
of several, and says what it ``looks_at``, is given the rest as cells (``prefgen.cells``). Any other verb, one of
somebody's for instance, is given its tables in memory.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from prefgen.applied import split
from prefgen.cells import filled, narrowed
from prefgen.errors import RunError
from prefgen.order import frames
from prefgen.planned import Planned
from prefgen.rounds import LOST
from prefgen.rows import DROPPED, TableVerb
from prefgen.shards import Made
from prefgen.spool import lost
from prefgen.tablefile import parquet
from prefgen.together import counted, named, of_its_columns, table_of, twice

HELD = 64_000_000
"""Bytes up to which tables are held, whatever the verb."""
AT_ONCE = 16_384
"""Rows that go by at once."""

Piece = tuple[int, pl.DataFrame, pl.DataFrame]
"""How many rows went in, those that came out, and those that are lost."""


def made(step: Planned, paths: Sequence[Path], *, held: int = HELD, at_once: int = AT_ONCE) -> Iterator[Made]:
    """The table of a step that sees its inputs whole, in pieces, in order: tables of up to ``held`` bytes as one, of
    larger ones ``at_once`` rows after another. Raises RunError, which may come at the end: until then no piece is good.
    """
    if sum(map(size, paths)) <= held or not (row_by_row(step.verb) or looks_at(step.verb)):
        yield _at_once(step, paths)
        return
    ids = Ids()
    for rows, table, gone in _pieces(step, paths, at_once):
        of_its_columns(step, table)
        ids.add(table["id"])
        yield Made(table, gone, counted(rows, table.height, gone))
    if ids.repeated:
        twice(step, ids.of(table["id"] for _, table, _ in _pieces(step, paths, at_once)))


def row_by_row(verb: Any) -> bool:
    """Whether each row of a verb's table is made by itself."""
    return bool(getattr(verb, "row_by_row", False))


def looks_at(verb: Any) -> "Callable[[Mapping[str, Any]], Sequence[str]] | None":
    """What tells the columns that a verb looks at; None where nothing does."""
    found: Callable[[Mapping[str, Any]], Sequence[str]] | None = getattr(verb, "looks_at", None)
    return found


def _at_once(step: Planned, paths: Sequence[Path]) -> Made:
    there = room()
    if there is not None and (needed := sum(map(size, paths))) > there:
        raise RunError(no_room(step, needed, there))
    tables = [pl.read_parquet(path) for path in paths]
    table, gone = table_of(step, tables)
    return Made(table, gone, counted(sum(one.height for one in tables), table.height, gone))


def no_room(step: Planned, needed: int, there: int) -> str:
    """Why a verb cannot have its table, and what would do."""
    sizes = f"{needed / 1e9:.1f} GB, and {there / 1e9:.1f} GB of memory are free"
    cure = "take fewer rows; a verb of yours that looks at one prompt's rows at a time is marked @by_prompt"
    other = "one that drops rows for what a few columns say is written with @filters"
    return f"{step.table}: {step.word} is given its whole table at once, {sizes}; {cure}, and {other}"


def size(path: Path) -> int:
    """The bytes of a table's columns, before they were packed."""
    with parquet().ParquetFile(path) as file:
        return sum(file.metadata.row_group(group).total_byte_size for group in range(file.metadata.num_row_groups))


def room(told: Path = Path("/proc/meminfo")) -> int | None:
    """The bytes of memory that are free, where the system says so."""
    try:
        lines = dict(line.split(":", 1) for line in told.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


# --- piece by piece -------------------------------------------------------------------------


def _pieces(step: Planned, paths: Sequence[Path], at_once: int) -> Iterator[Piece]:
    verb, settings, path = step.verb, step.settings, paths[0]
    with named(step):
        if not row_by_row(verb):
            yield from _carried(step, path, at_once)
        elif isinstance(verb, TableVerb):
            yield from _filtered(verb, frames(path, at_once), _reasons(verb, path, settings), settings)
        else:
            yield from _joined(verb, [frames(path, at_once) for path in paths], settings)


def _carried(step: Planned, path: Path, at_once: int) -> Iterator[Piece]:
    """A verb's table of one, of which what it does not look at is filled in when it is made."""
    narrow = narrowed(path, _looked(step.verb, step.settings))
    table, gone = split(step.verb, [narrow], step.settings)
    rows, gone = narrow.height, lost(gone)
    del narrow
    for some in filled(table, path, step.schema, at_once):
        yield rows, some, gone
        rows, gone = 0, gone.clear()


OF_LOST = ("prompt_id", "id", "detail")
"""Columns that are told of a lost row."""


def _looked(verb: Any, settings: Mapping[str, Any]) -> set[str]:
    said = looks_at(verb)
    return {*OF_LOST, *(said(settings) if said else ())}


def _joined(
    verb: Callable[..., pl.DataFrame], tables: Sequence[Iterator[pl.DataFrame]], settings: Mapping[str, Any]
) -> Iterator[Piece]:
    """A function's table of several, a piece of one beside nothing of the others; none of its rows is lost."""
    first = [next(table) for table in tables]
    nothing = [rows.clear() for rows in first]
    for place, rest in enumerate(tables):
        for rows in chain([first[place]], rest):
            table = verb(*nothing[:place], rows, *nothing[place + 1 :], **settings)
            yield rows.height, table, pl.DataFrame(schema=LOST)


def _filtered(
    verb: "TableVerb[Any]", table: Iterator[pl.DataFrame], found: pl.DataFrame, settings: Mapping[str, Any]
) -> Iterator[Piece]:
    """A verb's table of one, whose rows' reasons are ``found``."""
    place = 0
    for rows in table:
        own = found.slice(place, rows.height).with_columns(pl.col(DROPPED).cast(pl.String))
        place += rows.height
        marked = rows.with_columns(own.get_columns())
        stays = marked[DROPPED].is_null()
        yield rows.height, verb.made(marked.filter(stays).drop(DROPPED), **settings), lost(marked.filter(~stays))


def _reasons(verb: "TableVerb[Any]", path: Path, settings: Mapping[str, Any]) -> pl.DataFrame:
    """Why each row goes, in ``dropped``, and the columns that the verb adds to the rows to find it."""
    said, own = verb.said(None, **settings), pl.read_parquet_schema(path)
    ready, new = _prepared(verb, path, settings), list[str]()
    if verb.prepared:
        new = [name for name in ready.collect_schema() if name not in own or name == "detail"]
    stages = [*said.stages]
    if verb.first_alone and stages:
        ready = ready.with_columns(**stages.pop(0))
    looked_at = dict.fromkeys([*new, *_looked_at([*stages, {DROPPED: said.reason}])])
    held = ready.select(*looked_at, pl.int_range(pl.len(), dtype=pl.UInt32).alias("__row"))  # also of no column
    found = held.collect(engine="streaming")
    for stage in stages:
        found = found.with_columns(**stage)
    return found.select(*new, said.reason.cast(pl.Categorical))


def _prepared(verb: "TableVerb[Any]", path: Path, settings: Mapping[str, Any]) -> pl.LazyFrame:
    rows = pl.scan_parquet(path)
    if verb.prepared is None:
        return rows
    ready: pl.LazyFrame
    ready = verb.prepared(rows if verb.lazily else narrowed(path, _looked(verb, settings)), **settings).lazy()
    return ready


def _looked_at(stages: Sequence[Mapping[str, pl.Expr]]) -> list[str]:
    """The columns that expressions look at, and that none before them makes."""
    found, made = dict[str, None](), set[str]()
    for stage in stages:
        found |= dict.fromkeys(name for one in stage.values() for name in one.meta.root_names() if name not in made)
        made |= stage.keys()
    return [*found]


# --- ids ------------------------------------------------------------------------------------


class Ids:
    """Whether each id comes once: of each eight bytes are held."""

    def __init__(self) -> None:
        self._numbers = [pl.Series("id", [], pl.UInt64)]

    def add(self, ids: pl.Series) -> None:
        """Some ids."""
        self._numbers.append(ids.hash().alias("id"))

    @property
    def repeated(self) -> bool:
        """Whether two ids have one number."""
        numbers = self._numbers = [pl.concat(self._numbers)]
        return numbers[0].n_unique() < len(numbers[0])

    def of(self, ids: Iterator[pl.Series]) -> pl.Series:
        """Those of all ids whose number comes twice; two ids may have one number by chance."""
        numbers = pl.concat(self._numbers)
        again = numbers.filter(numbers.is_duplicated()).unique().implode()
        return pl.concat([some.filter(some.hash().is_in(again)) for some in ids])
