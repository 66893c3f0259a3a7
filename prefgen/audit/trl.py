"""What TRL would make of a dataset: its type, its format, which trainers take it, and what is in their way.

Types and formats are those of TRL's page "Dataset formats and types": a trainer looks at the names of columns, and at
whether the first value is a list of messages.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from prefgen import trainers
from prefgen.audit.taken import Taken
from prefgen.sources._read import Raw, kind

TYPES: Sequence[tuple[str, frozenset[str], str]] = (
    ("preference", frozenset({"chosen", "rejected"}), "DPOTrainer, RewardTrainer; KTOTrainer takes it apart"),
    ("unpaired preference", frozenset({"prompt", "completion", "label"}), "KTOTrainer"),
    ("stepwise supervision", frozenset({"prompt", "completions", "labels"}), "PRMTrainer"),
    ("prompt-completion", frozenset({"prompt", "completion"}), "SFTTrainer"),
    ("language modeling", frozenset({"messages"}), "SFTTrainer"),
    ("language modeling", frozenset({"text"}), "SFTTrainer"),
    ("prompt-only", frozenset({"prompt"}), "GRPOTrainer, RLOOTrainer"),
)
"""Types, the columns that each is known by, and who takes it; the most particular first."""
OWN = frozenset({"prompt", "chosen", "rejected", "completion", "messages", "text", "label", "completions", "labels"})
BY_NAME: Mapping[str, str] = {
    "margin": "RewardTrainer adds it to its loss",
    "tools": "goes into the chat template",
    "chat_template_kwargs": "goes to the chat template",
    "image": "makes it a dataset of pictures",
    "images": "makes it a dataset of pictures",
    "chosen_ids": "is taken for tokens",
    "rejected_ids": "is taken for tokens",
    "chosen_input_ids": "is taken for tokens",
    "rejected_input_ids": "is taken for tokens",
    "ref_chosen_logps": "is taken for the reference model's log-probabilities",
    "ref_rejected_logps": "is taken for the reference model's log-probabilities",
}
"""Columns that trainers take for something by their name."""
_SEEN = OWN & {"prompt", "chosen", "rejected", "completion", "messages"}


class Looked:
    """What the columns that TRL looks at hold, row by row: kinds of values, and conversations that end amiss."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.kinds: dict[str, Counter[str]] = {}
        self.ends: Counter[str] = Counter()

    def add(self, raw: Raw) -> None:
        """Looks at some rows."""
        self.columns = list(raw.columns)
        for name in sorted(_SEEN & {*raw.columns}):
            column = raw.column(name)
            found = self.kinds.setdefault(name, Counter())
            roles = _last_roles(column)
            found.update(_kinds(column))
            wrong = "assistant" if name == "prompt" else None
            self.ends[name] += sum(n for role, n in roles.items() if (role == "assistant") == bool(wrong))

    def told(self, taken: Taken, unread: Mapping[str, int]) -> dict[str, Any]:
        """TRL's type and format, the trainers, and what is in the way (``what``, ``cure``, ``rows`` where it is rows')."""
        there = set(self.columns)
        of, marks, who = next(((of, marks, who) for of, marks, who in TYPES if marks <= there), ("", frozenset(), ""))
        talks = {name for name in {*marks, "prompt"} & there if self.kinds.get(name, {}).get("messages")}
        mixed = bool(talks) and bool({*marks, "prompt"} & there & _SEEN - talks)
        problems = list(self._problems(taken, of, talks, mixed=mixed, unread=unread))
        format_ = "" if not of else "mixed" if mixed else "conversational" if talks else "standard"
        asked = ("explicit" if "prompt" in there else "implicit") if of == "preference" else ""
        whole = not any(one["stops"] for one in problems)
        return {
            "type": of or None, "format": format_ or None, "prompt": asked or None, "trainers": who if whole and of else "",
            "columns": self.columns, "by_name": {n: BY_NAME[n] for n in self.columns if n in BY_NAME},
            "others": sorted(there - OWN - {*BY_NAME}), "formats": self._formats(), "problems": problems,
        }  # fmt: skip

    def _problems(
        self, taken: Taken, of: str, talks: set[str], *, mixed: bool, unread: Mapping[str, int]
    ) -> "list[dict[str, Any]]":
        found = []
        if not of or (taken.kind == "pairs" and of != "preference"):
            what = "no columns of the names that TRL looks for" if not of else f"TRL takes it for {of}, not for pairs"
            found.append(_problem(what, _renamed(taken), stops=True))
        if mixed and of == "preference":
            what = f"{', '.join(sorted(talks))} hold messages, and the others text: DPOTrainer and RewardTrainer refuse that"
            found.append(_problem(what, "drop the column prompt where chosen and rejected are whole conversations", stops=True))
        for name, kinds in self.kinds.items():
            held = sorted({*kinds} - {"nothing"})
            if len(held) > 1 or {*held} - {"text", "messages"}:
                what = f"{name} holds {' and '.join(held)}"
                found.append(_problem(what, "write all of it as text, or as lists of role and content", stops=True))
            if kinds["nothing"]:
                found.append(_problem(f"{name} is null", "leave these rows out", kinds["nothing"]))
        found += _ends(self.ends)
        found += [_problem(f"row left out: {why}", "mend or drop them", n) for why, n in sorted(unread.items())]
        return found

    def _formats(self) -> list[str]:
        """Formats of ours whose columns are all there, with the names of trainers that mean them."""
        return [name for name in trainers.names() if self._has(name)]

    def _has(self, name: str) -> bool:
        one = trainers.find(name)
        schema = one.schema(one.configs[0])
        return all(field.name in self.columns and self._fits(field.name, str(field.type)) for field in schema if field.name != "id")

    def _fits(self, name: str, of: str) -> bool:
        kinds = set(self.kinds.get(name, {})) - {"nothing"}
        return not kinds or kinds == ({"messages"} if of.startswith("list<") else {"text"} if of == "string" else kinds)


