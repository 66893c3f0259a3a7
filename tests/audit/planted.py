"""Datasets of clean rows among which each fault stands a known number of times."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from prefgen.resources import resources

Row = dict[str, Any]
_SHIPPED = resources("recipes") / "data" / "user_oriented_prompts.jsonl"
SEEDS = [json.loads(line)["prompt"] for line in _SHIPPED.read_text(encoding="utf-8").splitlines()]
SPLITS = ("train", "test")
SPELLED = json.JSONEncoder(ensure_ascii=True).encode  # halves of surrogate pairs are written as such


def words(chance: Random, n: int) -> str:
    """Words that no other text has."""
    return " ".join(f"{chance.getrandbits(40):x}"[: chance.randint(4, 9)] for _ in range(n))


def sentence(chance: Random, n: int) -> str:
    return words(chance, n).capitalize() + "."


def clean(chance: Random) -> Row:
    """A pair in which nothing is wrong."""
    sides = {side: sentence(chance, chance.randint(20, 60)) for side in ("chosen", "rejected")}
    models = {f"{side}_model": f"m/{chance.randint(0, 2)}" for side in sides}
    scores = {"score_chosen": chance.uniform(5, 9), "score_rejected": chance.uniform(0, 4)}
    return {"prompt": f"{words(chance, 20).capitalize()}?", **sides, **models, **scores}


@dataclass
class Planted:
    """Rows of both splits, how often each finding is to be made, and a benchmark's prompts."""

    chance: Random
    rows: dict[str, list[Row]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    counts: Counter[str] = field(default_factory=Counter)
    benchmark: list[str] = field(default_factory=list)

    def add(self, row: Row, split: str = "train", **found: int) -> Row:
        """Puts a row somewhere into a split."""
        self.rows[split].append(row)
        self.counts.update(found)
        return row

    def folder(self, place: Path) -> Path:
        """The splits, as a dataset folder of JSON Lines; no row stands where it was planted."""
        place.mkdir(parents=True)
        for split, rows in self.rows.items():
            self.chance.shuffle(rows)
            (place / f"{split}.jsonl").write_text("".join(f"{SPELLED(row)}\n" for row in rows))
        return place


def planted(seed: int, rows: int = 200) -> Planted:
    """Clean rows, and each fault one to four times."""
    made = Planted(Random(seed))
    for split in SPLITS:
        for _ in range(rows):
            made.add(clean(made.chance), split)
    for fault in FAULTS:
        for _ in range(made.chance.randint(1, 4)):
            fault(made)
    return made


# --- faults of one row ----------------------------------------------------------------------


def _one(name: str, change: Callable[[Row, Random], Row]) -> Callable[[Planted], None]:
    return lambda made: void(
        made.add({**(row := clean(made.chance)), **change(row, made.chance)}, "train", **{name: 1})
    )


def void(_: object) -> None:
    """Nothing."""


def _nearly(row: Row, chance: Random) -> Row:
    text, at = row["chosen"], chance.randint(10, 40)
    return {"rejected": f"{text[:at]}#{text[at + 1 :]}"}


def _shouted(row: Row, _: Random) -> Row:
    return {"rejected": f"  {row['chosen'].upper()}\n".replace(" ", "\t ", 2)}


def _in(side: str, what: Callable[[str, Row], str]) -> Callable[[Row, Random], Row]:
    return lambda row, _: {side: what(row[side], row)}


def _amid(what: str) -> Callable[[str, Row], str]:
    return lambda text, _: f"{text[:12]}{what}{text[12:]}"


ENCODINGS = {
    "replacement": "\ufffd",
    "mojibake": "CafÃ©",
    "nul": "\0",
    "control": "\x1b",
    "bom": "\ufeff",
    "zero_width": "\u200b",
    "bidi": "\u202e",
}
MOJIBAKE = ("é", "ß", "’", "“", "…", "🎉", "£", "ü")  # noqa: RUF001
"""Characters that are read wrongly."""


def _misread(row: Row, chance: Random) -> Row:
    wrong = chance.choice(MOJIBAKE).encode().decode(chance.choice(["cp1252", "latin-1"]), "ignore")
    return {"prompt": f"{row['prompt'][:8]}{wrong}{row['prompt'][8:]}"}


def _sided(name: str, what: Callable[[str, Row], str]) -> list[Callable[[Planted], None]]:
    return [_one(f"{name}_{side}", _in(side, what)) for side in ("chosen", "rejected")]


SINGLE = [
    _one("identical", lambda row, _: {"rejected": row["chosen"]}),
    _one("identical_normalised", _shouted),
    _one("nearly_identical", _nearly),
    _one("reversed", lambda row, _: {"score_chosen": row["score_rejected"], "score_rejected": row["score_chosen"]}),
    _one("tied", lambda row, _: {"score_chosen": row["score_rejected"]}),
    _one("empty_prompt", lambda _, __: {"prompt": " \n"}),
    *_sided("empty", lambda _, __: " "),
    *_sided("refused", lambda text, _: f"I'm sorry, but I can't help with that. {text}"),
    *_sided("truncated", lambda text, _: f"{text}\n```python\nx = 1"),
    *_sided("unfinished", lambda text, _: f"{text} And then"),
    *_sided("no_answer", lambda text, _: f"{text} Judge: please choose the one above."),
    *_sided("no_answer", lambda _, __: "Solution:"),
    *_sided("repeats_prompt", lambda text, row: f"{row['prompt']} {text}"),
    *_sided("repeats_prompt", lambda text, row: f"You asked: {row['prompt']} {text}"),
    _one("markers", _in("chosen", lambda text, _: f"{text}<|im_end|>\n.")),
    _one("markers", _in("rejected", lambda text, _: f"{text}\n\nHuman: and so on.")),
    _one("markers", _in("rejected", lambda text, _: f"[/INST] {text}")),
    _one("markers_prompt", _in("prompt", _amid("<|eot_id|>"))),
    *(
        _one(f"encoding_{kind}", _in(side, _amid(f"a{what}b")))
        for kind, what in ENCODINGS.items()
        for side in ("prompt", "chosen", "rejected")
    ),
    _one("encoding_mojibake", _misread),
]

# --- faults of several rows -----------------------------------------------------------------


def _again(row: Row, chance: Random, **change: Any) -> Row:
    """The same prompt, and other responses."""
    return {**clean(chance), "prompt": row["prompt"], **change}


def duplicated(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(dict(row), duplicated=1, prompts_repeated=1)


def contradictory(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(
        _again(row, made.chance, chosen=row["rejected"], rejected=row["chosen"]), contradictory=2, prompts_repeated=1
    )


def cycle(made: Planted) -> None:
    said = [sentence(made.chance, 30) for _ in range(made.chance.randint(3, 5))]
    row = clean(made.chance)
    for better, worse in zip(said, said[1:] + said[:1], strict=True):
        made.add(_again(row, made.chance, chosen=better, rejected=worse), cycles=1, prompts_repeated=1)
    made.add(
        _again(row, made.chance, chosen=said[0], rejected=sentence(made.chance, 30))
    )  # hangs on it, and goes not round


def chain(made: Planted) -> None:
    """Nothing goes round here."""
    said = [sentence(made.chance, 30) for _ in range(4)]
    row = clean(made.chance)
    for n, better in enumerate(said):
        for worse in said[n + 1 :]:
            made.add(_again(row, made.chance, chosen=better, rejected=worse), prompts_repeated=1)
    made.counts["prompts_repeated"] -= 1


def said_otherwise(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(_again(row, made.chance, prompt=row["prompt"].upper().replace(" ", "  ")), prompts_repeated_normalised=1)


def said_nearly(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(_again(row, made.chance, prompt=f"{row['prompt']} {words(made.chance, 1)}?"), prompts_nearly_repeated=1)


def leak(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(_again(row, made.chance), "test", leaked=1)


def leak_otherwise(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(_again(row, made.chance, prompt=f" {row['prompt'].upper()}"), "test", leaked_normalised=1)


def leak_nearly(made: Planted) -> None:
    row = made.add(clean(made.chance))
    made.add(_again(row, made.chance, prompt=f"{words(made.chance, 1)} {row['prompt']}"), "test", leaked_nearly=1)


def benchmark(made: Planted) -> None:
    row = made.add(clean(made.chance), contaminated=1)
    made.benchmark.append(f"Long before it. {row['prompt']} Behind it.")


def short_benchmark(made: Planted) -> None:
    ask = f"{words(made.chance, 7)}?"
    made.add({**clean(made.chance), "prompt": ask}, contaminated=1)
    made.benchmark.append(ask.upper())


def seed_that_ships(made: Planted) -> None:
    made.add({**clean(made.chance), "prompt": SEEDS[made.counts["shipped_prompts"]]}, shipped_prompts=1)


FAULTS: list[Callable[[Planted], None]] = [
    *SINGLE, duplicated, contradictory, cycle, chain, said_otherwise, said_nearly, leak, leak_otherwise, leak_nearly, benchmark,
    short_benchmark, seed_that_ships,
]  # fmt: skip
