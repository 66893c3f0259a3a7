"""When rows have been asked often enough: what a stop is, and how a recipe names one.

A stop is a pure function in the file of its name in ``prefgen/stops``. After each round it is shown the rows that each
draw so far was read as, by the draws' numbers and never by their arrival, and says how many more draws are wanted.

    def majority(drawn, n, *, risk=None): ...      sees one row's draws, gives a number
    @of_group("prompt_id")
    def race(rows, drawn, n, *, z=1.7): ...        sees those of all rows with one prompt_id, gives a number for each

A recipe says ``stop: majority``, or ``stop: {majority: {risk: 0.01}}`` where a setting is another than by default.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import polars as pl

from prefgen import verbs
from prefgen.asker import Row
from prefgen.errors import nearest
from prefgen.settings import Wrong, check, parameters

Drawn = Sequence[Sequence[Row]]
"""The rows that each draw of a row was read as; none for a draw that could not be read."""
Function = Callable[..., Any]
Marked = TypeVar("Marked", bound=Function)
AUDIT = 0.02
"""The share of groups that are drawn to their end all the same, by default."""
NOT_WANTED = "its stop wants no draw of it"


def of_group(by: str, *, least: Function, spared: str = NOT_WANTED) -> Callable[[Marked], Marked]:
    """Marks a stop that sees all rows with one value of the column ``by``, which lie within one prompt. A row that it
    never wants a draw of is dropped, and ``spared`` says why. ``least(rows, n, settings)`` is the fewest draws that a
    group can come to, for estimates.
    """

    def marked(stop: Marked) -> Marked:
        stop.by, stop.least, stop.spared = by, least, spared  # type: ignore[attr-defined]
        return stop

    return marked


def audited(decides: Function, *, where: str = "") -> Callable[[Marked], Marked]:
    """Marks a stop that may change what comes out: in any case, or ``where`` this setting is given.
    ``decides(drawn, settings)`` tells what draws decide. The stop has a setting ``audit``: the share of groups (of
    rows, for a stop that sees one) that are drawn to their end all the same. Only these can tell how often a decision
    changed.
    """

    def marked(stop: Marked) -> Marked:
        stop.decides, stop.where = decides, where  # type: ignore[attr-defined]
        return stop

    return marked


@dataclass(frozen=True)
class Stop:
    """A stop with its settings."""

    function: Function
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The word by which a recipe names it."""
        return str(getattr(self.function, "__name__", "stop"))

    @cached_property
    def by(self) -> str | None:
        """The column whose values make its groups; None where it sees a row by itself."""
        return getattr(self.function, "by", None)

    @cached_property
    def spared(self) -> str:
        """Why a row is not asked at all."""
        return f"spared: {getattr(self.function, 'spared', NOT_WANTED)}"

    @property
    def spares(self) -> bool:
        """Whether it may want no draw of a row at all: it saves where there is but one."""
        return getattr(self.function, "spared", NOT_WANTED) != NOT_WANTED

    @cached_property
    def exact(self) -> bool:
        """Whether it changes nothing of what comes out."""
        where = getattr(self.function, "where", None)
        return where is None or bool(where and self._setting(where) is None)

    @cached_property
    def audit(self) -> float:
        """The share of groups that is drawn to its end; 0 of a stop that changes nothing."""
        return 0.0 if self.exact else float(self._setting("audit"))

    def _setting(self, name: str) -> Any:
        return self.settings.get(name, parameters(self.function)[name].default)

    def more(self, rows: Sequence[Row], drawn: Sequence[Drawn], n: int) -> list[int]:
        """How many more draws each of a group's rows is to have, ``n`` in all at most."""
        if self.by is None:
            return [min(self.function(one, n, **self.settings), n - len(one)) for one in drawn]
        wanted = self.function(rows, drawn, n, **self.settings)
        return [min(more, n - len(one)) for more, one in zip(wanted, drawn, strict=True)]

    def least(self, rows: Sequence[Row], n: int) -> int:
        """The fewest draws that a group can come to; of a stop that sees a row by itself, one."""
        least = getattr(self.function, "least", None)
        return int(least(rows, n, self.settings)) if least else 1

    def audits(self, seed: int, rows: Sequence[Row]) -> bool:
        """Whether a group is drawn to its end: the seed and the group's name decide, and nothing else."""
        if not (share := self.audit):
            return False
        of = rows[0]["id" if self.by is None else self.by]
        digest = hashlib.blake2b(f"{seed}/audit/{of}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") < share * 2**64

    def changed(self, rows: Sequence[Row], drawn: Sequence[Drawn], n: int) -> bool:
        """Whether a group that is drawn to its end decides otherwise than what the stop would have drawn of it."""
        kept: list[Drawn] = [() for _ in rows]
        while any(more := self.more(rows, kept, n)):
            kept = [whole[: len(one) + m] for one, whole, m in zip(kept, drawn, more, strict=True)]
        return bool(self._decides(kept) != self._decides(drawn))

    def _decides(self, drawn: Sequence[Drawn]) -> Any:
        decides: Function = getattr(self.function, "decides")  # noqa: B009  # where nothing is audited, there is none
        return decides(drawn[0] if self.by is None else drawn, self.settings)


def whole_budget(drawn: Drawn, n: int) -> int:
    """All draws at once, of a step without a stop."""
    return n - len(drawn)


WHOLE = Stop(whole_budget)

Said = str | Mapping[str, Mapping[str, Any]]
"""How a recipe names a stop."""


def find(said: Said) -> tuple[Stop | None, Sequence[Wrong]]:
    """The stop that a recipe names; or None, and all that is wrong with it."""
    if isinstance(said, Mapping) and len(said) != 1:
        cure = "write {majority: {risk: 0.01}}, or a name alone"
        return None, [Wrong("", f"stop names {len(said)} stops", cure)]
    ((name, given),) = said.items() if isinstance(said, Mapping) else ((said, {}),)
    if name not in verbs.files("stops"):
        return None, [Wrong("", f"no stop '{name}'", nearest(str(name), verbs.files("stops")))]
    function = verbs.find_stop(name)
    if not isinstance(given, Mapping):
        return None, [Wrong("", f"stop: the settings of {name} are {given!r:.60}", "write {majority: {risk: 0.01}}")]
    settings, wrong = check(name, function, given)
    return (None if wrong else Stop(function, settings)), wrong


def lacks(stop: Stop, columns: Sequence[str]) -> str:
    """The column that a stop reads and rows have not, if any."""
    row: Row = dict.fromkeys(columns)
    if stop.by is not None and stop.by not in row:
        return stop.by
    try:
        _tried(stop, row)
    except KeyError as e:
        return str(e.args[0])
    return ""


def misreads(stop: Stop, schema: Mapping[str, Any]) -> bool:
    """Whether a stop cannot do with what stands in the columns that it reads: text, where it wants numbers."""
    try:
        _tried(
            stop, {name: "" if kind == pl.String else 0 if kind.is_numeric() else None for name, kind in schema.items()}
        )
    except (TypeError, ValueError):
        return True
    return False


def _tried(stop: Stop, row: Row) -> None:
    for n in (1, 2):  # at the end, and before it
        stop.more([row], [[[row]]], n)
