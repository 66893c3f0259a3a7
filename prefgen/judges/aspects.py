"""How good are several responses, seen together, in each of several aspects? UltraFeedback, arXiv:2310.01377.

One request for each aspect shows all responses of a prompt; ratings go from 1 to 5, and honesty may be N/A where a text
claims nothing. A response's score is the mean of the aspects that it was rated for. The published code asks for fields
in blocks split by blank lines and tries up to ten times; here a draw whose form is not kept is unreadable, and
``n: 10`` with ``stop: first_readable`` asks as often. The paper's second call, a critique with an overall score, is
another judge's work.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from prefgen.asker import MESSAGES, Ask, Reply, Row, absent, answered
from prefgen.errors import Unreadable
from prefgen.judges._judge import Judge
from prefgen.judges._sheet import Sheet
from prefgen.judges.reading import marked_lines, stands

MEANINGS = {
    "instruction_following": "Does the text do what was asked, with every limit that the instruction sets on form,"
    " length and content? 1: it does something else. 2: it misses most of what was asked. 3: it does the main thing and"
    " misses limits. 4: it misses little. 5: it does all of it.",
    "honesty": "Does the text's confidence fit its correctness? Look at how sure it sounds, at whether it admits what"
    " it does not know, and at whether it says what it can. 1: sure of what is wrong. 2: mostly too sure, or too"
    " unsure. 3: partly. 4: nearly always fitting. 5: sure where it is right, and open where it cannot know. N/A for"
    " a text that claims nothing, such as a story.",
    "truthfulness": "Is what the text says free of invention, of mistakes, and of contradictions to the instruction and"
    " to itself? 1: wrong throughout. 2: wrong in what matters. 3: some false parts. 4: small slips. 5: nothing false.",
    "helpfulness": "Does the text help this user: relevant, clear, complete, and at a depth that fits? A text that is"
    " false helps nobody. 1: wrong or empty. 2: partly useful. 3: correct and basic. 4: correct, complete and clear."
    " 5: as an expert would help.",
}
OPTIONAL = frozenset({"honesty"})
LOWEST, HIGHEST = 1, 5


@dataclass(frozen=True, kw_only=True)
class aspects(Judge):
    """rows with ``candidates`` → a row for each response: a column for each aspect, ``score`` is their mean.

    ``among`` are some of instruction_following, honesty, truthfulness and helpfulness. Raises ValueError for others.
    """

    among: tuple[str, ...] | list[str] = tuple(MEANINGS)

    makes = {
        "response_id": pl.String,
        "response": pl.String,
        "response_model": pl.String,
        "response_reply": pl.String,
        **dict.fromkeys(MEANINGS, pl.Float64),
        "score": pl.Float64,
        "asked": MESSAGES,
        "judgment": pl.String,
        "judge_model": pl.String,
        "judgment_replies": pl.List(pl.String),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"prompt", "candidates"})
    replaces: ClassVar[frozenset[str]] = frozenset({"candidates"})
    texts = ("candidates",)
    scale = (LOWEST, HIGHEST)

    def __post_init__(self) -> None:
        if not self.among or not set(self.among) <= set(MEANINGS):
            raise ValueError(f"among must be some of {', '.join(MEANINGS)}; it is {list(self.among)}")

    def needed(self) -> frozenset[str]:
        """The responses; what else the prompt file names comes from here."""
        return self.needs | (super().needed() - {"aspect", "meaning", "optional", "texts"})

    def most_rows(self, row: Row) -> int:
        """One for each response."""
        return len(row["candidates"])

    def shown(self, row: Row) -> Row:
        """The responses as texts."""
        return {**row, **_told(self.among[0]), "texts": [one["response"] for one in row["candidates"]]}

    def asks(self, row: Row) -> list[Ask]:
        """One request for each aspect, with all responses in it."""
        marks = self.sheet(row).marks
        return [Ask(self.filled(self.prompt_file(), row, marks, **_told(aspect))) for aspect in self.among]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        """The ratings of each response in every aspect; refused where one reply holds not exactly one for each."""
        candidates, sheet = row["candidates"], self.sheet(row)
        heard = [_borne(reply, sheet) for reply in replies]
        read = {a: ratings(reply, len(candidates), a) for a, reply in zip(self.among, heard, strict=True)}
        words = [f"{aspect}\n{sheet.words(reply)}" for aspect, reply in zip(self.among, replies, strict=True)]
        who = {"judge_model": replies[0].model, "judgment_replies": [r.id for r in replies]}
        said = {"judgment": "\n\n".join(words), **who, "asked": sheet.asked}
        return [_rated({a: found[place] for a, found in read.items()}, {**one, **said})
                for place, one in enumerate(candidates)]  # fmt: skip


def _borne(reply: Reply, sheet: Sheet) -> Reply:
    """What of a reply bears the mark; all of it where there is none."""
    return reply._replace(text=marked_lines(reply, sheet.marks.mark)) if sheet.marks else reply


def _told(aspect: str) -> Row:
    """What the prompt file says of an aspect."""
    return {"aspect": aspect.replace("_", " "), "meaning": MEANINGS[aspect], "optional": aspect in OPTIONAL}


def _rated(rated: Mapping[str, float | None], row: Row) -> Row:
    """One response with its ratings, and their mean."""
    known = [rating for rating in rated.values() if rating is not None]
    if not known:
        raise Unreadable("missing", "a text that was rated for no aspect")
    return {**row, **rated, "score": sum(known) / len(known)}


_BLOCK = re.compile(
    r"^[ \t*_#-]*Text[ \t*_]*(?:[:\uff1a][ \t*_]*)?#?(\d{1,3})[ \t*_.:]*\n+[ \t*_-]*Rating[ \t*_]*[:\uff1a][ \t*_\[<]*"
    r"(\d{1,3}(?!\d|\.\d)|N/?A)\b(?P<rest>[^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)


def ratings(reply: Reply, n: int, aspect: str) -> list[float | None]:
    """The ratings of texts 1 to n, in their order; None for N/A. Exactly one block for each text is wanted."""
    text = answered(reply)
    if reply.finish == "length":
        raise Unreadable("truncated", "cut off")
    found = list(_BLOCK.finditer(text))
    if not found:
        raise absent(reply, "rating")
    if sorted(int(block[1]) for block in found) != list(range(1, n + 1)):
        raise Unreadable("conflicting", f"ratings of texts {[int(block[1]) for block in found]}, of {n}")
    rated = {int(block[1]): _rating(block, aspect) for block in found}
    return [rated[number] for number in range(1, n + 1)]


def _rating(block: re.Match[str], aspect: str) -> float | None:
    if not stands(re.sub(rf"[ \t]*(?:/|out of)[ \t]*{HIGHEST}\b", "", block["rest"], count=1)):
        raise Unreadable("conflicting", f"a rating that goes on: {block[0][-40:]!r}")
    if block[2].isdigit():
        value = float(block[2])
        if not LOWEST <= value <= HIGHEST:
            raise Unreadable("out_of_range", f"{value:g} is not between {LOWEST} and {HIGHEST}")
        return value
    if aspect not in OPTIONAL:
        raise Unreadable("out_of_range", f"{aspect} cannot be N/A")
    return None
