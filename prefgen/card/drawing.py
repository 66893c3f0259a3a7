"""Charts in, PNG out.

What draws brings a JavaScript engine, which holds a hundred megabytes until its process ends: a process of its own
draws, and gives them back. Where none can be started, this one does. Pictures are kept beside a run, so that one that
is resumed draws nothing again.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from typing import Any

from prefgen.card import drawer

SECONDS = 300
"""After which a process that draws is taken to hang."""


def png(charts: Sequence[Mapping[str, Any]], kept: Path | None = None) -> list[bytes]:
    """The charts as PNG, in their order. ``kept`` is a folder of those that were drawn before; what is not wanted any
    more is taken from it.
    """
    texts = [json.dumps(chart) for chart in charts]
    if kept is None:
        return drawn(texts)
    names = [_name(text) for text in texts]
    found = {name: one for name in names if (one := _known(kept, name))}
    lacking = [(name, text) for name, text in zip(names, texts, strict=True) if name not in found]
    made = drawn([text for _, text in lacking])
    found |= {name: one for (name, _), one in zip(lacking, made, strict=True)}
    _keep(kept, found)
    return [found[name] for name in names]


def drawn(charts: Sequence[str], python: str = sys.executable) -> list[bytes]:
    """Charts, as JSON, as PNG."""
    with suppress(OSError, ValueError, subprocess.SubprocessError):
        return by_another(charts, python)
    return [drawer.png(chart) for chart in charts]


def by_another(charts: Sequence[str], python: str = sys.executable) -> list[bytes]:
    """The same, by a process of its own, which ``python`` starts. Raises OSError, ValueError or SubprocessError where
    that cannot be had.
    """
    if not charts:
        return []
    if "python" not in Path(python or "").name.lower():
        raise OSError("this process is no interpreter that could be started again")
    command = [python, "-I", "-S", drawer.__file__, json.dumps(sys.path)]
    asked = "\n".join(charts).encode()
    done = subprocess.run(command, input=asked, capture_output=True, check=True, timeout=SECONDS)  # noqa: S603
    sizes, _, pictures = done.stdout.partition(b"\n")
    ends = [0]
    for size in json.loads(sizes):
        ends.append(ends[-1] + size)
    if len(ends) != len(charts) + 1 or ends[-1] != len(pictures):
        raise ValueError("other pictures came than were asked for")
    return [pictures[start:end] for start, end in pairwise(ends)]


# --- pictures that are kept -----------------------------------------------------------------


def _name(chart: str) -> str:
    """What a picture is of, and what drew it."""
    of = f"{version('vl-convert-python')}/{drawer.SCALE}/{chart}"
    return hashlib.sha256(of.encode()).hexdigest()[:32]


def _sum(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()[:32]


def _known(kept: Path, name: str) -> bytes | None:
    """The picture of this name, where it is as it was when it was drawn."""
    for path in kept.glob(f"{name}-*.png"):
        with suppress(OSError):
            picture = path.read_bytes()
            if path.stem == f"{name}-{_sum(picture)}":
                return picture
    return None


def _keep(kept: Path, pictures: Mapping[str, bytes]) -> None:
    """Keeps these, and no others. A disk that has no room for them is full for others to tell."""
    wanted = {f"{name}-{_sum(one)}.png": one for name, one in pictures.items()}
    with suppress(OSError):
        kept.mkdir(parents=True, exist_ok=True)
        for path in [path for path in kept.iterdir() if path.name not in wanted]:
            path.unlink()
        for name, one in wanted.items():
            if not (kept / name).exists():
                (kept / name).write_bytes(one)
