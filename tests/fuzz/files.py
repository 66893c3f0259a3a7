"""What data files hold: bytes of every kind that a source reads, through each of the verbs that load."""

import csv
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from prefgen import verbs
from prefgen.rows import DROPPED
from prefgen.sources._read import LoadError
from tests.fuzz import pieces
from tests.fuzz.target import Target, place
from tests.layouts import NO_PAIRS, SAMPLES

Made = tuple[str, bytes, dict[str, Any]]
"""How the file's name ends, what is in it, and the verb's settings."""
DATA = Path(__file__).parent.parent.parent / "recipes" / "data"
TALK = [
    {"role": "system", "content": "Be kind."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "ho"},
    {"role": "user", "content": "so?"},
]
ROWS: Mapping[str, Sequence[dict[str, Any]]] = {
    "load": [
        {"prompt": "Why is the sky blue?", "source": "a", "n": 1, "deep": {"a": [1, 2], "b": None}}, {"prompt": TALK, "source": None, "n": 2.5},
        {"prompt": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "ho"}], "n": 3}, {"prompt": "", "n": 4}, {"prompt": "Why is the sky blue?"},
    ],
    "load_pairs": [
        {"prompt": "Why?", "chosen": "Because of light.", "rejected": "No idea.", "chosen_model": "m", "subset": "chat", "id": 7},
        {"prompt": TALK, "chosen": "one", "rejected": "two", "id": 8},
        {"chosen": [*TALK, {"role": "assistant", "content": "one"}], "rejected": [*TALK, {"role": "assistant", "content": "two"}]},
        {"prompt": "Why?", "chosen": "same", "rejected": "same ", "rejected_model": 5},
    ],
    "load_responses": [
        {"prompt": "Why?", "response": ["one", "two", None], "score": [1, 2.5, 3], "models": ["a", "b", None], "subset": "x"},
        {"prompt": TALK, "response": "alone", "score": 4, "models": "m"}, {"prompt": "", "response": []}, {"prompt": "So?", "response": [{"role": "assistant", "content": "x"}]},
    ],
}  # fmt: skip
TOOLS = [*TALK[1:3], {"role": "tool", "content": "4"}]
LAYOUTS: Sequence[Sequence[dict[str, Any]]] = [
    *(sample.rows for sample in SAMPLES), *NO_PAIRS.values(), [{"prompt": TOOLS, "chosen": "one", "rejected": "two"}],
]  # fmt: skip
"""Rows of every layout of pairs; those of one file are of one layout."""
SHARED = {"load_pairs": 0.7, "load": 0.3}
"""How many of a verb's files are in these."""
SETTINGS: Mapping[str, Sequence[dict[str, Any]]] = {
    "load": [
        {}, {"keep": ["source", "n"]}, {"keep": {"origin": "source", "inner": "deep.a.0"}, "take": 2}, {"prompt": "prompt.0.content"}, {"shuffle": True, "take": 2},
        {"keep": "n", "take": 1}, {"keep": {"all": "deep"}},
    ],
    "load_pairs": [{}, {"keep": ["subset"]}, {"take": 1, "keep": {"number": "id"}}, {"shuffle": True}, {"chosen": "chosen.0.content", "rejected": "rejected.0.content"}],
    "load_responses": [
        {}, {"each": {"score": "score", "response_model": "models"}}, {"keep": ["subset"], "take": 1}, {"each": "score", "shuffle": True},
        {"chosen": "response", "rejected": "models"},
    ],
}  # fmt: skip
CELLS = [
    "prompt",
    "response",
    "chosen",
    "rejected",
    ",",
    "\t",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    "007",
    "1e5",
    "1",
    "-1",
    "NaN",
    "",
    " ",
    "\ufeff",
    "\x00",
    "=cmd|' /C calc'!A0",
    "é",
]


def _rows(chance: Random, verb: str) -> list[Any]:
    known = chance.choice(LAYOUTS) if verb in SHARED and chance.random() < SHARED[verb] else ROWS[verb]
    rows = [dict(row) for row in chance.choices(known, k=chance.choice([1, 2, 4, 4, 12]))]
    for _ in range(chance.choice([0, 1, 1, 2])):
        at = chance.randrange(len(rows))
        rows[at] = pieces.changed(chance, rows[at])
    return rows


def _jsonl(chance: Random, verb: str) -> bytes:
    lines = [pieces.written(row) for row in _rows(chance, verb)]
    return "\n".join(lines).encode()


def _json(chance: Random, verb: str) -> bytes:
    rows: Any = _rows(chance, verb)
    return pieces.written(chance.choice([rows, rows, rows, {"data": rows}, rows[0]])).encode()


def _csv(chance: Random, verb: str, delimiter: str = ",") -> bytes:
    rows = [row for row in _rows(chance, verb) if isinstance(row, dict)] or [{"prompt": "x"}]
    names = sorted({name for row in rows for name in row})
    out = StringIO()
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(names)
    writer.writerows(
        [
            [pieces.sound(chance, CELLS, CELLS) if chance.random() < 0.05 else _cell(row.get(name)) for name in names]
            for row in rows
        ]
    )
    return out.getvalue().encode("utf-8", "replace")


def _cell(value: Any) -> Any:
    return pieces.written(value) if isinstance(value, list | dict) else value


