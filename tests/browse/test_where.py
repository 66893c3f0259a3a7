"""Conditions on rows: what they find, and what they cannot reach."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.browse import rows
from prefgen.errors import RunError
from tests.browse.planted import plain_run, talk

Row = dict[str, Any]
WORDS = ["", "short", 'it\'s "so"', "x" * 300, None]
SECRET = "nobody-should-read-this"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    n = 2300
    frame = pl.DataFrame(
        {
            "prompt_id": [f"{i:016x}" for i in range(n)],
            "id": [f"{i:016x}.0" for i in range(n)],
            "prompt": [talk(f"q{i}") for i in range(n)],
            "chosen": ["c"] * n,
            "rejected": ["r"] * n,
            "gold": ["A" if i % 2 else "B" for i in range(n)],
            "verdict": [None if i % 7 == 0 else "A" if i % 3 else "B" for i in range(n)],
            "judgment": [WORDS[i % 5] for i in range(n)],
            "score": [None if i % 11 == 0 else i / 10 for i in range(n)],
            "Odd name": [i % 4 for i in range(n)],
            "select": [i % 3 for i in range(n)],
        }
    )
    place = tmp_path_factory.mktemp("where")
    (place / "secret.csv").write_text(f"{SECRET}\n1\n")
    return plain_run(place, frame)


def differ(row: Row) -> bool:
    return row["verdict"] is not None and row["gold"] != row["verdict"]


HOLD: list[tuple[str, Callable[[Row], bool]]] = [
    ("gold != verdict", differ),
    ("gold <> verdict AND length(judgment) > 200", lambda r: differ(r) and len(r["judgment"] or "") > 200),
    ("verdict IS NULL", lambda r: r["verdict"] is None),
    ("verdict is not null and not gold = 'A'", lambda r: r["verdict"] is not None and r["gold"] != "A"),
    ("score BETWEEN 10 AND 20", lambda r: r["score"] is not None and 10 <= r["score"] <= 20),
    ("score > 2e2 or score = 0.1", lambda r: r["score"] is not None and (r["score"] > 200 or r["score"] == 0.1)),
    ("judgment = 'it''s \"so\"'", lambda r: r["judgment"] == 'it\'s "so"'),
    ("judgment LIKE 's%t'", lambda r: r["judgment"] == "short"),
    ("upper(gold) IN ('A') AND \"Odd name\" % 2 = 0", lambda r: r["gold"] == "A" and r["Odd name"] % 2 == 0),
    ('"Odd name" IN (1, 3)', lambda r: r["Odd name"] in {1, 3}),
    ('"select" = 2', lambda r: r["select"] == 2),
    ("CASE WHEN gold = 'A' THEN score > 100 ELSE false END", lambda r: r["gold"] == "A" and (r["score"] or 0) > 100),
    ("starts_with(id, '00000000000000f')", lambda r: r["id"].startswith("00000000000000f")),
    ("array_length(prompt) = 1 AND CAST(score AS INT) = 5", lambda r: r["score"] is not None and int(r["score"]) == 5),
    ("1 = 1", lambda r: True),
    ("judgment = '; DROP TABLE rows -- /* select'", lambda r: False),
]  # fmt: skip


@pytest.mark.parametrize(("where", "holds"), HOLD, ids=[where for where, _ in HOLD])
def test_a_condition_finds_what_plain_python_finds(folder: Path, where: str, holds: Callable[[Row], bool]) -> None:
    every = pl.read_parquet(folder / "tables" / "pairs.parquet").to_dicts()
    expected = [row for row in every if holds(row)]
    told = rows.some(folder, "pairs", where, 7)
    assert (told["of"], told["found"]) == (2300, len(expected))
    assert [{k: v for k, v in row.items() if k != "row"} for row in told["rows"]] == expected[:7]
    assert all(every[row["row"]]["id"] == row["id"] for row in told["rows"])


REACHES = [
    "score IN (SELECT score FROM read_csv('{secret}'))",
    "EXISTS (SELECT 1)",
    "score > (FROM read_csv('{secret}'))",
    "id IN (TABLE rows)",
    "score IN (VALUES (1))",
    "read_csv('{secret}') = 1",
    "\"read_csv\"('{secret}') = 1",
    "1=1) UNION SELECT * FROM read_csv('{secret}') WHERE (1=1",
    "score \u017felect 1",
    "1 = 1 -- ' \n OR score IN (SELECT 1 FROM read_csv('{secret}')) -- '",
    "1 = 1 /* ' */ OR score IN (SELECT 1) /* ' */",
    "judgment = $$'$$ OR score IN (SELECT 1 FROM read_csv('{secret}')) OR judgment = $$'$$",
    "judgment = E'\\' OR score IN (SELECT 1 FROM read_csv(' {secret} ')) --'",
    "judgment = `'` OR score IN (SELECT 1)",
    "score > 1; DROP TABLE rows",
    "avg(score) > 1",
    "count(*) > 1",
    "row_number() OVER (ORDER BY score) > 1",
    "rows.score > 1",
    "{secret}",
]


@pytest.mark.parametrize("where", REACHES)
def test_a_condition_reaches_nothing_but_its_row(folder: Path, where: str) -> None:
    with pytest.raises(RunError, match=r"^--where: [^\n]+$") as caught:
        rows.some(folder, "pairs", where.format(secret=folder / "secret.csv"), 5)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("verdic = 'A'", r"there is no column 'verdic' \(did you mean 'verdict'\?\); columns: prompt_id, id, "),
        ("length(judgment)", "says neither yes nor no, but `UInt32`; columns: "),
        ("gold = ", r"Expected: an expression, found: \).*; columns: "),
        ("gold = 'A", "''A' is not understood; columns: "),
        ("score > 'many'", "columns: "),
        ("median(score) > 1", r"median\(\) is no function of one row; functions: abs, "),
        ("", "columns: "),
    ],
)
def test_what_is_no_condition_is_told_with_the_columns(folder: Path, where: str, words: str) -> None:
    with pytest.raises(RunError, match=f"^--where: [^\n]*{words}"):
        rows.some(folder, "pairs", where, 5)
