"""What all judges that write share: they are asked so that no response can speak for them (``prefgen.judges._sheet``),
and not about what is no answer. Datasets hold the plain form (``[[A]]``, ``Score: 4``), in which judges are trained.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Canary, Message, Row, blanks, fill
from prefgen.hostile import no_answer
from prefgen.judges._canaries import canary_of
from prefgen.judges._sheet import Marks, Sheet, drawn

HELD = 1024
"""Sheets that are held for the replies to come; others are made once more."""
GIVEN = frozenset({"say", "mark", "fence"})
"""What a judge puts into its prompt beside the row: how each label is written, the mark before a score, the number on
the lines around a response.
"""


@dataclass(frozen=True, kw_only=True)
class Judge(Asker):
    """An asker that judges texts. ``guard`` draws marks for each row where the prompt file has room for them (``say``,
    ``mark``, ``fence``), and passes over rows whose texts are no answers (``prefgen.hostile``). ``guard: false`` is for
    benchmarks, and for judges that were trained on one form.
    """

    guard: bool = True
    seed: int = 0

    says: ClassVar[str] = "[[{}]]"
    """How a label is written where there are no marks."""
    texts: ClassVar[tuple[str, ...]] = ("response",)
    """The columns that hold what is judged."""
    scale: ClassVar[tuple[float, float] | None] = None
    """The ends of the scale, of a judge that scores."""

    # --- what a part says of itself ---

    def labels(self, row: Row) -> Sequence[str]:
        """The labels on offer; none for a judge that scores."""
        return ()

    def shown(self, row: Row) -> Row:
        """The row as the prompt file sees it."""
        return row

    # --- what all do ---

    def needed(self) -> frozenset[str]:
        """What the prompt file names, but for what a judge brings itself."""
        return super().needed() - GIVEN

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled, with this row's marks."""
        sheet = self.sheet(row)
        return Ask(self.filled(self.prompt_file(), row, sheet.marks) if sheet.marks else sheet.asked)

    def sheet(self, row: Row) -> Sheet:
        """What is asked about this row: made when it is asked, and known when its replies are read."""
        held, sheet = self._sheets.get(id(row), (None, None))
        if held is row and sheet is not None:  # a row that is held here is the only one with its id
            return sheet
        while len(self._sheets) >= HELD:
            del self._sheets[next(iter(self._sheets))]
        sheet = self._sheet(row)
        self._sheets[id(row)] = row, sheet
        return sheet

    @cached_property
    def _sheets(self) -> dict[int, tuple[Row, Sheet]]:
        return {}

    def _sheet(self, row: Row) -> Sheet:
        asked, labels = self.filled(self.prompt_file(), row), self.labels(row)
        if not (self.guard and GIVEN & blanks(self.prompt_file())):
            return Sheet(labels, self.says, asked)
        whole = "\n".join(turn["content"] for turn in asked)
        return Sheet(labels, self.says, asked, drawn(self.seed, labels, whole))

    def filled(self, path: Path, row: Row, marks: Marks | None = None, **more: Any) -> list[Message]:
        """A prompt file for this row, in its plain form or with marks."""
        codes = marks.codes if marks else {}
        say = {label: f"[[{codes[label]}]]" if marks else self.says.format(label) for label in self.labels(row)}
        signs = {"mark": f" {marks.mark}", "fence": f" {marks.fence}"} if marks else {"mark": "", "fence": ""}
        return fill(path, {**self.shown(row), **more, "say": say, **signs})

    def passes_over(self, rows: pl.DataFrame) -> pl.Series:
        """Texts that are no answers are not judged."""
        return no_answer(rows, self.texts) if self.guard else super().passes_over(rows)

    def canary(self, row: Row, chance: int) -> Canary | None:
        """The row with an attack in the place of a response."""
        return canary_of(self, row, chance)