@cache
def _tables() -> Mapping[str, Sequence[bytes]]:
    """Parquet of each verb's rows, in several codecs; of pairs also each layout with its own types."""
    found = {
        verb: [_parquet_of(rows, codec) for codec in ("uncompressed", "zstd", "snappy")] for verb, rows in ROWS.items()
    }
    return {**found, "load_pairs": [*found["load_pairs"], *map(_typed, LAYOUTS)]}


def _typed(rows: Sequence[dict[str, Any]]) -> bytes:
    out = BytesIO()
    pq.write_table(pa.Table.from_pylist([*rows]), out)
    return out.getvalue()


def _parquet_of(rows: Sequence[dict[str, Any]], codec: Any) -> bytes:
    texts = {name: [row.get(name) for row in rows] for name in {name for row in rows for name in row}}
    frame = pl.DataFrame(
        {name: [v if isinstance(v, str) else json.dumps(v) for v in column] for name, column in texts.items()}
    )
    listed = [[str(name), None] for name in range(len(rows))]
    talks = pl.Series([[{"role": "user", "content": "hi"}]] * len(rows))
    out = BytesIO()
    frame.with_columns(response=pl.Series(listed), n=pl.Series(range(len(rows))), deep=talks).write_parquet(
        out, compression=codec
    )
    return out.getvalue()


def _parquet(chance: Random, verb: str) -> bytes:
    data = chance.choice(_tables()[verb])
    if chance.random() < 0.5:  # the end, where the columns are told
        at = max(0, len(data) - chance.choice([9, 200, 2_000]))
        return data[:at] + pieces.bent(chance, data[at:])
    return data


_KINDS: Mapping[str, Callable[[Random, str], bytes]] = {
    ".jsonl": _jsonl, ".ndjson": _jsonl, ".json": _json, ".csv": _csv, ".tsv": partial(_csv, delimiter="\t"), ".parquet": _parquet,
}  # fmt: skip


def _file(chance: Random, kinds: Sequence[str], verb: str) -> Made:
    kind = chance.choice(kinds)
    data = _KINDS[kind](chance, verb)
    how = chance.random()
    if how < 0.3:
        data = pieces.bent(chance, data)
    elif how < 0.4 and kind != ".parquet":
        data = pieces.mutated(chance, data.decode("utf-8", "replace"), CELLS).encode("utf-8", "surrogatepass")
    elif how < 0.45:
        data = pieces.text(chance, [""], CELLS).encode("utf-8", "surrogatepass")
    return kind, data, chance.choice(SETTINGS[verb])


def _loaded(given: Made, verb: str) -> pl.DataFrame:
    kind, data, settings = given
    path = place() / f"data{kind}"
    path.write_bytes(data)
    made: pl.DataFrame = verbs.find(verb)(path, **settings)
    return made


def _is_table(given: Made, outcome: Any) -> None:
    """Every row with its prompt, or with a reason to go; an error in one line, with the file in it where it is about it."""
    if isinstance(outcome, LoadError):
        assert str(outcome)
        assert "\n" not in str(outcome)
        return
    _, _, settings = given
    stays = outcome.filter(pl.col(DROPPED).is_null())
    assert stays["prompt_id"].null_count() == stays["id"].null_count() == stays["prompt"].null_count() == 0
    assert stays["id"].n_unique() == stays.height
    assert "take" not in settings or stays["id"].n_unique() <= settings["take"] or "response" in outcome.columns
    assert all(
        talk[-1]["role"] in {"user", "tool"} and talk[-1]["content"].strip() for talk in stays["prompt"].to_list()
    )
    outcome.write_parquet(BytesIO())


# --- where a source is said to be -----------------------------------------------------------

PATHS = ["x.jsonl", "data/x.parquet", "~/x.csv", "~nobody/x.json", "/dev/null", "/", ".", "..", "", " ", "x", "x.", ".jsonl", "x.jsonl/", "x.jsonl/y.csv",
         "http://e.vil/x.jsonl", "file:///x.csv", "s3://a/b.parquet", "*.parquet", "x[0].csv", "x?.tsv", "\\\\a\\b.csv", "C:\\x.csv", "x.JSONL", "x.gz"]  # fmt: skip


def _where(chance: Random) -> Any:
    """A path, or what stands in the place of one."""
    if chance.random() < 0.1:
        said = pieces.value(chance, 2)
    elif chance.random() < 0.4:
        said = pieces.text(chance, PATHS, PATHS)
    else:
        said = pieces.mutated(chance, chance.choice(PATHS), [*PATHS, "/", "..", "~", "%"])
    return "x.jsonl" if isinstance(said, str) and (HUB.fullmatch(said) or _is_folder(said)) else said


def _is_folder(said: str) -> bool:
    """Whether all that is in a folder would be looked at, however much it is."""
    try:
        return any(path.is_dir() for path in (Path(said), place() / said, Path(said).expanduser()))
    except (OSError, ValueError, RuntimeError):
        return False


HUB = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
"""What is asked for on the Hub, where there is no such file."""


def _from(given: Any) -> Any:
    return verbs.find("load")(given, folder=place())


def targets() -> list[Target]:
    """Each verb that loads, each kind of file."""
    found = [Target("load path", 10_000, _where, _from, (LoadError,))]
    for verb in ROWS:
        for word, kinds in {
            "JSON": [".jsonl", ".jsonl", ".ndjson", ".json"],
            "CSV": [".csv", ".tsv"],
            "Parquet": [".parquet"],
        }.items():
            made = partial(_file, kinds=kinds, verb=verb)
            found.append(Target(f"{verb} {word}", 6_000, made, partial(_loaded, verb=verb), (LoadError,), _is_table))
    return found
