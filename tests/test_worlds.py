"""Each recipe finds again what was planted: the judges' faults within their intervals, the pairs' truth as theory says."""

import json
import re
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
import polars as pl
import pytest

from prefgen.llm.request import Completion, Request
from prefgen.scores.elo import elo
from tests.worlds import (
    Judge,
    Writer,
    actor,
    holds,
    judged,
    made,
    merit,
    merits,
    near,
    perturbed,
    perturber,
    play,
    scorer,
    text,
    whole,
)

pytestmark = pytest.mark.slow

# --- judges of pairs ------------------------------------------------------------------------


def right_pairs(rows: pl.DataFrame) -> int:
    """Pairs whose chosen response is the better one."""
    return sum(c > r for c, r in zip(merits(rows["chosen"]), merits(rows["rejected"]), strict=True))


def test_self_taught_evaluators(tmp_path: Path) -> None:
    """A judge that is right in p, on pairs of which a share w is mislabelled, agrees with gold in p(1-w) + (1-p)w; the
    draws up to the first agreeing one are geometric, so n of them fail with probability (1-p)^n where gold is true.
    """
    p, w, n = 0.7, 0.1, 400
    world: dict[str, Writer | list[Writer]] = {"writer": perturber(w), "judge": Judge(p)}
    done = play("self-taught-evaluators", tmp_path, world, n, source="all")
    pairs, judgments, balanced = (made(done, table) for table in ("pairs", "judgments", "balanced"))
    assert near(right_pairs(pairs), pairs.height, 1 - w)
    assert holds(judged(done, "judgments")["agrees_with_gold"], p * (1 - w) + (1 - p) * w)
    true = pairs.filter(
        pl.Series([c > r for c, r in zip(merits(pairs["chosen"]), merits(pairs["rejected"]), strict=True)])
    )
    draws = judgments.filter(pl.col("pair_id").is_in(true["id"].implode()))
    assert near(2 * true.height, draws.height, p)  # as many right ones as ordered pairs: each drawing ends with one
    assert balanced["gold"].value_counts()["count"].n_unique() == 1
    assert (balanced["verdict"] == balanced["gold"]).all()


@pytest.mark.parametrize("p", [0.6, 0.9])
def test_rlcd_keeps_pairs_as_true_as_two_agreeing_verdicts_make_them(p: float, tmp_path: Path) -> None:
    """Labels are wrong in w; a pair stays where both orders agree with them: p^2 (1-w) + (1-p)^2 w of all, of which the
    share p^2 (1-w) is true.
    """
    w, n = 0.3, 700

    def affixed(request: Request, seed: int) -> str:
        chance, better = Random(seed), "unhelpful" not in whole(request)
        low, high = (0.5, 1.0) if better else (0.0, 0.5)
        good = chance.uniform(low, high)
        return text(good, chance.randint(100, 1000))

    def mislabelled(request: Request, seed: int) -> str:
        """The affix works in 1 - w of the prompts: which, the prompt decides, for both sides alike."""
        question = request.messages[-1]["content"]
        flips = Random(question).random() < w
        said = merit(affixed(request, seed))
        return text(1 - said if flips else said, Random(seed).randint(100, 1000))

    affixes = tmp_path / "affixes.jsonl"
    affixes.write_text(json.dumps({"affix_better": "helpful", "affix_worse": "unhelpful"}) + "\n")
    world: dict[str, Writer | list[Writer]] = {"actor": mislabelled, "judge": Judge(p)}
    done = play("rlcd", tmp_path, world, n, f"steps.affixed.among={affixes}")
    kept = pl.read_parquet(next((done.dataset / "preferences").glob("*.parquet")))
    agree = p**2 * (1 - w) + (1 - p) ** 2 * w
    assert near(right_pairs(made(done, "pairs")), n, 1 - w)
    assert near(kept.height, n, agree)
    assert near(right_pairs(kept), kept.height, p**2 * (1 - w) / agree)


