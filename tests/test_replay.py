"""Replays: the same bytes with no call, and of a change what a run of it makes and asks, to the row and the draw."""

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Allow, Recipe, __version__, do, load, replay, run
from prefgen.after import verified
from prefgen.errors import BudgetReached, GateClosed, RecipeError, RowFailed, RunError, TryAgain
from prefgen.folders import journal_of
from prefgen.llm.local import Local
from prefgen.llm.request import Completion, Model, Request, Usage
from prefgen.replayed import Replay
from prefgen.run import Run, estimates
from tests import test_edits, test_gate
from tests.fakes import writes
from tests.marks import unmarked
from tests.servers import OpenAIServer
from tests.shipped import Shipped
from tests.test_early import recipe as priced
from tests.test_recipes import FAKES, NAMES, ROOT, on_fakes

pytestmark = pytest.mark.slow


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def nobody(request: Request, seed: int) -> str:
    raise AssertionError("a replay asked")


def again(folder: Path, *sets: str, **how: Any) -> Replay:
    """A replay with fakes that must not be asked."""
    return replay(folder, sets, fakes={**dict.fromkeys(FAKES, nobody), "it": nobody}, **how)


def costly(request: Request, seed: int) -> Completion:
    """A reply of 12 tokens in and 30 out."""
    written = writes(request, seed)
    return Completion(written if isinstance(written, str) else written.text, usage=Usage(12, 30))


# --- without a change -----------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_recipe_is_rebuilt_byte_for_byte_with_no_call(name: str, shipped: Shipped, tmp_path: Path) -> None:
    folder = shipped.copied(name, tmp_path / "run")
    before = contents(tmp_path)
    found = again(folder, out=tmp_path / "kept")
    assert (found.equal, found.left_out, found.changed) == (True, 0, False)
    made = contents(tmp_path / "kept" / "dataset")
    assert made == contents(folder / "dataset")
    assert found.files == len(made) > 1
    shutil.rmtree(tmp_path / "kept")
    assert contents(tmp_path).keys() == before.keys()


def test_the_whole_run_and_its_pilot_are_replayed_each_by_itself(tmp_path: Path) -> None:
    for take in (6, None):
        run(priced(), tmp_path, fakes={"it": costly}, take=take)
    assert "# --take 6" in (tmp_path / "take-6" / "recipe.yaml").read_text()
    assert again(tmp_path).equal
    assert again(tmp_path / "take-6").equal


def test_what_was_set_over_a_recipe_is_replayed_with_its_notes(tmp_path: Path) -> None:
    sets = ["models.writer.use=fake/0", "models.judge.use=fake/1", "seed=3"]
    recipe = load(ROOT / "recipes" / "self-taught-evaluators.yaml", sets, preset="release")
    done = run(recipe, tmp_path, fakes=FAKES, take=5)
    text = (done.folder / "recipe.yaml").read_text()
    assert text.startswith("# --take 5\n# --preset release\n# --set models.writer.use=fake/0\n")
    assert text in (done.dataset / "README.md").read_text()
    assert again(done.folder).equal


def test_what_is_left_is_the_same_in_each_run_and_covered_by_verify(tmp_path: Path) -> None:
    recipe = on_fakes("quickstart")
    left = []
    for _ in range(2):
        run(recipe, tmp_path, fakes=FAKES)
        left.append({name: text for name, text in contents(tmp_path).items() if name.startswith(("files", "recipe"))})
    assert left[0] == left[1]
    assert {
        "recipe.yaml", "files/responses/template/answer.md", "files/pairs/template/perturb_few_shot.md",
        "files/judgments/template/likelihood.md",
    } == set(left[0])  # fmt: skip
    assert str(ROOT) not in b"".join(left[0].values()).decode()
    assert str(ROOT) not in (tmp_path / "run.json").read_text()
    assert set(left[0]) <= set(json.loads((tmp_path / "run.json").read_text())["sha256"])
    (tmp_path / "files" / "pairs" / "template" / "perturb_few_shot.md").write_text("mine")
    assert verified(tmp_path).changed == ["files/pairs/template/perturb_few_shot.md"]


FILES = """
models: {it: {use: fake/it}}
steps:
  prompts: {load: prompts.jsonl}
  affixed: {draw: prompts, among: affixes.jsonl}
  responses: {answer: affixed, model: it, n: 3, template: asked/mine.md}
  clean: {decontaminate: responses, against: [one/gold.jsonl, two/gold.jsonl], ngram: 5}
  scored: {score: clean, model: it}
  means: {mean: scored}
  pairs: {best_worst: means}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: it, export: shown/mine.md}
write: {preferences: pairs, judgments: judgments}
"""


