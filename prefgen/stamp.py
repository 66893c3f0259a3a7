"""A card that says which files it is of.

``datasets`` keeps what it has read of a folder by the folder's own name and its card's front matter. All runs' are
called ``dataset``, and fronts of the same configs are alike: without a stamp ``load_dataset`` gave one run's rows for
another's.
"""

import hashlib
import re
from pathlib import Path

_FRONT = re.compile(r"\A---\n.*?^---$", re.DOTALL | re.MULTILINE)
_CONFIG = re.compile(r"^(- config_name: ([\w-]+)\n)(?:  description: .*\n)?", re.MULTILINE)


def stamped(card: str, folder: Path) -> str:
    """The card, each config in its front matter described by a digest of the config's files in ``folder``: the same
    bytes have the same one. ``description`` is a field of ``datasets``' own, that nothing else reads.
    """
    front = _FRONT.match(card)
    if not front:
        return card
    return _CONFIG.sub(lambda found: f"{found[1]}{_description(folder / found[2])}", front[0]) + card[front.end() :]


def _description(files: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(files.glob("*.parquet")):
        with path.open("rb") as file:
            digest.update(f"{path.name}/{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return f"  description: files {digest.hexdigest()[:16]}\n"
