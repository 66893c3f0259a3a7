"""The two hooks of an asker, and how a prompt file is filled.

An asker writes responses or judgments with a model, and never makes a call itself:
``ask(row)`` gives the messages, ``read(row, reply)`` gives the rows. Both are pure.
"""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Required,  # pydantic, which checks settings, knows no other on 3.11
)

import minijinja
import polars as pl
from annotated_types import Ge, Le
from typing_extensions import TypedDict

from prefgen.conversations import as_text as as_text  # noqa: PLC0414  # parts read conversations so
from prefgen.errors import RowFailed, Status, Unreadable
from prefgen.promptfile import PromptFileError as PromptFileError  # noqa: PLC0414  # the door of parts to prompt files
from prefgen.promptfile import Section
from prefgen.promptfile import sections as sections  # noqa: PLC0414
from prefgen.promptfile import spliced as spliced  # noqa: PLC0414

Row = dict[str, Any]


class Message(TypedDict):
    """One turn of a conversation; role is system, user, assistant or tool."""

    role: str
    content: str


MESSAGES = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))
"""The type of a column that holds conversations."""


class Ask(NamedTuple):
    """What a row wants of a model.

    ``given`` asks for the log-probabilities of that text instead of new text;
    ``grammar`` (GBNF) or ``schema`` (JSON schema) constrains what may be written.
    """

    messages: Sequence[Message]
    given: str | None = None
    grammar: str | None = None
    schema: Mapping[str, Any] | None = None


class Reply(NamedTuple):
    """What came back: its text, why it ended (``stop``, ``length``, ``refused``), who wrote it.

    ``logprobs`` are natural logarithms, one per token of the given text; ``id`` is the reply's key in the journal.
    """

    text: str
    finish: str = "stop"
    logprobs: tuple[float, ...] = ()
    model: str = ""
    id: str = ""


@dataclass(frozen=True)
class Canary:
    """A request with a known answer: what kind of attack it holds, the row to ask with, and whether the rows that are
    read of the reply show that the judge withstood it.
    """

    kind: str
    row: Row
    withstood: Callable[[Sequence[Row]], bool]


Columns = Mapping[str, pl.DataType | type[pl.DataType]]
"""Names of columns, and their types."""

Share = Annotated[float, Ge(0), Le(1)]


class Gate(TypedDict, total=False):
    """What a judge must do on a gold slice before anything more is spent: be right in ``at_least`` this share of its
    judgments, and ``over_baseline`` better than the best judge that reads nothing. ``data`` is read by ``load_pairs``.
    """

    data: Required[str]
    at_least: Share
    over_baseline: Share
    split: str
    take: Annotated[int, Ge(1)]


@dataclass(frozen=True, kw_only=True)
class Asker:
    """A part that asks a model. Settings are fields; the prompt is the Markdown file beside the part.

    A part states what it ``makes`` (new columns and their types), what it needs of a row beyond
    the names in its prompt file, and which columns its rows no longer carry (``replaces``).
    """

    model: str
    n: int = 1
    stop: str | dict[str, Any] | None = None
    template: Path | None = None
    gate: Gate | None = None

    makes: ClassVar[Columns] = {}
    needs: ClassVar[frozenset[str]] = frozenset()
    replaces: ClassVar[frozenset[str]] = frozenset()

    def ask(self, row: Row) -> Ask:
        """The messages for one row: the prompt file, filled."""
        return Ask(fill(self.prompt_file(), row))

    def read(self, row: Row, reply: Reply) -> list[Row]:  # noqa: ARG002  # parts do look at them
        """The new columns of each row that a reply makes; raises Unreadable where it makes none."""
        raise TypeError(f"{type(self).__name__} does not say how its replies are read")

    def unread(self, row: Row, reply: Reply, status: Status) -> list[Row]:  # noqa: ARG002
        """The rows that stay of a reply that cannot be read, without what it does not say; none for most parts.
        It is counted as unreadable all the same.
        """
        return []

    def passes_over(self, rows: pl.DataFrame) -> pl.Series:
        """Why each row is not asked about at all; null where it is."""
        return pl.Series([None], dtype=pl.String).new_from_index(0, rows.height)

    def canary(self, row: Row, chance: int) -> Canary | None:  # noqa: ARG002
        """A request like this row's whose answer is known; ``chance`` chooses among several. Most parts have none."""
        return None

    def most_rows(self, row: Row) -> int:  # noqa: ARG002
        """How many rows one draw makes at most: what an estimate counts with."""
        return 1

    def asks(self, row: Row) -> list[Ask]:
        """All that one draw of a row asks; one request for most parts."""
        return [self.ask(row)]

    def read_all(self, row: Row, replies: Sequence[Reply]) -> list[Row]:
        """The rows of one draw, from the replies to all of its asks."""
        return self.read(row, replies[0])

    def wants(self) -> frozenset[str]:
        """What the model must be able to do beyond writing: ``given``, ``grammar``, ``schema``."""
        return frozenset()

    def needed(self) -> frozenset[str]:
        """Every column that a row must have."""
        return self.needs | blanks(self.prompt_file())

    def prompt_file(self) -> Path:
        """The recipe's own file, or the one beside the part."""
        return self.template or _beside(type(self).__module__)


