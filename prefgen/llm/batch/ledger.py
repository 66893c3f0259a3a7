"""What the journal knows of batches: rows that are added and never changed, the last of which says how a batch stands.

intent    what is in it, written before anything is sent
asked     its input is with the provider (``file``); from here on the batch may have been made
made      its provider's id (``batch``)
saved     its results are in a file on stable storage
done      every reply in them is in the journal (``lost``: the keys that got none)
dropped   nothing of it was made, or its user let go of it
"""

import json
import re
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import zstandard

from prefgen.errors import RunError
from prefgen.llm.batch.protocol import TAG, Line
from prefgen.llm.drawn import Drawn
from prefgen.llm.journal import LARGEST, Journal
from prefgen.llm.request import Model
from prefgen.llm.store import BATCH, Insert, opened

State = Literal["intent", "asked", "made", "saved", "done", "dropped"]
OVER = frozenset({"done", "dropped"})
_TAG = re.compile(rf"[0-9a-f]{{{TAG}}}")
SETTINGS = ("use", "base_url", "api_key_env", "max_tokens", "price", "batch")
"""Of a model: what it takes to ask after its batch, and to count what it cost."""


@dataclass
class Record:
    """One batch of ours. ``before`` is the account's newest batch when it was meant, ``sha256`` the input's; ``looked``
    how many of its requests were done when it was last looked at, ``paid`` how many of its results are replies.
    """

    tag: str
    model: Model
    lines: Sequence[Line]
    before: str = ""
    sha256: str = ""
    state: State = "intent"
    file: str = ""
    batch: str = ""
    looked: int = 0
    paid: int | None = None
    by_key: dict[bytes, Line] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.by_key = {line.keys[0]: line for line in self.lines}

    @property
    def worst(self) -> float:
        """The most dollars that it can cost."""
        return sum(line.worst or 0.0 for line in self.lines)


def some(requests: int) -> str:
    """1 request, 2 requests."""
    return f"{requests:,} request" + ("" if requests == 1 else "s")


def new_tag() -> str:
    """A name that no other batch has."""
    return secrets.token_hex(TAG // 2)


async def note(journal: Journal, record: Record, state: State, **more: str) -> None:
    """Keeps what has happened to a batch; returns when it is on stable storage."""
    await journal.keep(row(record, state, **more))
    known(record, state, more)


def row(record: Record, state: State, **more: str) -> Insert:
    """The row that says so."""
    body = {**_intent(record), **more} if state == "intent" else more
    packed = zstandard.compress(json.dumps(body, separators=(",", ":")).encode())
    return Insert(BATCH, [(record.tag, state, packed, time.time())])


def known(record: Record, state: State, more: Mapping[str, Any]) -> None:
    """Brings a record to where a row says that it is."""
    record.state = state
    record.file, record.batch = str(more.get("file", record.file)), str(more.get("batch", record.batch))
    record.paid = int(more["paid"]) if more.get("paid") else record.paid


def _intent(record: Record) -> dict[str, Any]:
    settings = {name: value for name, value in asdict(record.model).items() if name in SETTINGS}
    lines = [[line.worst, *(key.hex() for key in line.keys)] for line in record.lines]
    return {"model": settings, "lines": lines, "before": record.before, "sha256": record.sha256}


def unfinished(journal: Journal) -> list[Record]:
    """The batches that are not over, oldest first. Raises RunError for rows that prefgen did not write."""
    found: dict[str, Record] = {}
    with _ours(journal.path):
        over = {tag for tag, state, _ in journal.store.batches() if state in OVER}
        for tag, state, body in journal.store.batches():
            if tag not in over:
                _told(found, tag, state, _unpacked(body))
    return list(found.values())


def known_ids(journal: Journal) -> set[str]:
    """The providers' ids of all batches of this journal."""
    rows = [_unpacked(body) for _, state, body in journal.store.batches() if state == "made"]
    return {str(one["batch"]) for one in rows if "batch" in one}


def brought(path: Path) -> Drawn:
    """The keys of the replies in the journal at this path that came in batches. Raises as ``unfinished``."""
    came, meant = Drawn(), dict[str, bytes]()
    with closing(opened(path)) as connection, _ours(path):
        for tag, state, body in connection.execute(_DONE):
            if state == "intent":
                meant[tag] = body
            elif tag in meant:
                lost = set(str(_unpacked(body).get("lost", "")).split())
                keys = (key for _, *keys in _unpacked(meant.pop(tag))["lines"] for key in keys)
                came.update(bytes.fromhex(key) for key in keys if key not in lost)
    return came


_DONE = """SELECT tag, state, body FROM batch
WHERE state IN ('intent', 'done') AND tag IN (SELECT tag FROM batch WHERE state = 'done') ORDER BY rowid"""


@contextmanager
def _ours(path: Path) -> Iterator[None]:
    """Raises RunError for rows that prefgen did not write."""
    try:
        yield
    except (zstandard.ZstdError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
        raise RunError(f"{path}: what it says of batches was not written by prefgen ({e!r})") from e


def _told(found: dict[str, Record], tag: str, state: Any, more: Mapping[str, Any]) -> None:
    if state == "intent":
        if not _TAG.fullmatch(tag):
            raise ValueError(tag)
        lines = [Line(tuple(map(bytes.fromhex, keys)), worst) for worst, *keys in more["lines"]]
        model = Model(**{name: more["model"].get(name) for name in SETTINGS})
        found[tag] = Record(tag, model, lines, more["before"], more["sha256"])
    elif tag in found:
        known(found[tag], state, more)


def _unpacked(body: bytes) -> dict[str, Any]:
    if zstandard.frame_content_size(body) > LARGEST:
        raise ValueError("too large")
    data = json.loads(zstandard.decompress(body, max_output_size=LARGEST))
    if not isinstance(data, dict):
        raise ValueError("no object")  # noqa: TRY004  # it is the file that is wrong
    return data


def tidy(journal: Journal, left: Sequence[Record]) -> None:
    """Takes away results of batches that are over: a process may have ended between the two."""
    for path in journal.path.with_name("batches").glob("*.*"):
        if _TAG.fullmatch(path.stem) and path.stem not in {record.tag for record in left}:
            path.unlink(missing_ok=True)


def saved_at(journal: Journal, record: Record) -> Path:
    """Where a batch's results lie until they are read."""
    return journal.path.with_name("batches") / f"{record.tag}.jsonl"
