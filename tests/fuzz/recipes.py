"""What recipes say: text to a recipe and back, plans of what loads, and a card of names that nobody would give."""

import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from io import StringIO
from pathlib import Path
from random import Random
from shutil import copytree
from typing import Any

from prefgen import plan, verbs
from prefgen.card import card, fenced
from prefgen.card.licences import LICENCES
from prefgen.configs import CONFIGS
from prefgen.errors import RecipeError
from prefgen.planned import Plan
from prefgen.recipe import Recipe, do, dump, load
from tests.fuzz import pieces
from tests.fuzz.target import Target, place

ROOT = Path(__file__).parent.parent.parent
SHIPPED = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "recipes").glob("*.yaml"))]
YAML = [
    "recipe: ", "models:", "steps:", "write:", "presets:", "target: ", "seed: ", "max_cost: ", "language: ", "license: ", "{", "}", "[", "]",
    ", ", ": ", ":", "- ", "? ", "| ", "|\n", ">\n", "&a ", "*a", "*b", "<<: *a", "<<: [*a, *a]", "!!python/object/apply:os.system [ls]",
    "!!binary aGk=", "!!set {a}", "!!int x", "!!timestamp 2001-01-01", "!a ", "%YAML 1.1\n---\n", "---\n", "...\n", "# ", "'", '"', '"\\ud800"',
    '"\\0"', '"\\x85"', '"\\u2028"', "~", "null", "yes", "no", "0o17", "0x1F", "012", "1_000", ".inf", ".nan", "1:30", "1e3", "2001-01-01",
    "prompts", "responses", "judgments", "writer", "judge", "load", "answer", "compare", "n: 3", "stop: majority", "stop: {majority: {risk: 0.01}}", "stop: {race: }", "model: judge",
    "take: 2",
    "template: x.md", "gate: {data: x.jsonl}", "use: openai/gpt-4.1-mini", "use: [fake/a, fake/a]", "base_url: http://[::1", "price: {input: 1}",
    "{load: data/prompts.jsonl}", "{answer: prompts, model: writer}", "{concat: [a, b]}", "\n", "\n  ", "\n\t", "  ",
]  # fmt: skip
PLAIN: Mapping[str, Any] = {
    "recipe": "small", "paper": "arXiv:2408.02666", "about": "A try.", "license": "apache-2.0", "language": ["en", "no"], "seed": 7,
    "max_cost": 2.5, "target": {"kept": 50, "of": "agreed"},
    "models": {"writer": {"use": "fake/a", "temperature": 0.7, "top_p": 0.9, "max_tokens": 99, "price": {"input": 1, "output": 2.0}},
               "judge": {"use": ["openai/a", "openai/b"], "base_urls": ["http://127.0.0.1:8000/v1"], "max_tokens": 9, "rpm": 60,
                         "price": {"input": 0, "output": 0}, "extra": {"a": [1, {"b": None}]}, "timeout": 5.5}},
    "steps": {"prompts": {"load": "data/prompts.jsonl", "prompt": "prompt", "keep": {"origin": "source"}, "take": 5},
              "responses": {"answer": "prompts", "model": "writer", "n": 2, "truncated": "keep"},
              "pairs": {"perturb": "responses", "model": "writer"}, "orders": {"both_orders": "pairs"},
              "judgments": {"compare": "orders", "model": "judge", "n": 3, "stop": "majority", "reading": "verdict"},
              "agreed": {"verdict_agreement": "judgments"}, "one": {"one_of": "agreed", "same": ["pair_id", "gold"]}},
    "write": {"preferences": "pairs", "judgments": "agreed"}, "presets": {"strict": {"steps.judgments.n": 5, "steps.one": None}},
}  # fmt: skip
WAYS = [
    "steps.judgments.n",
    "models.judge.use",
    "seed",
    "steps.new",
    "write.responses",
    "target.kept",
    "a.b.c",
    "steps",
    "",
    ".",
    "steps.prompts.take",
]


# --- recipes --------------------------------------------------------------------------------


def _text(chance: Random) -> str:
    kind = chance.random()
    if kind < 0.45:
        return pieces.written(pieces.many_changes(chance, dict(PLAIN)))
    if kind < 0.85:
        return pieces.mutated(chance, chance.choice(SHIPPED), YAML)
    if kind < 0.9:
        return _names(chance)
    return pieces.text(chance, SHIPPED, YAML)[: chance.choice([5_000, 5_000, 60_000])]


