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
    ("prompt-completion", frozenset({"prompt", "completion"}), "SFTTrainer"),
    ("language modeling", frozenset({"messages"}), "SFTTrainer"),
    ("language modeling", frozenset({"text"}), "SFTTrainer"),
    ("prompt-only", frozenset({"prompt"}), "GRPOTrainer, RLOOTrainer"),
)
"""Types, the columns that each is known by, and who takes it; the most particular first."""
OWN = frozenset({"prompt", "chosen", "rejected", "completion", "messages", "text", "label"})
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
Problem = dict[str, Any]
"""What is in the way: ``what``, ``cure``, ``rows``, ``stops``."""
_SEEN = OWN & {"prompt", "chosen", "rejected", "completion", "messages"}


class Looked:
    """What the columns that TRL looks at hold, row by row: kinds of values, and conversations that end amiss."""

    def __init__(self) -> None:
        self.columns: list[str] = []
        self.kinds: dict[str, Counter[str]] = {}
        self.ends: Counter[str] = Counter()
        self.twice: Counter[str] = Counter()

    def add(self, raw: Raw) -> None:
        """Looks at some rows."""
        self.columns = list(raw.columns)
        for name in sorted(_SEEN & {*raw.columns}):
            column = raw.column(name)
            found = self.kinds.setdefault(name, Counter())
            found.update(_kinds(column))
            self.ends[name] += sum(
                n for role, n in _roles(column, -1).items() if (role == "assistant") == (name == "prompt")
            )
            self.twice[name] += sum(n for role, n in _roles(column, 0).items() if role in {"system", "user"})

    def told(self, taken: Taken, unread: Mapping[str, int]) -> dict[str, Any]:
        """TRL's type and format, the trainers, and what is in the way: ``what``, ``cure``, whether it ``stops`` a
        trainer, and ``rows``, where it is a matter of rows.
        """
        there = set(self.columns)
        of, marks, who = next((one for one in TYPES if one[1] <= there), ("", frozenset[str](), ""))
        format_ = self._format({*marks, "prompt"} & there & _SEEN) if of else ""
        problems = [*_taken_for(of, taken), *self._mixed(of, format_), *self._values(), *_ends(self.ends)]
        problems += self._twice() if of == "preference" else []
        problems += [_problem(f"row left out: {why}", "mend or drop them", n) for why, n in sorted(unread.items())]
        asked = ("explicit" if "prompt" in there else "implicit") if of == "preference" else None
        whole = not any(one["stops"] for one in problems)
        told = {"type": of or None, "format": format_ or None, "prompt": asked, "trainers": who if whole else ""}
        named = {name: BY_NAME[name] for name in self.columns if name in BY_NAME}
        others = sorted(there - OWN - {*BY_NAME})
        columns = {"columns": self.columns, "by_name": named, "others": others, "formats": self._formats()}
        return {**told, **columns, "problems": problems}

    def _format(self, names: set[str]) -> str:
        talks = {name for name in names if self._holds(name, "messages")}
        return "mixed" if talks and names - talks else "conversational" if talks else "standard"

    def _holds(self, name: str, kind: str) -> bool:
        return bool(self.kinds.get(name, Counter[str]())[kind])

    def _mixed(self, of: str, format_: str) -> list[Problem]:
        if of != "preference" or format_ != "mixed":
            return []
        what = (
            "some of prompt, chosen and rejected hold messages, the others text: DPOTrainer and RewardTrainer refuse it"
        )
        return [_problem(what, "drop the column prompt where the others are whole conversations", stops=True)]

    def _twice(self) -> list[Problem]:
        """Whole conversations beside a prompt of messages, which trainers put before them."""
        cure = "drop the column prompt, or leave the last turn alone in chosen and rejected"
        sides = ("chosen", "rejected") if self._holds("prompt", "messages") else ()
        what = "{} begins with the prompt, which would stand there twice"
        return [_problem(what.format(name), cure, self.twice[name]) for name in sides if self.twice[name]]

    def _values(self) -> list[Problem]:
        """What columns hold that they should not."""
        found = []
        for name, kinds in self.kinds.items():
            held = sorted({*kinds} - {"nothing"})
            if len(held) > 1 or {*held} - {"text", "messages"}:
                cure = "write all of it as text, or as lists of role and content"
                found.append(_problem(f"{name} holds {' and '.join(held)}", cure, stops=True))
            if kinds["nothing"]:
                found.append(_problem(f"{name} is null", "leave these rows out", kinds["nothing"]))
        return found

    def _formats(self) -> list[str]:
        """Formats of ours whose columns are all there, with the names of trainers that mean them."""
        return [name for name in trainers.names() if self._has(name)]

    def _has(self, name: str) -> bool:
        one = trainers.find(name)
        schema = one.schema(one.configs[0])
        if OWN & {*self.columns} - {*schema.names}:
            return False  # a column more with a meaning makes another format of it
        return all(
            field.name in self.columns and self._fits(field.name, str(field.type))
            for field in schema
            if field.name != "id"
        )

    def _fits(self, name: str, of: str) -> bool:
        kinds = set(self.kinds.get(name, {})) - {"nothing"}
        return not kinds or kinds == ({"messages"} if of.startswith("list<") else {"text"} if of == "string" else kinds)


def _problem(what: str, cure: str, rows: int | None = None, *, stops: bool = False) -> Problem:
    return {"what": what, "cure": cure, "rows": rows, "stops": stops}


def _taken_for(of: str, taken: Taken) -> list[Problem]:
    """Where TRL does not see what is there."""
    if of == "preference" or (of and taken.kind != "pairs"):
        return []
    what = f"TRL takes it for {of}, not for pairs" if of else "no columns of the names that TRL looks for"
    cure = "make pairs of it, or a column of the name prompt, completion or messages"
    if taken.kind == "pairs":
        cure = f"rename its columns to prompt, chosen, rejected (it is {taken.layout}: {taken.told})"
    return [_problem(what, cure, stops=True)]


def _ends(ends: Mapping[str, int]) -> list[Problem]:
    """Conversations that end with the wrong role."""
    found = []
    for name, rows in ends.items():
        if rows and name == "prompt":
            what, cure = "prompt ends with a turn of the assistant", "the template would go on with it: cut it off"
            found.append(_problem(what, cure, rows))
        elif rows:
            what = f"{name} does not end with a turn of the assistant"
            found.append(_problem(what, "cut off what comes behind", rows))
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


def _roles(column: pl.Series | list[Any], place: int) -> Mapping[str, int]:
    """The roles of the first messages (0), or of the last (-1), and how often each comes."""
    if isinstance(column, pl.Series):
        if not _is_talk(column.dtype):
            return {}
        roles = column.list.get(place, null_on_oob=True).struct.field("role").drop_nulls()
        return {str(role): n for role, n in roles.value_counts().iter_rows()}
    some = (value[place] for value in column if isinstance(value, list) and value)
    return Counter(str(one["role"]) for one in some if isinstance(one, dict) and "role" in one)