def with_files(folder: Path, text: str = FILES) -> Path:
    rows = {
        "prompts": [{"prompt": f"why are there {n} of them?"} for n in range(6)],
        "affixes": [{"affix": "kindly"}, {"affix": "briefly"}],
        "one/gold": [{"prompt": "why are there 2 of them?"}],
        "two/gold": [{"prompt": "why are there 4 of them?"}],
    }
    for name, lines in rows.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name, words in {
        "asked": "Answer {{ affix }}: {{ prompt }}",
        "shown": "{{ response_a }} or {{ response_b }}?",
    }.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "mine.md").write_text(words)
    (folder / "mine.yaml").write_text(text)
    return folder / "mine.yaml"


@pytest.mark.parametrize("after", ["gone", "changed"])
def test_files_of_the_recipe_s_folder_may_go_or_change_after_the_run(after: str, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    done = run(load(with_files(mine)), tmp_path / "run", fakes={"it": writes})
    assert "6 in gold.jsonl" in (done.dataset / "README.md").read_text()
    left = {name: data for name, data in contents(done.folder).items() if not name.startswith("journal")}
    assert not [name for name, data in left.items() if str(tmp_path).encode() in data]
    if after == "gone":
        shutil.rmtree(mine)
    else:
        for path in mine.rglob("*.*"):
            path.write_text("[]" if path.suffix == ".jsonl" else "another {{ prompt }}")
    assert again(tmp_path / "run").equal
    assert {name for name in contents(tmp_path / "run") if name.startswith("files/")} == {
        "files/affixed/among/affixes.jsonl",
        "files/responses/template/mine.md",
        "files/clean/against/gold.jsonl",
        "files/clean/against/2/gold.jsonl",
        "files/scored/template/score.md",
        "files/judgments/export/mine.md",
        "files/judgments/template/compare.md",
    }


def test_a_prompt_file_that_changes_between_runs_of_one_process_is_asked_and_kept_as_it_is(tmp_path: Path) -> None:
    mine = with_files(tmp_path)
    run(load(mine), tmp_path / "run", fakes={"it": writes})
    (tmp_path / "asked" / "mine.md").write_text("Now {{ affix }}: {{ prompt }}")
    asked: list[str] = []

    def listens(request: Request, seed: int) -> Any:
        asked.append(request.messages[-1]["content"])
        return writes(request, seed)

    done = run(load(mine), tmp_path / "run", fakes={"it": listens})
    assert any(text.startswith("Now ") for text in asked)
    assert (done.folder / "files" / "responses" / "template" / "mine.md").read_text().startswith("Now ")
    assert again(done.folder).equal


def test_files_that_an_older_recipe_named_go(tmp_path: Path) -> None:
    mine = with_files(tmp_path)
    run(load(mine), tmp_path / "run", fakes={"it": writes})
    run(load(mine, ["steps.responses={answer: prompts, model: it}"]), tmp_path / "run", fakes={"it": writes})
    assert not (tmp_path / "run" / "files" / "responses" / "template" / "mine.md").exists()
    assert again(tmp_path / "run").equal


def fails(odd: Callable[[str], Exception | None]) -> Callable[[Request, int], Any]:
    def writer(request: Request, seed: int) -> Any:
        if error := odd(request.messages[-1]["content"]):
            raise error
        return costly(request, seed)

    return writer


def refused(asked: str) -> Exception | None:
    return RowFailed("content_filter", "I will not") if "why 7?" in asked or "why 12?" in asked else None


def lost(asked: str) -> Exception | None:
    fault = TryAgain("server_error", "a passing fault that stays", attempts=1, billed=True)
    return fault if "why 3?" in asked else refused(asked)


@pytest.mark.parametrize("odd", [refused, lost])
def test_rows_that_failed_fail_again(odd: Callable[[str], Exception | None], tmp_path: Path) -> None:
    """Four draws in one request, and one at a time: a refusal, and a fault after the last try."""
    done = run(priced(), tmp_path, fakes={"it": fails(odd)}, side_by_side=4)
    assert done.counts["responses"].failed["content_filter"] == 8
    assert done.counts["responses"].failed["server_error"] == (4 if odd is lost else 0)
    assert "8 content\\_filter" in (done.dataset / "README.md").read_text()
    assert again(tmp_path).equal
    found = again(tmp_path, "steps.means.at_least=2")
    assert (found.left_out, found.wanted) == (0, 0)
    assert found.notes == [
        f"{8 if odd is refused else 12} draws failed in the run, and fail here; another run asks them again"
    ]


def test_what_failed_and_was_asked_again_since_is_another_dataset_and_says_so(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": fails(refused)}, take=20)
    run(priced(), tmp_path, fakes={"it": costly})
    assert again(tmp_path).equal
    found = again(tmp_path / "take-20")
    assert set(found.differ) >= {"dataset/README.md"}
    assert found.why == ["8 draws that had failed have replies now"]


@pytest.mark.parametrize("side_by_side", [1, 8])
def test_a_run_that_money_ended_is_rebuilt_as_far_as_it_came(side_by_side: int, tmp_path: Path) -> None:
    how: dict[str, Any] = {"fakes": {"it": costly}, "side_by_side": side_by_side, "shard": 3}
    with pytest.raises(BudgetReached):
        run(priced(max_cost=0.006), tmp_path, take=50, **how)
    assert again(tmp_path / "take-50").equal
    run(priced(), tmp_path, **how)  # now the journal holds all, and the pilot still is what it was
    found = again(tmp_path / "take-50")
    assert (found.equal, found.left_out) == (True, 0)
    assert 0 < pl.read_parquet(tmp_path / "take-50" / "tables" / "responses.parquet")["prompt_id"].n_unique() < 50


def test_a_run_that_a_limit_of_calls_ended_is_rebuilt_with_holes(tmp_path: Path) -> None:
    """What was finished need not be a beginning."""

    async def slow_at_first(request: Request, seed: int) -> Any:
        await asyncio.sleep(0.5 if "why 2?" in request.messages[-1]["content"] else 0)
        return writes(request, seed)

    with pytest.raises(BudgetReached):
        run(priced(), tmp_path, fakes={"it": slow_at_first}, max_calls=60, side_by_side=6, shard=1)
    spans = json.loads((tmp_path / "run.json").read_text())["only_prompts"]["prompts"]
    assert len(spans) > 1
    assert again(tmp_path).equal
    assert again(tmp_path, "steps.pairs.min_gap=0.5").left_out == 0


@pytest.mark.parametrize("shard", [1, 7])
def test_a_run_that_reached_its_target_is_rebuilt_to_that_prompt(shard: int, tmp_path: Path) -> None:
    done = run(priced(target={"kept": 17}), tmp_path, fakes={"it": costly}, shard=shard)
    assert done.configs["preferences"] == {"train": 17}
    assert again(tmp_path).equal
    found = again(tmp_path, "steps.pairs.min_gap=2.5")
    assert (found.left_out, found.tables["pairs"][0]) == (0, 17)
    assert f"target: {found.tables['pairs'][1]} of 17 rows of pairs; a run would go on with more prompts" in found.notes


def test_a_run_whose_judge_passed_a_gate_is_rebuilt_without_it(tmp_path: Path) -> None:
    done, _ = test_gate.go(tmp_path, test_gate.World(20), "write={judgments: judgments}")
    shutil.rmtree(tmp_path / "run" / "gates")
    (tmp_path / "gold.jsonl").unlink()
    assert replay(done.folder).equal
    assert replay(done.folder, ["steps.judgments.gate=null"]).rows == []


def test_a_recipe_without_a_dataset_is_made_again_all_the_same(tmp_path: Path) -> None:
    run(replace(priced(), write={}), tmp_path, fakes={"it": costly})
    assert (again(tmp_path).files, again(tmp_path).equal) == (0, True)


def test_a_replay_in_a_notebook(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly}, take=3)

    async def cell() -> Replay:
        return again(tmp_path / "take-3")

    assert asyncio.run(cell()).equal


def test_neither_key_nor_server_is_needed_and_unknown_prices_are_no_noughts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-not-a-key-of-anybody")
    with OpenAIServer(lambda body: [f"Score: {k % 5}" for k in range(body.get("n", 1))]) as server:
        model = {"use": "openai/it", "base_url": server.base_url, "api_key_env": "MY_KEY"}
        steps = {**priced().steps, "scored": do("score", "responses", model="it", n=4)}
        run(Recipe(name="mine", steps=steps, models={"it": model}, write={"preferences": "pairs"}), tmp_path, take=3)
    monkeypatch.delenv("MY_KEY")
    assert replay(tmp_path / "take-3").equal
    found = replay(tmp_path / "take-3", ["steps.scored.n=3"])
    scored = next(step for step in found.steps if step.table == "scored")
    assert scored.before.unpriced == scored.before.replies > scored.now.replies == scored.now.unpriced
    assert scored.at_most  # the fourth reply came with the other three, in one bill


def test_weights_that_are_here_no_more_are_known_by_what_they_were() -> None:
    asked = Request(Model("local/gone.gguf"), [{"role": "user", "content": "hi"}])
    assert Local({"local/gone.gguf": "sha256:12"}).sees(asked)["model"] == "sha256:12"
    assert Local().sees(asked)["model"] == "gone.gguf"


# --- with a change --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    test_edits.ran(folder, test_edits.Edit("first", 0))
    return folder


EDITS = [edit for edit in test_edits.EDITS if edit.new == 0 and edit.sets and not edit.files]


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.name)
def test_what_a_change_makes_is_what_a_run_of_it_makes(edit: test_edits.Edit, base: Path, tmp_path: Path) -> None:
    """Byte for byte, card included; and the rows that differ are those between the two datasets."""
    found = again(base / "run", *edit.sets, out=tmp_path / "replayed")
    assert (found.changed, found.left_out, found.wanted, found.notes) == (True, 0, 0, [])
    shutil.copytree(base, tmp_path / "edited")
    assert test_edits.ran(tmp_path / "edited", edit) == 0
    for part in ("tables", "dataset") if "write={}" not in edit.sets else ("tables",):
        assert contents(tmp_path / "replayed" / part) == contents(tmp_path / "edited" / "run" / part)
    old, new = (rows_of(folder / "run" / "dataset") for folder in (base, tmp_path / "edited"))
    if "write" not in str(edit.sets):
        for config in old.keys() | new.keys():
            changes = [change for change in found.rows if change.table == f"dataset/{config}"]
            kinds = {kind: {c.id for c in changes if c.kind == kind} for kind in ("gone", "new", "changed")}
            was, is_now = old.get(config, {}), new.get(config, {})
            assert kinds["gone"] == was.keys() - is_now.keys()
            assert kinds["new"] == is_now.keys() - was.keys()
            assert kinds["changed"] == {name for name in was.keys() & is_now.keys() if was[name] != is_now[name]}


