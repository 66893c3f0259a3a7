"""A shipped recipe's text with other models and data: values are replaced where they stand, all else stays as it is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from prefgen import verbs
from prefgen.errors import Problem, RecipeError
from prefgen.llm.hosts import KNOWN
from prefgen.new.looked import Looked
from prefgen.pages import Span, Way, spans
from prefgen.recipe import Recipe

HEARD = "likelihood"
"""The verb that reads probabilities, which few endpoints tell."""
_PLAIN = re.compile(r"[A-Za-z_./~][\w./~-]*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "~", "y", "n"}


@dataclass(frozen=True)
class Answers:
    """What a recipe is made of: the shipped one, its own name, the models that write and that judge, one or several of
    each, the data, and the address that is asked in the place of a provider's own.
    """

    recipe: str
    name: str = ""
    models: Sequence[str] = ()
    judges: Sequence[str] = ()
    data: Looked | None = None
    base_url: str = ""


def roles(recipe: Recipe) -> tuple[list[str], list[str]]:
    """The models of a recipe that write, and those that do nothing but judge."""
    judging, writing = set[str](), set[str]()
    for step in recipe.steps.values():
        if role := step.settings.get("model"):
            (judging if step.verb in verbs.files("judges") else writing).add(str(role))
    return [role for role in recipe.models if role in writing], [r for r in recipe.models if r in judging - writing]


def source(recipe: Recipe) -> tuple[str, str]:
    """The table that a recipe's data comes to, and the verb that loads it."""
    return next((table, str(step.verb)) for table, step in recipe.steps.items() if step.verb in verbs.files("sources"))


def uses(recipe: Recipe, answers: Answers) -> dict[str, str | list[str]]:
    """What each model is to be: one for all of a kind, one each, or, where there is one of a kind, a pool. Judges that
    are not named are those that write; several, or a pool, are the recipe's own where these are of the same provider.
    Raises RecipeError where the number is another.
    """
    writers, judges = roles(recipe)
    if answers.judges and not judges:
        what = f"{answers.recipe} has no judge of its own: what writes ({', '.join(writers)}) judges too"
        raise RecipeError([Problem("--judge", "", what, "leave the option out")])
    found = _shared(answers.recipe, writers, answers.models, "--model")
    given = list(answers.judges)
    own = [recipe.models[role]["use"] for role in judges]
    several = [use for one in own for use in (one if isinstance(one, list) else [one])]
    if not given and len(several) > 1:
        if answers.base_url or not all(_provider(one) == _provider(answers.models[0]) for one in several):
            what = f"{answers.recipe} has {len(several)} judges ({', '.join(judges)})"
            raise RecipeError([Problem("--judge", "", what, f"give --judge {len(several)} times")])
        return found | dict(zip(judges, own, strict=True))
    if given and len(judges) == 1 and len(several) > 1 and len(given) != len(several):
        what = f"{answers.recipe} has a panel of {len(several)} judges"
        raise RecipeError([Problem("--judge", "", what, f"give --judge {len(several)} times")])
    return found | _shared(answers.recipe, judges, given or list(answers.models[:1]), "--judge")


def _provider(use: str) -> str:
    return use.partition("/")[0]


def _shared(name: str, own: Sequence[str], given: Sequence[str], option: str) -> dict[str, str | list[str]]:
    if len(given) == 1:
        return dict.fromkeys(own, given[0])
    if len(own) == len(given):
        return dict(zip(own, given, strict=True))
    if len(own) == 1:
        return {own[0]: list(given)}
    if not own:
        return {}
    what = f"{name} asks {len(own)} models there ({', '.join(own)}), and {len(given)} are given"
    raise RecipeError([Problem(option, "", what, f"give it once, or {len(own)} times")])


# --- the text -------------------------------------------------------------------------------

Edit = tuple[int, int, str]
"""From where to where, and what stands there instead."""


def fitted(text: str, recipe: Recipe, answers: Answers) -> str:
    """The text of a shipped recipe with what was answered. Raises RecipeError for models that do not fit it."""
    where, chosen = spans(text), uses(recipe, answers)
    edits = [*_named(where, answers), *_loaded(where, recipe, answers)]
    for role, use in chosen.items():
        edits += _model(where, role, use, answers)
    edits += _unheard(where, recipe, chosen)
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _named(where: Mapping[Way, Span], answers: Answers) -> Iterator[Edit]:
    if answers.name:
        yield where["recipe",].start, where["recipe",].end, word(answers.name)


def _loaded(where: Mapping[Way, Span], recipe: Recipe, answers: Answers) -> Iterator[Edit]:
    """The source, and the column of its prompts."""
    table, verb = source(recipe)
    if answers.data is None:
        return
    if answers.data.column and verb != "load":
        what = f"{answers.recipe} reads its data with {verb}, by columns of its own"
        raise RecipeError([Problem("--column", "", what, "leave the option out")])
    span = where["steps", table, verb]
    column = f", prompt: {word(answers.data.column)}" if answers.data.column else ""
    yield span.start, span.end, f"{word(answers.data.source)}{column}"


def _model(where: Mapping[Way, Span], role: str, use: str | Sequence[str], answers: Answers) -> Iterator[Edit]:
    """Another model, its address, and none of the settings that its provider does not take."""
    span = where["models", role, "use"]
    new = word(use) if isinstance(use, str) else f"[{', '.join(map(word, use))}]"
    providers = {_provider(one) for one in ([use] if isinstance(use, str) else use)}
    if answers.base_url and "local" not in providers:
        host = urlsplit(answers.base_url).hostname or ""
        more = {"base_url": answers.base_url}
        more |= {"api_key_env": KNOWN[host][0]} if host in KNOWN else {}
        apart = ", " if span.flow else "\n    "
        new += "".join(f"{apart}{key}: {word(value)}" for key, value in more.items())
    yield span.start, span.end, new
    if providers == {"anthropic"}:
        yield from _without(where, ("models", role), ("temperature", "top_p"))


def _without(where: Mapping[Way, Span], way: Way, names: Sequence[str]) -> Iterator[Edit]:
    """Settings that go, each with what parts it from the one before."""
    for name in names:
        if span := where.get((*way, name)):
            before = max(one.end for key, one in where.items() if key[:-1] == way and one.end <= span.key)
            yield before, span.end, ""


def _unheard(where: Mapping[Way, Span], recipe: Recipe, chosen: Mapping[str, str | list[str]]) -> Iterator[Edit]:
    """A judge by likelihood becomes one in words, and what is written under a grammar is asked for in words, where the
    endpoint can do neither.
    """
    for table, step in recipe.steps.items():
        use = chosen.get(str(step.settings.get("model")), "local/")
        if all(_provider(one) in {"local", "vllm"} for one in ([use] if isinstance(use, str) else use)):
            continue
        if step.verb == HEARD:
            first, last = (
                where["steps", table, HEARD].key,
                max(one.end for way, one in where.items() if way[:2] == ("steps", table) and len(way) == 3),
            )
            yield first, last, f"compare: {step.input}, model: {step.settings['model']}"
        elif step.settings.get("constrained"):
            yield from _without(where, ("steps", table), ("template", "constrained"))


def word(value: str) -> str:
    """A text as YAML reads it back, in a flow mapping as elsewhere."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return value if plain else json.dumps(value, ensure_ascii=False)
