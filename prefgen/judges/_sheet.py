"""What a judge is asked about one row, in its plain form and with marks, and how its reply is read.

A response may hold a verdict, the end of an answer or a whole judgment, by chance or because it was trained to (null
models, arXiv:2410.07137; injections, arXiv:2403.17710). So the labels to decide with, the mark before a score and the
number on the lines around a response are drawn for each request, from the recipe's seed and the whole prompt: nothing
in a response can know them, and the same recipe asks the same. What counts is what bears them; a judge that ignores
them is not read.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from prefgen.asker import Message, Reply
from prefgen.judges.reading import VERDICTS, marked_score, marked_verdict, unmarked

LETTERS, DIGITS = "BCDFGHJKLMNPQRSTVWXZ", "23456789"
"""Of codes such as K7Q2: no word, and nothing that is easily mistaken."""
TRIES = 20
"""Draws of short codes, after which longer ones are drawn: a text of 100 kB can hold every short one."""


class Marks(NamedTuple):
    """One request's: the code of each label, the mark before a score, and the number on the lines around responses."""

    codes: Mapping[str, str]
    mark: str
    fence: str


def drawn(seed: int, labels: Sequence[str], text: str) -> Marks:
    """The marks for a prompt; none of them stands in it already, in either case, for a reply is read in both."""
    upper = text.upper()
    for n in count():
        digest = hashlib.blake2b(f"{seed}/{n}/{text}".encode("utf-8", "surrogatepass")).digest()
        codes = _codes(digest, len(labels) + 1)
        if n >= TRIES:
            more = _codes(hashlib.blake2b(digest).digest(), len(codes))
            codes = [f"{short}{rest}" for short, rest in zip(codes, more, strict=True)]
        fence = f"#{digest[-3:].hex()}"
        if len(set(codes)) == len(codes) and not any(one in upper for one in (*codes, fence.upper())):
            return Marks(dict(zip(labels, codes, strict=False)), codes[-1], fence)
    raise AssertionError  # the loop has no other end


def _codes(digest: bytes, many: int) -> list[str]:
    return [_code(digest[2 * i : 2 * i + 2]) for i in range(many)]


def _code(two: bytes) -> str:
    number, found = int.from_bytes(two, "big"), ""
    for signs in (LETTERS, DIGITS, LETTERS, DIGITS):
        number, place = divmod(number, len(signs))
        found += signs[place]
    return found


class Sheet(NamedTuple):
    """One row's: the labels on offer and how they are written where there are no marks, what is asked in the plain
    form, and the marks, if there are any.
    """

    labels: Sequence[str]
    says: str
    asked: list[Message]
    marks: Marks | None = None

    def verdict(self, reply: Reply, reading: str = "verdict") -> str:
        """The label that a reply decides for; raises Unreadable."""
        if self.marks is None:
            return VERDICTS[reading](reply, self.labels)
        return marked_verdict(reply, self._labels(), self.labels, reading)

    def points(self, reply: Reply, read: Callable[[Reply], float]) -> float:
        """The score that a reply gives, by a reader of the plain form; raises Unreadable."""
        return read(reply) if self.marks is None else marked_score(reply, self.marks.mark, read)

    def words(self, reply: Reply) -> str:
        """What a reply says, in its plain form."""
        text = reply.text.strip()
        if self.marks is None:
            return text
        written = {code: self.says.format(label) for label, code in self.marks.codes.items()}
        return unmarked(text, written, self.marks.mark, self.marks.fence)

    def _labels(self) -> Mapping[str, str]:
        """The labels by their codes."""
        return {code: label for label, code in self.marks.codes.items()} if self.marks else {}
