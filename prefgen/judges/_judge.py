"""What all judges that write share: they are asked so that no response can speak for them.

A response may hold a verdict, the end of an answer or a whole judgment, by chance or because it was trained to (null
models, arXiv:2410.07137; injections, arXiv:2403.17710). So the labels to decide with, the mark before a score and the
number on the lines around a response are drawn for each row, from the recipe's seed and the whole prompt: nothing in a
response can know them, and the same recipe asks the same. What counts is what bears them; a judge that ignores them is
not read.

Datasets hold the plain form (``[[A]]``, ``Score: 4``), in which judges are trained.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from prefgen.asker import Ask, Asker, Canary, Message, Reply, Row, blanks, fill
from prefgen.hostile import no_answer
from prefgen.judges._canaries import canary_of
from prefgen.judges.reading import VERDICTS, marked_score, marked_verdict

LETTERS, DIGITS = "BCDFGHJKLMNPQRSTVWXZ", "23456789"
"""Of codes such as K7Q2: no word, and nothing that is easily mistaken."""
TRIES = 20
"""Draws of short codes, after which longer ones are drawn: a text of 100 kB can hold every short one."""


@dataclass(frozen=True)
class Marks:
    """One row's: the code of each label, the mark before a score, and the number on the lines around responses."""

    codes: Mapping[str, str]
    mark: str
    fence: str


def drawn(seed: int, labels: Sequence[str], text: str) -> Marks:
    """The marks for a prompt; none of them stands in it already."""
    for n in count():
        digest = hashlib.blake2b(f"{seed}/{n}/{text}".encode("utf-8", "surrogatepass")).digest()
        codes = _codes(digest, len(labels) + 1)
        if n >= TRIES:
            more = _codes(hashlib.blake2b(digest).digest(), len(codes))
            codes = [f"{short}{rest}" for short, rest in zip(codes, more, strict=True)]
        marks = Marks(dict(zip(labels, codes, strict=False)), codes[-1], f"#{digest[-3:].hex()}")
        if len(set(codes)) == len(codes) and not any(one in text for one in (*codes, marks.fence)):
            return marks
    raise AssertionError  # the loop has no other end


def _codes(digest: bytes, many: int) -> list[str]:
    return [_code(digest[2 * i : 2 * i + 2]) for i in range(many)]


def _code(two: bytes) -> str:
    number, found = int.from_bytes(two, "big"), ""
    for signs in (LETTERS, DIGITS, LETTERS, DIGITS):
        number, place = divmod(number, len(signs))
        found += signs[place]
    return found


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

    # --- asking ---

    def needed(self) -> frozenset[str]:
        """What the prompt file names, but for what a judge brings itself."""
        return super().needed() - GIVEN

    def ask(self, row: Row) -> Ask:
        """The prompt file, filled, with this row's marks."""
        return Ask(self.filled(self.prompt_file(), row, self.marks(row)))

    def asked(self, row: Row) -> list[Message]:
        """The same in its plain form, as datasets hold it."""
        return self.filled(self.prompt_file(), row, None)

    def filled(self, path: Path, row: Row, marks: Marks | None, **more: Any) -> list[Message]:
        """A prompt file for this row."""
        codes = marks.codes if marks else {}
        say = {label: f"[[{codes[label]}]]" if marks else self.says.format(label) for label in self.labels(row)}
        signs = {"mark": f" {marks.mark}", "fence": f" {marks.fence}"} if marks else {"mark": "", "fence": ""}
        return fill(path, {**self.shown(row), **more, "say": say, **signs})

    def marks(self, row: Row) -> Marks | None:
        """The marks of this row; None where it is asked in the plain form."""
        if not (self.guard and GIVEN & blanks(self.prompt_file())):
            return None
        return drawn(self.seed, self.labels(row), "\n".join(turn["content"] for turn in self.asked(row)))

    def passes_over(self, rows: pl.DataFrame) -> pl.Series:
        """Texts that are no answers are not judged."""
        return no_answer(rows, self.texts) if self.guard else super().passes_over(rows)

    def canary(self, row: Row, chance: int) -> Canary | None:
        """The row with an attack in the place of a response."""
        return canary_of(self, row, chance)

    # --- reading ---

    def verdict(self, row: Row, reply: Reply, reading: str = "verdict") -> str:
        """The label that a reply decides for; raises Unreadable."""
        marks, labels = self.marks(row), self.labels(row)
        if marks is None:
            return VERDICTS[reading](reply, labels)
        return marked_verdict(reply, {code: label for label, code in marks.codes.items()}, labels, reading)

    def points(self, row: Row, reply: Reply, read: Callable[[Reply], float]) -> float:
        """The score that a reply gives, by a reader of the plain form; raises Unreadable."""
        marks = self.marks(row)
        return read(reply) if marks is None else marked_score(reply, marks.mark, read)

    def words(self, row: Row, reply: Reply) -> str:
        """What a reply says, in its plain form."""
        marks, text = self.marks(row), reply.text.strip()
        if marks is None:
            return text
        for label, code in marks.codes.items():
            text = re.sub(rf"\[\[[ \t]*{code}[ \t]*\]\]|\b{code}\b", self.says.format(label), text)
        return re.sub(rf"[ \t]?(?:\b{marks.mark}|{marks.fence})\b", "", text)


GIVEN = frozenset({"say", "mark", "fence"})
"""What a judge puts into its prompt beside the row."""