def rows_of(dataset: Path) -> dict[str, dict[str, Any]]:
    names = {"preferences": "pair_id", "judgments": "judgment_id"}
    return {
        config: {row[name]: row for row in pl.read_parquet(dataset / config / "*.parquet").to_dicts()}
        for config, name in names.items()
        if (dataset / config).exists()
    }


VOTED = """
models: {it: {use: fake/it, temperature: 0.7, price: {input: 1.0, output: 1.0}, max_tokens: 400}}
steps:
  prompts: {load: prompts.jsonl}
  responses: {answer: prompts, model: it, n: 2}
  scored: {score: responses, model: it, n: 3}
  means: {mean: scored}
  pairs: {best_worst: means}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: it, n: 7}
  votes: {majority: judgments}
  agreed: {verdict_agreement: votes, share: 0.5}
write: {preferences: agreed, judgments: votes}
"""


def voted(folder: Path, *sets: str, fake: Any = costly) -> Run:
    folder.mkdir(exist_ok=True)
    (folder / "prompts.jsonl").write_text("".join(json.dumps({"prompt": f"why {n}?"}) + "\n" for n in range(20)))
    (folder / "r.yaml").write_text(VOTED)
    return run(load(folder / "r.yaml", sets), folder / "run", fakes={"it": fake})


