"""One target, one case: what is made, what is run, how long it took, and what must hold."""

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from prefgen.asker import Reply

SLOW = 0.05
"""Seconds of CPU, and seconds for each MB, beyond which a reader is slow."""
MB = 1e6
Check = Callable[[Any, Any], None]


def nothing_more(given: Any, outcome: Any) -> None:
    """Where all that counts is that it ends well."""


@cache
def place() -> Path:
    """Where this process writes the files that it then reads."""
    folder = tempfile.mkdtemp(prefix="prefgen-fuzz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def length(given: Any) -> int:
    """Characters or bytes of an input, or nearly; it may be nested too deeply for a walk that calls itself."""
    left, total = [given], 0
    while left:
        one = left.pop()
        if isinstance(one, str | bytes):
            total += len(one)
        elif isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list | tuple):
            left += one
        else:
            left += [one.text] if isinstance(one, Reply) else []
            total += 8
    return total


@dataclass(frozen=True)
class Target:
    """``run`` may raise what is ``allowed``, which is then its outcome; ``holds`` asserts what must be true of it.

    ``share`` is how many of a million inputs it gets. ``seconds`` and ``per_mb`` are what it may take: those of every
    reader, but for what runs in a bounded language of its own, or goes through YAML written in Python.
    """

    name: str
    share: int
    make: Callable[[Random], Any]
    run: Callable[[Any], Any]
    allowed: tuple[type[BaseException], ...] = ()
    holds: Check = nothing_more
    seconds: float = SLOW
    per_mb: float = SLOW


@dataclass(frozen=True)
class Case:
    """What came of one input; ``found`` is what is wrong, if anything is."""

    target: str
    number: int
    size: int = 0
    seconds: float = 0.0
    found: str = ""
    shown: str = ""

    @property
    def per_mb(self) -> float:
        return self.seconds * MB / max(self.size, 1)


def made(target: Target, number: int) -> Any:
    """A case's input."""
    return target.make(Random(f"{target.name}/{number}"))


def tried(target: Target, number: int) -> Case:
    """One case; one that seems slow is run three times, since the cores are shared."""
    given = made(target, number)
    size = length(given)
    outcome, seconds, found = _run(target, given)
    if not found and _is_slow(target, seconds, size):
        seconds = min(seconds, *(_run(target, given)[1] for _ in range(2)))
        found = f"slow: {1000 * seconds:.0f} ms" if _is_slow(target, seconds, size) else ""
    found = found or _broken(target, given, outcome)
    return Case(target.name, number, size, seconds, found, shown(given) if found else "")


def _run(target: Target, given: Any) -> tuple[Any, float, str]:
    """The outcome, the seconds of CPU, and what was raised that no contract names."""
    began = time.process_time()
    try:
        outcome = target.run(given)
    except target.allowed as e:
        return e, time.process_time() - began, ""
    except KeyboardInterrupt:
        raise
    except BaseException as e:  # noqa: BLE001  # a panic of Rust is no Exception
        return e, time.process_time() - began, f"{type(e).__name__}: {str(e)[:200]} ({_place(e)})"
    return outcome, time.process_time() - began, ""


def _place(error: BaseException) -> str:
    """Where in prefgen it was raised, or else where at all."""
    steps, at = [], error.__traceback__
    while at:
        steps.append((at.tb_frame.f_code.co_filename, at.tb_lineno))
        at = at.tb_next
    own = [step for step in steps if "/prefgen/" in step[0]] or steps
    return f"{own[-1][0].rpartition('/prefgen/')[2]}:{own[-1][1]}"


def _is_slow(target: Target, seconds: float, size: int) -> bool:
    return seconds > target.seconds and seconds * MB > target.per_mb * size


def _broken(target: Target, given: Any, outcome: Any) -> str:
    try:
        target.holds(given, outcome)
    except AssertionError as e:
        return f"does not hold: {str(e)[:300]} ({_place(e)})"
    except Exception as e:  # noqa: BLE001  # what is held against an outcome may call prefgen again
        return f"then {type(e).__name__}: {str(e)[:200]} ({_place(e)})"
    return ""


def shown(given: Any) -> str:
    """An input, shortened."""
    try:
        text = repr(given)
    except RecursionError:
        text = "an input that is nested too deeply to be shown"
    return text if len(text) <= 600 else f"{text[:400]} … {text[-160:]} ({len(text):,} characters)"
