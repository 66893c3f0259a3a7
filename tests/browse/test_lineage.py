"""Where rows come from: every row behind a pair, what each step added, and the replies, against the tables."""

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

from prefgen import run
from prefgen.browse import made
from prefgen.browse.lineage import Lineage, told
from prefgen.browse.pairs import Filters, PairTable
from prefgen.browse.replies import line
from tests.browse.planted import best_of_n, cascade, shipped, tables
from tests.test_recipes import FAKES, on_fakes


def behind(folder: Path, place: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A pair of a run, and the rows behind it."""
    pairs = PairTable(folder)
    row = pairs.page(Filters(), place, 1)["rows"][0]
    return row, Lineage(pairs.made).of_pair(pairs, row["id"])


def tree(rows: list[dict[str, Any]]) -> list[str]:
    return ["  " * row["depth"] + f"{row['table']} {row['id'].partition('.')[2]}" for row in rows]


def test_a_pair_of_scored_responses_leads_to_all_that_made_it(tmp_path: Path) -> None:
    done = best_of_n(tmp_path)
    row, rows = behind(done.folder)
    chosen, rejected = row["id"].partition(".")[2].split("-")
    judged = [
        one["id"].partition(".")[2] for one in tables(done, "judgments")[0] if one["prompt_id"] == row["prompt_id"]
    ]
    expected = [f"extremes {chosen}-{rejected}"]
    for n, response in enumerate((chosen, rejected)):
        own = [one for one in judged if one.startswith(f"{response}.")]
        expected += [f"  scores {response}", f"    judgments {own[0]}", f"      responses {response}"]
        expected += ["        prompts "] * (n == 0) + [f"    judgments {one}" for one in own[1:]]
    assert tree(rows) == expected
    answers = [one for one in rows if one["table"] == "responses"]
    assert [one["replies"][0]["text"] for one in answers] == [row["chosen"], row["rejected"]]
    replies = [(one["id"], one["replies"][0]["text"]) for one in rows if one["table"] == "judgments"]
    said = {name: re.sub(r"Score \w{4}:", "Score:", text) for name, text in replies}  # asked with a mark
    assert said == {one["id"]: one["text"] for one in row["judgments"] if not one["unreadable"]}
    keys = [reply["key"] for one in rows for reply in one["replies"]]
    assert len(keys) == len(set(keys)) == 2 + len(said)  # each reply stands at the row that was read of it


def test_a_perturbed_pair_has_its_judgments_of_both_judges_behind_it(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    disputed = {row["pair_id"] for row in tables(done, "second")[0]}
    pairs = PairTable(done.folder)
    place, row = next((n, one) for n, one in enumerate(pairs.page(Filters(), 0, 99)["rows"]) if one["id"] in disputed)
    _, rows = behind(done.folder, place)
    assert [one["table"] for one in rows[:3]] == ["pairs", "responses", "prompts"]
    judged = [(one["table"], one["id"]) for one in row["judgments"] if one["judge"] and not one["unreadable"]]
    found = [(one["table"], one["id"]) for one in rows if one["table"] in {"first", "second"} and one["replies"]]
    assert set(found) >= set(judged)
    (pair,) = (one for one in rows if one["table"] == "pairs")
    assert "modified_prompt" in pair["added"]
    assert not {"prompt", "chosen", "rejected"} & pair["added"].keys()  # which the pair shows itself
    (reply,) = pair["replies"]
    assert row["rejected"] in reply["text"]
    assert "[User Question Modified]" in reply["text"]


def test_pairs_of_judgments_lead_to_both_and_to_the_battles(tmp_path: Path) -> None:
    done = shipped("meta-rewarding", tmp_path, take=2)
    lineage = Lineage(made.opened(done.folder))
    (row, *_), _ = tables(done, "judge_pairs")
    rows = lineage.listed([lineage.tree("judge_pairs", 0)])
    ranked = [one for one in rows if one["table"] == "ranked"]
    assert [one["added"]["judgment"] for one in ranked] == [row["chosen_judgment"], row["rejected_judgment"]]
    met = [one for one in tables(done, "metas")[0] if ranked[0]["id"] in {one["first_id"], one["second_id"]}]
    below = [one["id"] for one in rows if one["table"] == "metas"]
    assert {one["id"] for one in met} & set(below)
    assert ranked[0]["more"] == max(0, len(met) - 12)


def test_a_pilots_replies_lie_in_the_whole_runs_journal(tmp_path: Path) -> None:
    done = run(on_fakes("rlcd"), tmp_path, fakes=FAKES, take=2)
    assert done.folder.name == "take-2"
    _, rows = behind(done.folder)
    assert all(reply["text"] for row in rows for reply in row["replies"])


def test_a_reply_says_what_it_was_and_cost_and_one_that_is_gone_says_so(tmp_path: Path) -> None:
    done = shipped("rlcd", tmp_path)
    _, rows = behind(done.folder)
    first = next(one["replies"][0] for one in rows if one["replies"])
    assert line(first) == f"fake/0 · 0 tokens in, 0 out · $0 · finish: stop · {first['at']}"
    path = done.folder.parent / "journal.sqlite"
    with sqlite3.connect(path) as journal:
        journal.execute("DELETE FROM reply WHERE key = ?", (bytes.fromhex(first["key"]),))
        journal.execute("UPDATE reply SET dollars = NULL, prompt_tokens = 1234, crc = crc + 1")
    journal.close()
    _, rows = behind(done.folder)
    lines = [line(reply) for one in rows for reply in one["replies"]]
    assert lines[0] == "no such reply is in the journal"
    assert "fake/0 · 1,234 tokens in, 0 out · price not known · the reply is damaged on disk · " in lines[1]
    path.unlink()
    _, rows = behind(done.folder)
    assert {line(reply) for one in rows for reply in one["replies"]} == {"the journal is gone"}
    json.dumps([told(one) for one in rows])


def test_a_page_gets_texts_that_are_not_too_long() -> None:
    row = {
        "table": "t",
        "id": "i",
        "verb": "v",
        "depth": 0,
        "more": 0,
        "added": {"a": "x" * 30_000, "b": [1], "c": 2.5},
    }
    shown = told({**row, "replies": [{"key": "0", "gone": "the journal is gone"}]})
    assert shown["added"]["a"].endswith(" … [10,000 more characters]")
    assert (shown["added"]["b"], shown["added"]["c"]) == ("[1]", "2.5")
    assert shown["replies"] == [{"line": "the journal is gone", "text": ""}]
