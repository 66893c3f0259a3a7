"""Every problem of a recipe, at once, with its place and its cure, before any call."""

import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from prefgen import Recipe, do, load, run
from prefgen import plan as planning
from prefgen.configs import CONFIGS
from prefgen.errors import RecipeError, nearest
from prefgen.sources.load import load as load_prompts
from tests.fakes import writes

GOOD = """\
models:
  judge: {use: fake/it}
steps:
  prompts: {load: prompts.jsonl}
  responses: {answer: prompts, model: judge}
  pairs: {perturb: responses, model: judge}
  orders: {both_orders: pairs}
  judgments: {compare: orders, model: judge, n: 2}
  agreed: {verdict_agreement: judgments}
write: {preferences: pairs, judgments: judgments}
"""

BROKEN = [
    ("verb", "{compare: orders, model: judge, n: 2}", "{comprae: orders}", "8: judgments: no verb 'comprae'; did you mean 'compare'?"),
    ("setting", "n: 2}", "m: 2}", "8: judgments: compare has no setting 'm'; choose from export, gate, guard, model, n, reading"),
    ("type", "n: 2}", "n: two}", "8: judgments: compare: n is 'two'; input should be a valid integer"),
    ("model", "model: judge, n", "model: jugde, n", "8: judgments: no model 'jugde'; did you mean 'judge'?"),
    ("table", "both_orders: pairs", "both_orders: piars", "7: orders: no table 'piars'; did you mean 'pairs'?"),
    ("column", "compare: orders", "compare: pairs", "8: judgments: compare needs response_a, which pairs has not; orders has it"),
    ("key", "write:", "wirte:", "10: a recipe has no 'wirte'; did you mean 'write'?"),
    ("twice", "  agreed:", "  orders:", "9: orders: made already on line 7; give this table a name of its own"),
    ("config", "{preferences: pairs", "{preference: pairs", "10: write: no dataset 'preference'; did you mean 'preferences'?"),
    ("provider", "fake/it}", "opnai/x}", "2: judge: no provider 'opnai'; did you mean 'openai'?"),
    ("missing", "{compare: orders, model: judge, n: 2}", "{compare: orders}", "8: judgments: compare needs the setting 'model'; write `model: …`"),
    ("below", "perturb: responses", "perturb: agreed", "6: pairs: agreed is made below; a table is made above the tables made of it"),
    ("file", "prompts.jsonl", "prompst.jsonl", "4: prompts: "),
    ("concurrency", "fake/it}", "fake/it, concurrency: 0}", "2: judge: model judge: concurrency is 0; input should be greater than or equal to 1"),
    ("price", "fake/it}", "fake/it, price: {in: 3, output: 1}}", "2: judge: model judge: price is {'in': 3, 'output': 1}; in: input should be 'input', 'output', 'cache_read' or 'cache_write'"),
    ("half a price", "fake/it}", "fake/it, price: {input: 3}}", "2: judge: price says but one of input and output; say both, in $ per 1M tokens"),
    ("half a price, and a limit", "models:\n  judge: {use: fake/it}", "max_cost: 2\nmodels:\n  judge: {use: fake/it, price: {input: 3}}", "3: judge: price says but one"),
    ("likelihood", "fake/it}", "fake/it, likelihood: magic}", "2: judge: model judge: likelihood is 'magic'; input should be 'grammar' or 'prompt_logprobs'"),
    ("pool", "fake/it}", "[fake/it, fake/it]}", "2: judge: use names fake/it 2 times; draws of one model are one pool's"),
    ("name", "  agreed:", "  a/b:", "9: a/b: cannot name a table's file; use letters, digits and underscores"),
    ("long path", "model: judge, n: 2", f"model: judge, template: {'x' * 300}.md", "8: judgments: "),
    ("list", "both_orders: pairs", "both_orders: [pairs]", "7: orders: both_orders takes one table; `concat` makes one of several"),
    ("list of none", "both_orders: pairs", "concat: []", "7: orders: concat is given no table; name one, or a list of them"),
    ("list twice", "both_orders: pairs", "concat: [pairs, pairs]", "7: orders: concat is given a table twice; name each table once"),
    ("list of unknown", "both_orders: pairs", "concat: [pairs, piars]", "7: orders: no table 'piars'; did you mean 'pairs'?"),
    ("value", "verdict_agreement: judgments", "verdict_agreement: judgments, share: 2", "9: agreed: verdict_agreement: share must be from 0 to 1; it is 2"),
    ("stop", "n: 2}", "stop: never}", "8: judgments: no stop 'never'; choose from first_agreeing, first_readable"),
    ("stop with settings", "n: 2}", "stop: {majorty: {risk: 0.1}}}", "8: judgments: no stop 'majorty'; did you mean 'majority'?"),
    ("a stop's setting", "n: 2}", "stop: {majority: {risc: 0.1}}}", "8: judgments: majority has no setting 'risc'; did you mean 'risk'?"),
    ("a stop's value", "n: 2}", "stop: {majority: {risk: 2}}}", "8: judgments: majority: risk is 2; input should be less than 0.5"),
    ("two stops", "n: 2}", "stop: {majority: {}, race: {}}}", "8: judgments: stop names 2 stops; write {majority: {risk: 0.01}}, or a name alone"),
    ("no settings", "n: 2}", "stop: {majority: 3}}", "8: judgments: stop: the settings of majority are 3; write {majority: {risk: 0.01}}"),
    ("a stop's column", "n: 2}", "stop: race}", "8: judgments: race reads score, which these rows have not; no table above has it"),
    ("a stop's column of text", "n: 2}", "stop: {race: {of: judgment}}}", "8: judgments: race reads a column of text as numbers; look at"),
]  # fmt: skip