def step(found: Replay, table: str) -> Any:
    return next(step for step in found.steps if step.table == table)


def drawn_until_decided(verdicts: Sequence[str]) -> int:
    """Draws before a vote over all of them is decided, asked one by one or not: an exact count by hand."""
    drawn, n = 0, len(verdicts)
    while True:
        counts = sorted((verdicts[:drawn].count(label) for label in "AB"), reverse=True)
        lead, left = counts[0] - counts[1], n - drawn
        if lead > left or not left:
            return drawn
        drawn += min(left, (left - lead) // 2 + 1)


def test_a_stop_that_is_exact_saves_draws_and_changes_no_verdict(tmp_path: Path) -> None:
    done = voted(tmp_path)
    orders, judged = done.table("orders"), done.table("judgments")
    of = judged.group_by("pair_id", "gold", maintain_order=True).agg("verdict")["verdict"].to_list()
    needed = sum(drawn_until_decided(verdicts) for verdicts in of)
    found = again(done.folder, stop="majority", out=tmp_path / "stopped")
    assert step(found, "judgments").draws == (7 * orders.height, needed)
    assert needed < 6.5 * orders.height
    assert step(found, "judgments").now.dollars == pytest.approx(needed * 42 / 1e6)
    assert found.total.before.tokens - found.total.now.tokens == (7 * orders.height - needed) * 42
    assert found.tables["votes"][0] == found.tables["votes"][1] == orders.height
    assert not {name for change in found.rows if change.kind == "changed" for name in change.columns} & {"verdict"}
    gone = [change for change in found.rows if change.table == "tables/judgments"]
    assert len(gone) == 7 * orders.height - needed
    assert {change.kind for change in gone} == {"gone"}
    assert found.notes == ["scored keeps its stop: majority reads verdict, which its rows have not"]
    fresh = voted(tmp_path / "fresh", "steps.judgments.stop=majority")
    assert fresh.counts["judgments"].drawn == needed
    assert contents(fresh.folder / "tables") == contents(tmp_path / "stopped" / "tables")


OTHERS: list[tuple[Any, str, str]] = [
    ("majority: {risk: 0.2, audit: 0}", "judgments", "steps.judgments.stop={majority: {risk: 0.2, audit: 0}}"),
    (
        {"majority": {"risk": 0.2, "audit": 0.5}},
        "judgments",
        "steps.judgments.stop={majority: {risk: 0.2, audit: 0.5}}",
    ),
    ("lazy_order", "judgments", "steps.judgments.stop=lazy_order"),
    ("{race: {z: 0.5, start: 2}}", "scored", "steps.scored.stop={race: {z: 0.5, start: 2}}"),
]


@pytest.mark.parametrize(("stop", "table", "override"), OTHERS, ids=["risk", "audit", "lazy", "race"])
def test_a_stop_with_settings_costs_what_a_run_with_it_costs(
    stop: Any, table: str, override: str, tmp_path: Path
) -> None:
    sets = ["steps.prompts.take=8", "steps.responses.n=4", "steps.scored.n=9"]
    done = voted(tmp_path, *sets)
    found = again(done.folder, stop=stop)
    fresh = voted(tmp_path / "fresh", *sets, override)
    one = step(found, table)
    assert 0 < one.draws[1] < one.draws[0]
    if not found.left_out:  # another best or worst makes pairs that nobody judged yet
        assert (one.draws[0], one.draws[1]) == (done.counts[table].drawn, fresh.counts[table].drawn)
    assert again(fresh.folder).equal


def test_a_stop_that_spares_rows_is_for_steps_with_one_draw_too(tmp_path: Path) -> None:
    done = voted(tmp_path, "steps.judgments.n=1")
    found = again(done.folder, stop="lazy_order")
    orders = done.table("orders").height
    assert step(found, "judgments").draws[0] == orders
    assert orders / 2 <= step(found, "judgments").draws[1] < orders
    assert found.notes == ["scored keeps its stop: lazy_order reads pair_id, which its rows have not"]
    gone = {change.id for change in found.rows if change.table == "tables/judgments"}
    assert len(gone) == orders - step(found, "judgments").draws[1]


def test_fewer_votes_cost_what_they_cost(tmp_path: Path) -> None:
    done = voted(tmp_path)
    orders = done.table("orders").height
    found = again(done.folder, "steps.judgments.n=3")
    one = step(found, "judgments")
    assert (one.draws, one.before.replies, one.now.replies) == ((7 * orders, 3 * orders), 7 * orders, 3 * orders)
    assert one.now.dollars == pytest.approx(3 * orders * 42 / 1e6)
    assert not one.at_most
    assert found.tables["judgments"] == (7 * orders, 3 * orders)


def test_another_reading_is_told_verdict_by_verdict(tmp_path: Path) -> None:
    @unmarked
    def judge(request: Request, seed: int) -> Any:
        """Names both, and last the one that it means, in one of three judgments."""
        if "Assistant A's Answer" not in request.messages[-1]["content"]:
            return writes(request, seed)
        return f"It is [[{'AB'[seed % 2]}]]." + (f" No, [[{'BA'[seed % 2]}]]." if seed % 3 == 0 else "")

    done = voted(tmp_path, "steps.judgments.reading=bracket_last", fake=judge)
    found = again(done.folder, "steps.judgments.reading=bracket_first")
    changed = {c.id: c.columns["verdict"] for c in found.rows if c.table == "tables/judgments"}
    before = dict(done.table("judgments").select("id", "verdict").rows())
    now = dict(
        voted(tmp_path, "steps.judgments.reading=bracket_first", fake=nobody)
        .table("judgments")
        .select("id", "verdict")
        .rows()
    )
    assert changed == {name: (before[name], now[name]) for name in before if before[name] != now[name]}
    assert 0.1 < len(changed) / len(before) < 0.5
    assert step(found, "judgments").draws[0] == step(found, "judgments").draws[1]


def test_draws_that_are_not_known_are_counted_and_their_prompts_left_out(tmp_path: Path) -> None:
    done = voted(tmp_path)
    orders = done.table("orders")
    found = again(done.folder, "steps.judgments.n=9")
    assert (found.left_out, found.wanted) == (orders["prompt_id"].n_unique(), 2 * orders.height)
    assert step(found, "judgments").wanted == 2 * orders.height
    assert found.most.draws == 2 * orders.height
    assert found.most.dollars
    assert found.tables["judgments"] == (0, 0)
    assert found.tables["prompts"] == (20, 20)
    assert {change.kind for change in found.rows} <= set()


def test_prompts_whose_draws_are_all_known_are_compared_though_others_are_not(tmp_path: Path) -> None:
    """A run that stopped early, replayed without a stop: only votes that were drawn to their end are known."""
    done = voted(tmp_path, "steps.judgments.n=3", "steps.judgments.stop=majority")
    judged = done.table("judgments").group_by("prompt_id", "pair_id", "gold").len()
    known = judged.filter((pl.col("len") == 3).all().over("prompt_id"))["prompt_id"].unique()
    found = again(done.folder, stop="none")
    missing = sum(3 - n for n in judged["len"])
    assert (found.left_out, found.wanted) == (judged["prompt_id"].n_unique() - len(known), missing)
    assert 0 < len(known) < judged["prompt_id"].n_unique()
    assert found.tables["judgments"] == (6 * len(known), 6 * len(known))
    assert found.rows == []
    asked: list[int] = []

    def counted(request: Request, seed: int) -> Any:
        asked.append(seed)
        return costly(request, seed)

    voted(tmp_path, "steps.judgments.n=3", "steps.judgments.stop=null", fake=counted)
    assert len(asked) == missing


def test_a_change_of_what_is_seen_as_a_whole_is_held_against_the_same_prompts(tmp_path: Path) -> None:
    """Prompts that are left out are in neither, also where a table is made of all of them."""
    with_balance = VOTED.replace("write:", "  even: {balance: agreed, by: gold}\nwrite:").replace(
        "judgments: votes}", "judgments: even}"
    )
    (tmp_path / "r.yaml").write_text(with_balance)
    (tmp_path / "prompts.jsonl").write_text("".join(json.dumps({"prompt": f"why {n}?"}) + "\n" for n in range(20)))
    run(load(tmp_path / "r.yaml", ["steps.judgments.stop=majority"]), tmp_path / "run", fakes={"it": costly})
    found = again(tmp_path / "run", "steps.judgments.stop=null", "steps.agreed.share=0.6")
    assert found.left_out
    assert found.tables["even"][0] % 2 == found.tables["even"][1] % 2 == 0
    assert {change.kind for change in found.rows if change.table == "dataset/judgments"} <= {"gone", "new"}


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["steps.prompts.take=3"], "prompts: a replay keeps the rows that its run took; run the recipe with this"),
        (["steps.prompts={load: other.jsonl}"], "prompts: a replay keeps the rows"),
        (["steps.more={load: other.jsonl}"], "more: a replay keeps the rows"),
        (["seed=2"], "a replay keeps its run's seed"),
        (["steps.agreed.shore=1"], "verdict_agreement has no setting 'shore'; did you mean 'share'?"),
        (["steps.judgments.modle=it"], "has no setting 'modle'"),
        (["models.it=null"], "no model 'it'"),
    ],
)
def test_a_change_that_cannot_be_is_told(sets: list[str], said: str, base: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        again(base / "run", *sets)
    assert said in str(caught.value)


def test_canaries_that_were_not_asked_are_not_known(base: Path) -> None:
    found = again(base / "run", "canaries={share: 1.0}")
    assert found.left_out == len(test_edits.PROMPTS)
    assert step(found, "scored").wanted == found.wanted > 0
    assert again(base / "run", "canaries={share: 0}").rows == []


@pytest.mark.parametrize(
    ("stop", "said"),
    [
        ("majorty", "no stop 'majorty'; did you mean 'majority'?"),
        ("majorty: {risk: 0.1}", "no stop 'majorty'; did you mean 'majority'?"),
        ("majority: {risc: 0.1}", "--stop: majority has no setting 'risc'; did you mean 'risk'?"),
        ("majority: {risk: 1}", "--stop: majority: risk is 1; input should be less than 0.5"),
        ("majority: {risk: [}", "--stop:1: not YAML"),
        ("first_readable", ""),
    ],
)
def test_a_stop_is_one_that_there_is(stop: str, said: str, base: Path) -> None:
    if not said:
        found = again(base / "run", stop=stop)  # one score each makes other pairs, which nobody judged yet
        known = test_edits.ANSWERS - 2 * found.left_out
        assert step(found, "scored").draws == (3 * known, known)
        return
    with pytest.raises(RecipeError) as caught:
        again(base / "run", stop=stop)
    assert said in str(caught.value)


def test_a_stop_that_no_step_can_have_is_told(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly}, take=3)
    with pytest.raises(RecipeError, match="no judging step has n above 1 and rows with what majority reads"):
        again(tmp_path / "take-3", stop="majority")


