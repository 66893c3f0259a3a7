"""YAML in, a Recipe out, and back again; what is wrong with a file is told with its place, and never in a traceback."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefgen import Recipe, do, load
from prefgen.errors import RecipeError
from prefgen.pages import MAX_BYTES, MAX_DEPTH
from prefgen.recipe import Step, dump

STEPS = "steps: {t: {load: x, take: 3}}\n"
GOOD = f"recipe: r\nmodels:\n  judge: {{use: fake/it, price: {{input: 1}}}}\n{STEPS}write: {{preferences: t}}\n"
# fmt: off
LIKE_YAML = [
    "yes", "NO", "null", "~", "true", ".inf", ".nan", "1e3", "-0", "0x1F", "0o7", "1_000", "1:20", "2020-01-01", "<<", "=",
    "-", "?", ":", "#", "&", "*", "!", "|", ">", "%", "@", "`", "{}", "[]", "---", "...",
]
# fmt: on


def put(folder: Path, text: str | bytes) -> Path:
    path = folder / "r.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems(path: Path, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(path, overrides)
    return [str(problem) for problem in caught.value.problems]


texts = st.text(
    st.characters(
        codec="utf-8",
    ),
    max_size=100,
) | st.sampled_from(["", " ", " a", "a ", "a: b", *LIKE_YAML])
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars, lambda of: st.lists(of, max_size=3) | st.dictionaries(texts, of, max_size=3), max_leaves=6
)
steps = st.builds(
    lambda verb, of, given: Step(verb, of, {k: v for k, v in given.items() if k != verb}),
    *(texts.filter(bool), values, st.dictionaries(texts, values, max_size=3)),
)
recipes = st.builds(
    Recipe,
    name=st.sampled_from(["r", "yes", "null", "1e3", "2020-01-01", "12", "é"]),
    steps=st.dictionaries(texts, steps, min_size=1, max_size=3),
    models=st.dictionaries(texts, st.dictionaries(texts, values, max_size=3), max_size=2),
    write=st.dictionaries(texts, texts, max_size=2),
    paper=texts,
    about=texts,
    license=texts,
    language=st.lists(texts, max_size=2).map(tuple),
    seed=st.integers(),
)


@settings(deadline=None, max_examples=150)
@given(recipes)
def test_what_is_dumped_is_loaded_again(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    again = load(put(tmp_path_factory.getbasetemp(), dump(recipe)))
    assert again == recipe
    assert repr(again) == repr(recipe).replace(
        repr(recipe.folder), repr(again.folder)
    )  # 1 is not True, and order counts


def test_a_recipe_of_python_is_dumped_with_what_yaml_can_hold() -> None:
    recipe = Recipe(name="r", steps={"t": do("load", Path("a/b"), rows=(1, len)), "u": do(put, "t", of=b"x")})
    assert dump(recipe).splitlines()[1:] == [
        "steps:", "  t:", "    load: a/b", "    rows:", "    - 1", "    - <len>",
        "  u:", f"    {__name__}.put: t", "    of: <bytes>",
    ]  # fmt: skip


def test_a_recipe_of_a_file_keeps_its_text_and_says_what_was_set(tmp_path: Path) -> None:
    recipe = load(put(tmp_path, f"# mine\n{STEPS.strip()}"), ["seed=7"])
    said = dump(recipe)
    assert said.startswith("# --set seed=7\n")
    assert load(put(tmp_path, said)) == recipe
    assert (recipe.seed, recipe.name, recipe.folder) == (7, "r", tmp_path)


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_text_ends_in_a_traceback(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = GOOD
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        put_in = data.draw(
            st.sampled_from([*LIKE_YAML, *"'\"[]{},\\\t\n\r", "\n\n", "*a", "&a ", "!!str ", "!x "])
            | st.text(max_size=3)
        )
        text = text[:start] + put_in + text[start + data.draw(st.integers(0, 12)) :]
    path = put(tmp_path_factory.getbasetemp(), text.encode(errors="surrogatepass"))
    with suppress(RecipeError):
        assert load(path).steps
    with suppress(RecipeError):
        assert load(put(path.parent, GOOD), [f"models.judge.new={text}", text]).steps


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{y}: &{y} [{', '.join(['*' + x] * 10)}]\n" for x, y in zip("abcdefg", "bcdefgh", strict=True)
)
NO_FILE = {
    "large": (b"#" * (MAX_BYTES + 1), ": is over 1,000,000 bytes; a recipe is a page"),
    "latin1": ("é".encode("latin1"), ": is not UTF-8 (byte 0); save it as UTF-8 text"),
    "empty": ("", ": has no steps; "),
    "list": ("- a\n", ": is not a recipe; "),
    "word": ("a\n", ": is not a recipe; "),
    "two": (f"{STEPS}---\n{STEPS}", ":2: not YAML: expected a single document"),
    "open": (f"{STEPS}about: [a\n", ":3: not YAML: "),
    "zero": (f"{STEPS}\0", ": not YAML: unacceptable character #x0000"),
    "unknown alias": ("a: *b\n", ":1: not YAML: found undefined alias 'b'"),
    "bomb": (BOMB, ": grows beyond any recipe when its aliases are expanded; write the values out"),
    "itself": (f"{STEPS}models: &m {{a: *m}}\n", ":2: is nested too deeply; write the values out"),
    "deep": (f"{STEPS}about: {'[' * (MAX_DEPTH + 1)}{']' * (MAX_DEPTH + 1)}\n", ":2: is nested too deeply; write the values out"),
    "deeper": ("[" * 100_000, ": is nested too deeply; a recipe is a page"),
    "many": ("- a\n" * 200_000, ":100000: not YAML: over 100,000 values"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), NO_FILE.values(), ids=NO_FILE)
def test_a_file_that_is_no_recipe_is_told(text: str | bytes, said: str, tmp_path: Path) -> None:
    path = put(tmp_path, text)
    (told,) = problems(path)
    assert told.startswith(str(path))
    assert said in told


def test_brackets_without_end_are_given_up_soon(tmp_path: Path) -> None:
    """The reader looks ahead at each, past all that are open: 2 kB took 0.7 s."""
    path, began = put(tmp_path, f"{STEPS}about: {'[' * 1_000}{']' * 1_000}\n"), time.process_time()
    assert "is nested too deeply" in problems(path)[0]
    assert time.process_time() - began < 0.3


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path) == [f"{tmp_path}: is a directory"]
    assert problems(tmp_path / "r.yaml")[0].startswith(f"{tmp_path / 'r.yaml'}: no such file; ")
    assert problems(tmp_path / ("r" * 300))[0].endswith(": file name too long")
    assert problems(Path("/dev/zero")) == ["/dev/zero: is over 1,000,000 bytes; a recipe is a page"]


def test_what_is_just_within_the_limits_is_loaded(tmp_path: Path) -> None:
    depth = MAX_DEPTH - 2
    text = f"steps: {{t: {{load: x, take: {'[' * depth}{']' * depth}}}}}\n"
    assert load(put(tmp_path, text + "#" * (MAX_BYTES - len(text)))).steps["t"].verb == "load"


def test_a_mark_of_byte_order_is_no_text(tmp_path: Path) -> None:
    recipe = load(put(tmp_path, b"\xef\xbb\xbf" + STEPS.encode()))
    assert (recipe.steps, recipe.source) == ({"t": do("load", "x", take=3)}, STEPS)


# --- places ---------------------------------------------------------------------------------

PLACED = """\
recipe: r
models:
  a: &m
    use: fake/it
    price: {input: 1}
  b: *m
  c: {<<: *m}
