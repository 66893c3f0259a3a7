"""The pairs of a source in a layout: one conversation as the prompt and two texts for each, or the reason to go."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Any

from prefgen.asker import Message
from prefgen.sources._columns import cells, plain, there, values
from prefgen.sources._conversations import checked, conversation, spoken, transcript, turn
from prefgen.sources._layouts import Layout, having
from prefgen.sources._read import LoadError, Opened, Raw
from prefgen.sources._sides import Two


@dataclass(frozen=True)
class Pair:
    """One pair, or why it goes; ``two`` is what stands in the source, ``row`` its row there, counted from 0, and
    ``name`` what that is called.
    """

    row: int
    name: str
    two: Two
    talk: list[Message] | None = None
    chosen: str | None = None
    rejected: str | None = None
    why: str | None = None


def pairs(raw: Raw, layout: Layout, splits: Collection[str]) -> Iterator[Pair]:
    """The pairs of all rows, in their order. Raises LoadError where a column is not there or holds what is never a
    prompt or a response.
    """
    found = _columns(raw, layout)
    prompts = _prompts(raw, layout.prompt)
    own = plain(values(raw, layout.split)) if layout.split and there(raw, layout.split) else None
    for n, (prompt, *row) in enumerate(zip(prompts, *found.values(), strict=True)):
        if own is not None and _split(own[n]) not in {_split(name) for name in splits}:
            twos = [Two(why="another split")]
        else:
            twos = layout.reading.pairs(dict(zip(found, row, strict=True)))
        for place, two in enumerate(twos):
            name = f"row {n + 1}" if len(twos) == 1 else f"row {n + 1}.{place}"
            yield _pair(prompt, Pair(n, name, two, why=two.why))


def _split(name: Any) -> str:
    """A split by its one name."""
    return {"val": "validation", "valid": "validation"}.get(str(name), str(name))


def _columns(raw: Raw, layout: Layout) -> dict[str, list[Any]]:
    """What a layout reads of its source, by column."""
    reading = layout.reading
    found = {path: plain(values(raw, path)) for path in reading.needs}
    found |= {path: plain(values(raw, path)) for path in reading.may if there(raw, path)}
    if layout.prompt is None:
        found |= {path: _conversations(raw, found[path]) for path in reading.texts}
    return found | {path: _responses(raw, path, found[path]) for path in reading.texts}


def conversations(found: Sequence[Any]) -> list[Any]:
    """The conversations of a column that holds prompts and responses together, as messages or transcripts; a text that
    is none becomes no messages.
    """
    told = _told(found)
    return [[None] if isinstance(value, str) and value.strip() else value for value in told]


def _conversations(raw: Raw, found: Sequence[Any]) -> list[Any]:
    """The same, of a source's every row. Raises LoadError where none is a conversation."""
    told = _told(found)
    if any(isinstance(value, str) for value in told) and not any(isinstance(value, list) for value in told):
        raise _no_prompts(raw)
    return conversations(found)


def check_told(opened: Opened, path: str) -> None:
    """Raises LoadError where such a column holds nothing but texts that are no conversations."""
    texts = False
    for raw in opened.chunks():
        told = _told(plain(cells(raw, path)))
        if any(isinstance(value, list) for value in told):
            return
        texts = texts or any(isinstance(value, str) for value in told)
    if texts:
        raise _no_prompts(opened)


def _no_prompts(source: Raw | Opened) -> LoadError:
    what = f"{source.name} has responses without the conversation, and no prompt"
    return LoadError(f"{what}; {having(source.columns)}")


def _told(found: Sequence[Any]) -> list[Any]:
    return [(transcript(value) or value) if isinstance(value, str) else value for value in found]


def _responses(raw: Raw, path: str, found: Sequence[Any]) -> list[Any]:
    """Texts and conversations; one message is a conversation of one."""
    listed = ([value] if isinstance(value, dict) and turn(value) else value for value in found)
    return [checked(value, f"{raw.name}, row {n}", path, a="a response") for n, value in enumerate(listed, 1)]


def _prompts(raw: Raw, path: str | None) -> list[Any]:
    """The prompts as they stand; none where the responses bring them."""
    found = plain(values(raw, path)) if path else [None] * len(raw.rows)
    return [checked(value, f"{raw.name}, row {n}", path or "") for n, value in enumerate(found, 1)]


def _pair(prompt: Any, pair: Pair) -> Pair:
    """The pair, read."""
    if pair.why is not None:
        return pair
    made = _read(prompt, pair.two.chosen, pair.two.rejected)
    if isinstance(made, str):
        return replace(pair, why=made)
    talk, chosen, rejected = made
    empty, equal = not (chosen.strip() and rejected.strip()), chosen.strip() == rejected.strip()
    why = "empty response" if empty else "equal texts" if equal else None
    return replace(pair, talk=talk, chosen=chosen, rejected=rejected, why=why)


Made = tuple[list[Message], str, str]


def _read(prompt: Any, chosen: Any, rejected: Any) -> Made | str:
    """A prompt and two texts, or why there are none."""
    if not chosen or not rejected:
        return "empty response"
    if isinstance(chosen, list) or isinstance(rejected, list):
        parted = _parted(chosen, rejected)
        if isinstance(parted, str):
            return parted
        start, chosen, rejected = parted
        prompt = start or prompt
    if not (isinstance(chosen, str) and isinstance(rejected, str)):
        return "bad messages"
    talk = conversation(prompt)
    if isinstance(talk, str):
        return talk
    if isinstance(prompt, list) and len(talk) < len(prompt):  # it ends with an answer of its own
        return "bad messages"
    return talk, chosen, rejected


def _parted(chosen: Any, rejected: Any) -> Made | str:
    """The common beginning of two conversations, and the reply with which each goes on; or why they are no such two."""
    if not (isinstance(chosen, list) and isinstance(rejected, list)):
        return "bad messages"
    first, second = spoken(chosen), spoken(rejected)
    if isinstance(first, str) or isinstance(second, str):
        return first if isinstance(first, str) else str(second)
    common = takewhile(lambda both: both[0] == both[1], zip(first[:-1], second[:-1], strict=False))
    start = len(list(common))
    ends = [first[start:], second[start:]]
    last = [end[0] for end in ends if len(end) == 1 and end[0]["role"] == "assistant"]
    if len(last) < 2:
        return "bad messages"
    return first[:start], last[0]["content"], last[1]["content"]