def test_biases_are_found_within_their_intervals(tmp_path: Path) -> None:
    """Of twenty 95 % intervals nineteen hold what was planted, give or take one."""
    held = [
        found
        for seed, (first, longer) in enumerate([(0.0, 0.0), (0.3, 0.0), (0.0, 0.4), (0.2, 0.2)])
        for found in _found(tmp_path / str(seed), 0.8, first, longer, seed)
    ]
    assert len(held) == 20
    assert sum(held) >= 18


def _found(folder: Path, p: float, first: float, longer: float, seed: int) -> list[bool]:
    """Whether each interval holds what was planted."""
    world: dict[str, Writer | list[Writer]] = {"writer": perturber(), "judge": Judge(p, first=first, longer=longer)}
    done = play("self-taught-evaluators", folder, world, 250, "steps.judgments.n=1", f"seed={seed}", source="all")
    reads = 1 - first - longer
    flips = [(1 - own) * (first + own) + own * (1 - first - own) for own in (reads * p + longer, reads * p)]
    truth = {
        "first_shown": first + (1 - first) / 2,
        "prefers_longer": longer + (1 - longer) / 2,
        "agrees_with_gold": reads * p + longer / 2 + first / 2,
        "gold_is_longer": 0.5,
        "flips": fmean(flips),  # where the better response is the longer one, and where it is not
    }
    report = judged(done, "judgments")
    return [holds(report[name], planted) for name, planted in truth.items()]


def test_a_panel(tmp_path: Path) -> None:
    """A judge votes for a response that it prefers in both orders: p^2 for the better, (1-p)^2 for the other."""
    rights, n = (0.95, 0.85, 0.75), 500
    jury: list[Writer] = [Judge(p) for p in rights]
    done = play("panel", tmp_path, {"writer": perturber(), "jury": jury}, n)
    for k, p in enumerate(rights):
        report = judged(done, "judgments", f"fake/jury-{k}")
        assert holds(report["agrees_with_gold"], p)
        assert holds(report["flips"], 2 * p * (1 - p))
    kept = made(done, "kept")
    assert near(kept["pair_id"].n_unique(), n, float(np.prod([p**2 for p in rights])))
    wrong = made(done, "agreed").filter(pl.col("verdict") != pl.col("gold"))
    assert near(wrong["pair_id"].n_unique(), n, float(np.prod([(1 - p) ** 2 for p in rights])))
    assert "How far they agree" in (done.dataset / "README.md").read_text()
    kappas = json.loads((done.folder / "run.json").read_text())["judges"]["judgments"]["kappas"]
    for pair, kappa in kappas.items():
        a, b = (rights[int(name.rpartition("-")[2])] for name in pair.split(" | "))
        assert kappa == pytest.approx((2 * a - 1) * (2 * b - 1), abs=0.1)  # both classes are even here


def test_a_cascade_asks_the_dear_judge_where_the_cheap_one_is_not_sure(tmp_path: Path) -> None:
    """The cheap judge is sure of p^2 + (1-p)^2 of the pairs, rightly of p^2; of the rest the dear one is right of q^2."""
    p, q, n = 0.8, 0.9, 500
    world: dict[str, Writer | list[Writer]] = {"writer": perturber(), "cheap": Judge(p), "dear": Judge(q)}
    done = play("cascade", tmp_path, world, n)
    doubted = 2 * p * (1 - p)
    assert near(made(done, "sure")["pair_id"].n_unique(), n, 1 - doubted)
    assert near(made(done, "disputes")["pair_id"].n_unique(), n, doubted)
    assert (
        done.counts["second"].drawn == made(done, "disputes").height == 2 * made(done, "disputes")["pair_id"].n_unique()
    )
    kept = made(done, "kept")
    assert near(kept["pair_id"].n_unique(), n, p**2 + doubted * q**2)
    assert set(kept.filter(pl.col("part") == 1)["judge_model"]) == {"fake/dear-0"}
    assert not set(made(done, "sure")["pair_id"]) & set(made(done, "disputes")["pair_id"])