steps:
  t:
    load: x
    columns: [p,
      q]
"""


@pytest.mark.parametrize(
    ("way", "line"),
    [
        ("recipe", 1), ("models", 2), ("models.a", 3), ("models.a.use", 4), ("models.a.price.input", 5), ("models.b", 6),
        ("models.b.price", 5), ("models.c.<<", 7), ("steps.t", 9), ("steps.t.load", 10), ("steps.t.columns.0", 11),
        ("steps.t.columns.1", 12), ("steps.t.columns.2", 11), ("steps.t.none.at.all", 9), ("nothing", 1),
    ],
)  # fmt: skip
def test_a_value_has_its_place_or_that_of_what_is_around_it(way: str, line: int, tmp_path: Path) -> None:
    path = put(tmp_path, PLACED)
    assert load(path).where(*way.split(".")) == f"{path}:{line}"


def test_a_value_that_was_set_has_its_place_there(tmp_path: Path) -> None:
    path = put(tmp_path, PLACED)
    recipe = load(path, ["models.a.price={output: 2}", "steps.t.columns=[z]"])
    assert recipe.where("models", "a", "price", "output") == "--set models.a.price"
    assert recipe.where("steps", "t", "columns", "0") == "--set steps.t.columns"
    assert recipe.where("models", "a", "use") == f"{path}:4"


def test_a_recipe_of_python_is_its_own_place() -> None:
    assert Recipe(name="mine", steps={}).where("steps", "t") == "mine"


# --- what is wrong --------------------------------------------------------------------------

WRONG = [
    ("recipe: [r]", "recipe is ['r']; it should be a name"),
    ("paper: 2408.02666", "paper is 2408.02666; it should be text"),
    ("about: {a: b}", "about is {'a': 'b'}; it should be text"),
    ("license: true", "license is True; it should be a licence's id, such as apache-2.0"),
    ("seed: 1.5", "seed is 1.5; it should be a whole number"),
    ("seed: yes", "seed is 'yes'; it should be a whole number"),
    ("seed: true", "seed is True; it should be a whole number"),
    (f"seed: 0x{'f' * 5000}", f"'0x{'f' * 38}' is no number that can be used"),
    (f"seed: {10**400}", f"'1{'0' * 39}' is no number that can be used"),
    (f"seed: {'9' * 5000}", f"'{'9' * 40}' is no number that can be used"),
    ("models:", "models is None; it should be a mapping of names to models"),
    ("models: {j: fake/it}", "j: is 'fake/it'; a model is `{use: provider/model}`"),
    ("write: [t]", "write is ['t']; it should be a mapping of dataset configs to tables"),
    ("write: {preferences: [t]}", "write: preferences is ['t']; name a table"),
    ("abuot: x", "a recipe has no 'abuot'; did you mean 'about'?"),
    ("1: x", "a recipe has no '1'; choose from about, canaries, language, license, max_cost, models, paper, presets, recipe, seed, splits, steps, target, write"),
    ("about: !mine x", "the tag !mine is not for recipes; write plain values"),
    ("about: !!set {a}", "the tag tag:yaml.org,2002:set is not for recipes; write plain values"),
    ("about: !!python/name:os.system x", "the tag tag:yaml.org,2002:python/name:os.system is not for recipes; "),
    ("seed: !!int x", "'x' is no number that can be used"),
    ("models: {j: {use: a, use: b}}", "'use' stands already on line 2; keep one of the two"),
    ("models:\n  j: {use: a}\n  j: {use: b}", "'j' stands already on line 3; keep one of the two"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[line[:30] for line, _ in WRONG])
def test_what_is_wrong_is_told_with_its_line(line: str, said: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"{STEPS}{line}\n")
    assert problems(path)[0].startswith(f"{path}:{line.count(chr(10)) + 2}: {said}")


def test_what_is_wrong_with_steps_is_told_with_their_table(tmp_path: Path) -> None:
    lines = ["steps:", "  a: x", "  b: {}", "  c: [load, x]", "  d: {load: x, load: y}", "  b: {load: x}", "steps: {}"]
    path, shape = put(tmp_path, "\n".join(lines)), "a step is `{verb: input table, setting: value}`"
    assert problems(path) == [
        f"{path}:5: 'load' stands already on line 5; keep one of the two",
        f"{path}:6: b: made already on line 3; give this table a name of its own",
        f"{path}:7: 'steps' stands already on line 1; keep one of the two",
        f"{path}:2: a: is 'x'; {shape}",
        f"{path}:3: b: is {{}}; {shape}",
        f"{path}:4: c: is ['load', 'x']; {shape}",
    ]


@pytest.mark.parametrize("name", ["..", ".a", "a/b", "a\\b", "a b", "-", "...", "a\n", "a\0", "x" * 97, "C:", "~"])
def test_a_name_that_cannot_name_a_folder_is_told(name: str, tmp_path: Path) -> None:
    path = put(tmp_path, f"{STEPS}recipe: {dump(Recipe(name=name, steps={})).removeprefix('recipe: ')}")
    assert problems(path) == [f"{path}:2: the name {name!r:.60} cannot name a folder; use letters, digits and dashes"]


def test_a_file_s_name_that_cannot_name_a_folder_is_told(tmp_path: Path) -> None:
    path = put(tmp_path, STEPS).rename(tmp_path / "my recipe.yaml")
    assert problems(path) == [f"{path}: the name 'my recipe' cannot name a folder; use letters, digits and dashes"]


@pytest.mark.parametrize("name", ["a", "A-b_c.2", "é", "2", "x" * 96])
def test_a_name_of_letters_digits_and_dashes_is_good(name: str, tmp_path: Path) -> None:
    assert load(put(tmp_path, f"{STEPS}recipe: '{name}'\n")).name == name


@pytest.mark.parametrize(
    ("line", "found"), [("", ()), ("language: en", ("en",)), ("language: [en, 'no']", ("en", "no")), ("language:", ())]
)
def test_languages_are_one_or_several(line: str, found: tuple[str, ...], tmp_path: Path) -> None:
    assert load(put(tmp_path, f"{STEPS}{line}\n")).language == found


@pytest.mark.parametrize(
    ("value", "found"),
    [("!!str 5", "5"), ("2020-01-01", "2020-01-01"), ("!!binary aGk=", "aGk="), ("'0x1F'", "0x1F"), ("yes", "yes")],
)
def test_a_text_is_read_as_the_page_shows_it(value: str, found: str, tmp_path: Path) -> None:
    assert load(put(tmp_path, f"{STEPS}about: {value}\n")).about == found


# --- --set ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("openai/gpt-4.1", "openai/gpt-4.1"), ("5", 5), ("1e-3", 0.001), ("true", True), ("yes", "yes"), ("'5'", "5"),
        ("null", None), ("", None), ("[a, 1]", ["a", 1]), ("{a: {b: 2}}", {"a": {"b": 2}}), (" a=b ", "a=b"),
        ("2020-01-01", "2020-01-01"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("key", ["use", "new"])
def test_a_value_is_set_as_yaml_reads_it(key: str, value: str, found: object, tmp_path: Path) -> None:
    made = load(put(tmp_path, GOOD), [f" models.judge.{key} ={value}"]).models["judge"]
    assert (made[key], type(made[key])) == (found, type(found))
    assert made["price"] == {"input": 1}


def test_what_is_set_goes_deep_and_the_last_word_stays(tmp_path: Path) -> None:
    recipe = load(
        put(tmp_path, GOOD), ["models.judge.price.input=2", "seed=1", "seed=2", "steps.u={load: y}", "models.j={}"]
    )
    assert recipe.models == {"judge": {"use": "fake/it", "price": {"input": 2}}, "j": {}}
    assert list(recipe.steps.items()) == [("t", do("load", "x", take=3)), ("u", do("load", "y"))]
    assert recipe.seed == 2


PRESETS = """\
recipe: r
models: {judge: {use: fake/it}}
steps:
  t: {load: x, take: 3}
  u: {answer: t, model: judge}
