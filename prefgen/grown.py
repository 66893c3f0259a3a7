"""What came of appending to a dataset: in numbers, in words, and on the card of the whole."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from prefgen.card.front import default, size
from prefgen.errors import RunError
from prefgen.splits import TWO

Rows = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class Appended:
    """What came of it: the ``rows`` of each split of each config, and, by config, how many were ``added``, were
    ``known``, were ``changed`` (kept as they were, or ``replaced``) and were ``left_out`` as near duplicates of prompts
    in two splits.
    """

    rows: Rows
    added: Mapping[str, int] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    changed: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    replaced: bool = False


def lines(found: Appended) -> list[str]:
    """What came of it, a line for each thing to know."""
    kept = "replaced by the newer" if found.replaced else "kept as they were (--replace takes the newer)"
    words = {
        "added": "added",
        "known": "there already",
        "changed": f"there with other content, {kept}",
        "left_out": f"left out ({TWO})",
    }
    told = [
        f"{what}: " + ", ".join(f"{name} {n:,}" for name, n in of.items())
        for key, what in words.items()
        if (of := getattr(found, key))
    ]
    rows = {name: " + ".join(f"{n:,} {split}" for split, n in of.items()) for name, of in found.rows.items()}
    return [*told, "in all: " + ", ".join(f"{name} {of}" for name, of in rows.items())]


# --- the card -------------------------------------------------------------------------------

_FRONT = re.compile(r"\A---\n(?P<front>.*?)^---\n+(?P<title># [^\n]*\n)?", re.DOTALL | re.MULTILINE)
_KEY = re.compile(r"^(?=\w[\w-]*:)", re.MULTILINE)


_TERMS = re.compile(r"^(license|license_name):[ ]*(.*?)[ ]*$", re.MULTILINE)
_GROWN = re.compile(r"\nThis dataset has grown\.[^\n]*\n\n?(?:- `[^\n]*\n)+")


def same_terms(older: Path, newer: Path) -> None:
    """Raises RunError where two cards state different licences: one card cannot speak for the rows of both."""
    fronts = [_FRONT.match(card.read_text(encoding="utf-8")) if card.is_file() else None for card in (older, newer)]
    said = [{k: v.strip("\"'") for k, v in _TERMS.findall(front["front"])} if front else {} for front in fronts]
    if all(fronts) and said[0] != said[1]:
        there, come = (" ".join(one.values()) or "no licence" for one in said)
        cure = f"run it with --set license={said[0].get('license', '')}, or keep them apart"
        raise RunError(f"the rows that are there are under {there}, those of the second run under {come}; {cure}")


def regrown(text: str, found: Appended) -> str:
    """A card with the files and sizes of the whole in its front matter, and a word about it under its title."""
    text = _GROWN.sub("", text)
    match = _FRONT.match(text)
    if not match:
        return text
    stale = ("configs:", "size_categories:", "dataset_info:")
    front = "".join(part for part in _KEY.split(match["front"]) if not part.startswith(stale))
    words = "This dataset has grown. What is said below is of the run whose rows came last; the whole has these rows:"
    lines = [
        f"- `{name}`: " + ", ".join(f"{n:,} in `{split}`" for split, n in of.items()) for name, of in found.rows.items()
    ]
    title = match["title"] or ""
    return "\n".join(
        [f"---\n{front}{_fields(found.rows)}---\n", f"{title}\n{words}\n", *lines, "", text[match.end() :]]
    )


def _fields(rows: Rows) -> str:
    """The fields of the front matter that tell what is where; a JSON string is one in YAML too."""
    first = default(rows)
    fields = f"size_categories:\n- {size(sum(rows[first].values()))}\nconfigs:\n"
    for name, of in rows.items():
        fields += f"- config_name: {name}\n" + ("  default: true\n" if name == first else "") + "  data_files:\n"
        for split in of:
            fields += f"  - split: {json.dumps(split)}\n    path: {json.dumps(f'{name}/{split}-*.parquet')}\n"
    return fields
