"""A prompt's split: stable as data grows, the same in every config, no near duplicates across, nothing lost uncounted."""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from io import StringIO
from itertools import combinations
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from prefgen import Recipe, display, do, load, run
from prefgen import plan as planning
from prefgen.errors import RecipeError
from prefgen.filters._shingles import jaccard, ngrams, words
from prefgen.pages import Pages
from prefgen.recipe import dump
from prefgen.replay import replay
from prefgen.run import Run
from prefgen.sources.load import load as load_prompts
from prefgen.splits import THRESHOLD, TWO, assigned, drawn, placed
from tests.fakes import writes

SHARES = {"test": 0.3, "validation": 0.2}


def prompt_id(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def prompts(texts: Sequence[str]) -> pl.DataFrame:
    return pl.DataFrame({"prompt_id": [prompt_id(text) for text in texts], "prompt": texts})


def splits_of(texts: Sequence[str]) -> list[str | None]:
    return assigned(prompts(texts), SHARES)["split"].to_list()


def alike(one: str, other: str) -> float:
    return jaccard(ngrams(words(one), 3), ngrams(words(other), 3))


def window(start: int, mark: str) -> str:
    """Twenty words in a row: one step on is near, three steps on is not."""
    return " ".join(f"w{n}" for n in range(start, start + 20)) + mark


TEXTS = st.lists(st.builds(window, st.integers(0, 12), st.sampled_from(["", "!", "?"])), max_size=20, unique=True)
"""Chains of texts, each near the next, and some the same but for a mark."""

# --- prompts --------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS)
def test_prompts_that_are_appended_move_none_that_was_there(texts: list[str], more: list[str]) -> None:
    grown = [*texts, *(text for text in more if text not in texts)]
    assert splits_of(grown)[: len(texts)] == splits_of(texts)


@settings(deadline=None, max_examples=60)
@given(TEXTS)
def test_no_near_duplicates_are_in_two_splits_and_none_is_left_out_for_nothing(texts: list[str]) -> None:
    """The index misses one of twenty thousand pairs that are just as alike as the threshold: those are not held
    against it, one a little more alike is."""
    found = splits_of(texts)
    for (one, of), (other, its) in combinations(zip(texts, found, strict=True), 2):
        if of and its and of != its:
            assert alike(one, other) <= THRESHOLD
    for place, of in enumerate(found):
        if of is None:
            near = {
                its for other, its in zip(texts[:place], found, strict=False) if alike(texts[place], other) >= THRESHOLD
            }
            assert len(near - {None}) > 1


@settings(deadline=None, max_examples=60)
@given(TEXTS, TEXTS, st.randoms(use_true_random=False))
def test_what_is_there_stays_where_it_is_and_new_prompts_go_beside_it(
    there: list[str], more: list[str], chance: Any
) -> None:
    new = [text for text in more if text not in there]
    own = [chance.choice(["train", "test"]) for _ in [*there, *new]]
    texts, found = [*there, *new], placed([*there, *new], own, fixed=len(there))
    assert found[: len(there)] == own[: len(there)]
    for place, of in enumerate(found[len(there) :], len(there)):
        near = {its for text, its in zip(texts[:place], found, strict=False) if alike(texts[place], text) > THRESHOLD}
        assert of is None or near - {None} <= {of}


def _near(others: int) -> str:
    """A text of eighty words, of which so many at the beginning are others."""
    return " ".join(f"other{n}" if n < others else f"word{n}" for n in range(80))


def test_a_prompt_goes_where_what_it_is_near_went_and_nowhere_if_that_is_two_splits() -> None:
    left, between, right = _near(0), _near(6), _near(12)
    assert alike(left, right) < THRESHOLD < min(alike(left, between), alike(between, right))
    for own in (["train"] * 3, ["test", "train", "test"]):
        assert placed([left, right, between], own) == [own[0], own[1], own[0] if own[0] == own[1] else None]
    assert placed([left, between, right], ["test", "train", "train"]) == ["test", "test", "test"]
    assert placed([left, right, between], ["test", "train", "train"], fixed=2) == ["test", "train", None]
    assert placed([left, between, right], ["test", "train", "train"], fixed=2) == ["test", "train", "train"]


def test_case_and_punctuation_make_no_other_prompt_and_texts_without_words_are_near_nothing() -> None:
    assert placed(["What is it?", "what IS it", "?!", "!?"], ["test", "train", "test", "train"]) == [
        "test",
        "test",
        "test",
        "train",
    ]
    assert placed([], []) == []


def test_shares_are_near_what_was_asked_and_hold_for_any_seed() -> None:
    counts = Counter(drawn(prompt_id(f"prompt {n}"), SHARES) for n in range(20_000))
    assert abs(counts["test"] / 20_000 - 0.3) < 0.015
    assert abs(counts["validation"] / 20_000 - 0.2) < 0.015
    assert counts["train"] == 20_000 - counts["test"] - counts["validation"]


def test_a_hash_says_the_same_for_ever() -> None:
    """Splits of what is on the Hub must not move with a version of prefgen."""
    told = ["train", "validation", "test"]
    assert {drawn(f"{n:016x}", SHARES) for n in range(40)} == set(told)
    whole = "".join(drawn(f"{n:016x}", SHARES)[1] for n in range(12))
    assert whole == "rrararrrarae"


# --- a run ----------------------------------------------------------------------------------

ROOT = Path(__file__).parent.parent
STE = ROOT / "recipes" / "self-taught-evaluators.yaml"
PLAIN = [f"what is number {n} and why is it not {n * 7 + 1}, pray" for n in range(40)]
IDS = {"preferences": "pair_id", "preferences_text": "pair_id", "judgments": "judgment_id", "judge_sft": "judgment_id"}


def in_split(split: str, text: str) -> str:
    """The text with a number before it, such that as a prompt it is in this split."""
    texts = [f"{n} {text}" for n in range(100)]
    ids = load_prompts([{"prompt": one} for one in texts], prompt="prompt")["prompt_id"]
    return next(one for one, its in zip(texts, ids, strict=True) if drawn(its, SHARES) == split)


LEFT, RIGHT, BETWEEN = in_split("test", _near(0)), in_split("train", _near(12)), _near(6)


def made(folder: Path, texts: Sequence[str], *more: str, **settings: Any) -> Run:
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    own = ["steps.all.load=" + str(folder / "prompts.jsonl"), *(f"models.{m}.use=fake/it" for m in ("writer", "judge"))]
    return run(load(STE, [*own, *more]), folder / "run", fakes={"it": writes}, **settings)


SPLIT = "splits={test: 0.3, validation: 0.2}"


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(tmp_path_factory.mktemp("ran"), [LEFT, RIGHT, *PLAIN, BETWEEN], SPLIT)


def found(done: Run) -> pl.DataFrame:
    """Every row of the dataset: its config, split, prompt and id."""
    rows = []
    for path in sorted(done.dataset.glob("*/*.parquet")):
        config, split = path.parent.name, path.name.split("-")[0]
        ids = pl.read_parquet(path).select("prompt_id", pl.col(IDS[config]).alias("id"))
        rows.append(ids.select(pl.lit(config).alias("config"), pl.lit(split).alias("split"), "prompt_id", "id"))
    return pl.concat(rows)


def test_a_prompt_is_in_one_split_in_every_config(ran: Run) -> None:
    rows = found(ran)
    assert set(rows["config"]) == set(IDS)
    assert set(rows["split"]) == {"train", "test", "validation"}
    assert rows.group_by("prompt_id").agg(pl.col("split").n_unique())["split"].max() == 1
    for config, of in ran.configs.items():
        assert list(of) == ["train", "test", "validation"]
        assert {name: rows.filter(config=config, split=name).height for name in of} == of


def test_what_is_left_out_is_counted_in_run_json_on_the_card_and_in_the_summary(ran: Run) -> None:
    whole = {name: ran.table(table) for name, table in (("preferences", "pairs"), ("judgments", "judgments"))}
    for config, rows in whole.items():
        lost = rows.height - sum(ran.configs[config].values())
        assert ran.splits["left_out"]["rows"][config] == lost > 0
    assert ran.splits["left_out"]["prompts"] == 1
    assert ran.splits["left_out"]["why"] == TWO
    assert json.loads((ran.folder / "run.json").read_text())["splits"] == ran.splits
    card = (ran.dataset / "README.md").read_text()
    screen = Console(file=StringIO(), width=400)
    display.summary(ran, [], screen)
    for said in (card.replace("\\", ""), cast("StringIO", screen.file).getvalue()):
        assert f"1 prompts left out ({TWO}); rows: preferences 1, preferences_text 1, judgments" in said


def test_a_run_of_more_prompts_moves_no_row(ran: Run, tmp_path: Path) -> None:
    few = found(made(tmp_path, [LEFT, RIGHT, *PLAIN[:20]], SPLIT, "steps.balanced={concat: [one_each]}"))
    both = few.join(found(ran), on=["config", "id"], how="inner")
    assert both.height > 100
    assert both["split"].to_list() == both["split_right"].to_list()


def test_a_replay_makes_the_same_splits(ran: Run) -> None:
    assert replay(ran.folder, fakes={"it": writes}).equal


def test_without_splits_all_is_train_and_nothing_is_said_of_them(tmp_path: Path) -> None:
    done = made(tmp_path, PLAIN[:3])
    assert {name for of in done.configs.values() for name in of} == {"train"}
    assert done.splits == {}
    assert "splits" not in json.loads((done.folder / "run.json").read_text())
    assert "Splits" not in (done.dataset / "README.md").read_text()


def test_a_split_that_got_no_row_is_not_written_and_that_is_said(tmp_path: Path) -> None:
    done = made(tmp_path, PLAIN[:3], "splits={test: 0.0001}")
    assert [path.name for path in sorted(done.dataset.rglob("*test*"))] == []
    assert done.configs["preferences"] == {"train": 3}
    assert done.splits["empty"] == {name: ["test"] for name in done.configs}
    front = (done.dataset / "README.md").read_text().split("---")[1]
    assert "test" not in front
    assert "no row of preferences is in test, so that is not written" in (done.dataset / "README.md").read_text()


def test_prompts_that_a_model_wrote_have_splits_too(tmp_path: Path) -> None:
    """Their table is where prompts come from; the seeds that it was made of decide nothing."""
    steps = {
        "seeds": do("load", [{"prompt": text} for text in PLAIN], prompt="prompt"),
        "asked": do("load", [{"prompt": LEFT}], prompt="prompt"),
        "prompts": do("as_prompts", "written"),
    }
    steps["written"] = do(upper, "seeds")
    order = ("seeds", "asked", "written", "prompts")
    answered = {"responses": do("answer", "prompts", model="w"), "more": do("answer", "asked", model="w")}
    steps = {**{name: steps[name] for name in order}, **answered, "all": do("concat", ["responses", "more"])}
    recipe = Recipe(name="x", steps=steps, models={"w": {"use": "fake/it"}}, write={"responses": "all"}, splits=SHARES)
    done = run(recipe, tmp_path, fakes={"it": writes})
    assert sum(done.splits["prompts"].values()) == len(PLAIN) + 1
    assert sum(done.configs["responses"].values()) == len(PLAIN) + 1


def upper(rows: pl.DataFrame) -> pl.DataFrame:
    """Another instruction of each prompt."""
    return rows.with_columns(instruction=pl.col("prompt").list.first().struct.field("content") + " in capitals")


# --- what a recipe says ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "line", "what"),
    [
        ("splits: {train: 0.9}", 3, "'train' cannot be given; it is what the other splits leave"),
        ("splits: {all: 0.9}", 3, "'all' cannot be given"),
        ("splits:\n  test: 0.1\n  a-b: 0.1", 5, "'a-b' cannot name a split; use letters"),
        ("splits:\n  test: 0.1\n  ../up: 0.1", 5, "'../up' cannot name a split"),
        ("splits:\n  test: 1.5", 4, "test is 1.5; say a share between 0 and 1"),
        ("splits:\n  test: 0", 4, "test is 0; say a share"),
        ("splits:\n  test: .nan", 4, "test is nan; say a share"),
        ("splits:\n  test: true", 4, "test is True; say a share"),
        ("splits:\n  test: some", 4, "test is 'some'; say a share"),
        ("splits: {test: 0.6, dev: 0.4}", 3, "the shares come to 1, and leave nothing to train on"),
        ("splits: {test: 0.1, Test: 0.1}", 3, "two names differ in nothing but case"),
    ],
)
def test_what_is_wrong_with_splits_is_told_with_its_line(tmp_path: Path, said: str, line: int, what: str) -> None:
    path = tmp_path / "r.yaml"
    (tmp_path / "p.jsonl").write_text('{"prompt": "why?"}\n')
    path.write_text(f"recipe: r\nsteps: {{prompts: {{load: p.jsonl}}}}\n{said}\n")
    with pytest.raises(RecipeError) as caught:
        planning.make(load(path))
    assert str(caught.value).startswith(f"{path}:{line}: splits: {what}")


def test_splits_that_are_no_mapping_and_a_good_name_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    (tmp_path / "p.jsonl").write_text('{"prompt": "why?"}\n')
    path.write_text("recipe: r\nsteps: {prompts: {load: p.jsonl}}\nsplits: {held.out_1: 0.1}\n")
    assert planning.make(load(path)).splits == {"held.out_1": 0.1}
    with pytest.raises(RecipeError, match="it should be shares of the prompts, such as"):
        load(path, ["splits=0.1"])


def test_the_python_twin_and_the_text_say_the_same() -> None:
    recipe = Recipe(name="r", steps={"prompts": do("load", "p.jsonl")}, splits={"test": 0.1})
    assert Pages("r").read(dump(recipe))["splits"] == {"test": 0.1}
