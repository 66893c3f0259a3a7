"""What others publish, as they publish it: recognised, read the right way round, and re-published."""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefgen import do, run
from prefgen.plan import make
from prefgen.recipe import Recipe
from prefgen.rows import DROPPED
from prefgen.sources._layouts import COLUMNS, LAYOUTS, recognised
from prefgen.sources._read import LoadError
from prefgen.sources.load import load
from prefgen.sources.load_pairs import load_pairs
from prefgen.sources.load_responses import load_responses
from tests.fakes import writes
from tests.layouts import BRIEF, NO_PAIRS, SAMPLES, Pair, Sample, says, user

IDS = [f"{sample.layout}-{n}" for n, sample in enumerate(SAMPLES)]
each_sample = pytest.mark.parametrize("sample", SAMPLES, ids=IDS)


def parquet(rows: Sequence[Any], place: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(list(rows)), place / "x.parquet")
    return place / "x.parquet"


def folder(rows: Sequence[Any], place: Path) -> Path:
    """A dataset folder as ``datasets`` reads one: Parquet under a split's name."""
    (place / "d" / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows)), place / "d" / "data" / "train-00000-of-00001.parquet")
    return place / "d"


def saved(rows: Sequence[Any], place: Path) -> Path:
    datasets.Dataset.from_list(list(rows)).save_to_disk(place / "s")
    return place / "s"


