"""The whole card: every part where it belongs, nothing that is not text, and the same bytes again."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from ruamel.yaml import YAML

from prefgen import Recipe, load, replay, run
from prefgen.card import card, fenced
from prefgen.recipe import dump
from prefgen.run import Run
from tests.test_early import costly, recipe

RECIPE = load(Path(__file__).parent.parent / "recipes" / "quickstart.yaml")
FUNNEL = [
    {
        "table": "a|b",
        "verb": "load",
        "rows_in": 3,
        "rows_out": 2,
        "dropped": {"`x` <b>": 1},
        "unreadable": {},
        "failed": {},
    }
]
PAIRS = {"preferences": {"train": 2}}


def test_the_front_matter_is_yaml_with_one_default_config() -> None:
    configs = {"preferences": {"train": 1200}, "preferences_text": {"train": 1200}, "judgments": {}}
    text = card(RECIPE, dump(RECIPE), configs, FUNNEL)
    front = YAML(typ="safe", pure=True).load(text.split("---\n")[1])
    assert front["license"] == "apache-2.0"
    assert front["size_categories"] == ["1K<n<10K"]
    assert [c["config_name"] for c in front["configs"]] == ["preferences", "preferences_text"]
    assert [c.get("default", False) for c in front["configs"]] == [True, False]
    assert "`judgments` had no rows, so it is not here." in text


def test_the_card_tells_counts_and_the_recipe_and_stays_text() -> None:
    text = card(RECIPE, dump(RECIPE), PAIRS, FUNNEL)
    assert "recipe: quickstart" in text
    assert "<b>" not in text
    assert card(RECIPE, dump(RECIPE), PAIRS, FUNNEL) == text


def test_a_fence_is_longer_than_any_inside() -> None:
    assert fenced("a\n````\nb").startswith("`````\n")


def test_what_a_provider_names_and_a_recipe_says_is_text_and_no_markup() -> None:
    name, about = "<img src=x onerror=alert(1)>\\| [x](http://e.vil)", "~~~ the rest of the page in a block"
    shares = {"value": 0.5, "low": 0.1, "high": 0.9, "n": 3}
    judges = {"t": {"judges": {name: {"judgments": 3, "agrees_with_gold": shares}}}}
    text = card(replace(RECIPE, about=about), "x", PAIRS, FUNNEL, judges)
    tokens = MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2])
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "image"}
    assert not any("e.vil" in str(one.attrs) for token in tokens for one in token.children or ())
    assert "Terms" in {token.content for token in tokens}


def test_splits_are_told_with_their_rows() -> None:
    text = card(
        RECIPE, "x", {"preferences": {"train": 1200, "test": 60}, "preferences_text": {"train": 1190, "test": 60}}, []
    )
    assert "| `preferences` (default) | 1,200 `train`, 60 `test` |" in text
    assert "10 pairs are in `preferences` only" in text


def test_splits_are_told_by_prompts_and_rows() -> None:
    told = {
        "asked": {"test": 0.1},
        "prompts": {"train": 90, "test": 10},
        "left_out": {"prompts": 3, "rows": {}, "why": "near <b>two</b>"},
        "empty": {},
    }
    text = card(RECIPE, "x", {"preferences": {"train": 1200, "test": 60}, "judgments": {"train": 7}}, [], splits=told)
    assert "| rows | `train` | `test` |\n| --- | --- | --- |\n| prompts | 90 | 10 |" in text
    assert "| `judgments` | 7 | 0 |" in text
    assert "3 prompts left out (near \\<b\\>two\\</b\\>); rows: none." in text
    assert "## Splits" not in card(RECIPE, "x", PAIRS, [])


@pytest.mark.parametrize(
    ("unpriced", "said", "each"),
    [
        (0, "| all | 40 | 2,000 | 800 | 0.1200 |", "For each row of `preferences`: 20.0 replies, 1,400 tokens and 0.060000 dollars."),
        (3, "| all | 40 | 2,000 | 800 | 0.1200, and 3 replies without a list price |", "20.0 replies"),
        (40, "| all | 40 | 2,000 | 800 | no list price |", "For each row of `preferences`: 20.0 replies, 1,400 tokens."),
    ],
)  # fmt: skip
def test_cost_is_told_by_step_in_all_and_for_each_row(unpriced: int, said: str, each: str) -> None:
    bill = {"replies": 40, "prompt_tokens": 2000, "completion_tokens": 800, "dollars": 0.12, "unpriced": unpriced}
    text = card(RECIPE, "x", PAIRS, [], costs={"steps": [{"table": "answers", **bill}], "total": bill})
    assert said in text
    assert each in text
    assert said.replace("| all |", "| `answers` |") in text
    nothing = dict.fromkeys(bill, 0)
    assert "## Cost" not in card(RECIPE, "x", PAIRS, [], costs={"steps": [], "total": nothing})


def test_what_stops_saved_stands_where_cost_is_shown() -> None:
    bill = {"replies": 40, "prompt_tokens": 2000, "completion_tokens": 800, "dollars": 0.12, "unpriced": 0}
    saved = {"stop": "majority", "settings": {}, "asked": 40, "fixed": 100, "spared": 60, "changed": 0}
    costs = {"steps": [{"table": "answers", **bill}], "total": bill}
    text = card(RECIPE, "x", PAIRS, [FUNNEL[0], {**FUNNEL[0], "saved": saved}], costs=costs)
    assert "\n\nStops saved 60 of 100 calls: majority 60.\n\n" in text
    assert "Stops" not in card(RECIPE, "x", PAIRS, FUNNEL, costs=costs)


# --- of a run -------------------------------------------------------------------------------


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def priced() -> Recipe:
    return replace(
        recipe(), write={"preferences": "pairs", "judgments": "scored"}, language=["en"], license="cc-by-4.0"
    )


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run(priced(), tmp_path_factory.mktemp("run"), fakes={"it": costly})


def test_a_run_s_folder_has_its_pictures_and_the_card_shows_them(done: Run) -> None:
    files = contents(done.dataset)
    text = files["README.md"].decode()
    shown = [name for name in files if name.startswith("pictures/")]
    assert shown == ["pictures/funnel.png", "pictures/lengths.png", "pictures/scores.png"]
    tokens = MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2])
    images = [one for token in tokens for one in token.children or () if one.type == "image"]
    assert sorted(str(one.attrs["src"]) for one in images) == shown
    assert all(len(one.content) > 40 for one in images), "each says in words what it shows"


def test_a_repetition_and_a_replay_write_the_same_bytes(done: Run, tmp_path: Path) -> None:
    before = contents(done.dataset)
    assert replay(done.folder, fakes={"it": costly}, out=tmp_path / "kept").equal
    assert contents(tmp_path / "kept" / "dataset") == before
    again = run(priced(), done.folder, fakes={"it": costly}, shard=7, side_by_side=3)
    assert sum(count.tally.calls for count in again.counts.values()) == 0
    assert contents(again.dataset) == before


def test_the_cost_is_that_of_the_replies_whoever_paid_for_them(done: Run) -> None:
    text = (done.dataset / "README.md").read_text()
    tallies = {table: count.tally for table, count in done.counts.items() if count.tally.calls}
    tokens = sum(tally.prompt_tokens + tally.completion_tokens for tally in tallies.values())
    assert {table: tally.prompt_tokens // 20 for table, tally in tallies.items()} == {"responses": 240, "scored": 242}
    for table, replies in (("`responses`", 240), ("`scored`", 242), ("all", 482)):  # two of them are canaries
        assert f"| {table} | {replies} | {replies * 20:,} | {replies * 40:,} | {replies * 60 / 1e6:.4f} |" in text
    rows = sum(done.configs["preferences"].values())
    each = f"{482 / rows:,.1f} replies, {tokens / rows:,.0f} tokens and {tokens / 1e6 / rows:,.6f} dollars"
    assert f"For each row of `preferences`: {each}." in text


def test_a_pilot_tells_the_cost_of_its_own_rows(done: Run) -> None:
    pilot = run(priced(), done.folder, fakes={"it": costly}, take=2)
    text = (pilot.dataset / "README.md").read_text()
    assert "| all | 16 | 320 | 640 | 0.0010 |" in text
    assert "## Pictures" not in text
    assert not (pilot.dataset / "pictures").exists()


def test_what_was_drawn_beyond_a_target_is_no_cost_of_these_rows(tmp_path: Path) -> None:
    some = replace(priced(), target={"kept": 5})
    first = run(some, tmp_path, fakes={"it": costly}, shard=1, side_by_side=4)
    told = (first.dataset / "README.md").read_text()
    again = run(some, tmp_path, fakes={"it": costly}, shard=2, side_by_side=2)
    assert (again.dataset / "README.md").read_text() == told
    assert replay(tmp_path, fakes={"it": costly}).equal


def test_every_config_loads_and_one_is_the_default(done: Run, tmp_path: Path) -> None:
    import datasets

    def rows(*config: str) -> Any:
        return datasets.load_dataset(str(done.dataset), *config, split="train", cache_dir=str(tmp_path))

    assert datasets.get_dataset_config_names(str(done.dataset)) == ["preferences", "preferences_text", "judgments"]
    assert {config: {"train": rows(config).num_rows} for config in done.configs} == done.configs
    assert rows().column_names == rows("preferences").column_names
