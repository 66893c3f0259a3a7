"""A process of somebody else's program, with all that it starts: it ends with the one that started it, however that
ends.
"""

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

ENDS = 20.0
"""Seconds that it has to end in."""
WATCH = 'read -r _; kill -s TERM -- "-$1" 2>/dev/null && sleep 10 && kill -s KILL -- "-$1" 2>/dev/null'
"""Waits until the other end of its input is closed, as it is when the process there ends, and ends the group ``$1``."""
READ, TOLD = 100_000, 300
"""Bytes of its output that are looked at, and characters that are told, when it has ended."""
_ERROR = re.compile(r"\b\w*(?:Error|Exception): \S.*")


class Guarded:
    """One process, in a group and with a watcher of its own. What it says is kept as long as it is open."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        self._folder = TemporaryDirectory(prefix="prefgen-engine-")
        self._log = Path(self._folder.name) / "log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        watch = ["/bin/sh", "-c", WATCH, "sh", str(self._process.pid)]
        self._watcher = subprocess.Popen(watch, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def last(self) -> str:
        """What it said last that says why."""
        with self._log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - READ))
            return last_error(log.read().decode("utf-8", "replace"))

    def end(self) -> None:
        """Ends it and those that it started, and waits for that."""
        self._tell(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(ENDS)
        self._tell(signal.SIGKILL)
        self._process.wait()
        self._watcher.kill()
        self._watcher.communicate()
        self._folder.cleanup()

    def _tell(self, what: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, what)


def last_error(log: str) -> str:
    """The last exception in a log, or its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    found = [error.group() for line in lines if (error := _ERROR.search(line)) and "See root cause" not in line]
    return (found or lines or ["it ended without a word"])[-1][:TOLD]
