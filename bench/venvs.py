"""An environment for each peer, made by name from the package index; one that cannot be made is told, with its reason.

python bench/venvs.py [FOLDER]
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from bench.contenders import Contender, by_peer

PEERS = {
    "distilabel": ("distilabel[openai]", "requests"),  # `requests`: it imports it and does not name it
    "curator": ("bespokelabs-curator",),
    "datadesigner": ("data-designer",),
    "sdghub": ("sdg-hub",),
}
"""Packages of each, at their newest releases."""
TOGETHER = {"distilabel", "sdghub"}
"""Those that ask for several draws in one request."""


def make(folder: Path) -> None:
    """Makes what is missing. Of a peer that does not install the end of pip's words is kept in FAILED."""
    for name, packages in PEERS.items():
        place = folder / name
        if (place / "DONE").exists():
            continue
        print(f"{name}: {' '.join(packages)}", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        command = [str(python(folder, name)), "-m", "pip", "install", "-q", *packages]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        (place / ("FAILED" if done.returncode else "DONE")).write_text(done.stdout[-2000:])


def python(folder: Path, name: str) -> Path:
    """The interpreter of a peer's environment."""
    return folder / name / "bin" / "python"


def contenders(folder: Path, workload: str) -> list[Contender]:
    """The peers that are installed."""
    there = [name for name in PEERS if (folder / name / "DONE").exists()]
    together = TOGETHER if workload == "w2" else set()
    return [Contender(name, by_peer(name, python(folder, name)), together=name in together) for name in there]


def told(folder: Path) -> Iterator[str]:
    """Which peers, at which versions; and of those that are missing why."""
    for name, (package, *_) in PEERS.items():
        wanted = package.partition("[")[0]
        if not (folder / name / "DONE").exists():
            failed = folder / name / "FAILED"
            why = failed.read_text().strip().splitlines()[-1:] if failed.exists() else ["not installed"]
            yield f"{wanted}: {why[0] if why else 'not installed'}"
        else:
            code = f"from importlib.metadata import version; print(version({wanted!r}))"
            found = subprocess.run(
                [str(python(folder, name)), "-c", code], stdout=subprocess.PIPE, text=True, check=False
            )
            yield f"{wanted} {found.stdout.strip()}"


if __name__ == "__main__":
    make(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent.parent / "build" / "peers")
