"""A reply at rest: its JSON, compressed, with a checksum that binds it to its key."""

import json
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import zstandard

from prefgen.errors import RunError
from prefgen.llm.request import Raw
from prefgen.llm.store import checksum

LARGEST = 64 * 2**20
"""Bytes that one stored reply may unpack to; none that was written comes near."""

_ENCODER = json.JSONEncoder(ensure_ascii=True, separators=(",", ":"))


class _Zstd(threading.local):
    """What packs and unpacks, made once for each thread: making it takes longer than a reply does."""

    def __init__(self) -> None:
        self.pack, self.unpack = zstandard.ZstdCompressor(), zstandard.ZstdDecompressor()


_ZSTD = _Zstd()


class Entry(NamedTuple):
    """A reply to be kept: its key, the provider's own JSON, and what it cost (dollars None where no price is known)."""

    key: bytes
    raw: Raw
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float | None = None
    model: str = ""


def packed(entry: Entry) -> tuple[Any, ...]:
    """A row of the reply table."""
    body = _ZSTD.pack.compress(_ENCODER.encode(entry.raw).encode())
    tokens = (entry.prompt_tokens, entry.completion_tokens)
    return (entry.key, body, checksum(entry.key, body), *tokens, entry.dollars, entry.model, time.time())


def is_sound(key: bytes, body: bytes, crc: int) -> bool:
    """Whether a stored reply is as it was written, and the one to this key: a damaged index can lead to another's."""
    return isinstance(body, bytes) and checksum(key, body) == crc


def unpack(body: bytes) -> Raw:
    """The reply itself. Raises RunError for one that unpacks to more than any reply is, or to none: somebody made it
    by hand.
    """
    try:
        if zstandard.frame_content_size(body) > LARGEST:
            raise RunError(f"a stored reply of over {LARGEST // 2**20} MB; this journal was not written by prefgen")
        raw = _read(_ZSTD.unpack.decompress(body, max_output_size=LARGEST))
    except (zstandard.ZstdError, ValueError, RecursionError) as e:
        raise RunError(f"a stored reply is none ({e}); this journal was not written by prefgen") from e
    if not isinstance(raw, dict):
        raise RunError("a stored reply is no object; this journal was not written by prefgen")
    return raw


def _read(text: bytes) -> Any:
    """JSON as orjson reads it, but for what it does not (NaN). A number of over 64 bits is a fraction then: no count
    of tokens and no probability is one.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text.decode())


def looked_into(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing; where the journal's folder cannot be written either, one that takes it for
    finished. Raises sqlite3.Error where it cannot be read.
    """
    try:
        return _looking(path, "mode=ro")
    except sqlite3.Error:
        return _looking(path, "immutable=1")


def _looking(path: Path, how: str) -> sqlite3.Connection:
    found = sqlite3.connect(f"file:{quote(str(path))}?{how}", uri=True, timeout=5.0)
    try:
        found.execute("SELECT 1 FROM reply LIMIT 1")
    except sqlite3.Error:
        found.close()
        raise
    return found
