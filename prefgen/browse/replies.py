"""The replies behind rows, as the journal keeps them: who wrote what, for how much, and when. Nothing is written."""

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefgen.browse.shaping import Json
from prefgen.errors import PrefgenError, RowFailed, RunError
from prefgen.folders import home_of, journal_of
from prefgen.llm.providers import make_provider
from prefgen.llm.request import Completion
from prefgen.llm.stored import is_sound, looked_into, unpack

KEY = re.compile("[0-9a-f]{64}")
AT_ONCE = 500
QUESTION = "SELECT key, body, crc, prompt_tokens, completion_tokens, dollars, model, at FROM reply WHERE key IN"


def keys_of(row: Mapping[str, Any]) -> dict[str, list[str]]:
    """The journal's keys that a row holds, by its columns."""
    found = {name: value if isinstance(value, list) else [value] for name, value in row.items() if _holds_keys(name)}
    known = {name: [one for one in keys if isinstance(one, str) and KEY.fullmatch(one)] for name, keys in found.items()}
    return {name: keys for name, keys in known.items() if keys}


def _holds_keys(name: str) -> bool:
    return name.endswith("_reply") or name == "judgment_replies"


class Replies:
    """The journal of a run; a pilot's is the whole run's."""

    def __init__(self, folder: Path) -> None:
        self.path = journal_of(home_of(folder))

    def of(self, keys: Sequence[str]) -> dict[str, Json]:
        """What is known of each reply: ``model`` as it was asked, ``snapshot`` as it calls itself, tokens, ``dollars``
        (None where no price was known), ``finish``, ``text``, ``at`` (UTC); or ``gone``, why there is nothing. Raises
        RunError for a journal that cannot be read.
        """
        if not self.path.is_file():
            return {key: {"key": key, "gone": "the journal is gone"} for key in keys}
        found = {row[0].hex(): _told(row) for row in self._rows(list(dict.fromkeys(keys)))}
        return {key: found.get(key) or {"key": key, "gone": "no such reply is in the journal"} for key in keys}

    def count(self) -> int:
        """How many there are. Raises RunError for a journal that cannot be read."""
        if not self.path.is_file():
            return 0
        with closing(self._opened()) as connection:
            return int(connection.execute("SELECT count(*) FROM reply").fetchone()[0])

    def _rows(self, keys: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        with closing(self._opened()) as connection:
            for start in range(0, len(keys), AT_ONCE):
                some = [bytes.fromhex(key) for key in keys[start : start + AT_ONCE]]
                yield from connection.execute(f"{QUESTION} ({', '.join('?' * len(some))})", some)

    def _opened(self) -> sqlite3.Connection:
        try:
            return looked_into(self.path)
        except (sqlite3.Error, OSError) as e:
            cure = f"`prefgen verify {self.path.parent} --mend` saves what can still be read"
            raise RunError(f"{self.path}: {e}; {cure}") from e


def _told(row: Sequence[Any]) -> Json:
    key, body, crc, prompt, completion, dollars, model, at = row
    told: Json = {"key": key.hex(), "model": model, "prompt_tokens": prompt, "completion_tokens": completion}
    told |= {"dollars": dollars, "at": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}
    if not is_sound(key, body, crc):
        return told | {"gone": "the reply is damaged on disk"}
    try:
        raw = unpack(body)
        read = _read(str(model), raw)
    except (RunError, ValueError) as e:
        return told | {"gone": str(e)}
    return told | {"snapshot": read.snapshot or str(raw.get("model") or ""), "finish": read.finish, "text": read.text}


def _read(model: str, raw: Mapping[str, Any]) -> Completion:
    """A reply as its provider reads it; what it cannot read is told."""
    try:
        return make_provider(model.partition("/")[0], {}).read(dict(raw))
    except RowFailed as e:
        return Completion(str(e), e.reason)
    except PrefgenError as e:
        raise ValueError(str(e)) from e


def line(reply: Json) -> str:
    """A reply in a line, but for its text."""
    if "model" not in reply:
        return str(reply["gone"])
    snapshot = reply.get("snapshot")
    named = snapshot and snapshot != str(reply["model"]).partition("/")[2]
    who = f"{reply['model']} ({snapshot})" if named else reply["model"]
    price = "price not known" if reply["dollars"] is None else f"${reply['dollars']:.6f}".rstrip("0").rstrip(".")
    tokens = f"{reply['prompt_tokens']:,} tokens in, {reply['completion_tokens']:,} out"
    end = reply.get("gone") or f"finish: {reply['finish']}"
    return " · ".join([who, tokens, price, end, reply["at"]])