def _names(chance: Random) -> str:
    """A recipe with long names that are nearly alike."""
    size = chance.choice([50, 1_000, 40_000])
    one, two = ("".join(chance.choices("ab_", k=size)) for _ in range(2))
    return f"steps:\n  {one}: {{load: data/prompts.jsonl}}\n  x: {{{two}: {one}}}\n  y: {{answer: {two}, model: {two}, {two}: 1}}\n"


def _large(chance: Random) -> str:
    """Steps of names that are long, or many, and of which none is there."""
    signs, size = [chr(chance.randint(0x61, 0x9000)) for _ in range(300)], chance.choice([10, 300, 20_000])
    names = [
        "".join(c for c in chance.choices(signs, k=size) if c.isalnum()) or "x"
        for _ in range(chance.choice([2, 20, 200]) if size < 999 else 2)
    ]
    steps = [f"  ? {name}\n  : {{both_orders: {chance.choice(names)[::-1]}}}\n" for name in dict.fromkeys(names)]
    return f"steps:\n  prompts: {{load: data/prompts.jsonl}}\n{''.join(steps)}"


def _to_load(chance: Random) -> tuple[str, list[str], str | None]:
    """A file, what is set over it, and a preset."""
    word = partial(pieces.text, chance, ["3", "openai/a", "{load: x}", "[a, b]", "null"], YAML)
    overrides = [f"{chance.choice(WAYS)}={word()[:500]}"] if chance.random() < 0.2 else []
    overrides += [word()[:500]] if chance.random() < 0.03 else []
    preset = chance.choice(["strict", "paper", "release", "nothing", "\ud800"]) if chance.random() < 0.15 else None
    return _text(chance), overrides, preset


@cache
def _folder() -> Path:
    folder = place() / "recipes"
    copytree(ROOT / "recipes" / "data", folder / "data")
    return folder


def _loaded(given: tuple[str, list[str], str | None]) -> Recipe:
    text, overrides, preset = given
    path = _folder() / "mutant.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    return load(path, overrides, preset=preset)


def _is_recipe(given: Any, outcome: Any) -> None:
    """Problems with a place each; or a recipe that says the same when it is written and loaded again."""
    if isinstance(outcome, RecipeError):
        assert outcome.problems
        assert all(one.where and one.what for one in outcome.problems)
        return
    said = _said(outcome)
    for text in (dump(outcome), dump(Recipe(**said))):
        assert repr(_said(_loaded((text, [], None)))) == repr(said), f"another recipe: {text:.300}"


def _said(recipe: Recipe) -> dict[str, Any]:
    return {name: getattr(recipe, name) for name in _SAID}


_SAID = ("name", "steps", "models", "write", "paper", "about", "license", "language", "seed", "target")


def _to_plan(chance: Random) -> Recipe | None:
    """A recipe that loads, if one comes of it; nothing that would be asked of the Hub."""
    if chance.random() < 0.03:
        return _loaded((_large(chance), [], None))
    data = dict(PLAIN)
    for _ in range(chance.choice([0, 1, 1, 2, 3])):
        key = chance.choice(["steps", "steps", "steps", "models", "write", "target", "max_cost"])
        step = key == "steps" and isinstance(data[key], dict) and data[key]
        data[key] = _step_changed(chance, data[key]) if step else pieces.changed(chance, data[key])
    try:
        recipe = _loaded((pieces.written(data), [], None))
    except RecipeError:
        return None
    return None if any(_hub(step.input) for step in recipe.steps.values()) else recipe


def _step_changed(chance: Random, given: Mapping[str, Any]) -> Any:
    """The steps with a value changed, another verb in a verb's place, or a setting that some verb takes."""
    steps, kind = dict(given), chance.random()
    table = chance.choice(list(steps))
    if kind < 0.5 or not isinstance(steps[table], dict) or not steps[table]:
        return pieces.changed(chance, steps)
    (_, of), *settings = steps[table].items()
    if kind < 0.8:
        given = (
            {name: pieces.value(chance, 1) for name in chance.sample(_settings(), 2)}
            if chance.random() < 0.5
            else dict(settings)
        )
        steps[table] = {chance.choice(verbs.names()): of, **given}
    else:
        steps[table] = {**steps[table], chance.choice(_settings()): pieces.value(chance, chance.choice([0, 1, 2]))}
    return steps