def test_quickstart_keeps_what_a_noisy_likelihood_bears_out(tmp_path: Path) -> None:
    """Two terms of a response's score are its merit with noise s each: of two merits 0.1 apart the higher one is found
    with probability Phi(2 * 0.1 / (2 s)). What is kept agrees with the label, which is wrong in w.
    """
    w, s, n = 0.2, 0.1, 500

    def small(request: Request, seed: int) -> Completion | str:
        chance, shown = Random(seed), whole(request)
        if request.given is not None:
            noise = Random(shown + request.given).gauss(0, s)  # a text is as likely whenever it is asked for
            return Completion(request.given, logprobs=(merit(shown + request.given) + noise - 9,))
        if "[User Question Modified]" not in shown:
            return text(0.6, chance.randint(100, 1000))
        return perturbed(text(0.7 if chance.random() < w else 0.5, chance.randint(100, 1000)), seed)

    world: Any = {"small": small}
    done = play("quickstart", tmp_path, world, n)
    found, kept = NormalDist().cdf(0.1 / s), made(done, "agreed").unique("pair_id")
    agree = (1 - w) * found + w * (1 - found)
    assert near(kept.height, n, agree)
    assert near(right_pairs(kept), kept.height, (1 - w) * found / agree)


# --- judges of single responses -------------------------------------------------------------


def simulated(candidates: int, samples: int, noise: float, lowest: int = 0, trials: int = 40_000) -> np.ndarray:
    """For each trial: merit of the chosen, of the rejected, and the gap of their scores; by numpy alone."""
    chance = np.random.default_rng(1)
    good = chance.random((trials, candidates))
    drawn = lowest + (5 - lowest) * good[..., None] + chance.normal(0, noise, (trials, candidates, samples))
    scores = np.clip(np.rint(drawn), lowest, 5).mean(-1)
    best, worst, each = scores.argmax(1), scores.argmin(1), np.arange(trials)
    found = np.stack([good[each, best], good[each, worst], scores[each, best] - scores[each, worst]], 1)
    return found[found[:, 2] > 1e-9]


def true_share(found: np.ndarray) -> float:
    return float((found[:, 0] > found[:, 1]).mean())


NOISE = 1.5


def test_self_rewarding(tmp_path: Path) -> None:
    world: dict[str, Writer | list[Writer]] = {"writer": _lists, "self": _scores_itself(NOISE)}
    done = play("self-rewarding", tmp_path, world, 0, "steps.shots1.n=20", "steps.shots2.n=30")
    pairs = made(done, "pairs")
    expected = simulated(4, 3, NOISE)
    assert pairs.height > 150
    assert near(right_pairs(pairs), pairs.height, true_share(expected))
    gap = [c - r for c, r in zip(merits(pairs["chosen"]), merits(pairs["rejected"]), strict=True)]
    assert fmean(gap) == pytest.approx(float((expected[:, 0] - expected[:, 1]).mean()), abs=0.05)


def _lists(request: Request, seed: int) -> str:
    """New prompts that differ."""
    from tests.fakes import writes

    return str(writes(request, seed))


def _scores_itself(noise: float, length_bias: float = 0.0, lengths: tuple[int, int] = (100, 1000)) -> Writer:
    """One model that answers, scores and judges its judgments."""
    answers, scores = actor(lengths=lengths), scorer(noise, length_bias)
    return lambda request, seed: (scores if "Score: <total points>" in whole(request) else answers)(request, seed)


def test_best_of_n_keeps_the_truer_half(tmp_path: Path) -> None:
    world: dict[str, Writer | list[Writer]] = {"actor": actor(), "judge": scorer(NOISE)}
    done = play("best-of-n", tmp_path, world, 250)
    every, kept = made(done, "extremes"), made(done, "pairs")
    expected = simulated(8, 3, NOISE)
    assert near(right_pairs(every), every.height, true_share(expected))
    widest = expected[expected[:, 2] >= np.quantile(expected[:, 2], 0.5)]
    assert near(right_pairs(kept), kept.height, true_share(widest))
    assert right_pairs(kept) / kept.height > right_pairs(every) / every.height


