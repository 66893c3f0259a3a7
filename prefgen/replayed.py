"""What came of a replay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prefgen.differences import Change
from prefgen.llm.offline import Bill


@dataclass(frozen=True)
class Step:
    """What one asking step used, before and now. ``wanted`` draws more are not known. Where requests brought several
    draws of which some are not used now, their share of the bill is not known: ``now`` is the most, ``at_most``.
    """

    table: str
    draws: tuple[int, int]
    before: Bill
    now: Bill
    wanted: int = 0
    at_most: bool = False


@dataclass(frozen=True)
class Most:
    """What the prompts that were left out may ask at most; dollars are None where a price is not known."""

    draws: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    dollars: float | None = 0


@dataclass(frozen=True)
class Replay:
    """Of a replay without changes: how many ``files`` the dataset has, or had, those that ``differ`` and how, and
    ``why`` that may be. Of one with changes also: what each asking step used and all together (``total``), each table's
    rows before and now, every row that is another, and what is not known: the prompts that are ``left_out``, of before
    and now alike, the least number of draws that they want, and the ``most`` that these may come to.
    """

    folder: Path
    changed: bool = False
    files: int = 0
    differ: Mapping[str, str] = field(default_factory=dict)
    why: Sequence[str] = ()
    steps: Sequence[Step] = ()
    total: Step = field(default_factory=lambda: Step("", (0, 0), Bill(), Bill()))
    tables: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    rows: Sequence[Change] = ()
    left_out: int = 0
    wanted: int = 0
    most: Most = field(default_factory=Most)
    notes: Sequence[str] = ()

    @property
    def equal(self) -> bool:
        """Whether the dataset was rebuilt byte for byte."""
        return not self.differ