def test_a_preset_is_the_run_s_though_its_text_has_lost_it(tmp_path: Path) -> None:
    for folder, sets in ((tmp_path / "a", []), (tmp_path / "b", ["license=mit"])):
        recipe = replace(load(ROOT / "recipes" / "ultrafeedback.yaml", sets), models=on_fakes("ultrafeedback").models)
        done = run(recipe, folder, fakes=FAKES, take=4)
        found = again(done.folder, preset="extremes")
        assert (found.left_out, found.changed) == (0, True)
    with pytest.raises(RecipeError, match="no preset 'extreme'"):
        again(done.folder, preset="extreme")


def test_a_file_of_a_change_is_found_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run(load(with_files(tmp_path)), tmp_path / "run", fakes={"it": writes})
    (tmp_path / "exported.md").write_text("Of {{ response_a }} and {{ response_b }}?")
    monkeypatch.chdir(tmp_path)
    found = again(done.folder, "steps.judgments.export=exported.md")
    asked = [change.columns["asked"] for change in found.rows if change.table == "dataset/judgments"]
    assert asked
    assert all(now[-1]["content"].startswith("Of ") and " or " in was[-1]["content"] for was, now in asked)


# --- recipes of Python ----------------------------------------------------------------------


def shorter(rows: pl.DataFrame, *, most: int = 1000) -> pl.DataFrame:
    return rows.filter(pl.col("response").str.len_chars() < most)