def _problem(what: str, cure: str, rows: int | None = None, *, stops: bool = False) -> dict[str, Any]:
    return {"what": what, "cure": cure, "rows": rows, "stops": stops}


def _renamed(taken: Taken) -> str:
    if taken.pairs and taken.kind == "pairs":
        return f"rename its columns to prompt, chosen, rejected (it is {taken.layout}: {taken.told})"
    return "make pairs of it, or a column of the name prompt, completion or messages"


def _ends(ends: Mapping[str, int]) -> "list[dict[str, Any]]":
    found = []
    for name, rows in ends.items():
        if rows and name == "prompt":
            found.append(_problem("prompt ends with a turn of the assistant", "the template would go on with it: cut it off", rows))
        elif rows and name in {"chosen", "rejected", "messages", "completion"}:
            found.append(_problem(f"{name} does not end with a turn of the assistant", "cut off what comes behind", rows))
    return found


# --- values ---------------------------------------------------------------------------------


def _kinds(column: pl.Series | list[Any]) -> Counter[str]:
    """How many values are text, messages, nothing or something else."""
    if isinstance(column, pl.Series):
        of = "text" if column.dtype == pl.String else "messages" if _is_talk(column.dtype) else _other(column.dtype)
        found = Counter({of: column.count(), "nothing": column.null_count()})
        return Counter({name: n for name, n in found.items() if n})
    return Counter(_kind(value) for value in column)


def _kind(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "messages" if {"role", "content"} <= {*value[0]} else "objects without role and content"
    return kind(value)


def _is_talk(of: pl.DataType) -> bool:
    inner = of.inner if isinstance(of, pl.List) else None
    return isinstance(inner, pl.Struct) and {"role", "content"} <= {field.name for field in inner.fields}


def _other(of: pl.DataType) -> str:
    if isinstance(of, pl.List) and isinstance(of.inner, pl.Struct):
        return "objects without role and content"
    return "a list" if isinstance(of, pl.List) else "an object" if isinstance(of, pl.Struct) else "numbers"


def _last_roles(column: pl.Series | list[Any]) -> Mapping[str, int]:
    """The roles of the last messages, and how often each comes."""
    if isinstance(column, pl.Series):
        if not _is_talk(column.dtype):
            return {}
        roles = column.list.last().struct.field("role").drop_nulls()
        return {str(role): n for role, n in roles.value_counts().iter_rows()}
    last = (value[-1] for value in column if isinstance(value, list) and value)
    return Counter(str(one["role"]) for one in last if isinstance(one, dict) and "role" in one)


