"""Judges' words as they are met in the wild: abstaining is allowed, being wrong is not."""

import re
from pathlib import Path
from typing import Any

import pytest

from prefgen.asker import Reply
from prefgen.errors import Unreadable
from prefgen.judges.reading import SCORES, VERDICTS, arena5, numeric_pair

TABLE = Path(__file__).parent / "texts.txt"
HEAD = re.compile(r"=== (\w+) \| ([^|\n]+?)(?: \| (\w+))?")
READERS: dict[str, Any] = {**VERDICTS, **SCORES, "arena5": arena5, "numeric_pair": numeric_pair}
STATUSES = {"missing", "conflicting", "out_of_range", "refused", "truncated", "empty"}


def texts() -> list[tuple[str, str, str, str]]:
    """Reader, truth, how it ended, text."""
    found: list[tuple[str, str, str, list[str]]] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if head := HEAD.fullmatch(line):
            found.append((head[1], head[2], head[3] or "stop", []))
        elif found:
            found[-1][3].append(line)
    return [(reader, truth, finish, "\n".join(lines)) for reader, truth, finish, lines in found]


def read(reader: str, text: str, finish: str) -> str:
    """What the reader says, as the table says it."""
    try:
        said = READERS[reader](Reply(text, finish=finish))
    except Unreadable:
        return "none"
    if isinstance(said, tuple):
        return ", ".join(f"{one:g}" for one in said)
    return f"{said:g}" if isinstance(said, float) else str(said)


def status_of(reader: str, text: str, finish: str) -> str:
    """Why a text cannot be read, or "read"."""
    try:
        READERS[reader](Reply(text, finish=finish))
    except Unreadable as e:
        return e.status
    return "read"


TEXTS = texts()


@pytest.mark.parametrize(("reader", "truth", "finish", "text"), TEXTS, ids=[f"{i}-{t[0]}" for i, t in enumerate(TEXTS)])
def test_no_text_is_read_wrong(reader: str, truth: str, finish: str, text: str) -> None:
    assert read(reader, text, finish) in {truth, "none"}
    assert status_of(reader, text, finish) in {"read", *STATUSES}


def test_three_hundred_texts_and_most_of_those_that_decide_are_read() -> None:
    assert len(TEXTS) >= 300
    deciding = [t for t in TEXTS if t[1] != "none"]
    assert len(deciding) >= 150
    unread = [t for t in deciding if read(t[0], t[3], t[2]) == "none"]
    assert len(unread) <= 0.05 * len(deciding), [t[3][-60:] for t in unread]
