"""Markdown in which whatever a model or a recipe wrote is text and nothing else."""

import re
from collections.abc import Sequence
from typing import Any

from prefgen.texts import plain


def fenced(text: str, language: str = "") -> str:
    """A block of code whose fence is longer than any inside it."""
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; its cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bullets(lines: Sequence[str]) -> str:
    """A list; its lines are Markdown already."""
    return "\n".join(f"- {line}" for line in lines)


def section(title: str, *parts: str) -> str:
    """A heading and what stands below it; nothing where that is nothing."""
    told = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *told]) if told else ""


def cell(value: Any) -> str:
    """Text that stays inside its cell and its code marks, however many backslashes stand before a bar."""
    text = re.sub(r"\s+", " ", plain(str(value))).replace("`", "'")
    return re.sub(r"\\+\|", "\u00a6", text).replace("|", "\\|")


def marked(value: Any) -> str:
    """One value or a list of them, in code marks that nothing inside can end."""
    values = value if isinstance(value, list | tuple) else [value]
    return ", ".join(f"`{cell(item)}`" for item in values if item != "")


_ACTIVE = re.compile(r"://|www\.|@", re.IGNORECASE)
"""What pages make links of without being asked."""
_MARKUP = re.compile(r"[\\`*_{}\[\]<>#|~$&^]")
_BEGINS = re.compile(r"^(\d{0,9})([-+=.)])")
"""What at the beginning of a line makes it a list, a rule or a heading."""


def words(text: str) -> str:
    """A paragraph of somebody's text without markup of its own; what would be a link stands in code marks."""
    parts = re.sub(r"\s+", " ", plain(text)).strip().split(" ")
    told = " ".join(f"`{cell(one)}`" if _ACTIVE.search(one) else _MARKUP.sub(r"\\\g<0>", one) for one in parts)
    return _BEGINS.sub(r"\1\\\2", told)
