"""Marks of people: on disk before they are called saved, whole whatever ends a process, and never taken for others'."""

import csv
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen.browse.labels import Labels
from prefgen.browse.marks import FILE, Marks
from prefgen.browse.pairs import Filters, PairTable
from prefgen.errors import RunError
from tests.browse.planted import pairs, plain_run

ROOT = Path(__file__).parents[2]
SAVES = """
import sys
from pathlib import Path
from prefgen.browse.marks import Marks
marks, name = Marks(Path(sys.argv[1])), sys.argv[2]
for n in range(int(sys.argv[3])):
    marks.put(f"{name}{n}", "edit", f"text {n} " + "x" * 500, "0")
    print(f"{name}{n}", flush=True)
"""


def saver(folder: Path, name: str, n: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SAVES, str(folder), name, str(n)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip


def test_the_last_mark_of_a_pair_counts_and_can_be_taken_back(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    assert marks.known() == {}
    marks.put("a", "agree", "no text of an agreement is kept", "h")
    marks.put("b", "edit", "better\n\u2028 text \ud800", "h")
    marks.put("a", "disagree", "", "h")
    again = Marks(tmp_path).known()
    assert {name: (one.mark, one.text) for name, one in again.items()} == {
        "a": ("disagree", ""),
        "b": ("edit", "better\n\u2028 text \ufffd"),
    }
    marks.take_back("a")
    marks.take_back("never marked")
    assert Marks(tmp_path).known().keys() == marks.known().keys() == {"b"}
    assert (tmp_path / FILE).read_bytes().count(b"\n") == 4


@pytest.mark.parametrize(("mark", "text"), [("maybe", ""), ("edit", "x" * 10_000_001)])
def test_what_is_no_mark_is_refused(mark: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="a mark"):
        Marks(tmp_path).put("a", mark, text, "h")
    assert not (tmp_path / FILE).exists()


def test_a_killed_process_loses_no_mark_that_was_said_to_be_saved(tmp_path: Path) -> None:
    child = saver(tmp_path, "n", 100_000)
    assert child.stdout
    said = [child.stdout.readline().strip() for _ in range(40)]
    child.kill()
    said += [line.strip() for line in child.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    child.wait()
    child.stdout.close()
    known = Marks(tmp_path).known()
    assert len(said) >= 40
    assert set(said) <= known.keys()
    assert all(one.text.startswith(f"text {name[1:]} ") for name, one in known.items())


def test_a_line_that_was_cut_off_is_counted_and_the_next_is_whole(tmp_path: Path) -> None:
    marks = Marks(tmp_path)
    marks.put("a", "agree", "", "h")
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"pair_id": "b", "mark": "agr')
    assert (set(marks.known()), marks.damaged) == ({"a"}, 1)
    marks.put("c", "disagree", "", "h")
    assert (set(marks.known()), marks.damaged) == ({"a", "c"}, 1)
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'\xff\n[]\n{"pair_id": "d", "mark": "perhaps", "text": "", "at": "", "texts": ""}\n')
    assert set(Marks(tmp_path).known()) == set(marks.known()) == {"a", "c"}
    assert marks.damaged == 4


def test_several_processes_add_to_one_file(tmp_path: Path) -> None:
    marks, children = Marks(tmp_path), [saver(tmp_path, name, 60) for name in "ab"]
    threads = [threading.Thread(target=marks.put, args=(f"t{n}", "agree", "", "h")) for n in range(20)]
    for thread in threads:
        thread.start()
    for child in children:
        assert len(child.communicate()[0].splitlines()) == 60
    for thread in threads:
        thread.join()
    assert len(marks.known()) == 140
    assert marks.damaged == 0


def test_a_link_leads_no_mark_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "run" / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RunError, match=FILE):
        Marks(tmp_path / "run").put("a", "agree", "", "h")
    assert (tmp_path / "elsewhere").read_text() == "mine"


# --- marks of a run -------------------------------------------------------------------------

TEXTS = [(f"q{n}?", f"good {n}", f"bad {n}") for n in range(6)]


def marked(folder: Path) -> tuple[PairTable, Labels, list[str]]:
    """A run of which pairs 0 and 1 are agreed with, 2 is not, and 3 is edited."""
    table = PairTable(plain_run(folder, pairs(TEXTS)))
    labels, names = Labels(table), [row["id"] for row in table.page(Filters(), 0, 9)["rows"]]
    for name, mark in zip(names, ("agree", "agree", "disagree", "edit"), strict=False):
        assert labels.mark(name, mark, "best") == {"mark": mark, "text": "best" * (mark == "edit"), "at": table.marks.known()[name].at}  # fmt: skip
    return table, labels, names


def test_pairs_show_their_marks_and_are_found_by_them(tmp_path: Path) -> None:
    table, labels, names = marked(tmp_path)

    def found(mark: str) -> list[int]:
        return [names.index(row["id"]) for row in table.page(Filters(mark=mark), 0, 9)["rows"]]

    assert [found(mark) for mark in ("agree", "disagree", "edit", "any", "none")] == [
        [0, 1], [2], [3], [0, 1, 2, 3], [4, 5],
    ]  # fmt: skip
    shown = [row["mark"] and row["mark"]["mark"] for row in table.page(Filters(), 0, 9)["rows"]]
    assert shown == ["agree", "agree", "disagree", "edit", None, None]
    labels.take_back(names[0])
    assert found("agree") == [1]
    assert table.facets()["marks"] == 3
    assert labels.mark("no such pair", "agree") is None


def test_marks_of_other_texts_do_not_count(tmp_path: Path) -> None:
    """The same ids, after a run that made other texts of one pair, and one pair less."""
    marked(tmp_path)
    changed = [("q0?", "good 0 after all", "bad 0"), *TEXTS[1:2], *TEXTS[3:]]
    frame = pairs(changed).with_columns(pl.Series("id", [f"{n:016x}.0" for n in (0, 1, 3, 4, 5)]))
    table = PairTable(plain_run(tmp_path, frame))
    told = Labels(table).agreement()
    assert (told["gone"], told["changed"], told["marks"]) == (1, 1, {"agree": 1, "disagree": 0, "edit": 1})
    shown = [row["mark"] and row["mark"]["mark"] for row in table.page(Filters(), 0, 9)["rows"]]
    assert shown == [None, "agree", "edit", None, None]
    labels = [row["pair_id"] for rows in Labels(table).rows() for row in rows]
    assert labels == [f"{n:016x}.0" for n in (1, 3)]
    plain_run(tmp_path, pairs(TEXTS))
    back = Labels(PairTable(tmp_path)).agreement()  # what was marked is there again
    assert (back["gone"], back["changed"], back["marks"]["agree"]) == (0, 0, 2)


# --- labels ---------------------------------------------------------------------------------


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return pl.read_parquet(path).to_dicts()
    if path.suffix == ".csv":
        with path.open(newline="") as file:
            return list(csv.DictReader(file))
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_human_labels_are_a_table(ending: str, tmp_path: Path) -> None:
    table, labels, names = marked(tmp_path)
    path = tmp_path / "new" / f"labels.{ending}"
    assert labels.write(path) == 4
    rows = read(path)
    assert [row["pair_id"] for row in rows] == names[:4]
    assert [row["mark"] for row in rows] == ["agree", "agree", "disagree", "edit"]
    empty = "" if ending == "csv" else None
    assert [row["human_verdict"] for row in rows] == ["chosen", "chosen", "rejected", empty]
    assert [row["text"] for row in rows] == ["", "", "", "best"]
    prompt = "q3?" if ending == "csv" else [{"role": "user", "content": "q3?"}]
    assert (rows[3]["prompt"], rows[3]["chosen"], rows[3]["rejected"]) == (prompt, "good 3", "bad 3")
    assert [*path.parent.iterdir()] == [path]
    assert table.total == 6


def test_no_marks_are_an_empty_table(tmp_path: Path) -> None:
    labels = Labels(PairTable(plain_run(tmp_path, pairs(TEXTS))))
    assert [labels.write(tmp_path / f"x.{ending}") for ending in ("parquet", "jsonl", "csv")] == [0, 0, 0]
    assert pl.read_parquet(tmp_path / "x.parquet").columns == pl.read_csv(tmp_path / "x.csv").columns
    with pytest.raises(RunError, match=r"x\.xlsx: human labels are written as \.parquet, \.jsonl, \.csv"):
        labels.write(tmp_path / "x.xlsx")


def test_no_spreadsheet_takes_a_text_for_a_formula(tmp_path: Path) -> None:
    table = PairTable(plain_run(tmp_path, pairs([("=1+1", "+cmd", 'a,b\n"c"')])))  # fmt: skip
    labels = Labels(table)
    labels.mark(f"{0:016x}.0", "edit", "@SUM(1)")
    labels.write(tmp_path / "x.csv")
    (row,) = read(tmp_path / "x.csv")
    assert [row[name] for name in ("prompt", "chosen", "rejected", "text")] == [
        "'=1+1",
        "'+cmd",
        'a,b\n"c"',
        "'@SUM(1)",
    ]