def jsonl(rows: Sequence[Any], place: Path) -> Path:
    (place / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return place / "x.jsonl"


WAYS: dict[str, Callable[[Sequence[Any], Path], Any]] = {
    "parquet": parquet,
    "folder": folder,
    "saved": saved,
    "jsonl": jsonl,
    "list": lambda rows, place: list(rows),
}


def read(made: pl.DataFrame) -> list[Pair]:
    """The pairs that were kept, as the samples tell them."""
    kept = made.filter(pl.col(DROPPED).is_null())
    scored = "chosen_score" in made.columns
    return [
        Pair(
            row["prompt"],
            row["chosen"],
            row["rejected"],
            (row["chosen_model"], row["rejected_model"]),
            (row["chosen_score"], row["rejected_score"]) if scored else None,
        )
        for row in kept.iter_rows(named=True)
    ]


def wanted(sample: Sample) -> list[Pair]:
    return [Pair(pair.talk(), pair.chosen, pair.rejected, pair.models, pair.scores) for pair in sample.pairs]


def gone(made: pl.DataFrame) -> Counter[str]:
    return Counter(made[DROPPED].drop_nulls().to_list())


@pytest.mark.parametrize("way", WAYS)
@each_sample
def test_a_layout_is_known_and_read_the_right_way_round(sample: Sample, way: str, tmp_path: Path) -> None:
    told: list[str] = []
    made = load_pairs(WAYS[way](sample.rows, tmp_path), tell=told.append)
    assert read(made) == wanted(sample)
    assert gone(made) == sample.gone
    assert [words.partition(" as ")[2].partition(":")[0] for words in told] == [sample.layout] * (
        sample.layout != "pairs"
    )


@each_sample
def test_where_few_rows_are_read_they_are_read_alike(sample: Sample, tmp_path: Path) -> None:
    """A dataset folder is streamed then; of JSON its columns are not known beforehand."""
    first = load_pairs(list(sample.rows), take=1)
    assert load_pairs(folder(sample.rows, tmp_path), take=1).equals(first)
    (tmp_path / "j").mkdir()
    jsonl(sample.rows, tmp_path / "j")
    assert load_pairs(tmp_path / "j", take=1).equals(first)


@each_sample
def test_exactly_one_layout_is_meant(sample: Sample) -> None:
    """Also with columns beside it that say where a row is from, as who re-publishes a set adds them."""
    columns = list(sample.rows[0])
    assert recognised("x", columns).name == sample.layout
    assert recognised("x", [*columns, "source", "subset", "category", "language", "id"]).name == sample.layout


def test_every_layout_has_a_sample() -> None:
    assert {sample.layout for sample in SAMPLES} == {layout.name for layout in LAYOUTS if not layout.instead}
    assert len({layout.name for layout in LAYOUTS}) == len({layout.marks for layout in LAYOUTS}) == len(LAYOUTS)


def test_what_is_read_is_what_marks_a_layout() -> None:
    for layout in LAYOUTS:
        if not layout.instead:
            assert {*layout.reading.needs, *([layout.prompt] if layout.prompt else [])} <= layout.marks
        assert layout.columns() <= COLUMNS


@each_sample
def test_what_is_loaded_is_judged_and_published_again(sample: Sample, tmp_path: Path) -> None:
    """Each row that came in is a pair in the dataset or is counted with its reason."""
    source = parquet(sample.rows, tmp_path)
    steps = {
        "pairs": do("load_pairs", str(source)),
        "orders": do("both_orders", "pairs"),
        "judgments": do(
            "compare", "orders", model="judge", guard=sample.layout != "prefgen_judge"
        ),  # it quotes verdicts
    }
    recipe = Recipe(name="again", models={"judge": {"use": "fake/it"}}, steps=steps, write={"preferences": "judgments"})
    done = run(recipe, tmp_path / "run", fakes={"it": writes})
    loaded = json.loads((done.folder / "run.json").read_text())["steps"][0]
    assert (loaded["rows_in"], loaded["rows_out"]) == (len(sample.pairs) + sum(sample.gone.values()), len(sample.pairs))
    assert loaded["dropped"] == sample.gone
    written = pl.concat(pl.read_parquet(file) for file in sorted((done.dataset / "preferences").iterdir()))
    assert sorted(map(str, zip(written["chosen"].to_list(), written["rejected"].to_list(), strict=True))) == sorted(
        str(([*pair.talk(), says(pair.chosen)], [*pair.talk(), says(pair.rejected)])) for pair in sample.pairs
    )
    scores = [pair.scores or (None, None) for pair in sample.pairs]
    assert Counter(written.select("chosen_score", "rejected_score").rows()) == Counter(scores)


# --- which layout, and who says so ----------------------------------------------------------


def refused(rows: Any, **how: Any) -> str:
    with pytest.raises(LoadError) as caught:
        load_pairs(rows, **how)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", NO_PAIRS)
def test_what_holds_no_pairs_is_told_apart(name: str) -> None:
    said = refused(NO_PAIRS[name])
    assert said.startswith("the list holds no pairs, but ")
    assert "load_responses reads them" in said


def test_what_is_not_known_says_its_columns_and_what_to_give() -> None:
    row = {"query": "Name a grain.", "good": "Rye.", "bad": "Coal."}
    said = refused([row])
    assert said == (
        "the list has pairs in no layout that load_pairs knows; say where they are, by prompt: …, chosen: …, rejected: … "
        "(it has query, good, bad)"
    )
    made = load_pairs([row], prompt="query", chosen="good", rejected="bad")
    assert read(made) == [Pair([user("Name a grain.")], "Rye.", "Coal.")]
    assert "c29, …)" in refused([{f"c{n}": "" for n in range(99)}])


def test_what_could_be_two_layouts_is_neither() -> None:
    pairs, judged = (
        {"prompt": "p", "chosen": "a", "rejected": "b"},
        {"context": "p", "response1": "c", "response2": "d", "overall_preference": 1},
    )
    said = refused([{**pairs, **judged}])
    assert (
        said == "the list could be read as helpsteer3 or as pairs; name its columns: prompt: …, chosen: …, rejected: …"
    )
    assert load_pairs([{**pairs, **judged}], chosen="chosen")["rejected"].to_list() == ["b"]
    kto = {**pairs, "completion": "a", "label": True}
    assert load_pairs([kto])["chosen"].to_list() == ["a"]  # what holds no pairs is no rival


def test_settings_win_over_the_layout() -> None:
    sample = next(one for one in SAMPLES if one.layout == "ultrafeedback_binarized")
    told: list[str] = []
    turned = load_pairs(sample.rows[:1], chosen="rejected", rejected="chosen", tell=told.append)
    assert read(turned) == [Pair([user("Name a grain.")], "Coal.", "Rye.")]  # and no score of the other side
    assert not told
    judged = next(one for one in SAMPLES if one.layout == "helpsteer3").rows[1:2]
    first = load_pairs(judged, prompt="context", chosen="response1", rejected="response2")
    assert first["chosen"].to_list() == ["first"]
    asked = load_pairs([{**judged[0], "said": "And salt?"}], prompt="said")
    assert read(asked) == [Pair([user("And salt?")], "second", "first")]


def test_a_prompt_that_is_named_is_there() -> None:
    rows = [{"chosen": "Rye.", "rejected": "Coal.", "question": "Name a grain."}]
    said = refused(rows)
    assert "has responses without the conversation, and no prompt; say where they are" in said
    assert load_pairs(rows, prompt="question")["chosen"].to_list() == ["Rye."]
    with pytest.raises(LoadError, match="and no prompt; say where"):
        load(rows)  # what was chosen is no prompt
    assert "has no 'quest'; did you mean 'question'" in refused(rows, prompt="quest")
    talks: list[dict[str, Any]] = [
        {"chosen": [user("a"), says("b")], "rejected": [user("a"), says("c")]},
        {"chosen": None, "rejected": None},
    ]
    assert load_pairs(talks)[DROPPED].to_list() == [None, "empty response"]
    mixed = [*talks, {"chosen": "Rye.", "rejected": "Coal."}]
    assert load_pairs(mixed)[DROPPED].to_list() == [None, "empty response", "bad messages"]
    assert load(mixed)[DROPPED].to_list() == [None, "empty prompt", "bad messages"]
    assert "no 'question'" in refused(talks, prompt="question")


@pytest.mark.parametrize(
    ("preference", "chosen"),
    [(-3, "first"), (-1, "first"), (1, "second"), (3, "second"), ("-2", "first"), (2.0, "second")],
)
def test_below_zero_the_first_is_better(preference: Any, chosen: str) -> None:
    for layout, column, first, second in (
        ("helpsteer3", "overall_preference", "response1", "response2"),
        ("helpsteer2", "preference_strength", "response_1", "response_2"),
    ):
        row = dict(next(one for one in SAMPLES if one.layout == layout).rows[0])
        made = load_pairs([{**row, first: "first", second: "second", column: preference}])
        assert made["chosen"].to_list() == [chosen]


def test_ties_go_and_so_does_what_says_nothing() -> None:
    row = dict(next(one for one in SAMPLES if one.layout == "helpsteer3").rows[0])
    made = [
        load_pairs([{**row, "overall_preference": said}])[DROPPED][0]
        for said in (0, 0.0, "0", None, "", "A", True, float("nan"))
    ]
    assert made == ["tie"] * 3 + ["no preference"] * 5


def test_a_file_s_own_splits(tmp_path: Path) -> None:
    rows = next(one for one in SAMPLES if one.layout == "helpsteer2").rows
    for split, chosen in (
        ("val", ["two"]),
        ("validation", ["two"]),
        ("train+val", ["first", "second", "two"]),
        ("train[:9]", ["first", "second"]),
    ):
        made = load_pairs(parquet(rows, tmp_path), split=split)
        assert made.filter(pl.col(DROPPED).is_null())["chosen"].to_list() == chosen


def test_one_row_may_make_several_pairs_and_each_is_counted() -> None:
    sample = next(one for one in SAMPLES if one.layout == "rewardbench_2")
    made = load_pairs(sample.rows, keep=["subset", "num_correct"])
    assert made["subset"].to_list() == ["Focus"] * 3 + ["Ties"] * 3
    prompt = made["prompt_id"][0]
    assert made["id"].to_list() == [f"{prompt}.0", f"{prompt}.1", "row 1.2", f"{prompt}.2", f"{prompt}.3", "row 3"]
    many = [{**sample.rows[0], "chosen": [f"{n}" for n in range(100)], "rejected": [f"-{n}" for n in range(11)]}]
    assert load_pairs(many)[DROPPED].to_list() == ["over 1000 pairs"]


def test_ranks_are_numbers_of_completions() -> None:
    for completions in (None, [], "x", [{"completion": "a"}, {"rank": 1, "completion": "b"}], ["a", "b"]):
        (why,) = load_pairs([{"context": "Name a grain.", "completions": completions}])[DROPPED]
        assert why in {"no response", "no rank"}
    plain = [{"rank": 2, "completion": "Coal."}, {"rank": 1, "completion": "Rye."}]
    assert read(load_pairs([{"context": "Name a grain.", "completions": plain}])) == [
        Pair([user("Name a grain.")], "Rye.", "Coal.")
    ]


def test_scores_of_a_file_without_types(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("prompt,chosen,rejected,chosen_rating,rejected_rating\np,a,b,4.5,none\n")
    assert load_pairs(path).select("chosen_score", "rejected_score").rows() == [(4.5, None)]


def test_a_run_says_what_it_reads_and_as_what(tmp_path: Path) -> None:
    source = parquet(next(one for one in SAMPLES if one.layout == "judgebench").rows, tmp_path)
    told: list[str] = []
    load_pairs(source, tell=told.append)
    assert told == [f"reads {source} as judgebench: response_A or response_B, as label prefers"]
    recipe = Recipe(name="told", steps={"pairs": do("load_pairs", str(source))})
    assert told[0] in make(recipe).notices


@each_sample
def test_prompts_are_where_the_pairs_have_them(sample: Sample, tmp_path: Path) -> None:
    told: list[str] = []
    made = load(parquet(sample.rows, tmp_path), tell=told.append)
    found = made.filter(pl.col(DROPPED).is_null())["prompt"].to_list()
    columns = [[user(row["prompt"])] for row in sample.rows if isinstance(row.get("prompt"), str)]
    for talk in columns or [pair.talk() for pair in sample.pairs]:  # a column of that name is the prompt, as it stands
        assert talk in found
    assert made[DROPPED].is_in(["duplicate prompt", "bad messages"]).sum() == len(sample.rows) - len(found)
    assert [f", as {sample.layout} has them" in words for words in told] == [True] * ("prompt" not in sample.rows[0])


# --- system messages and tools --------------------------------------------------------------

CALL = says('<tool_call>{"name": "weigh"}</tool_call>')
TOOL = {"role": "tool", "content": "12 g"}
WEIGHED = [user("Weigh it."), CALL, TOOL]


def test_what_tools_said_comes_through_to_the_dataset(tmp_path: Path) -> None:
    talks = [WEIGHED, [*BRIEF[:1], *WEIGHED, TOOL], [*WEIGHED, says("12 grams."), user("In ounces?")], BRIEF]
    rows = [{"chosen": [*talk, says("yes")], "rejected": [*talk, says("no")]} for talk in talks]
    recipe = Recipe(
        name="tools", steps={"pairs": do("load_pairs", str(jsonl(rows, tmp_path)))}, write={"preferences": "pairs"}
    )
    done = run(recipe, tmp_path / "run")
    (file,) = (done.dataset / "preferences").iterdir()
    assert pl.read_parquet(file).select("chosen", "rejected").to_dicts() == rows
    spelt = [
        {"from": "human", "value": "Weigh it."},
        {"from": "gpt", "value": CALL["content"]},
        {"from": "observation", "value": "12 g"},
    ]
    shared = {
        "conversations": spelt,
        "chosen": {"from": "gpt", "value": "yes"},
        "rejected": {"from": "gpt", "value": "no"},
    }
    assert load_pairs([shared])["prompt_id"].to_list() == load_pairs(rows[:1])["prompt_id"].to_list()


@pytest.mark.parametrize(
    "called",
    [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "weigh", "arguments": "{}"}}],
        },
        {"role": "assistant", "content": "Let me see.", "tool_calls": [{"id": "1"}]},
        {"role": "assistant", "content": "", "function_call": {"name": "weigh"}},
        {"from": "function_call", "value": '{"name": "weigh"}'},
    ],
)
def test_calls_that_are_no_text_go_with_their_reason(called: dict[str, Any]) -> None:
    talk = [user("Weigh it."), called, TOOL]
    assert load_pairs([{"prompt": talk, "chosen": "yes", "rejected": "no"}])[DROPPED].to_list() == ["tool calls"]
    assert load_pairs([{"chosen": [*talk, says("yes")], "rejected": [*talk, says("no")]}])[DROPPED].to_list() == [
        "tool calls"
    ]
    assert load([{"prompt": talk}])[DROPPED].to_list() == ["tool calls"]
    assert load_responses([{"prompt": "Weigh it.", "response": [called]}])[DROPPED].to_list() == ["empty response"]


def test_no_calls_are_no_calls() -> None:
    """Files with types give every message every field."""
    talk = [{**turn, "tool_calls": None, "name": None} for turn in [*WEIGHED, says("12 grams."), user("Sure?")]]
    assert load([{"prompt": talk}])[DROPPED].to_list() == [None]


@pytest.mark.parametrize(
    "talk",
    [
        [TOOL],
        [user("a"), TOOL],
        [user("a"), CALL, TOOL, user("b")],
        [user("a"), CALL, CALL, user("b")],
        [TOOL, user("a")],
    ],
)
def test_what_no_chat_template_takes_is_no_conversation(talk: list[dict[str, Any]]) -> None:
    assert load([{"prompt": talk}])[DROPPED].to_list() == ["bad messages"]


def test_prompts_keep_the_ids_that_they_had() -> None:
    """Ids of releases before tools: journals, splits and published datasets hold them."""
    assert load([{"prompt": "why?"}, {"prompt": BRIEF}])["prompt_id"].to_list() == [
        "8d067d16a8630ab6",
        "7627d0e4a6a5d199",
    ]