def write(folder: Path, text: str) -> Path:
    (folder / "prompts.jsonl").write_text('{"prompt": "why?"}\n{"prompt": "how?"}\n')
    path = folder / "r.yaml"
    path.write_text(text)
    return path


def problems(path: Path) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        planning.make(load(path), writers=CONFIGS, fakes={"it": writes})
    return [str(problem) for problem in caught.value.problems]


def test_a_good_recipe_is_planned_with_all_its_columns(tmp_path: Path) -> None:
    plan = planning.make(load(write(tmp_path, GOOD)), writers=CONFIGS, fakes={"it": writes})
    assert list(plan.steps) == ["prompts", "responses", "pairs", "orders", "judgments", "agreed"]
    assert plan.steps["agreed"].schema["verdict"] == pl.String


@pytest.mark.parametrize(("good", "bad", "line"), [b[1:] for b in BROKEN], ids=[b[0] for b in BROKEN])
def test_a_broken_recipe_says_where_what_and_what_would_do(good: str, bad: str, line: str, tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace(good, bad))
    assert problems(path)[0].startswith(f"{path}:{line}")


def test_the_nearest_of_long_names_is_not_looked_for() -> None:
    """Two of 100,000 characters took 8 s."""
    long = "".join(chr(0x4E00 + n * n % 997) for n in range(100_000))
    began = time.process_time()
    assert nearest(long[::-1], [long]) == ""
    assert nearest(long[::-1], [long, "short"]) == "choose from short"
    assert nearest("promt", ["prompt\x1b[31m", "a\nb"]) == ""
    assert nearest("a1", [f"a{n}" for n in range(9_000)]) == ""
    assert time.process_time() - began < 0.5


def test_a_text_that_is_spliced_in_as_a_conversation_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("# messages: response\n# user\nAnd now?")
    (told,) = problems(write(tmp_path, GOOD.replace("perturb: responses,", "perturb: responses, template: mine.md,")))
    assert told.endswith("pairs: response of responses is no conversation; write {{ response }} for its text")


def test_all_problems_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("fake/it", "fake/other")
        .replace("both_orders: pairs", "both_odrers: pairs")
        .replace("n: 2", "k: 2")
    )
    found = problems(write(tmp_path, text))
    assert len(found) == 3
    assert "fake/other" in found[0]
    assert "both_odrers" in found[1]
    assert "'k'" in found[2]


def test_an_input_without_the_prompt_column_names_its_columns(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("{load: prompts.jsonl}", "{load: prompts.jsonl, prompt: instruction}"))
    assert "instruction" in problems(path)[0]
    assert "prompt" in problems(path)[0]


def test_an_empty_input_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    (tmp_path / "prompts.jsonl").write_text("")
    assert "has no rows" in problems(path)[0]


def test_a_function_of_yours_is_a_verb() -> None:
    def short(rows: pl.DataFrame, *, most: int = 10) -> pl.DataFrame:
        return rows.filter(pl.col("id").str.len_chars() <= most)

    rows: list[dict[str, Any]] = [{"prompt": "why?"}]
    steps = {"prompts": do(load_prompts, rows), "kept": do(short, "prompts", most=99)}
    plan = planning.make(Recipe(name="mine", steps=steps))
    assert plan.steps["kept"].schema == plan.steps["prompts"].schema
    with pytest.raises(RecipeError, match="short has no setting 'least'"):
        planning.make(Recipe(name="mine", steps={**steps, "kept": do(short, "prompts", least=1)}))