def test_rubric(tmp_path: Path) -> None:
    world: dict[str, Writer | list[Writer]] = {"actor": actor(), "judge": scorer(NOISE)}
    done = play("rubric", tmp_path, world, 300)
    pairs = made(done, "pairs")
    assert near(right_pairs(pairs), pairs.height, true_share(simulated(4, 3, NOISE, lowest=1)))


def test_temporal_anchoring_keeps_the_two_apart(tmp_path: Path) -> None:
    """The newer model answers within [0.7, 1], the older within [0, 0.4]: chosen is the one's, rejected the other's."""
    world: dict[str, Writer | list[Writer]] = {"newer": actor(0.7, 1), "older": actor(0, 0.4), "judge": scorer(0.7)}
    done = play("temporal", tmp_path, world, 60)
    pairs = made(done, "pairs")
    gap = [c - r for c, r in zip(merits(pairs["chosen"]), merits(pairs["rejected"]), strict=True)]
    assert min(merits(pairs["chosen"])) >= 0.7
    assert max(merits(pairs["rejected"])) <= 0.4
    assert fmean(gap) > 0.6  # without the anchor it could not be over 0.3


def test_ultrafeedback_finds_the_better_models(tmp_path: Path) -> None:
    """Four models whose merits do not overlap, and a judge that rates them by it: the best is always chosen, and the
    rejected one is any of the others as often.
    """
    pool: list[Writer] = [actor(0.25 * k, 0.25 * k + 0.2) for k in range(4)]
    done = play("ultrafeedback", tmp_path, {"pool": pool, "judge": _rates}, 300)
    pairs = made(done, "pairs")
    assert pairs.height == 300
    assert set(pairs["chosen_model"]) == {"fake/pool-3"}
    for model, count in pairs["rejected_model"].value_counts().iter_rows():
        assert near(count, 300, 1 / 3), model
    assert right_pairs(pairs) == 300
    best, *others = json.loads((done.folder / "run.json").read_text())["authors"]
    assert (best["model"], best["chosen"], best["rejected"]) == ("fake/pool-3", 300, 0)
    assert sum(one["rejected"] for one in others) == 300
    assert "## Authors" in (done.dataset / "README.md").read_text()


def _rates(request: Request, _: int) -> str:
    """Four texts from 2 to 5, by the quarter in which their merit is."""
    points = [2 + int(4 * float(good)) for good in re.findall(r"merit (\d\.\d{6})", whole(request))]
    return "\n\n".join(f"Text: {n}\nRating: {one}\nRationale: so." for n, one in enumerate(points, 1))


# --- revising, planning ---------------------------------------------------------------------


def test_constitutional_revisions_are_as_often_better_as_planted(tmp_path: Path) -> None:
    """Each of two rounds adds 0.1 with probability u, and takes 0.1 away else; a pair is right where the sum is above
    0, and of none where it is 0, for both texts then have one merit.
    """
    u, n = 0.8, 500

    def writes(request: Request, seed: int) -> str:
        shown, chance = whole(request), Random(seed)
        if "Do not write a new answer" in shown:
            return f"It could be better, {seed}."
        if "Write the whole answer anew" in shown:
            last = [turn["content"] for turn in request.messages if turn["content"].startswith("merit")][-1]
            return text(merit(last) + (0.1 if chance.random() < u else -0.1), chance.randint(100, 1000))
        return actor(0.3, 0.7)(request, seed)

    done = play("constitutional", tmp_path, {"actor": writes}, n)
    pairs = made(done, "pairs")
    assert pairs.height == n
    assert near(right_pairs(pairs), n, u**2)