write: {responses: u}
presets:
  paper: {}
  small: {steps.t.take: 1, models.judge.temperature: 0.5, seed: 4}
  short: {steps.u: null, write.responses: null}
"""


def test_a_preset_is_set_over_the_recipe_and_under_what_the_user_sets(tmp_path: Path) -> None:
    path = put(tmp_path, PRESETS)
    small = load(path, ["steps.t.take=2"], preset="small")
    assert small.steps["t"] == do("load", "x", take=2)
    assert small.models["judge"] == {"use": "fake/it", "temperature": 0.5}
    assert small.seed == 4
    assert list(small.presets) == ["paper", "small", "short"]
    assert small.where("seed") == f"{path}:9"


def test_null_takes_a_step_away(tmp_path: Path) -> None:
    short = load(put(tmp_path, PRESETS), preset="short")
    assert list(short.steps) == ["t"]
    assert not short.write


ADDING = PRESETS.replace(
    "paper: {}", "more: {steps.v: {one_of: u}, steps.w: {one_of: v}, steps.s: {take: t}, steps.u.answer: s}"
)


def test_a_step_that_a_preset_adds_stands_above_those_that_take_it(tmp_path: Path) -> None:
    assert list(load(put(tmp_path, ADDING), preset="more").steps) == ["t", "s", "u", "v", "w"]
    assert list(load(put(tmp_path, ADDING), ["steps.x={one_of: t}", "steps.u.answer=x"]).steps) == ["t", "x", "u"]


def test_a_preset_that_sets_nothing_is_the_recipe_itself(tmp_path: Path) -> None:
    path = put(tmp_path, PRESETS)
    assert load(path, preset="paper") == load(path)
    assert "# --preset small" in dump(load(path, preset="small"))
    assert "presets:" not in dump(load(path, preset="small"))


@pytest.mark.parametrize(
    ("text", "preset", "said"),
    [
        (PRESETS, "smal", "--preset: the recipe has no preset 'smal'; did you mean 'small'?"),
        (GOOD, "small", "--preset: the recipe has no preset 'small'; it has none; leave the option out"),
        (PRESETS.replace("steps.t.take: 1", "steps.s.take: 1"), "small", "r.yaml:9: the recipe has no 's' to set"),
        (PRESETS.replace("paper: {}", "paper: 1"), "small", "r.yaml:8: the preset paper is 1; a preset is a mapping"),
    ],
)
def test_a_preset_that_cannot_be_had_is_told(text: str, preset: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        load(put(tmp_path, text), preset=preset)
    assert said in str(caught.value.problems[0])


BAD_SETS = [
    ("seed", "--set seed: is not key=value; write it as --set models.judge.use=openai/gpt-4.1"),
    ("", "--set : is not key=value; "),
    ("=1", "--set =1: is not key=value; "),
    ("models..use=1", "--set models..use=1: is not key=value; "),
    ("modles.judge.use=x", "--set modles.judge.use: the recipe has no 'modles' to set; did you mean 'models'?"),
    ("models.jugde.use=x", "--set models.jugde.use: the recipe has no 'jugde' to set; did you mean 'judge'?"),
    ("models.judge.use.x=1", "--set models.judge.use.x: 'use' holds no settings; set it as a whole"),
    ("sede=1", "--set sede: a recipe has no 'sede'; did you mean 'seed'?"),
    ("seed=", "--set seed: seed is None; it should be a whole number"),
    ("seed=x", "--set seed: seed is 'x'; it should be a whole number"),
    ("recipe=../up", "--set recipe: the name '../up' cannot name a folder; "),
    ("write.preferences=5", "--set write.preferences: write: preferences is 5; name a table"),
    ("steps.t=5", "--set steps.t: t: is 5; a step is `{verb: input table, setting: value}`"),
    ("models.judge.use=!x y", "--set models.judge.use: the tag !x is not for recipes; write plain values"),
    ("models.judge.use=[", "--set models.judge.use:1: not YAML: "),
    (f"models.judge.use={'[' * 70}{']' * 70}", "--set models.judge.use: is nested too deeply; "),
]  # fmt: skip


@pytest.mark.parametrize(("override", "said"), BAD_SETS, ids=[override[:30] for override, _ in BAD_SETS])
def test_what_cannot_be_set_is_told(override: str, said: str, tmp_path: Path) -> None:
    assert problems(put(tmp_path, GOOD), override)[0].startswith(said)
