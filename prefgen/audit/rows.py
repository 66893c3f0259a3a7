"""Rows of a source in one shape, whatever they are taken for: what the checks look at.

Nothing goes for what is wrong with it, as it does in ``load_pairs``: an empty response and two equal ones are what an
audit looks for. A row goes only where no texts can be read of it, with its reason in ``why``.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import polars as pl

from prefgen.audit.columns import in_columns
from prefgen.audit.taken import Scored, Taken
from prefgen.conversations import as_text
from prefgen.sources._columns import cells, plain, there
from prefgen.sources._conversations import spoken, transcript, turn
from prefgen.sources._layouts import Layout
from prefgen.sources._read import Raw
from prefgen.sources._sides import MOST, Judged, Two, number

SHAPE: Mapping[str, Any] = {
    "row": pl.UInt64,
    "place": pl.UInt32,
    **dict.fromkeys(("prompt", "asked", "chosen", "rejected", "chosen_model", "rejected_model"), pl.String),
    **dict.fromkeys(("chosen_score", "rejected_score"), pl.Float64),
    **dict.fromkeys(("first", "truncated"), pl.Boolean),
    "why": pl.String,
}
"""``row`` is counted from 1 in its split, ``place`` is which pair of it, from 0. ``prompt`` is the conversation as text
(null where there is none), ``asked`` its last user turn. An unwanted response of unpaired ones is ``rejected``, every
other single one ``chosen``. ``first`` says whether the better of two responses in a row stood first there.
"""
Read = tuple[str | None, str | None, str | None, str | None]
"""Prompt, asked, chosen, rejected."""


def frame(raw: Raw, taken: Taken, split: str) -> pl.DataFrame:
    """Some rows of a source, in SHAPE. Raises LoadError."""
    known = in_columns(raw, taken)
    if known is not None:
        return known
    return pl.DataFrame(list(_rows(raw, taken, split)), schema=SHAPE, orient="row")


# --- row by row -----------------------------------------------------------------------------


def _rows(raw: Raw, taken: Taken, split: str) -> Iterator[tuple[Any, ...]]:
    read = _pairs_of(raw, taken, split) if taken.kind == "pairs" else _singles_of(raw, taken)
    for n, (given, twos, truncated) in enumerate(read, raw.start + 1):
        prompt = "" if given is None and taken.prompt else given
        for place, (two, first) in enumerate(twos):
            told = two.why or _told(prompt, two.chosen, two.rejected, alone=taken.kind != "pairs")
            texts, why = ((None,) * 4, told) if isinstance(told, str) else (told, None)
            models = (None if one is None else str(one) for one in two.models)
            yield (n, place, *texts, *models, *map(number, two.scores), first, truncated, why)


Twos = tuple[Any, Sequence[tuple[Two, bool | None]], bool | None]


def _pairs_of(raw: Raw, taken: Taken, split: str) -> Iterator[Twos]:
    if taken.lists:
        yield from _listed(raw, taken)
    elif taken.pairs:
        yield from _laid_out(raw, taken.pairs, split)


def _laid_out(raw: Raw, layout: Layout, split: str) -> Iterator[Twos]:
    reading = layout.reading
    names = [*reading.needs, *(path for path in reading.may if there(raw, path))]
    found = {path: plain(cells(raw, path)) for path in names}
    prompts = _column(raw, layout.prompt)
    own = _column(raw, layout.split if layout.split and there(raw, layout.split) else None)
    first = _is_first(reading) if isinstance(reading, Judged) else None
    for prompt, part, *values in zip(prompts, own, *found.values(), strict=True):
        row = dict(zip(found, values, strict=True))
        if part is not None and _split(part) != _split(split):
            yield prompt, [(Two(why="another split"), None)], None
        else:
            yield prompt, [(two, first(row) if first else None) for two in reading.pairs(row)], None


def _is_first(reading: Judged) -> Callable[[Mapping[str, Any]], bool | None]:
    def first(row: Mapping[str, Any]) -> bool | None:
        better = reading.better(row[reading.by])
        return None if isinstance(better, str) else better == 0

    return first


def _split(name: Any) -> str:
    return {"val": "validation", "valid": "validation"}.get(str(name), str(name))


def _column(raw: Raw, path: str | None) -> list[Any]:
    return plain(cells(raw, path)) if path else [None] * len(raw.rows)


def _listed(raw: Raw, taken: Taken) -> Iterator[Twos]:
    one = taken.lists
    if one is None:
        return
    beside = [_column(raw, path if there(raw, path) else None) for path in (one.by, one.models)]
    for prompt, items, by, models in zip(_column(raw, taken.prompt), _column(raw, one.of), *beside, strict=True):
        yield prompt, [(two, None) for two in _below(one, items, by, models)], None


def _below(one: Scored, items: Any, by: Any, models: Any) -> list[Two]:
    """Each response of a list against each that ranks below it."""
    said = [_item(one, item, by, models, n) for n, item in enumerate(items)] if isinstance(items, list) else []
    ranked = [(text, rank, who) for text, rank, who in said if rank is not None]
    if len(ranked) < 2:
        return [Two(why="no response" if len(said) < 2 else "no rank")]
    sign = -1 if one.low else 1
    pairs = [
        Two(a[0], b[0], (a[2], b[2]), (sign * a[1], sign * b[1]))
        for a in ranked
        for b in ranked
        if sign * a[1] > sign * b[1]
    ]
    return [Two(why=f"over {MOST} pairs")] if len(pairs) > MOST else pairs or [Two(why="tie")]


def _item(one: Scored, item: Any, by: Any, models: Any, n: int) -> tuple[Any, float | None, Any]:
    if one.text:
        held = item if isinstance(item, dict) else {}
        return held.get(one.text), number(held.get(one.by)), held.get(one.models)
    ranks, names = (value if isinstance(value, list) and n < len(value) else None for value in (by, models))
    return item, number(ranks[n]) if ranks else None, names[n] if names else None


def _singles_of(raw: Raw, taken: Taken) -> Iterator[Twos]:
    """Single responses; conversations bring their own prompt."""
    label, score, cut = (
        _column(raw, path if path and there(raw, path) else None) for path in (taken.label, taken.score, "truncated")
    )
    asked, said = _column(raw, taken.prompt), _column(raw, taken.response)
    for prompt, response, wanted, scored, truncated in zip(asked, said, label, score, cut, strict=True):
        text = "" if response is None and taken.response else response
        two = Two(chosen=text, scores=(scored, None))
        if taken.label:
            good = _labelled(wanted)
            two = Two(why="no label") if good is None else two if good else Two(rejected=text, scores=(None, scored))
        yield prompt, [(two, None)], truncated if isinstance(truncated, bool) else None


def _labelled(value: Any) -> bool | None:
    """Whether a response is wanted: true, 1, "True"."""
    return {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}.get(str(value).lower())


# --- texts of a row -------------------------------------------------------------------------


def _told(prompt: Any, chosen: Any, rejected: Any, *, alone: bool) -> Read | str:
    """The texts of a pair, or of a single response (``alone``: the other one is none); or why there are none."""
    sides = [_as_talk(side, whole=prompt is None) for side in (chosen, rejected)]
    if alone:
        return _alone(prompt, *sides)
    start: list[Any] = []
    if any(isinstance(side, list) and side for side in sides):
        parted = _parted(*([] if side is None or side == "" else side for side in sides))
        if isinstance(parted, str):
            return parted
        if prompt is None and not parted[0] and max(len(side or []) for side in sides) > 1:
            return "no common prompt"
        start, *sides = parted
    elif any(side and not isinstance(side, str) for side in sides):
        return "bad messages"
    elif prompt is None:
        return _begun(*(side or "" for side in sides))
    asked = _asked(start or prompt)
    return asked if isinstance(asked, str) else (*asked, sides[0] or "", sides[1] or "")


def _as_talk(side: Any, *, whole: bool) -> Any:
    """A response as it stands; a message alone as a conversation of one, a transcript as what it tells."""
    if isinstance(side, dict) and turn(side):
        return [side]
    return (transcript(side) or side) if whole and isinstance(side, str) else side


def _alone(prompt: Any, chosen: Any, rejected: Any) -> Read | str:
    start, texts = list[Any](), [chosen, rejected]
    for place, side in enumerate(texts):
        if isinstance(side, list):
            parted = _parted(side, [])
            if isinstance(parted, str):
                return parted
            start, texts[place] = parted[0], parted[1]
    if any(not (text is None or isinstance(text, str)) for text in texts):
        return "bad messages"
    asked = _asked(start or prompt)
    return asked if isinstance(asked, str) else (*asked, texts[0], texts[1])


def _parted(chosen: Any, rejected: Any) -> tuple[list[Any], str, str] | str:
    """The common beginning of two conversations, and with what each goes on; of one alone all but its last turn."""
    if not (isinstance(chosen, list) and isinstance(rejected, list)):
        return "bad messages"
    talks = [spoken(side) if side else [] for side in (chosen, rejected)]
    for talk in talks:
        if isinstance(talk, str):
            return talk
    first, second = talks
    if first and second:
        common = takewhile(lambda both: both[0] == both[1], zip(first[:-1], second[:-1], strict=False))
        start = len(list(common))
    else:
        start = len(first or second) - 1
    ends = [talk[start:] for talk in talks]
    if any(end and end[-1]["role"] != "assistant" for end in ends):  # type: ignore[index]
        return "ends with no answer"
    said = ["\n\n".join(one["content"] for one in end) for end in ends]  # type: ignore[index]
    return list((first or second)[:start]), said[0], said[1]


def _begun(chosen: Any, rejected: Any) -> Read | str:
    """Two texts that begin alike: what TRL takes for their prompt, up to the last blank."""
    if not (isinstance(chosen, str) and isinstance(rejected, str)):
        return "bad messages"
    same = next((n for n, (a, b) in enumerate(zip(chosen, rejected, strict=False)) if a != b), 0)
    end = same - 1 if same and chosen[same - 1] == " " else same
    start = chosen[:end]
    return (start, start, chosen[end:], rejected[end:]) if start.strip() else (None, None, chosen, rejected)


def _asked(prompt: Any) -> tuple[str | None, str | None] | str:
    """A prompt as text, and its last user turn; or why there is none."""
    if prompt is None or isinstance(prompt, str):
        return prompt, prompt
    if isinstance(prompt, list) and all(isinstance(one, str) for one in prompt):
        return "\n".join(prompt), prompt[-1] if prompt else ""
    talk = spoken(prompt) if isinstance(prompt, list) else "bad messages"
    if isinstance(talk, str):
        return talk
    users = [said["content"] for said in talk if said["role"] == "user"]
    return str(as_text(talk)), users[-1] if users else None