def test_evalplanner_pairs_right_chains_with_wrong_ones(tmp_path: Path) -> None:
    """A judge that is right in p: of 4 executions r are right with the binomial distribution, and give min(4, r(4-r))
    pairs.
    """
    p, n = 0.6, 60

    def judges(request: Request, seed: int) -> str:
        if "<the plan>" in whole(request):
            return f"[Start of Evaluation Plan]\nCompare, {seed}.\n[End of Evaluation Plan]"
        return Judge(p)(request, seed)

    done = play("evalplanner", tmp_path, {"writer": perturber(), "judge": judges}, n)
    pairs, judgments = made(done, "judge_pairs"), made(done, "judgments")
    assert judgments.height == n * 5 * 2 * 4
    assert near(judgments.filter(pl.col("verdict") == pl.col("gold")).height, judgments.height, p)
    assert (pairs["chosen_verdict"] == pairs["gold"]).all()
    assert (pairs["rejected_verdict"] != pairs["gold"]).all()
    chances = [(r, _binomial(4, r, p)) for r in range(5)]
    mean = sum(share * min(4, r * (4 - r)) for r, share in chances)
    assert pairs.height / (n * 5 * 2) == pytest.approx(mean, rel=0.06)


def _binomial(n: int, r: int, p: float) -> float:
    from math import comb

    return comb(n, r) * p**r * (1 - p) ** (n - r)


def test_self_rewarding_eft_keeps_judgments_that_rank_as_people_do(tmp_path: Path) -> None:
    """A judge that knows the ranks and says them with no noise loses nothing; one that knows nothing keeps few."""
    source = Path(__file__).parent.parent / "recipes" / "data" / "ranked_replies.jsonl"
    rows = pl.read_ndjson(source)
    ranks = {row["response"]: row["rank"] for row in rows.iter_rows(named=True)}

    def knows(request: Request, seed: int) -> str:
        shown = whole(request)
        rank = next(rank for reply, rank in ranks.items() if reply in shown)
        return f"As known, {seed}.\n\nScore: {4 - rank}"

    def throws(_: Request, seed: int) -> str:
        return f"As thrown, {seed}.\n\nScore: {seed % 6}"

    sure = play("self-rewarding-eft", tmp_path / "sure", {"judge": knows}, 0)
    unsure = play("self-rewarding-eft", tmp_path / "unsure", {"judge": throws}, 0)
    assert made(sure, "agreed").height == rows.height * 4
    assert made(unsure, "agreed").height < rows.height * 4 * 0.5


# --- meta-rewarding -------------------------------------------------------------------------


def lengths(side: Sequence[str]) -> float:
    return fmean(map(len, side))


def iterated(folder: Path, rhos: Sequence[float]) -> list[float]:
    """The mean length of the actor's responses in each iteration, where training moves it to that of what was chosen.
    The judge likes length: two fifths of a score are nothing else.
    """
    middle, found = 500.0, []
    for k, rho in enumerate(rhos):
        low, high = round(middle * 0.5), round(middle * 1.5)
        world: dict[str, Writer | list[Writer]] = {"self": _scores_itself(0.3, 0.4, (low, high))}
        settings = [f"steps.tiers.rho={rho}", f"seed={k}", "steps.judgments.n=3", *NO_META]
        pairs = made(play("meta-rewarding", folder / str(k), world, 80, *settings), "pairs")
        found.append(middle)
        middle += lengths(pairs["chosen"].to_list()) - lengths(pairs["rejected"].to_list())
    return [*found, middle]


NO_META = [
    *(f"steps.{table}=null" for table in ("uncertain", "fought", "metas", "ranked", "judge_pairs")),
    "write={preferences: pairs}",
]


def test_length_control_stops_growth(tmp_path: Path) -> None:
    free, controlled = iterated(tmp_path / "free", [0, 0, 0]), iterated(tmp_path / "held", [0.32, 0.32, 0.40])
    assert free == sorted(free)
    assert free[-1] > 1.3 * free[0]
    assert controlled[-1] < 1.05 * controlled[0]


def judges_judgments(first: float, right: float) -> Writer:
    """A meta-judge: a judgment's merit stands in its words. It says the first in a share ``first``, whatever it reads."""
    answers, scores = actor(), scorer(2.0)

    def writes(request: Request, seed: int) -> str:
        shown, chance = whole(request), Random(seed)
        if "Winner: Judgement A" in shown:
            one, other = (float(good) for good in re.findall(r"reasons (\d\.\d{6})", shown))
            better, wrong = ("A", "B") if one > other else ("B", "A")
            said = "A" if chance.random() < first else better if chance.random() < right else wrong
            return f"One is fairer.\n\nWinner: Judgement {said}"
        if "Score: <total points>" in shown:
            return f"reasons {chance.random():.6f} " + scores(request, seed)
        return answers(request, seed)

    return writes