@cache
def _settings() -> list[str]:
    """Every setting of every verb."""
    from prefgen.settings import parameters

    return sorted({name for word in verbs.names() for name in parameters(verbs.find(word))} - {"folder"})


def _hub(source: object) -> bool:
    return (
        isinstance(source, str)
        and bool(re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", source))
        and not source.endswith(".jsonl")
    )


def _planned(recipe: Recipe | None) -> Plan | None:
    return plan.make(recipe, writers=CONFIGS, keys=False, fakes={"a": str, "b": str}, take=3) if recipe else None


def _is_plan(given: Any, outcome: Any) -> None:
    if isinstance(outcome, RecipeError):
        assert outcome.problems
        assert all(one.what for one in outcome.problems), outcome.problems
    elif given:
        assert isinstance(outcome, Plan)
        assert set(outcome.steps) == set(given.steps)


# --- cards ----------------------------------------------------------------------------------

HOSTILE = [
    "a plain name", "a|b", "\\|", "`", "``", "a\\", "<img src=x onerror=alert(1)>", "<!--", "-->", "<script>alert(1)</script>", "[x](http://e.vil)",
    "![x](http://e.vil/x.png)", "<http://e.vil>", "[x]: http://e.vil", "~~~", "```", "---", "***", "===", "# head", "## head", "- item", "1. item",
    "> quote", "| a | b |", "\n\n# head", "\n---\n", "a\nb", "\r\n", "\u2028", "\x85", "\x00", "{{ x }}", "no", "yes", "null", "~", "1e3", "0x1", "'", '"',
    ": ", " #", "&amp;", "*x*", "_x_", "\u202e", "\U0001f600", "\ufeff", "!!str", "&a", "*a", "%", "@", "\t", " ", "",
]  # fmt: skip


def _word(chance: Random) -> str:
    if chance.random() < 0.5:
        return chance.choice(HOSTILE)
    text = (
        pieces.some(chance, [*HOSTILE, *pieces.ODD], 5)
        if chance.random() < 0.8
        else pieces.text(chance, HOSTILE, HOSTILE)
    )
    return text.encode("utf-8", "ignore").decode()[:20_000]


def _name(chance: Random) -> str:
    """What may name a recipe, or a table."""
    return "".join(c for c in _word(chance) if c.isalnum() or c in "-_")[:90].lstrip("-") or "name"


def _share(chance: Random) -> dict[str, Any]:
    return {"value": chance.random(), "low": 0.1, "high": chance.choice([0.4, 0.9]), "n": 5}


def _to_card(chance: Random) -> dict[str, Any]:
    word, lost = partial(_word, chance), partial(_lost, chance)
    recipe = Recipe(
        name=_name(chance), steps={_name(chance): do("load", "x")}, paper=chance.choice(["arXiv:2408.02666", word()]), about=word(),
        license=chance.choice(["apache-2.0", word()]), language=[word() for _ in range(chance.choice([0, 1, 2]))],
        models={word(): {"use": chance.choice([word(), [word(), word()]]), "temperature": 0.5}},
    )  # fmt: skip
    funnel = [
        {
            "table": _name(chance),
            "verb": word(),
            "rows_in": 3,
            "rows_out": 2,
            **{kind: lost() for kind in ("dropped", "unreadable", "failed")},
            "canaries": {"kinds": {"null": {"withstood": 2}}, "withstood": _share(chance)},
        }
    ]
    judge = {"judgments": 3, "agrees_with_gold": _share(chance), "alpha": None, "mean": chance.choice([None, 2.5])}
    judges = {
        _name(chance): {
            "judges": {word(): judge},
            "alpha": None,
            "fleiss_kappa": 0.5,
            "kappas": {f"{word()} | {word()}": 0.25},
        }
    }
    author = {
        "model": word(),
        "chosen": 1,
        "rejected": 2,
        "share": _share(chance),
        "elo": {"value": 1.0, "low": 0.0, "high": 2.0},
    }
    return {
        "recipe": recipe, "text": word(), "configs": {"preferences": {"train": 2, "test": 1}, "preferences_text": {"train": 1}, "judgments": chance.choice([{}, {"train": 5}])}, "funnel": funnel,
        "judges": chance.choice([{}, judges]), "authors": chance.choice([[], [author]]),
        "examples": {"preferences": [{"chosen": [{"role": "user", "content": word()}], word(): word()}]},
    }  # fmt: skip


def _lost(chance: Random) -> dict[str, int]:
    return {_word(chance): 2 for _ in range(chance.choice([0, 0, 1, 2]))}


def _is_card(given: Any, outcome: str) -> None:
    """Front matter that says what was said, and a page with nothing on it but our own headings, tables and links."""
    recipe = given["recipe"]
    found = re.match(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|$))", outcome)  # as huggingface_hub has it
    assert found, "no front matter"
    assert outcome.encode()
    for front in (_by_ruamel(found[2]), _by_pyyaml(found[2])):
        assert front["pretty_name"] == recipe.name
        assert set(front.get("language", [])) <= {one.partition("-")[0] for one in recipe.language}
        assert front.get("license", "mit") in LICENCES
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", front.get("license_name", "mit")), front["license_name"]
        assert [one["config_name"] for one in front["configs"]] == [
            name for name, rows in given["configs"].items() if rows
        ]
    _is_text_alone(outcome[found.end() :], given)


