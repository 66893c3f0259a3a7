"""A store of one's own with another one behind it, which is only read: a worker's scratch journal before the run's."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from prefgen.llm.store import Cost, Insert, Store

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fetch = Callable[[Sequence[bytes]], Mapping[bytes, tuple[bytes, int]]]
"""Body and checksum of those of these keys that the store behind has; it may block."""
Known = "NDArray[np.uint64]"


def known_keys(journal: Path) -> "NDArray[np.uint64]":
    """The first eight bytes of all keys that a journal has replies under, as numbers, sorted; 8 bytes of memory each.
    Empty where there is no journal. Raises RunError where it cannot be read.
    """
    import numpy as np
    from prefgen.llm.store import opened

    c = opened(journal)
    ks = [int.from_bytes(k[:8], "big") for (k,) in c.execute("select key from reply")]
    c.close()
    return np.sort(np.array(ks, np.uint64))


class Behind:
    """A ``Store``: reads come from ``own``, else from the store behind it; what is written goes to ``own``, and what is
    fetched does not. ``known`` is what ``known_keys`` gives of the store behind, so that a miss costs no call.
    """

    def __init__(self, own: Store, known: "NDArray[np.uint64]", fetch: Fetch) -> None:
        self.own, self.known, self.fetch = own, known, fetch
        self.path = own.path

    async def commit(self, inserts: Sequence[Insert]) -> None:
        """Into the own store."""
        await self.own.commit(inserts)

    def write(self, inserts: Sequence[Insert]) -> None:
        """Into the own store."""
        self.own.write(inserts)

    def find(self, key: bytes) -> tuple[bytes, int] | None:
        """A reply's body and its checksum, from either store."""
        return self.find_all([key]).get(key)

    def find_all(self, keys: Sequence[bytes]) -> Mapping[bytes, tuple[bytes, int]]:
        """The same of several; the store behind is asked once."""
        f = dict(self.own.find_all(keys))
        rest = [k for k in keys if k not in f and self._k(k)]
        return {**f, **(self.fetch(rest) if rest else {})}

    def _k(self, key):
        import numpy as np

        n = np.uint64(int.from_bytes(key[:8], "big"))
        i = int(np.searchsorted(self.known, n))
        return i < len(self.known) and self.known[i] == n

    def has(self, key: bytes) -> bool:
        """Whether either store has a reply under this key."""
        return self.own.has(key) or self._k(key)

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