def hits(folder: Path, first: float) -> tuple[int, int]:
    """In how many pairs of judgments the chosen one is the better, and how many pairs there are."""
    world: dict[str, Writer | list[Writer]] = {"self": judges_judgments(first, 0.8)}
    small = ["steps.sampled.n=2", "steps.judgments.n=7"]
    pairs = made(play("meta-rewarding", folder, world, 100, *small), "judge_pairs")
    said = pairs.select(pl.col(c).str.extract(r"reasons (\d\.\d{6})").cast(pl.Float64)
                        for c in ("chosen_judgment", "rejected_judgment"))  # fmt: skip
    return said.filter(pl.col("chosen_judgment") > pl.col("rejected_judgment")).height, pairs.height


@pytest.mark.parametrize(("first", "least"), [(0.0, 0.95), (0.5, 0.9)])
def test_a_meta_judge_s_best_judgments_are_better(first: float, least: float, tmp_path: Path) -> None:
    right, of = hits(tmp_path, first)
    assert of > 93
    assert right / of > least


def ranked_as_they_are(weights: str, first: float, unread: float) -> float:
    """The mean correlation of judgments' ranks by elo with their true ranks, in 200 sets of 7 of which every two meet in
    both orders, less those that could not be read.
    """
    chance, rows, truth = Random(0), [], dict[str, float]()
    for of in range(200):
        good = {f"p.{of}.{k}": chance.random() for k in range(7)}
        truth |= good
        for m, n in permutations(good, 2):
            better, wrong = ("A", "B") if good[m] > good[n] else ("B", "A")
            said = "A" if chance.random() < first else better if chance.random() < 0.8 else wrong
            row = {"prompt_id": "p", "id": f"{m}-{n}", "response_id": f"p.{of}", "first_id": m, "second_id": n}
            rows.append(
                {**row, "judgment_a": m, "judgment_b": n, "verdict": None if chance.random() < unread else said}
            )
    found = elo(pl.DataFrame(rows, infer_schema_length=None), weights=weights)  # type: ignore[arg-type]
    found = found.with_columns(pl.Series("truth", [truth[one] for one in found["id"]]))
    return float(found.group_by("response_id").agg(pl.corr("elo", "truth", method="spearman"))["elo"].mean())  # type: ignore[arg-type]


def test_weights_help_against_a_favourite_place_where_battles_are_missing() -> None:
    """Where both orders of all are read the favourite place cancels out, and weights change little."""
    weighted, plain = (ranked_as_they_are(w, 0.7, 0.5) for w in ("table", "none"))
    assert weighted > plain + 0.04
    weighted, plain = (ranked_as_they_are(w, 0.7, 0.0) for w in ("table", "none"))
    assert weighted == pytest.approx(plain, abs=0.04)


# --- benchmarks -----------------------------------------------------------------------------


