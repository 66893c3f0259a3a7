"""What a new recipe says beside its steps: what each does, what it asks of models, and what to change first."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from prefgen import schema, verbs
from prefgen.llm.prices import price_of
from prefgen.llm.request import Model
from prefgen.new.fitted import Answers, roles, source
from prefgen.pages import spans
from prefgen.recipe import Recipe

WIDTH = 116
ROWS = {"load": "prompt", "load_pairs": "pair", "load_responses": "response"}
"""What a source gives."""
_PAPER = re.compile(r"[ ;(]*arXiv:[^ )]*\)?")


@dataclass(frozen=True)
class Calls:
    """Draws that a step asks, at least and at most: for each row of the source, or ``once`` for all of them."""

    least: float
    most: float
    once: bool = False

    def __str__(self) -> str:
        low, high = (f"{number:,.1f}".removesuffix(".0") for number in (self.least, self.most))
        number = low if low == high else f"{low} to {high}"
        return f"{number} call{'' if number == '1' else 's'}"


def commented(text: str, recipe: Recipe, answers: Answers, file: str, calls: Mapping[str, Calls]) -> str:
    """The text with a head, and a line above each model and each step."""
    where, lines = spans(text), list[tuple[int, str]]()
    table, verb = source(recipe)
    row = ROWS[verb]
    for role in recipe.models:
        lines.append((where["models", role].key, _model(recipe, role)))
    for name, step in recipe.steps.items():
        what = _source(answers, row) if name == table else _PAPER.sub("", _sentence(str(step.verb)))
        asked = f" {_asks(calls[name], row)}" if name in calls else ""
        lines.append((where["steps", name].key, f"{what}{asked}"))
    for at, line in sorted(lines, reverse=True):
        start = text.rindex("\n", 0, at) + 1
        text = text[:start] + _wrapped(line, " " * (at - start)) + text[start:]
    says = "The recipe it comes from says" + (", of its own data too:" if answers.data else ":")
    return _headed(text, says, [*_head(recipe, answers, file), *_costs(recipe, calls, row), ""])


def _sentence(verb: str) -> str:
    return schema.sentence(schema.summary_of(verb))


def _source(answers: Answers, row: str) -> str:
    if answers.data is None:
        return f"The {row}s that come with the recipe."
    if row != "prompt":
        return f"The {row}s of {answers.data.source}."
    column = answers.data.column or ("prompt" if "prompt" in answers.data.columns else "")
    return f"The prompts of {answers.data.source}" + (f", from its column {column}." if column else ".")


def _asks(calls: Calls, row: str) -> str:
    return f"{calls} {'in all' if calls.once else f'a {row}'}."


def _model(recipe: Recipe, role: str) -> str:
    """Who writes or judges with it, and its price."""
    asking = [table for table, step in recipe.steps.items() if step.settings.get("model") == role]
    kind = "Judges:" if role in roles(recipe)[1] else "Makes"
    return f"{kind} {', '.join(asking)}. {_price(recipe, role)}"


def _price(recipe: Recipe, role: str) -> str:
    use = recipe.models[role]["use"]
    if isinstance(use, list):
        return "A pool: each row goes to one of them."
    if use.startswith("local/"):
        return "It runs here, without a key."
    if url := recipe.models[role].get("base_url"):
        return f"Asked at {url}; for costs say price: {{input: …, output: …}}, in $ per 1M tokens."
    if use.startswith("vllm/"):
        return "It runs on GPUs of yours: --engine ray places it, or name its servers in base_urls."
    price = price_of(Model(use=use), own=True)
    key = "a key in ANTHROPIC_API_KEY" if use.startswith("anthropic/") else "a key in OPENAI_API_KEY"
    if price is None:
        return f"It wants {key}, and no list price is known: say price: {{input: …, output: …}}, in $ per 1M tokens."
    return f"It wants {key}; ${price['input']:g} in and ${price['output']:g} out, per 1M tokens."


# --- the head -------------------------------------------------------------------------------


def _head(recipe: Recipe, answers: Answers, file: str) -> Iterator[str]:
    paper = f" ({recipe.paper})" if recipe.paper else ""
    yield f"Written by `prefgen new` from the recipe {answers.recipe}{paper}."
    yield ""
    for command, why in (("plan {}", "what a run would ask"), ("run {} --take 20", "a pilot, of 20")):
        yield f"  prefgen {command.format(file):{len(file) + 16}}  {why}"
    yield ""


def _costs(recipe: Recipe, calls: Mapping[str, Calls], row: str) -> Iterator[str]:
    """What it asks, and what to change first."""
    if calls:
        yield f"{_total(calls, row)} Most are for {max(calls, key=lambda name: calls[name].most)}."
        yield from _beside(recipe)
    yield "What one would change first:"
    told = dict(_first(recipe, calls))
    yield from (f"  {way:{max(map(len, told))}}  {why}" for way, why in told.items())
    if recipe.presets:
        yield f"Its presets are named changes: --preset {' or '.join(recipe.presets)}."


def _total(calls: Mapping[str, Calls], row: str) -> str:
    """5 to 33 calls a prompt, and 60 calls in all."""
    parts = []
    for once, words in ((False, f"a {row}"), (True, "in all")):
        some = [one for one in calls.values() if one.once is once]
        if some:
            parts.append(f"{Calls(sum(one.least for one in some), sum(one.most for one in some))} {words}")
    return f"It asks {', and '.join(parts)}."


def _beside(recipe: Recipe) -> Iterator[str]:
    """What a plan counts on top."""
    from prefgen.canaries import canaries

    share = canaries(recipe)[0].share
    if share and any(step.verb in verbs.files("judges") for step in recipe.steps.values()):
        yield f"Canaries, which test the judges, come on top: for {100 * share:.3g}% of the rows that are judged."


def _first(recipe: Recipe, calls: Mapping[str, Calls]) -> Iterator[tuple[str, str]]:
    table, _ = source(recipe)
    yield f"steps.{table}.take", "how many, where it is not all of them"
    judging = {str(s.settings.get("model")) for s in recipe.steps.values() if s.verb in verbs.files("judges")}
    for role in recipe.models:
        if role in judging or not judging & {*recipe.models}:
            yield f"models.{role}.use", "who judges, and so decides what is chosen" if judging else "who writes"
    for name in sorted(calls, key=lambda name: -calls[name].most)[:1]:
        n = recipe.steps[name].settings.get("n", 1)
        yield f"steps.{name}.n", f"draws of each row, {n} at most: here is most of the cost"


def _headed(text: str, says: str, head: Sequence[str]) -> str:
    """The head below the line that names the schema, and above what the recipe says of itself."""
    first, rest = text.split("\n", 1)
    own = [says, ""] if rest.startswith("#\n") else []
    rest = rest.removeprefix("#\n")
    return "\n".join([first, "#", *(f"# {line}".rstrip() for line in [*head, *own]), rest])


def _wrapped(line: str, indent: str) -> str:
    lines: Sequence[str] = textwrap.wrap(line, WIDTH, break_long_words=False, break_on_hyphens=False)
    return "".join(f"{indent}# {one}\n" for one in lines)
