"""Numbers and whose they are, more of them than memory has room for: equal ones are found one lot after another."""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from prefgen.order import Folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.uint32]
    Numbers = NDArray[np.uint64]

MANY, LOTS = 4_000_000, 64
"""Numbers that are held, 12 bytes each; and in how many lots they are laid on the disk where there are more."""


class Lots:
    """Numbers and whose they are: held, or on disk once they are more than ``most``, equal ones in one lot."""

    def __init__(self, most: int) -> None:
        self.most, self.size = most, 0
        self.home: Folder | None = None
        self.held: list[tuple[Rows, Numbers]] = []

    def add(self, row: "Rows", number: "Numbers") -> None:
        """Takes some."""
        self.held.append((row, number))
        self.size += len(row)
        if self.size > self.most:
            self._lay()

    def each(self) -> "Iterator[tuple[Rows, Numbers]]":
        """One lot after another."""
        import numpy as np

        if self.home is None:
            yield self._all()
            return
        self._lay()
        for lot in range(LOTS):
            rows, numbers = (self.home.path / f"{lot}.{what}" for what in ("rows", "numbers"))
            if rows.exists():
                yield np.fromfile(rows, np.uint32), np.fromfile(numbers, np.uint64)

    def _all(self) -> "tuple[Rows, Numbers]":
        import numpy as np

        rows = [np.zeros(0, np.uint32), *(row for row, _ in self.held)]
        return np.concatenate(rows), np.concatenate([np.zeros(0, np.uint64), *(number for _, number in self.held)])

    def _lay(self) -> None:
        """Appends what is held to the files of the lots."""
        import numpy as np

        self.home = self.home or Folder()
        row, number = self._all()
        lot = (number % np.uint64(LOTS)).astype(np.uint8)
        order = np.argsort(lot, kind="stable")
        row, number, ends = row[order], number[order], np.searchsorted(lot[order], np.arange(LOTS + 1))
        for one, (start, end) in enumerate(pairwise(ends.tolist())):
            for what, of in (("rows", row), ("numbers", number)):
                with (self.home.path / f"{one}.{what}").open("ab") as file:
                    file.write(of[start:end].tobytes())
        self.held, self.size = [], 0
