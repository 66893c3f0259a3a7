"""Which replies were drawn, and what they cost: keys in bounded memory, and sums by their journal.

Few keys are a set, and are looked up. Of many, the first eight bytes of each lie in a file without a name, and all of
the journal is read once, in the order in which it lies: a look-up goes to another page each time, and takes ten times
as long. Two of 10^7 keys begin with the same eight bytes in one of 400,000 such runs; one of them is counted then.
"""

import math
import sqlite3
import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import TYPE_CHECKING, Any, Self

from prefgen.errors import RunError
from prefgen.llm.store import opened

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HELD = 20_000
"""Keys of a step that are held in memory."""
TOGETHER = 500
"""Keys that are looked up in one statement."""


@dataclass(frozen=True)
class Bill:
    """What some replies cost when they came in; ``unpriced`` of them have no known price."""

    replies: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    unpriced: int = 0

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.prompt_tokens + self.completion_tokens


class Drawn:
    """The journal's keys of what was drawn. Raises RunError for a full disk."""

    def __init__(self) -> None:
        self.held: set[bytes] = set()
        self.spool: Spool | None = None

    def update(self, keys: Iterable[bytes]) -> None:
        """Takes keys, of which some may have come before."""
        self.held.update(keys)
        if len(self.held) > HELD:
            self.spooled()

    def __ior__(self, other: "Drawn") -> Self:
        if other.spool:  # a shard of very many draws
            self.spooled().add(other.spool.all())
        self.update(other.held)
        return self

    def __bool__(self) -> bool:
        return bool(self.held or self.spool)

    def has_any(self, keys: AbstractSet[bytes]) -> bool:
        """Whether one of these keys is among them; of very many, one that begins like it."""
        import numpy as np

        if not keys or self.held & keys:
            return bool(keys)
        return self.spool is not None and bool(np.isin(self.spool.all()["key"], _numbers([*keys])).any())

    def spooled(self) -> "Spool":
        """All of them, in a file."""
        import numpy as np

        self.spool = self.spool or Spool([("key", np.uint64)])
        self.spool.add(_numbers(list(self.held)).view([("key", np.uint64)]))
        self.held.clear()
        return self.spool


def bills(journal: Path, drawn: Mapping[str, Drawn]) -> tuple[dict[str, Bill], Bill]:
    """What the replies cost by step, each once in a step, and in all, each once. Those that failed brought none, and
    are not in it. How they are found depends on what was drawn alone, so that the same draws give the same sums.
    """
    with closing(opened(journal)) as connection:
        many = any(one.spool for one in drawn.values())
        found = _scanned(connection, [*drawn.values()]) if many else _looked_up(connection, [*drawn.values()])
    *steps, total = found
    return dict(zip(drawn, steps, strict=True)), total


def _looked_up(connection: sqlite3.Connection, drawn: Sequence[Drawn]) -> list[Bill]:
    every = set[bytes]().union(*(one.held for one in drawn))
    costs = {row[3]: row for row in _rows(connection, every)}
    held = (*(one.held for one in drawn), costs)
    return [_sum([costs[key] for key in costs if key in one]) for one in held]


def _rows(connection: sqlite3.Connection, keys: Collection[bytes]) -> Iterator[tuple[Any, ...]]:
    """What each of these replies cost, and its key: looked up, unless they are most of a journal."""
    question = f"SELECT {_COST}, key FROM reply"  # noqa: S608
    (last,) = connection.execute("SELECT max(rowid) FROM reply").fetchone()
    if len(keys) > (last or 0) // 2:
        yield from (row for row in connection.execute(question) if row[3] in keys)
        return
    every = sorted(keys)
    for start in range(0, len(every), TOGETHER):
        some = every[start : start + TOGETHER]
        yield from connection.execute(f"{question} WHERE key IN ({', '.join('?' * len(some))})", some)


_COST = "prompt_tokens, completion_tokens, dollars"


def _sum(costs: Sequence[Sequence[Any]]) -> Bill:
    dollars = [cost[2] for cost in costs]
    prompt, completion = (sum(cost[i] for cost in costs) for i in (0, 1))
    return Bill(len(costs), prompt, completion, math.fsum(d for d in dollars if d is not None), dollars.count(None))


