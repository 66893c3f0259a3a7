"""The audit's figures, against a few lines that compute them anew from the rows."""

import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

import pytest

from prefgen.audit import Asked, Audit, audit
from tests.audit.planted import clean, sentence, words

Row = dict[str, Any]


def audited(rows: list[Row], place: Path) -> Audit:
    path = place / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return audit(Asked(str(path)))


def wilson(right: int, n: int) -> tuple[float, float]:
    z, p = 1.959963984540054, right / n
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    chance = Random(11)
    made = [clean(chance) for _ in range(300)]
    for row in made:
        row |= {f"{side}_model": f"m/{chance.random() < 0.6:d}" for side in ("chosen", "rejected")}
    return made


@pytest.fixture(scope="module")
def found(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Audit:
    return audited(rows, tmp_path_factory.mktemp("figures"))


def test_lengths(rows: list[Row], found: Audit) -> None:
    chosen, rejected = ([len(row[side]) for row in rows] for side in ("chosen", "rejected"))
    longer = sum(c > r for c, r in zip(chosen, rejected, strict=True))
    unequal = sum(c != r for c, r in zip(chosen, rejected, strict=True))
    told = found.biases["lengths"]
    assert told["pairs"] == 300
    assert told["chosen_characters"] == pytest.approx(sum(chosen) / 300, abs=0.05)
    assert told["longer"]["value"] == longer / unequal
    assert (told["longer"]["low"], told["longer"]["high"]) == pytest.approx(wilson(longer, unequal))
    bins = Counter(math.floor(2 * math.log2(n)) for n in rejected)
    assert {place: n for place, n in enumerate(found.biases["spread"]["rejected"]) if n} == bins
    assert found.measures()["longer"] == longer / unequal


def test_authors_and_scores(rows: list[Row], found: Audit) -> None:
    won = Counter(row["chosen_model"] for row in rows if row["chosen_model"] != row["rejected_model"])
    (best, most), (_, least) = won.most_common()
    assert found.biases["author"]["value"] == most / (most + least)
    assert found.biases["authors"][0]["model"] == best
    gap = math.fsum(row["score_chosen"] - row["score_rejected"] for row in rows) / 300
    assert found.biases["gap"] == {"mean": pytest.approx(gap), "n": 300}


def test_of_two_in_a_row_which_stood_first(tmp_path: Path) -> None:
    chance = Random(5)
    strengths = [chance.choice([-3, -1, -1, 0, 2]) for _ in range(80)]
    rows = [
        {"context": f"{words(chance, 9)}?", "response1": sentence(chance, 9), "response2": sentence(chance, 9), "overall_preference": one}
        for one in strengths
    ]  # fmt: skip
    found = audited(rows, tmp_path)
    first, second = sum(one < 0 for one in strengths), sum(one > 0 for one in strengths)
    assert found.biases["first"]["value"] == first / (first + second)
    assert found.parts[0]["unread"] == {"tie": 80 - first - second}
    assert found.measures()["unread"] == (80 - first - second) / 80
    assert found.measures()["first"] == max(first, second) / (first + second)


def judgments(chance: Random) -> list[Row]:
    """Two judges of fifty pairs in both orders; one of them likes the first."""
    made = []
    for pair in range(50):
        for judge, likes in (("j/fair", 0.5), ("j/first", 0.9)):
            for gold in "AB":
                said = {"response_a": sentence(chance, 5), "response_b": sentence(chance, 5)}
                verdict = "A" if chance.random() < likes else "B"
                made.append({"prompt_id": f"{pair // 2}", "pair_id": f"{pair}", "gold": gold, "verdict": verdict, "judge_model": judge, **said})  # fmt: skip
    return made


def test_judges(tmp_path: Path) -> None:
    rows = judgments(Random(3))
    found = audited(rows, tmp_path)
    assert (found.taken.kind, found.findings[0]["of"]) == ("judgments", 0)
    for judge, told in found.judges["train"]["judges"].items():
        own = [row for row in rows if row["judge_model"] == judge]
        first = sum(row["verdict"] == "A" for row in own) / len(own)
        assert told["first_shown"]["value"] == pytest.approx(first)
        by_pair = defaultdict(list)
        for row in own:
            by_pair[row["pair_id"]].append(row["verdict"])
        assert told["flips"]["value"] == sum(len(set(both)) == 1 for both in by_pair.values()) / 50
    shown = [sum(r["verdict"] == "A" for r in rows if r["judge_model"] == j) / 100 for j in ("j/fair", "j/first")]
    assert found.measures()["first_shown"] == pytest.approx(max(max(one, 1 - one) for one in shown))


def test_counts_and_shares_of_findings(rows: list[Row], tmp_path: Path) -> None:
    marked = [
        {**row, "chosen": "" if n % 7 == 0 else row["chosen"], "prompt": rows[n // 3]["prompt"]}
        for n, row in enumerate(rows)
    ]
    told = {one["name"]: one for one in audited(marked, tmp_path).findings}
    assert (told["empty_chosen"]["count"], told["empty_chosen"]["of"]) == (43, 300)
    assert told["empty_chosen"]["share"] == 43 / 300
    assert [one["row"] for one in told["empty_chosen"]["examples"]] == [1, 8, 15, 22, 29]
    assert told["prompts_repeated"]["count"] == 300 - len({row["prompt"] for row in marked})
    assert told["prompts_repeated"]["examples"][0] == {
        "split": "train", "row": 2, "pair": 0, "why": "row 1 has the same",
        "prompt": marked[1]["prompt"], "chosen": marked[1]["chosen"][:400], "rejected": marked[1]["rejected"][:400],
    }  # fmt: skip


def test_the_same_however_the_rows_come(rows: list[Row], tmp_path: Path) -> None:
    import polars as pl

    frame = pl.DataFrame(rows)
    frame.write_parquet(tmp_path / "rows.parquet")
    frame.write_csv(tmp_path / "rows.csv")
    told = [audit(Asked(str(tmp_path / f"rows.{end}"))).told() for end in ("parquet", "csv")]
    lines = audited(rows, tmp_path).told()
    for one in told:
        assert {**one, "source": None} == {**lines, "source": None}
