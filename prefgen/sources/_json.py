"""Rows of JSON: one object a line, or a list of objects.

JSON is read value by value, for two reasons: polars infers a type from the first rows and then fails on a later one,
and a line that is not JSON can be named. What orjson does not read as the standard library would, the latter reads.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from prefgen import bounds
from prefgen.asker import Row
from prefgen.sources._alike import Samples
from prefgen.sources._raw import LoadError, Opened, Wanted, in_chunks
from prefgen.texts import quickly, sound

_SIGN = 64_000
"""Bytes in which a file's first sign stands."""
_BLOCK = 1_000_000
"""Characters of a list that are looked at together."""
_SPACE = re.compile(r"[ \t\n\r]*")
_LONE = re.compile(r"\\u[dD][89a-fA-F]")


def lines(path: Path, wanted: Wanted) -> Opened:
    """JSON Lines: one object a line, blank lines aside."""
    return _opened(path, wanted, partial(_lines, path), wanted.limit)


def listed(path: Path, wanted: Wanted) -> Opened:
    """A list of objects; or JSON Lines, which many files named .json are."""
    if not _is_list(path):
        return lines(path, wanted)
    bounds.check_whole(path)
    return _opened(path, wanted, partial(_elements, path), None)


_Objects = Callable[[], Iterator[tuple[Row, int]]]


def _opened(path: Path, wanted: Wanted, objects: _Objects, seen: int | None) -> Opened:
    """Goes once through the first rows of a file, or all, for their columns and faults."""
    columns, samples, height = dict[str, None](), Samples(wanted.roots()), 0
    for row, _ in islice(objects(), seen):
        columns.update(dict.fromkeys(row))
        if height != wanted.limit:
            samples.see(row)
            height += 1
    rows = partial(_rows, path, objects, wanted, wanted.of(list(columns)))
    return Opened(str(path), list(columns), height, lambda: in_chunks(rows(), wanted.chunk), samples.rows())


def _rows(path: Path, objects: _Objects, wanted: Wanted, names: Sequence[str]) -> Iterator[tuple[Row, int]]:
    """The rows, with what is wanted of each."""
    for number, (row, size) in enumerate(islice(objects(), wanted.limit), 1):
        if size > bounds.ROW:
            bounds.check_rows([row], str(path), number)
        yield {name: row[name] for name in names if name in row}, size


# --- JSON Lines -----------------------------------------------------------------------------


def _lines(path: Path) -> Iterator[tuple[Row, int]]:
    """Each line's object, and the line's length."""
    for number, line in bounds.lines(path):
        text = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
        if text.strip():
            value = quickly(text)
            place = "" if type(value) is dict else f"{path}:{number}"
            yield (_object(_parsed(text.rstrip(), place), place) if place else value), len(line)


def _parsed(data: bytes, place: str) -> Any:
    try:
        text = data.decode("utf-8")
        value = json.loads(text)
    except UnicodeDecodeError as e:
        raise LoadError(f"{place}: not UTF-8 (byte {e.start + 1}); save the file as UTF-8") from e
    except json.JSONDecodeError as e:
        line = f":{e.lineno}" if e.lineno > 1 else ""
        raise LoadError(f"{place}{line}: not JSON: {e.msg} (column {e.colno})") from e
    except (ValueError, RecursionError) as e:  # digits without end, brackets without end
        raise LoadError(f"{place}: not JSON that can be read: {e}") from e
    return whole_characters(value) if _LONE.search(text) else value


def _object(value: object, place: str) -> Row:
    if not isinstance(value, dict):
        raise LoadError(f'{place}: holds {kind(value)}, not an object; a row looks like {{"prompt": "…"}}')
    return value


def whole_characters(value: Any) -> Any:
    """The value with halves of surrogate pairs replaced: JSON can spell them, no encoding can hold them."""
    if isinstance(value, str):
        return sound(value)
    if isinstance(value, list):
        return [whole_characters(item) for item in value]
    if isinstance(value, dict):
        return {whole_characters(name): whole_characters(item) for name, item in value.items()}
    return value


def kind(value: object) -> str:
    """What a value is, in words."""
    names = {bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "nothing" if value is None else f"a {type(value).__name__}")


# --- lists ----------------------------------------------------------------------------------


def _is_list(path: Path) -> bool:
    """Whether the first sign of a file opens a list."""
    with path.open("rb") as file:
        start = file.read(_SIGN).removeprefix(codecs.BOM_UTF8).lstrip()
    return start.startswith(b"[")


def _elements(path: Path) -> Iterator[tuple[Row, int]]:
    """Each object of a list, and the length of its text; read a block at a time. What is wrong with a list is told by
    who reads it whole.
    """
    number = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, (value, length) in enumerate(_List(file).values(), 1):
                yield _object(value, f"{path}: row {number}"), length
    except LoadError:
        raise
    except (ValueError, RecursionError):
        rows = _parsed(path.read_bytes().removeprefix(codecs.BOM_UTF8), str(path))
        yield from ((_object(row, f"{path}: row {n}"), 0) for n, row in enumerate(rows[number:], number + 1))


class _List:
    """The values of a list in a file, of which no more is held than the one that is read."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.text, self.at = file, "", 0
        self.decode = json.JSONDecoder().raw_decode

    def values(self) -> Iterator[tuple[Any, int]]:
        """Each with the length of its text. Raises ValueError for what is no list of them."""
        sign = self._sign()
        if sign != "[":
            raise ValueError(sign)
        while sign != "]":
            self.at += 1
            if sign == "," or self._sign() != "]":
                yield self._value()
            sign = self._sign()
            if sign not in {",", "]"}:
                raise ValueError(sign)
        self.at += 1
        if self._sign():
            raise ValueError(sign)

    def _sign(self) -> str:
        """The next sign that is no space, which stays where it is; nothing at the end."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self.at < len(self.text) or not self._more():
                return self.text[self.at : self.at + 1]

    def _value(self) -> tuple[Any, int]:
        self._sign()
        while True:
            try:
                value, end = self.decode(self.text, self.at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            lone, length = _LONE.search(self.text, self.at, end), end - self.at
            self.at = end
            return (whole_characters(value) if lone else value), length

    def _more(self) -> bool:
        """Reads on; twice as much where one value is long."""
        rest = self.text[self.at :]
        more = self.file.read(max(_BLOCK, len(rest)))
        self.text, self.at = rest + more, 0
        return bool(more)