def of_python(most: int = 1000) -> Recipe:
    steps = dict(priced().steps)
    steps = {"prompts": steps["prompts"], "responses": steps["responses"], "short": do(shorter, "responses", most=most)}
    return Recipe(name="mine", steps=steps, models={"it": {"use": costly}}, write={"responses": "short"})


def test_a_recipe_with_functions_of_yours_is_handed_in(tmp_path: Path) -> None:
    recipe = of_python()
    run(recipe, tmp_path, take=10)
    assert " at 0x" not in (tmp_path / "take-10" / "dataset" / "README.md").read_text()
    with pytest.raises(RunError, match=r"short is made by .*shorter, a function of yours; hand the recipe in"):
        replay(tmp_path / "take-10")
    assert replay(tmp_path / "take-10", recipe=recipe).equal
    changed = replay(tmp_path / "take-10", recipe=recipe, changed=replace(recipe, steps={**recipe.steps, **short(27)}))
    assert changed.tables["short"][0] == 40 > changed.tables["short"][1]
    with pytest.raises(RecipeError, match="is not the one that ran in"):
        replay(tmp_path / "take-10", recipe=of_python(999))


def test_a_recipe_of_python_that_is_no_page_is_handed_in(tmp_path: Path) -> None:
    recipe = replace(priced(), steps={**priced().steps, "prompts": do("load", [{"prompt": "why? " * 210_000}])})
    run(recipe, tmp_path, fakes={"it": costly})
    with pytest.raises(RecipeError) as caught:
        again(tmp_path)
    assert "a recipe is a page" in str(caught.value)
    assert "hand the recipe in: prefgen.replay(" in str(caught.value)
    assert again(tmp_path, recipe=recipe).equal
    with pytest.raises(RecipeError, match="takes no overrides; hand the changed one in as well"):
        again(tmp_path, "steps.pairs.min_gap=1", recipe=recipe)


