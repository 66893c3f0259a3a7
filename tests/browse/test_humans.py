"""Agreement of people with labels and judges, against what a few plain lines make of the same marks."""

import math
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from prefgen.browse.humans import said, verdicts
from prefgen.browse.labels import Labels
from prefgen.browse.pairs import Filters, PairTable
from tests.browse.planted import best_of_n, cascade, pairs, plain_run, tables

HUMAN = {"agree": "chosen", "disagree": "rejected"}


def wilson(right: int, n: float, of: float) -> tuple[float, float]:
    """The 95 % interval of a share of n that tells as much as ``of``."""
    z, share = 1.959963984540054, right / n
    centre, reach = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (centre - reach) / (1 + z * z / of), (centre + reach) / (1 + z * z / of)


def kappa(a: list[str], b: list[str]) -> float:
    n, alike = len(a), sum(x == y for x, y in zip(a, b, strict=True))
    chance = sum(Counter(a)[one] * Counter(b)[one] for one in {*a, *b}) / n**2
    return (alike / n - chance) / (1 - chance)


def marks_of(folder: Path) -> tuple[dict[str, str], dict[str, Any]]:
    """Marks set at random on most pairs of a run, and what is told of them."""
    chance, table = random.Random(1), PairTable(folder)
    labels, given = Labels(table), {}
    for row in table.page(Filters(), 0, 999)["rows"]:
        mark = chance.choice(["agree", "agree", "agree", "disagree", "edit", ""])
        if mark:
            given[row["id"]] = mark
            labels.mark(row["id"], mark, "x")
    told = labels.agreement()
    assert told == Labels(PairTable(folder)).agreement()
    return given, told


def test_judges_of_pairs_are_held_against_people(tmp_path: Path) -> None:
    done = cascade(tmp_path)
    given, told = marks_of(done.folder)
    counted = Counter(given.values())
    assert told["marks"] == {"agree": counted["agree"], "disagree": counted["disagree"], "edit": counted["edit"]}
    n = counted["agree"] + counted["disagree"]
    low, high = wilson(counted["agree"], n, n)
    label = told["label"]
    assert label["n"] == n
    assert [label["value"], label["low"], label["high"]] == pytest.approx([counted["agree"] / n, low, high])
    for table, judge in (("first", "fake/cheap-0"), ("second", "fake/dear-0")):
        of_judge, of_human, right = [], [], []
        for row in tables(done, table)[0]:
            human = HUMAN.get(given.get(row["pair_id"], ""))
            if human and row["verdict"]:
                of_judge.append(row["verdict"])
                of_human.append(row["gold"] if human == "chosen" else "AB".replace(row["gold"], ""))
                right.append(of_judge[-1] == of_human[-1])
        found = told["judges"][judge]
        assert found["share"]["n"] == len(right)
        assert found["share"]["value"] == pytest.approx(sum(right) / len(right))
        assert found["kappa"] == pytest.approx(kappa(of_judge, of_human))
        assert found["share"]["low"] < found["share"]["value"] < found["share"]["high"]
        alone = wilson(sum(right), len(right), len(right))
        assert found["share"]["low"] <= alone[0]  # two verdicts on one pair tell less than two on two
    assert told["said"].startswith(f"You agree with {counted['agree']} of {n} labels, ")
    assert "fake/cheap-0: " in told["said"]


def test_judges_of_responses_say_by_their_scores_which_is_better(tmp_path: Path) -> None:
    done = best_of_n(tmp_path)
    given, told = marks_of(done.folder)
    scores: dict[tuple[str, str], list[float]] = {}
    for row in tables(done, "judgments")[0]:
        scores.setdefault((row["prompt_id"], row["response"]), []).append(row["score"])
    right, ties = [], 0
    for row in tables(done, "extremes")[0]:
        human = HUMAN.get(given.get(row["id"], ""))
        if human:
            chosen, rejected = (
                sum(own) / len(own) for own in (scores[row["prompt_id"], row[side]] for side in ("chosen", "rejected"))
            )
            ties += chosen == rejected
            right += [] if chosen == rejected else [(chosen > rejected) == (human == "chosen")]
    (found,) = told["judges"].values()
    assert (found["share"]["n"], found["pairs"], found["ties"]) == (len(right), len(right), ties)
    assert found["share"]["value"] == pytest.approx(sum(right) / len(right))
    assert found["kappa"] == pytest.approx(0)  # one who always says the same agrees by chance alone


def test_kinds_of_prompts_are_told_apart(tmp_path: Path) -> None:
    frame = pairs([(f"q{n}?", f"good {n}", f"bad {n}") for n in range(6)], category=["x", "x", "y", "y", None, "z"])
    table = PairTable(plain_run(tmp_path, frame))
    labels = Labels(table)
    for n, mark in enumerate(("agree", "disagree", "agree", "edit", "agree")):
        labels.mark(f"{n:016x}.0", mark)
    told = labels.agreement()
    assert {name: (one["value"], one["n"]) for name, one in told["categories"].items()} == {"x": (0.5, 2), "y": (1, 1)}
    assert told["label"]["value"] == 0.75
    assert told["judges"] == {}


def test_where_nothing_tells_nothing_is_told(tmp_path: Path) -> None:
    labels = Labels(PairTable(plain_run(tmp_path, pairs([("q?", "good", "bad")]))))
    told = labels.agreement()
    assert (told["label"], told["judges"], told["categories"], told["said"]) == (None, {}, {}, "")
    labels.mark(f"{0:016x}.0", "edit", "best")
    assert labels.agreement()["label"] is None
    assert labels.agreement()["said"] == said(labels.agreement()) == "1 edited, no other marks yet."


def test_what_judges_say_of_one_pair() -> None:
    one: dict[str, Any] = {"judge": "j", "table": "t", "verdict": None, "first": None, "of": None, "score": None}
    judgments = [
        {**one, "verdict": "rejected", "first": "rejected"},
        {**one, "judge": None, "verdict": None},
        {**one, "judge": "s", "of": "chosen", "score": 2.0},
        {**one, "judge": "s", "of": "rejected", "score": 3.0},
        {**one, "judge": "s", "of": "rejected", "score": None},
        {**one, "judge": "half", "of": "chosen", "score": 3.0},
        {**one, "judge": "even", "of": "chosen", "score": 3.0},
        {**one, "judge": "even", "of": "rejected", "score": 3.0},
    ]
    assert [(said["judge_model"], said["gold"], said["verdict"]) for said in verdicts(judgments)] == [
        ("j", "B", "rejected"), ("s", None, "rejected"), ("even", None, "tie"),
    ]  # fmt: skip