# --- of many --------------------------------------------------------------------------------


class Spool:
    """Records, of which the first field is a ``key``, in a file without a name; given back by the first byte of it."""

    def __init__(self, fields: list[tuple[str, Any]]) -> None:
        self.fields, self.file = fields, TemporaryFile()  # noqa: SIM115  # it ends with its spool
        weakref.finalize(self, self.file.close)
        self.blocks: list[tuple[int, NDArray[np.int64]]] = []

    def add(self, records: "NDArray[Any]") -> None:
        """Takes some; they are written in the order of their keys. Raises RunError for a full disk."""
        import numpy as np

        records = records[np.argsort(records["key"])]  # to sort by ``order`` compares field by field
        ends = np.searchsorted(records["key"] >> np.uint64(56), np.arange(257))
        try:
            self.blocks.append((self.file.seek(0, 2), ends))
            self.file.write(records.tobytes())
            self.file.flush()
        except OSError as e:
            cure = "make room there, or name another folder with TMPDIR, and run the same command again"
            raise RunError(f"{gettempdir()}: {e.strerror}; {cure}") from e

    def all(self) -> "NDArray[Any]":
        """All records."""
        import numpy as np

        return np.concatenate([self.part(byte) for byte in range(256)])

    def part(self, byte: int) -> "NDArray[Any]":
        """All records whose keys begin with this byte, in no order to speak of."""
        import numpy as np

        size, parts = np.dtype(self.fields).itemsize, []
        for start, ends in self.blocks:
            self.file.seek(start + size * int(ends[byte]))
            parts.append(self.file.read(size * int(ends[byte + 1] - ends[byte])))
        return np.frombuffer(b"".join(parts), self.fields)


def _numbers(keys: Sequence[bytes]) -> "NDArray[np.uint64]":
    """The first eight bytes of each key, as a number."""
    import numpy as np

    return np.frombuffer(b"".join(key[:8] for key in keys), ">u8").astype(np.uint64)


def _scanned(connection: sqlite3.Connection, drawn: Sequence[Drawn]) -> list[Bill]:
    import numpy as np

    spools, costs = [one.spooled() for one in drawn], _journal(connection)
    parts: list[list[Bill]] = [[] for _ in (*spools, None)]
    for byte in range(256):
        replies = costs.part(byte)
        among = [np.isin(replies["key"], spool.part(byte)["key"]) for spool in spools]
        for place, mask in enumerate([*among, np.any(among, axis=0)]):
            parts[place].append(_of(replies[mask]))
    return [_together(some) for some in parts]


def _journal(connection: sqlite3.Connection) -> Spool:
    """What each reply of a journal cost."""
    import numpy as np

    fields = [("key", np.uint64), ("prompt", np.int64), ("completion", np.int64), ("dollars", np.float64)]
    found = Spool(fields)
    rows = connection.execute(f"SELECT substr(key, 1, 8), {_COST} FROM reply ORDER BY rowid")  # noqa: S608
    while some := rows.fetchmany(HELD):
        keys, prompt, completion, dollars = zip(*some, strict=True)
        records = np.empty(len(some), fields)
        records["key"], records["prompt"], records["completion"] = _numbers(keys), prompt, completion
        records["dollars"] = np.array(dollars, np.float64)  # None is no number
        found.add(records)
    return found


def _of(replies: "NDArray[Any]") -> Bill:
    import numpy as np

    unpriced, dollars = np.isnan(replies["dollars"]), replies["dollars"]
    prompt, completion = (int(replies[name].sum()) for name in ("prompt", "completion"))
    return Bill(len(replies), prompt, completion, math.fsum(dollars[~unpriced].tolist()), int(unpriced.sum()))


def _together(bills: Sequence[Bill]) -> Bill:
    """The sum of bills."""
    replies, prompt, completion, unpriced = (
        sum(getattr(one, name) for one in bills)
        for name in ("replies", "prompt_tokens", "completion_tokens", "unpriced")
    )
    return Bill(replies, prompt, completion, math.fsum(one.dollars for one in bills), unpriced)
