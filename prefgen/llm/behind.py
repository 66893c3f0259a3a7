"""A store of one's own with another one behind it, which is only read: a worker's scratch journal before the run's."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from prefgen.llm.store import Cost, Insert, Store, told
from prefgen.llm.stored import looked_into

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fetch = Callable[[Sequence[bytes]], Mapping[bytes, tuple[bytes, int]]]
"""Body and checksum of those of these keys that the store behind has; it may block."""
BEGINNING = 8
"""Bytes of a key that are known of it."""
AT_ONCE = 100_000
"""Keys that are read at once."""
HELD = 256
"""Replies that are remembered: who asks whether one is there asks for it next."""


def known_keys(journal: Path) -> "NDArray[np.uint64]":
    """The first eight bytes of all keys that a journal has replies under, as numbers, sorted; 8 bytes of memory each.
    Empty where there is no journal. Raises RunError where it cannot be read.
    """
    begun = bytearray()
    if journal.exists():
        with told(journal), closing(looked_into(journal)) as reader:
            found = reader.execute("SELECT substr(key, 1, 8) FROM reply ORDER BY key")  # its index knows it all
            while some := found.fetchmany(AT_ONCE):
                begun += _beginnings([key for (key,) in some])
    return _numbers(begun)


def _beginnings(keys: Sequence[bytes]) -> bytes:
    return b"".join([key[:BEGINNING].ljust(BEGINNING, b"\0") for key in keys])


def _numbers(begun: bytearray) -> "NDArray[np.uint64]":
    import numpy as np

    return np.frombuffer(begun, ">u8").astype(np.uint64)


class Behind:
    """A ``Store``: reads come from ``own``, else from the store behind it; what is written goes to ``own``, and what is
    fetched does not. ``known`` is what ``known_keys`` gives of the store behind, so that a miss costs no call.
    """

    def __init__(self, own: Store, known: "NDArray[np.uint64]", fetch: Fetch) -> None:
        self.own, self.known, self.fetch = own, known, fetch
        self.path = own.path
        self._held: dict[bytes, tuple[bytes, int]] = {}

    async def commit(self, inserts: Sequence[Insert]) -> None:
        """Into the own store."""
        await self.own.commit(inserts)

    def write(self, inserts: Sequence[Insert]) -> None:
        """Into the own store."""
        self.own.write(inserts)

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        """A reply's body and its checksum, from either store."""
        return self.own.find(key) or self._behind([key]).get(key)

    def find_all(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        """The same of several; the store behind is asked once."""
        found = dict(self.own.find_all(keys))
        return found | self._behind([key for key in keys if key not in found])

    def has(self, key: bytes) -> bool:
        """Whether either store has a reply under this key."""
        return self.own.has(key) or key in self._behind([key])

    def _behind(self, keys: Sequence[bytes]) -> dict[bytes, tuple[bytes, int]]:
        """Those of these keys that the store behind has. It is asked for what may be there, and for nothing else: that
        a key begins as another does happens once in 10^19 / its keys.
        """
        found = {key: self._held[key] for key in keys if key in self._held}
        asked = [key for key in self._likely(keys) if key not in found]
        if asked:
            fetched = dict(self.fetch(asked))
            found |= fetched
            self._held = dict([*self._held.items(), *fetched.items()][-HELD:])
        return found

    def _likely(self, keys: Sequence[bytes]) -> list[bytes]:
        if not keys or not len(self.known):
            return []
        begun = _numbers(bytearray(_beginnings(keys)))
        at = self.known.searchsorted(begun)
        there = self.known[at.clip(max=len(self.known) - 1)] == begun
        return [key for key, is_there in zip(keys, there.tolist(), strict=True) if is_there]

    def cost(self, key: bytes) -> Cost | None:
        """The own store's: what is behind was paid elsewhere."""
        return self.own.cost(key)

    def failures(self) -> Mapping[bytes, tuple[str, str]]:
        """The own store's."""
        return self.own.failures()

    def batches(self) -> Sequence[tuple[str, str, bytes]]:
        """The own store's."""
        return self.own.batches()

    def count(self) -> int:
        """The own store's."""
        return self.own.count()

    def spent(self) -> float:
        """The own store's."""
        return self.own.spent()

    def room(self) -> int:
        """The own store's."""
        return self.own.room()

    def close(self) -> None:
        """Lets go of the own store; the one behind is another's."""
        self.own.close()