@lru_cache(maxsize=256)
def _beside(module: str) -> Path:
    return Path(sys.modules[module].__file__ or "").with_suffix(".md")


# --- prompt files ---------------------------------------------------------------------------

MOST = 16_000_000
"""Bytes that one filling may give: far above any prompt that a model takes, far below what fills a memory."""
_FUEL = MOST // 64
"""The engine's measure: a unit for each step, and for each 64 bytes of text. Far below a loop meant to hang."""


@lru_cache(maxsize=1)
def _environment() -> minijinja.Environment:
    env = minijinja.Environment(undefined_behavior="strict", auto_escape_callback=lambda _: False)
    env.fuel = _FUEL
    return env


@lru_cache(maxsize=256)
def blanks(path: Path) -> frozenset[str]:
    """The columns that a prompt file names."""
    names: set[str] = set()
    for section in sections(path):
        if section.messages:
            names.add(section.messages)
            continue
        try:
            names |= set(_environment().undeclared_variables_in_str(section.text))
        except minijinja.TemplateError as e:
            raise PromptFileError(f"{path}:{section.line + (e.line or 1) - 1}: {e.message}") from e
    return frozenset(names)


def read_anew() -> None:
    """Forgets the prompt files that were read: between two runs of one process they may have changed."""
    for read in (sections, blanks, _filling):
        read.cache_clear()


def fill(path: Path, row: Mapping[str, Any]) -> list[Message]:
    """The messages of a prompt file for one row. Conversations in the row read as their text;
    what the row holds is never filled a second time.
    """
    names, parts = _filling(path)
    shown = {name: as_text(row[name]) for name in names if name in row}
    messages: list[Message] = []
    for section, name in parts:
        if section.messages:
            messages += _talk(path, section.messages, row[section.messages])
        else:
            messages.append({"role": section.role, "content": _render(path, name, shown)})
    if sum(len(turn["content"]) for turn in messages) > MOST:
        raise _too_long(path)
    return messages


def _talk(path: Path, name: str, turns: Any) -> list[Message]:
    if isinstance(turns, list) and all(isinstance(turn, dict) for turn in turns):
        return turns
    raise PromptFileError(f"{path}: `# messages: {name}` holds no conversation; write {{{{ {name} }}}} for its text")


@lru_cache(maxsize=256)
def _filling(path: Path) -> tuple[frozenset[str], Sequence[tuple[Section, str]]]:
    """The columns that a prompt file names; and its sections, each with the engine's name for its text, which is
    compiled once.
    """
    named = [(section, f"{path}#{place}") for place, section in enumerate(sections(path))]
    for section, name in named:
        _environment().add_template(name, section.text)
    return blanks(path), named


def _render(path: Path, name: str, row: Mapping[str, Any]) -> str:
    try:
        return _environment().render_template(name, **row)
    except minijinja.TemplateError as e:
        raise _too_long(path) if e.kind == "OutOfFuel" else PromptFileError(f"{path}: {e.message}") from e


def _too_long(path: Path) -> RowFailed:
    """The row's own record: what it holds is more than any model reads, or more than a loop may go over."""
    return RowFailed("prompt_too_long", f"{path.name}, filled with this row, is over {MOST:,} bytes")


# --- reading --------------------------------------------------------------------------------


def answered(reply: Reply) -> str:
    """The reply's text without its thinking; raises Unreadable for one that refused or wrote nothing."""
    if reply.finish == "refused":
        raise Unreadable("refused")
    text = without_thinking(reply.text).strip()
    if not text:
        raise Unreadable("truncated" if reply.finish == "length" else "empty")
    return text


_THINK_TAG = re.compile(r"<(/?)think(?:ing)?>", re.IGNORECASE)


def without_thinking(text: str) -> str:
    """What a reasoning model says, without its think blocks. One that never closes hides all that follows it;
    one that only closes was opened by the chat template, and hides all that goes before.
    """
    if "<" not in text:
        return text
    said, start, inside = [], 0, False
    for tag in _THINK_TAG.finditer(text):
        if not tag[1] and not inside:
            said.append(text[start : tag.start()])
            inside = True
        elif tag[1]:
            said = said if inside else []
            start, inside = tag.end(), False
    return "".join([*said, "" if inside else text[start:]])


def absent(reply: Reply, what: str) -> Unreadable:
    """The status of a reply without ``what``: cut off before it, or just not there."""
    status: Status = "truncated" if reply.finish == "length" else "missing"
    return Unreadable(status, f"no {what}")


def canonical(value: object) -> str:
    """JSON with one spelling, for hashing."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