def test_a_long_setting_is_no_file(tmp_path: Path) -> None:
    steps = {**priced().steps, "scored": do("rubric", "responses", model="it", criterion="so " * 200, scores=["x"] * 5)}
    run(replace(priced(), steps=steps), tmp_path, fakes={"it": costly}, take=3)
    assert again(tmp_path / "take-3").equal


def short(most: int) -> dict[str, Any]:
    return {"short": do(shorter, "responses", most=most)}


def test_a_model_that_is_a_function_is_replayed_without_it(tmp_path: Path) -> None:
    run(replace(priced(), models={"it": {"use": costly}}), tmp_path, take=4)
    assert "use: fake/it" in (tmp_path / "take-4" / "recipe.yaml").read_text()
    assert replay(tmp_path / "take-4").equal


# --- what is no run, or no more the same ----------------------------------------------------


def test_what_is_no_run_is_told_in_one_line(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(RunError, match="no run is here; name a folder of one, such as runs/quickstart"):
            replay(place)
    assert not (tmp_path / "nowhere").exists()
    run(priced(), tmp_path, fakes={"it": costly}, take=2)
    with pytest.raises(RunError, match=r"only pilots are here; name one, such as .*take-2"):
        replay(tmp_path)


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", '{"status": null}', "\\ud800"])
def test_a_whole_run_whose_account_is_gone_or_damaged_is_told_as_such(text: str | None, tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly}, take=2)
    run(priced(), tmp_path, fakes={"it": costly})
    (tmp_path / "run.json").unlink() if text is None else (tmp_path / "run.json").write_text(text)
    what = "run.json is gone" if text is None else "run.json: is damaged"
    with pytest.raises(RunError, match=rf"{what}; run the recipe again: what was received is not asked anew"):
        replay(tmp_path)


def test_a_run_that_was_killed_is_told_to_have_stopped(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly}, take=2)
    run(priced(), tmp_path, fakes={"it": costly})
    for name in ("run.json", "recipe.yaml"):
        (tmp_path / name).unlink()
    with pytest.raises(RunError, match=r": its run stopped before it ended; run the recipe again"):
        replay(tmp_path)
    shutil.rmtree(tmp_path / "take-2")
    with pytest.raises(RunError, match=r": its run stopped before it ended; run the recipe again"):
        replay(tmp_path)


def test_files_that_are_not_made_any_more_are_counted_too(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly})
    for n in range(3):
        (tmp_path / "dataset" / f"{n}.txt").write_text("mine")
    found = again(tmp_path)
    assert set(found.differ.values()) == {"is not made any more"}
    assert len(found.differ) == 3 < found.files


def test_a_run_of_an_older_prefgen_is_told_with_its_cure(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly})
    (tmp_path / "recipe.yaml").unlink()
    with pytest.raises(RunError, match=r"there is no recipe\.yaml, .*; run the recipe again, which asks nothing anew"):
        again(tmp_path)
    run(priced(), tmp_path, fakes={"it": nobody})
    assert again(tmp_path).equal


