"""Conversations: what a source may hold in the place of one, and the one spelling that comes of it."""

import hashlib
import json
import re
from collections.abc import Sequence
from json.encoder import encode_basestring
from typing import Any

import polars as pl

from prefgen.asker import MESSAGES, Message
from prefgen.sources._read import LoadError, kind

_ROLES = {
    "system": "system", "user": "user", "assistant": "assistant", "tool": "tool",
    "human": "user", "gpt": "assistant", "observation": "tool", "function": "tool",
}  # fmt: skip
"""Roles by all of their names: OpenAI's, and ShareGPT's."""
_SHAPE = re.compile(r"s?u(a(u|t+))*")
"""The roles of a conversation, by first letter: what chat templates accept and a model can answer. What tools said
stands behind the assistant who asked them, and before the assistant who goes on.
"""


def checked(value: Any, place: str, path: str, *, a: str = "a prompt") -> Any:
    """The value, unless no value of its kind is ever a prompt (a response): then the path is wrong, not the row."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(item, str | list) for item in value):
        return value
    cure = f"{a} is text or a conversation"
    if isinstance(value, dict | list) and value:
        cure = f"name one of them: {path}.{0 if isinstance(value, list) else next(iter(value))}"
    raise LoadError(f"{place}: {path!r} holds {what(value)}; {cure}")


def what(value: Any) -> str:
    """The value in words, for a message."""
    if isinstance(value, list):
        return "a list of texts" if isinstance(value[0], str) else "a list of lists"
    fields = ", ".join(value) if isinstance(value, dict) else ""
    return f"an object with {fields}" if fields else f"{kind(value)} ({str(value)[:40]})"


def conversation(value: str | list[Any] | None) -> list[Message] | str:
    """The messages up to the last turn of the user or a tool, or the reason that there are none."""
    if isinstance(value, str):
        return [{"role": "user", "content": value}] if value.strip() else "empty prompt"
    talk = spoken(value) if value else "empty prompt"
    if isinstance(talk, str):
        return talk
    while talk and talk[-1]["role"] == "assistant":
        talk.pop()
    if not _SHAPE.fullmatch("".join(said["role"][0] for said in talk)):
        return "bad messages"
    return talk if talk[-1]["content"].strip() else "empty prompt"


def spoken(items: Sequence[Any]) -> list[Message] | str:
    """All messages in the one spelling, or the reason that they are none. A call of a tool that stands beside its
    message's text has no place in role and content, and the tool's answer makes no sense without it.
    """
    if any(calls(item) for item in items):
        return "tool calls"
    said = [turn(item) for item in items]
    known = [one for one in said if one]
    return known if len(known) == len(said) else "bad messages"


def calls(item: Any) -> bool:
    """Whether a message calls tools otherwise than in its text."""
    if not isinstance(item, dict):
        return False
    return bool(item.get("tool_calls") or item.get("function_call")) or item.get("from") == "function_call"


def turn(item: Any) -> Message | None:
    """One message in the one spelling, or None where it is not one."""
    if not isinstance(item, dict):
        return None
    role = _ROLES.get(str(item.get("role") or item.get("from")))
    content = item.get("value") if item.get("content") is None else item["content"]
    return {"role": role, "content": content} if role and isinstance(content, str) else None


_SPEAKER = re.compile(r"(?:\A|\n\n)(Human|Assistant):")


def transcript(text: str) -> list[Message] | None:
    """The conversation that a text tells as HH-RLHF (arXiv:2204.05862) has them: ``Human: …`` and
    ``Assistant: …`` behind empty lines. None for a text that begins otherwise.
    """
    before, *parts = _SPEAKER.split(text)
    if before.strip() or not parts:
        return None
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": said.strip()} for who, said in zip(parts[::2], parts[1::2], strict=True)]


def message_column(talks: Sequence[list[Message] | None]) -> pl.Series:
    """The column of conversations; by way of a flat table, ten times as fast as from nested lists."""
    turns = [(row, said["role"], said["content"]) for row, talk in enumerate(talks) for said in talk or ()]
    flat = pl.DataFrame(turns, schema={"row": pl.UInt32, "role": pl.String, "content": pl.String}, orient="row")
    found = flat.group_by("row", maintain_order=True).agg(prompt=pl.struct("role", "content"))
    rows = pl.select(row=pl.int_range(len(talks), dtype=pl.UInt32))
    return rows.join(found, on="row", how="left", maintain_order="left")["prompt"].cast(MESSAGES)


def text_column(texts: Sequence[str | None]) -> pl.Series:
    """The column of conversations that are one turn of the user each."""
    said = pl.Series("content", texts, dtype=pl.String)
    talk = pl.concat_list(pl.struct(role=pl.lit("user"), content="content"))
    return said.to_frame().select(prompt=pl.when(pl.col("content").is_not_null()).then(talk))["prompt"].cast(MESSAGES)


_SPELLED = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
"""``asker.canonical``, made once."""


def hashed(talk: Sequence[Message]) -> str:
    return hashlib.sha256(_SPELLED(talk).encode()).hexdigest()[:16]


def hashed_text(text: str) -> str:
    """The same, of a conversation that is one turn of the user."""
    return hashlib.sha256(f'[{{"content":{encode_basestring(text)},"role":"user"}}]'.encode()).hexdigest()[:16]