def _by_ruamel(text: str) -> Any:
    import ruamel.yaml

    return ruamel.yaml.YAML(typ="safe", pure=True).load(StringIO(text))


def _by_pyyaml(text: str) -> Any:
    import yaml  # type: ignore[import-untyped]

    return yaml.safe_load(text)


HEADS = (
    "Configs",
    "How to load it",
    "Rows to read",
    "What became of every row",
    "Judges",
    "Canaries",
    "Authors",
    "Models",
    "The recipe",
    "Known limits",
    "Columns",
    "Terms",
)


def _is_text_alone(body: str, given: Mapping[str, Any]) -> None:
    tokens = _markdown().parse(body)
    kinds = {one.type for token in tokens for one in (token, *(token.children or ()))}
    assert not kinds & {"html_block", "html_inline", "image"}, kinds & {"html_block", "html_inline", "image"}
    links = [one.attrs["href"] for token in tokens for one in token.children or () if one.type == "link_open"]
    assert all(re.fullmatch(r"https://arxiv\.org/abs/[\d.v]+", str(link)) for link in links), links
    heads = [
        tokens[i + 1].content for i, token in enumerate(tokens) if token.type == "heading_open" and token.tag == "h2"
    ]
    assert heads == [head for head in HEADS if head in heads]
    assert {"Configs", "What became of every row", "The recipe", "Terms"} <= set(heads), heads
    codes = [token.content for token in tokens if token.type == "fence" and token.info == "yaml"]
    assert given["text"].rstrip() + "\n" == codes[-1] or not given["text"].isprintable()
    _are_whole(tokens)


def _are_whole(tokens: Sequence[Any]) -> None:
    """Every row of a table has as many cells as its head has, and a cell is one of ours."""
    cells = 0
    for token in tokens:
        cells += token.type in {"th_open", "td_open"}
        assert token.type != "tr_close" or cells in {2, 3, 4, 5, 7, 9}, cells
        cells = 0 if token.type == "tr_close" else cells


@cache
def _markdown() -> Any:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": True}).enable("table")


def _fence(given: str, outcome: str) -> None:
    """The block ends where it ends, whatever is in it."""
    tokens = _markdown().parse(f"{outcome}\n\nafter")
    assert [token.type for token in tokens[:2]] == ["fence", "paragraph_open"], [token.type for token in tokens]


def targets() -> list[Target]:
    """Recipes and cards."""
    card_of = lambda given: card(**given)  # noqa: E731
    return [
        Target("recipe", 20_000, _to_load, _loaded, (RecipeError,), _is_recipe, seconds=0.5, per_mb=40.0),
        Target("plan", 10_000, _to_plan, _planned, (RecipeError,), _is_plan, seconds=0.25),
        Target("card", 8_000, _to_card, card_of, (), _is_card),
        Target("fenced", 10_000, _word, fenced, (), _fence),
    ]