def test_a_run_that_wrote_no_dataset_is_told(tmp_path: Path) -> None:
    steps = {
        **priced().steps,
        "scored": do("score", "responses", model="it", gate={"data": str(tmp_path / "gold.jsonl"), "at_least": 1.0}),
    }
    rows = [{"prompt": f"q {n}", "chosen": "a", "rejected": "b"} for n in range(9)]
    (tmp_path / "gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(GateClosed):
        run(replace(priced(), steps=steps), tmp_path / "run", fakes={"it": costly})
    with pytest.raises(
        RunError,
        match=r"ended early \(stopped, as its judge did not pass\), and wrote no dataset; run the recipe again",
    ):
        again(tmp_path / "run")


@pytest.mark.parametrize("name", [".lock", "journal.sqlite"])
def test_a_link_in_a_runs_folder_leads_nothing_elsewhere(name: str, tmp_path: Path) -> None:
    place, outside = tmp_path / "run", tmp_path / "outside"
    run(priced(), place, fakes={"it": costly})
    (place / name).unlink(missing_ok=True)
    (place / name).symlink_to(outside)
    for look in (lambda: again(place), lambda: estimates(priced(), place)):
        with pytest.raises(RunError, match="is a link, and a run writes into its own folder alone"):
            look()
    assert not outside.exists()


def test_a_journal_that_is_gone_is_told(tmp_path: Path) -> None:
    run(priced(), tmp_path, fakes={"it": costly})
    journal_of(tmp_path).unlink()
    with pytest.raises(RunError, match="no journal is here"):
        again(tmp_path)
    assert not journal_of(tmp_path).exists()


def test_files_that_differ_are_named_with_what_may_be_why(tmp_path: Path) -> None:
    done = run(priced(), tmp_path, fakes={"it": costly})
    (done.dataset / "README.md").write_text("mine now")
    found = again(tmp_path)
    assert found.differ == {"dataset/README.md": "differs"}
    assert found.why == ["dataset/README.md was changed since the run, which wrote what is made now"]
    run(priced(), tmp_path, fakes={"it": nobody})
    told = json.loads((tmp_path / "run.json").read_text())
    told |= {"prefgen": "0.0.9", "versions": {"polars": "1.0", "pyarrow": told["versions"]["pyarrow"]}}
    (tmp_path / "run.json").write_text(json.dumps(told))
    (tmp_path / "files" / "responses" / "template" / "answer.md").write_text("Otherwise: {{ prompt }}")
    found = again(tmp_path)
    assert found.left_out == 60
    assert set(found.differ) > {"dataset/README.md"}
    assert list(found.why)[:2] == [
        "files/responses/template/answer.md was changed since the run",
        f"prefgen was 0.0.9, and is {__version__}",
    ]
    assert "60 prompts have draws that are not in the journal" in found.why
    shutil.rmtree(done.dataset)
    assert set(again(tmp_path).differ.values()) == {"is gone"}


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    run(priced(), tmp_path / "run", fakes={"it": costly}, take=2)
    with pytest.raises(RunError, match="is there already; name a new folder with --out"):
        again(tmp_path / "run" / "take-2", out=tmp_path / "run")
    (tmp_path / "empty").mkdir()
    assert again(tmp_path / "run" / "take-2", out=tmp_path / "empty").equal


OWN = """
recipe: own
models: {it: {use: fake/it}}
steps:
  prompts: {load: prompts.jsonl}
  responses: {answer: prompts, model: it, n: 2}
  kept: {mine.py:some: responses, most: 3}
  scored: {score: kept, model: it}
  pairs: {best_worst: scored}
write: {responses: kept}
"""
MINE = """
import polars as pl
from prefgen.rows import filters

@filters
def some(*, most: int) -> pl.Expr:
    "Drops a row by its id."
    return pl.when(pl.col("id").str.ends_with(".1")).then(pl.lit(f"over {most}"))
"""


def test_code_of_the_recipe_s_own_is_kept_and_runs_where_it_is_allowed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "own.yaml").write_text(OWN)
    (home / "mine.py").write_text(MINE)
    (home / "prompts.jsonl").write_text('{"prompt": "why?"}\n{"prompt": "how?"}\n')
    allow = Allow(code=["mine.py:some"])
    run(load(home / "own.yaml"), tmp_path / "run", fakes={"it": writes}, allow=allow)
    shutil.rmtree(home)
    assert replay(tmp_path / "run", allow=allow).equal
    with pytest.raises(RecipeError, match=r"runs code of mine\.py; read it, then allow it with --allow-code"):
        replay(tmp_path / "run")
    (tmp_path / "run" / "files" / "kept" / "verb" / "mine.py").write_text(MINE.replace('".1"', '".0"'))
    assert not replay(tmp_path / "run", allow=allow).equal
