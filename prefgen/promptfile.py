"""A prompt file: Markdown in sections, read as far as a prompt goes, and checked when it is read."""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from prefgen.language import PromptFileError, Refused, check

__all__ = ["PromptFileError", "Section", "sections", "spliced"]

_HEADING = re.compile(r"^# (?:(system|user|assistant)|messages: (\w+))[ \t]*$", re.MULTILINE)
_LONGEST = 1_000_000
"""Bytes of a prompt file."""


@dataclass(frozen=True)
class Section:
    """One turn of a prompt: its role and text, and the line on which the text begins; or a column to splice in."""

    role: str = ""
    text: str = ""
    line: int = 1
    messages: str = field(default="", kw_only=True)


@lru_cache(maxsize=256)
def sections(path: Path) -> tuple[Section, ...]:
    """A prompt file's parts: text under ``# system``, ``# user`` or ``# assistant``, or a spliced column
    (``# messages: prompt``). Text before any heading is the user's. Split before filling, so that
    nothing in a row can open a section of its own.
    """
    text = _text(path)
    cuts = [*_HEADING.finditer(text)]
    starts, ends = [0, *(cut.end() for cut in cuts)], [*(cut.start() for cut in cuts), len(text)]
    found, line, at = list[Section](), 1, 0
    for cut, start, end in zip([None, *cuts], starts, ends, strict=True):
        body = text[start:end]
        begins = end - len(body.lstrip())
        line, at = line + text.count("\n", at, begins), begins
        if cut and cut[2]:
            found.append(Section(messages=cut[2]))
        elif cut or body.strip():
            found.append(_checked(path, Section(cut[1] if cut else "user", body.strip(), line)))
    return tuple(found)


def spliced(path: Path) -> frozenset[str]:
    """The columns that a prompt file takes over as conversations; none where a part has no such file."""
    if not path.is_file():
        return frozenset()
    return frozenset(section.messages for section in sections(path) if section.messages)


def _text(path: Path) -> str:
    """A prompt file's text, as far as a prompt goes."""
    try:
        if not path.is_file():
            raise PromptFileError(f"{path}: {'is no file' if path.exists() else 'no such file'}; name a text file")
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        if len(data) > _LONGEST:
            raise PromptFileError(f"{path}: is over {_LONGEST:,} bytes; a prompt is a page")
        return data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as e:
        raise PromptFileError(f"{path}: is not UTF-8 (byte {e.start}); save it as UTF-8 text") from e
    except OSError as e:
        raise PromptFileError(f"{path}: {e.strerror or e}") from e


def _checked(path: Path, section: Section) -> Section:
    try:
        check(section.text)
    except Refused as e:
        line = section.line + section.text.count("\n", 0, e.at)
        raise PromptFileError(f"{path}:{line}: {e.what}; {e.cure}") from e
    return section