def benchmark(folder: Path, n: int) -> Path:
    """n pairs in RewardBench's layout, of two subsets of each section."""
    subsets = ["alpacaeval-easy", "mt-bench-hard", "llmbar-natural", "xstest-should-refuse", "hep-go", "math-prm"]
    rows = []
    for i in range(n):
        chance = Random(i)
        chosen, rejected = (text(chance.uniform(*span), chance.randint(100, 1000)) for span in ((0.5, 1), (0, 0.5)))
        rows.append({
            "id": i, "prompt": f"Question {i}?", "chosen": chosen, "rejected": rejected, "chosen_model": "x",
            "rejected_model": "y", "subset": subsets[i % len(subsets)],
        })  # fmt: skip
    path = folder / "bench.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(("preset", "first", "expected"), [
    (None, 0.0, 0.7), ("both-orders", 0.0, 0.49), ("both-orders", 0.5, (0.5 + 0.5 * 0.7) * 0.5 * 0.7),
    ("voted", 0.0, 0.99), (None, 1.0, 0.5), ("both-orders", 1.0, 0.0),
])  # fmt: skip
def test_rewardbench_scores_a_judge_as_it_is(preset: str | None, first: float, expected: float, tmp_path: Path) -> None:
    """One that always says A has half of the points where each pair has one order, and none where it has both."""
    data = benchmark(tmp_path, 600)
    world: dict[str, Writer | list[Writer]] = {"judge": Judge(0.7, first=first)}
    done = play("rewardbench", tmp_path, world, 0, f"steps.pairs.load_pairs={data}", preset=preset)
    credits_of = made(done, "credits")["credit"]
    assert near(float(credits_of.sum()), 600, expected, 4)
    results = json.loads((done.folder / "results.json").read_text())
    subsets = [row for row in results if row["kind"] == "subset" and row["judge_model"] == "fake/judge-0"]
    assert len(subsets) == 6
    assert sum(row["low"] <= 100 * expected <= row["high"] for row in subsets) >= 5


def sets_of_four(folder: Path, n: int) -> Path:
    """n sets in RewardBench 2's layout, in five domains, with one right response of four; and ten pairs of Ties."""
    domains, rows = ["Factuality", "Precise IF", "Math", "Safety", "Focus"], []
    for i in range(n):
        chance = Random(i)
        good, *bad = (text(chance.uniform(*span), chance.randint(100, 1000)) for span in ((0.8, 1), *[(0, 0.5)] * 3))
        rows.append({"id": f"{i}", "prompt": f"Question {i}?", "chosen": [good], "rejected": bad, "num_correct": 1,
                     "total_completions": 4, "subset": domains[i % 5]})  # fmt: skip
    for i in range(20):
        kind, right = ("ref", 1) if i % 2 else ("tied", 3)
        several = [text(0.9, 200 + k) for k in range(right)]
        rows.append({"id": f"{kind}:{i // 2}", "prompt": f"Which, {i}?", "chosen": several, "rejected": [text(0.1, 150)],
                     "num_correct": right, "total_completions": right + 1, "subset": "Ties"})  # fmt: skip
    path = folder / "bench2.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("preset", [None, "ratings"])
def test_rewardbench_2_scores_a_judge_as_it_is(preset: str | None, tmp_path: Path) -> None:
    """A judge that is right in p has p, whether it ranks or rates; rating every right answer alike, it has the Ties."""
    p, n = 0.7, 800

    def judges(request: Request, seed: int) -> str:
        shown, chance = whole(request), Random(seed)
        if "[Your Rating]" in shown:
            return "Fair.\n\n9" if merit(shown) > 0.6 else "Poor.\n\n" + str(2 if _sees(shown, p) else 10)
        labels = re.findall(r"Assistant ([A-D])'s Answer\]\nmerit (\d\.\d{6})", shown.replace("[The End of", "["))
        best = max(labels, key=lambda one: float(one[1]))[0]
        return f"So.\n\n[[{best if chance.random() < p else chance.choice([c for c, _ in labels if c != best])}]]"

    source = f"steps.responses.load_responses={sets_of_four(tmp_path, n)}"
    done = play("rewardbench-2", tmp_path, {"judge": judges}, 0, source, preset=preset)
    expected = p if preset is None else p**3  # rated, the right one wins where all three others are seen to be poor
    credits_of = made(done, "credits")["credit"]
    assert near(float(credits_of.sum()), n, expected, 4)
    results = {row["name"]: row for row in json.loads((done.folder / "results.json").read_text())}
    domains = [results[name] for name in ("Factuality", "Precise IF", "Math", "Safety", "Focus")]
    assert sum(row["low"] <= 100 * expected <= row["high"] for row in domains) >= 4
    assert results["6-domain"]["score"] == pytest.approx(
        fmean([*(row["score"] for row in domains), results["Ties"]["score"]])
    )


def _sees(shown: str, p: float) -> bool:
    """Whether a poor response is seen to be one; of the Ties all are."""
    return "Which," in shown or Random(shown).random() < p