def test_a_function_that_fails_on_no_rows_is_told() -> None:
    def broken(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.filter(pl.col("id") == rows["id"][0])

    rows: list[dict[str, Any]] = [{"prompt": "why?"}]
    with pytest.raises(RecipeError, match="broken fails on an empty table"):
        planning.make(Recipe(name="mine", steps={"prompts": do(load_prompts, rows), "kept": do(broken, "prompts")}))


def test_a_verb_that_groups_across_prompts_sees_its_whole_table() -> None:
    rows: list[dict[str, Any]] = [{"prompt": "why?", "topic": "x"}]
    own = do("load", rows, keep=["topic"])
    base = {
        "prompts": own,
        "responses": do("answer", "prompts", model="it"),
        "scored": do("score", "responses", model="it"),
    }
    steps = {**base, "one": do("mean", "scored"), "all": do("mean", "scored", by="topic")}
    plan = planning.make(Recipe(name="mine", steps=steps, models={"it": {"use": writes}}))
    assert [plan.steps[table].whole for table in ("one", "all")] == [False, True]


def test_a_model_that_no_step_asks_needs_no_key(tmp_path: Path) -> None:
    unasked = "spare: {use: openai/x, api_key_env: PREFGEN_TEST_NO_SUCH_KEY}"
    asked = GOOD.replace("{use: fake/it}", "{use: openai/x, api_key_env: PREFGEN_TEST_NO_SUCH_KEY}", 1)
    assert asked != GOOD
    assert any("PREFGEN_TEST_NO_SUCH_KEY" in one for one in problems(write(tmp_path, asked)))
    spare = GOOD.replace("models:\n", f"models:\n  {unasked}\n", 1)
    assert spare != GOOD
    assert planning.make(load(write(tmp_path, spare)), writers=CONFIGS, fakes={"it": writes}).steps


def test_a_prompt_file_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    text = GOOD.replace("{compare: orders, model: judge, n: 2}", "{compare: orders, model: judge, template: mine.md}")
    path = write(tmp_path, text)
    (tmp_path / "mine.md").write_text("{{ response_a }} or {{ response_b }}?")
    assert planning.make(load(path), writers=CONFIGS, fakes={"it": writes}).steps["judgments"]
    (tmp_path / "mine.md").write_text("{{ response_c }}?")
    assert problems(path) == [
        f"{path}:8: judgments: compare needs response_c, which orders has not; no table above has it"
    ]


@pytest.mark.parametrize("keys", [True, False])
@pytest.mark.parametrize(
    "place", ['base_url: "127.0.0.1:8077"', 'base_urls: ["http://127.0.0.1:1/v1", "127.0.0.1:8077"]']
)
def test_an_address_that_is_none_is_wrong_with_or_without_keys(place: str, keys: bool, tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "q"}')
    (tmp_path / "r.yaml").write_text(GOOD.replace("fake/it}", f"openai/it, {place}}}"))
    with pytest.raises(RecipeError, match=r"r\.yaml:2: judge: openai/it: base_url '127.0.0.1:8077' is no address; it"):
        planning.make(load(tmp_path / "r.yaml"), writers=CONFIGS, keys=keys)


def test_a_file_s_name_is_no_recipe() -> None:
    wrong: Any = "x.yaml"
    with pytest.raises(TypeError, match=r"^'x.yaml' is no Recipe; for a file, write run\(load\('x.yaml'\)\)$"):
        run(wrong)


def test_data_is_told_from_a_recipe(tmp_path: Path) -> None:
    (tmp_path / "p.jsonl").write_text('{"prompt": "q"}\n{"prompt": "r"}\n')
    with pytest.raises(
        RecipeError, match=r"p\.jsonl: is data, and no recipe; name a recipe that loads it: `prompts: \{"
    ):
        load(tmp_path / "p.jsonl")


def test_a_model_that_says_not_what_to_use(tmp_path: Path) -> None:
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "q"}')
    (tmp_path / "r.yaml").write_text(GOOD.replace("use: fake/it", "temperature: 1"))
    with pytest.raises(
        RecipeError, match=r"r\.yaml:2: judge: has no `use`; write use: provider/model, such as openai/"
    ):
        planning.make(load(tmp_path / "r.yaml"), writers=CONFIGS)
