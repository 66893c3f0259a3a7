"""A condition on the rows of a table, in SQL: ``gold != verdict AND length(judgment) > 200``.

polars would read files where SQL asks it to (``IN (SELECT … FROM read_csv(…))``), so what it gets is looked at first:
names of columns, literals, operators, and functions of one row; nothing else.
"""

import re
from collections.abc import Iterator, Sequence

import polars as pl

from prefgen.browse.groups import Groups, Numbers
from prefgen.errors import RunError, nearest

WORDS = frozenset({
    "AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE", "BETWEEN", "LIKE", "ILIKE", "RLIKE", "REGEXP", "CASE",
    "WHEN", "THEN", "ELSE", "END", "AS", "DISTINCT", "XOR",
})  # fmt: skip
TYPES = frozenset({
    "VARCHAR", "TEXT", "STRING", "INT", "INTEGER", "BIGINT", "SMALLINT", "FLOAT", "DOUBLE", "REAL", "BOOLEAN", "BOOL",
})  # fmt: skip
FUNCTIONS = frozenset({
    "ABS", "ARRAY_CONTAINS", "ARRAY_LENGTH", "BIT_LENGTH", "CAST", "CEIL", "CHARACTER_LENGTH", "CHAR_LENGTH",
    "COALESCE", "CONCAT", "CONCAT_WS", "ENDS_WITH", "EXP", "FLOOR", "GREATEST", "IF", "IFNULL", "INITCAP", "LEAST",
    "LEFT", "LENGTH", "LN", "LOG", "LOG10", "LOG2", "LOWER", "LTRIM", "MOD", "NULLIF", "OCTET_LENGTH", "POW",
    "REGEXP_LIKE", "REPLACE", "REVERSE", "RIGHT", "ROUND", "RTRIM", "SIGN", "SQRT", "STARTS_WITH", "STRPOS", "SUBSTR",
    "TRY_CAST", "UPPER",
})  # fmt: skip
"""Functions of one row, as polars has them."""
PLAINER = {
    r"^sql parser error: ": "",
    r" at Line: \d+, Column: \d+": "",
    r"^filter predicate must be of type `Boolean`, got": "says neither yes nor no, but",
}
"""What is taken from polars' words, or put in their place: they know a longer text than what was written."""
_PIECES = re.compile(
    r"""(?P<space>\s+)|(?P<text>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")+")|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)"""
    r"""|(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign><=|>=|<>|!=|\|\||[-+*/%=<>(),])""",
)


def matching(where: str, rows: Groups) -> Iterator[Numbers]:
    """The numbers of the rows that are so, some at a time. Raises RunError for a condition that is none."""
    import numpy as np

    columns = columns_of(where, rows.columns)
    _tried(where, rows.nothing(columns or rows.columns[:1]), rows.columns)
    for numbers, some in rows.pieces(columns or rows.columns[:1], np.arange(rows.height)):
        yield numbers[_tried(where, some, rows.columns)]


def columns_of(where: str, known: Sequence[str]) -> list[str]:
    """The columns that a condition names. Raises RunError, with the columns there are, for what is none."""
    named, place = list[str](), 0
    while place < len(where):
        found = _PIECES.match(where, place)
        if found is None or where.startswith(("--", "/*"), place):
            raise _wrong(f"'{where[place : place + 20]}' is not understood", known)
        place = found.end()
        kind, piece = str(found.lastgroup), found[0]
        if kind == "quoted":
            named.append(_column(piece[1:-1].replace('""', '"'), known))
        elif kind == "word":
            called = where[place:].lstrip().startswith("(")
            named += _of_word(piece, known, called=called)
    return list(dict.fromkeys(named))


def _of_word(word: str, known: Sequence[str], *, called: bool) -> list[str]:
    """The column that a word names, if it names one."""
    if word.upper() in WORDS or (called and word.upper() in FUNCTIONS) or (not called and _is_type(word, known)):
        return []
    if called:
        raise _wrong(f"{word}() is no function of one row", [name.lower() for name in sorted(FUNCTIONS)], "functions")
    return [_column(word, known)]


def _is_type(word: str, known: Sequence[str]) -> bool:
    return word.upper() in TYPES and word not in known


def _column(name: str, known: Sequence[str]) -> str:
    if name not in known:
        close = nearest(name, known)
        hint = f" ({close})" if close.startswith("did") else ""
        raise _wrong(f"there is no column '{name:.60}'{hint}", known)
    return name


def _wrong(what: str, known: Sequence[str], are: str = "columns") -> RunError:
    return RunError(f"--where: {' '.join(what.split())}; {are}: {', '.join(known)}")


def _tried(where: str, some: pl.DataFrame, known: Sequence[str]) -> list[int]:
    """The places of the rows that are so."""
    try:
        with pl.SQLContext(rows=some.with_row_index("__place"), eager=True) as sql:
            found = sql.execute(f"SELECT __place FROM rows WHERE ({where})")  # noqa: S608  # looked at before
    except (pl.exceptions.PolarsError, pl.exceptions.SQLSyntaxError) as e:
        line = (str(e).splitlines() or [type(e).__name__])[0][:200]
        told = re.sub(r" at Line: \d+, Column: \d+", "", line.removeprefix("sql parser error: "))
        raise _wrong(
            re.sub(r"^filter predicate must be of type `Boolean`, got", "says neither yes nor no, but", told), known
        ) from e
    places: list[int] = found["__place"].to_list()
    return places
