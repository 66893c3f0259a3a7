"""`prefgen show` and `prefgen marks` as a person meets them: readable, whole where asked, and never steered by a row."""

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from prefgen import display_show
from prefgen.browse import rows
from prefgen.browse.labels import Labels
from prefgen.browse.pairs import Filters, PairTable
from prefgen.errors import RunError
from prefgen.report import figures
from tests.browse.planted import best_of_n, cascade, pairs, plain_run, rlcd, tables, talk, written
from tests.commands import commanded
from tests.hostile import STEERS, STRINGS


def printed(show: Any, told: Any, width: int = 100, *, styled: bool = False) -> str:
    screen = Console(file=io.StringIO(), width=width, force_terminal=styled, color_system="standard" if styled else None, highlight=False, soft_wrap=True)  # fmt: skip
    show(told, screen)
    said: str = screen.file.getvalue()  # type: ignore[attr-defined]
    return said


# --- tables ---------------------------------------------------------------------------------


def test_tables_are_told_with_their_rows_and_what_went(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    told = rows.tables(done.folder)
    assert [one["table"] for one in told["tables"]] == list(done.counts)
    for one in told["tables"]:
        count, (there, lost) = done.counts[one["table"]], tables(done, one["table"])
        assert (one["rows"], one["lost"]) == (count.rows_out, len(lost)) == (len(there), len(lost))
        assert one["dropped"] == dict(count.dropped)
        assert one["unreadable"] == dict(count.unreadable)
    assert told["tables"][-1]["written"] == ["preferences"]
    assert told["tables"][2]["columns"]["prompt"] == "conversation"
    said = printed(display_show.tables, told)
    assert "cascade" in said
    assert "verdict_agreement judgments" in said
    assert "modified_prompt" in said
    assert said.count("prompt_id") == 1  # a column is told where it is new
    assert max(map(len, said.replace(str(tmp_path), "runs").splitlines())) <= 100


def test_no_word_is_broken_on_a_narrow_screen(tmp_path: Path) -> None:
    told = rows.tables(cascade(tmp_path).folder)
    said = printed(display_show.tables, told, 50).split()
    for one in told["tables"]:
        assert {one["table"], one["verb"]} <= set(said)
    assert "modified_prompt," in said


@pytest.mark.parametrize("status", ["Interrupted", None])
def test_a_run_that_came_to_no_end_says_so_and_how_it_goes_on(status: str | None, tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    path = done.folder / "run.json"
    account = json.loads(path.read_text())
    path.write_text(json.dumps(account | {"status": status})) if status else path.unlink()
    told = rows.tables(done.folder)
    how = "was stopped before its end" if status else "was ended before it could tell of itself"
    with closing(sqlite3.connect(done.folder / "journal.sqlite")) as journal:
        (replies,) = journal.execute("SELECT count(*) FROM reply").fetchone()
    goes_on = f"{replies:,} replies are in its journal. The command that began it goes on from there."
    assert told["ending"] == f"This run {how}. {goes_on}"
    said = printed(display_show.tables, told, 200)
    assert told["ending"] in said
    assert said.count(str(done.folder)) == 1
    assert "None" not in said
    if status:
        assert told["ending"] in figures(done.folder)["run"]["ending"]


# --- rows -----------------------------------------------------------------------------------


def test_rows_are_readable_with_their_turns_marked(tmp_path: Path) -> None:
    turns = [*talk("Hello?"), {"role": "assistant", "content": "Yes?"}, *talk("Why?")]
    frame = pairs([("", "first line\nsecond line", "z" * 3000)], chosen_score=[4.25])
    frame = frame.with_columns(pl.Series("prompt", [turns]))
    folder = plain_run(tmp_path, frame)
    said = printed(display_show.some, rows.some(folder, "pairs", None, 5), 80)
    assert "user: Hello?" in said
    assert "assistant: Yes?" in said
    lines = said.splitlines()
    at = next(n for n, text in enumerate(lines) if "first line" in text)
    assert lines[at + 1].strip() == "second line"
    assert lines[at].index("first") == lines[at + 1].index("second")
    assert " … 2,280 more characters" in " ".join(said.split())
    assert "4.25" in said
    assert said.endswith("1 of 1 row in pairs\n")
    assert max(map(len, lines)) <= 80


def test_rows_that_are_so_and_rows_that_went(tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    told = rows.some(done.folder, "judgments", "gold != verdict", 2)
    wrong = [row for row in tables(done, "judgments")[0] if row["verdict"] and row["gold"] != row["verdict"]]
    assert [row["id"] for row in told["rows"]] == [row["id"] for row in wrong[:2]]
    said = printed(display_show.some, told)
    assert f"2 of {len(wrong):,} rows that are so, of {told['of']:,} in judgments" in said
    lost = rows.some(done.folder, "judgments.dropped", "detail IS NOT NULL", 1)
    assert lost["rows"][0]["dropped"] == "missing"
    assert "I would rather not say." in printed(display_show.some, lost)
    assert rows.some(done.folder, "judgments", None, 0)["rows"] == []


@pytest.mark.parametrize("name", ["judgment", "judgments.dropped.dropped", "../pairs", ""])
def test_a_table_that_there_is_not_is_told_with_those_there_are(name: str, tmp_path: Path) -> None:
    folder = written(tmp_path, {"judgments": pairs([("q?", "a", "b")])}, [("judgments", "load_pairs", [])], {})
    with pytest.raises(RunError, match=r"has no table .*judgments"):
        rows.some(folder, name, None, 1)


# --- one row --------------------------------------------------------------------------------


def test_a_pair_is_shown_whole_with_its_judgments_and_lineage(tmp_path: Path) -> None:
    done = best_of_n(tmp_path)
    row = PairTable(done.folder).page(Filters(state="dropped"), 0, 1)["rows"][0]
    told = rows.one(done.folder, row["id"])
    assert (told["table"], told["pair"]["state"], told["pair"]["step"]) == ("extremes", "dropped", "pairs")
    said = printed(display_show.one, told)
    assert f"dropped by pairs: {row['reason']}" in said
    assert "".join(row["chosen"].split()) in "".join(said.split())
    assert f"fake/judge-0 gives the chosen one {row['judgments'][0]['score']:g}" in said
    assert "comes from\n└── extremes by best_worst" in said
    assert "responses by answer" in said
    assert said.count("reply  fake/actor-0 · ") == 2
    assert max(map(len, said.splitlines())) <= 100


def test_a_judgment_stands_in_the_tables_that_kept_it(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    name = tables(done, "sure")[0][0]["id"]
    told = rows.one(done.folder, name)
    assert (told["table"], told["also_in"], told["others"]) == ("sure", ["first"], [])
    assert told["pair"] is None
    assert [one["table"] for one in told["dropped"]] == ["disputes"]  # which takes what is not sure
    gone = next(row for row in tables(done, "sure")[1] if row["id"].endswith(".0"))
    told = rows.one(done.folder, gone["id"], "first")
    assert (told["table"], told["row"]["judge_model"]) == ("first", "fake/cheap-0")
    assert told["dropped"] == [{"table": "sure", "reason": gone["dropped"], "detail": None}]
    assert f"dropped by sure: {gone['dropped']}" in printed(display_show.one, told)
    again = rows.one(done.folder, gone["id"])  # the dear judge's judgments have ids of their own rows
    assert (again["row"]["judge_model"], again["others"]) == ("fake/dear-0", ["first"])
    assert "another row of this id is in first" in printed(display_show.one, again)


def test_a_draw_that_could_not_be_read_is_shown_with_its_words(tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    gone = next(row for row in tables(done, "judgments")[1] if row["dropped"] == "missing")
    told = rows.one(done.folder, gone["id"])
    assert told["table"] == "judgments.dropped"
    said = printed(display_show.one, told)
    assert "dropped by judgments: missing\n  I would rather not say." in said
    with pytest.raises(RunError, match=r"has no row 'nothing'; `prefgen show .* --table NAME` shows some"):
        rows.one(done.folder, "nothing")


def test_characters_are_counted_as_the_text_has_them() -> None:
    text = "a line\n" * 75
    (head,) = display_show._added({"text": text})
    assert head.plain.startswith("text 525 characters  a line ⏎ a line")


# --- hostile rows ---------------------------------------------------------------------------


def test_no_row_steers_the_terminal(tmp_path: Path) -> None:
    texts = [one for one in STRINGS if one.strip()]
    marked = [(f"{text}?", text, f"not {text} [bold]x[/bold] [/]") for text in texts]
    folder = plain_run(tmp_path, pairs(marked, category=texts, chosen_model=texts))
    said = printed(display_show.some, rows.some(folder, "pairs", None, 999))
    said += printed(display_show.tables, rows.tables(folder))
    for n in range(0, len(texts), 40):
        said += printed(display_show.one, rows.one(folder, f"{n:016x}.0"))
    assert not STEERS.search(said)
    assert "[bold]x[/bold]" in said


def test_rows_of_many_kinds_of_columns_are_shown(tmp_path: Path) -> None:
    more: dict[str, Any] = {"tags": [["x", "y"]], "more": [{"deep": [1.5, None]}], "nothing": [None], "flag": [True]}
    frame = pairs([("q?", "a", "b")], wide=["漢字 " * 200], **more)
    said = printed(display_show.some, rows.some(plain_run(tmp_path, frame), "pairs", None, 1), 60)
    assert '["x", "y"]' in said
    assert '{"deep": [1.5, null]}' in said
    assert "nothing" not in said
    assert "True" in said


# --- the commands ---------------------------------------------------------------------------


def test_the_commands(tmp_path: Path) -> None:
    done = rlcd(tmp_path)
    folder, table = str(done.folder), PairTable(done.folder)
    name = table.page(Filters(), 0, 1)["rows"][0]["id"]
    Labels(table).mark(name, "agree")
    asked = [
        ["show", folder],
        ["show", folder, "--json"],
        ["show", folder, "-t", "judgments", "--where", "gold != verdict", "-n", "1"],
        ["show", folder, "-t", "judgments", "-n", "2", "--json"],
        ["show", folder, "--row", name],
        ["show", folder, "--row", name, "--json"],
        ["marks", folder],
        ["marks", folder, "--json"],
        ["marks", folder, "--out", str(tmp_path / "labels.jsonl")],
        ["show", folder, "-t", "judgments", "--where", "nope = 1"],
        ["show", folder, "--where", "gold = 'A'"],
        ["show", str(tmp_path / "no")],
        ["marks", folder, "--out", str(tmp_path / "labels.xml")],
        ["view", str(tmp_path / "no"), "--no-open"],
        ["view", folder, "--port", "70000"],
    ]
    said = commanded([(tmp_path, words) for words in asked])
    assert [code for code, _, _ in said] == [0] * 9 + [1, 1, 1, 1, 1, 2]
    assert [json.loads(out) for code, out, _ in (said[1], said[3], said[5], said[7])]
    assert json.loads(said[7][1])["marks"] == {"agree": 1, "disagree": 0, "edit": 0}
    assert "1 mark: 1 agree" in said[6][1]
    assert "100.0%" in said[6][1]
    assert said[8][2] == f"{tmp_path / 'labels.jsonl'}: 1 human label\n"
    assert json.loads((tmp_path / "labels.jsonl").read_text())["human_verdict"] == "chosen"
    for _, out, told in said[9:14]:
        assert (out, told.count("\n")) == ("", 1)
        assert told.startswith("error: ")
    assert "--where says which rows of a table; name one with --table" in said[10][2]
