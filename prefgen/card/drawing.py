"""Charts in, PNG or SVG out.

What draws brings a JavaScript engine, which takes a third of a second to start and holds a hundred megabytes until its
process ends: a process of its own draws, and gives them back. ``together`` has one process draw for all who ask within
it, and within others like it. Where none can be started, this one draws. Pictures are kept beside a run, so that one
that is resumed draws nothing again.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from importlib.metadata import version
from pathlib import Path
from threading import Lock, Timer
from typing import IO, Any, Literal, Self

from prefgen.card import drawer

SECONDS = 300
"""After which a process that draws is taken to hang."""

Form = Literal["png", "svg"]
Charts = Sequence[Mapping[str, Any]]


def png(charts: Charts, kept: Path | None = None) -> list[bytes]:
    """The charts as PNG, in their order. ``kept`` is a folder of those that were drawn before; what is not wanted any
    more is taken from it.
    """
    return _pictures("png", charts, kept)


def svg(charts: Charts, kept: Path | None = None) -> list[str]:
    """The charts as SVG, in the same way; those that are kept need a folder of their own."""
    return [one.decode() for one in _pictures("svg", charts, kept)]


def _pictures(form: Form, charts: Charts, kept: Path | None) -> list[bytes]:
    texts = [json.dumps(chart) for chart in charts]
    if kept is None:
        return drawn(form, texts)
    names = [_name(form, text) for text in texts]
    found = {name: one for name in names if (one := _known(kept, name))}
    lacking = [(name, text) for name, text in zip(names, texts, strict=True) if name not in found]
    made = drawn(form, [text for _, text in lacking])
    found |= {name: one for (name, _), one in zip(lacking, made, strict=True)}
    _keep(kept, found)
    return [found[name] for name in names]


def drawn(form: Form, charts: Sequence[str], python: str = sys.executable) -> list[bytes]:
    """Charts, as JSON, as pictures."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        return by_another(form, charts, python)
    return [drawer.FORMS[form](chart) for chart in charts]


def by_another(form: Form, charts: Sequence[str], python: str = sys.executable) -> list[bytes]:
    """The same, by a process of its own, which ``python`` starts. Raises OSError, ValueError or SubprocessError where
    that cannot be had.
    """
    if not charts:
        return []
    shared = _SHARED.get()
    with nullcontext(shared) if shared else _Drawer() as one:
        return [one.picture(form, chart, python) for chart in charts]


@contextmanager
def together() -> Iterator[None]:
    """Whatever is drawn within is drawn by one process, which starts when it is needed and ends at the end: at the
    outermost one's, where there are several.
    """
    if _SHARED.get():
        yield
        return
    with _Drawer() as one:
        before = _SHARED.set(one)
        try:
            yield
        finally:
            _SHARED.reset(before)


class _Drawer:
    """A process that draws, from its first picture on; one picture at a time, whoever asks."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def picture(self, form: Form, chart: str, python: str) -> bytes:
        """A chart's picture. Raises as ``by_another`` does; the next one is then drawn by another process."""
        with self._lock:
            return self._picture(form, chart, python)

    def _picture(self, form: Form, chart: str, python: str) -> bytes:
        process = self._process = self._process or _started(python)
        assert process.stdin  # noqa: S101  (both are pipes)
        assert process.stdout  # noqa: S101
        hangs = Timer(SECONDS, process.kill)
        hangs.start()
        try:
            process.stdin.write(f"{form} {chart}\n".encode())
            process.stdin.flush()
            return _sized(process.stdout)
        except (OSError, ValueError):
            self.end()
            raise
        finally:
            hangs.cancel()

    def end(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process:
            with suppress(OSError):  # a pipe to one that died
                process.communicate()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


_SHARED: ContextVar[_Drawer | None] = ContextVar("_SHARED", default=None)


def _started(python: str) -> "subprocess.Popen[bytes]":
    if "python" not in Path(python or "").name.lower():
        raise OSError("this process is no interpreter that could be started again")
    command = [python, "-I", "-S", drawer.__file__, json.dumps(sys.path)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)  # noqa: S603


def _sized(stream: IO[bytes]) -> bytes:
    """What comes after a line that says how much it is."""
    size = int(stream.readline())
    picture = stream.read(size)
    if len(picture) != size:
        raise ValueError("a picture came in part")
    return picture


# --- pictures that are kept -----------------------------------------------------------------


def _name(form: Form, chart: str) -> str:
    """What a picture is of, and what drew it."""
    of = f"{version('vl-convert-python')}/{drawer.SCALE if form == 'png' else form}/{chart}"
    return hashlib.sha256(of.encode()).hexdigest()[:32]


def _sum(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()[:32]


def _known(kept: Path, name: str) -> bytes | None:
    """The picture of this name, where it is as it was when it was drawn."""
    for path in kept.glob(f"{name}-*"):
        with suppress(OSError):
            picture = path.read_bytes()
            if path.stem == f"{name}-{_sum(picture)}":
                return picture
    return None


def _keep(kept: Path, pictures: Mapping[str, bytes]) -> None:
    """Keeps these, and no others. A disk that has no room for them is full for others to tell."""
    wanted = {f"{name}-{_sum(one)}.{_ending(one)}": one for name, one in pictures.items()}
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
        for path in [path for path in kept.iterdir() if path.name not in wanted]:
            path.unlink()
        for name, one in wanted.items():
            if not (kept / name).exists():
                (kept / name).write_bytes(one)


def _ending(picture: bytes) -> Form:
    return "svg" if picture.startswith(b"<svg") else "png"
