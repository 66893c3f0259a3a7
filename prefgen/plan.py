"""Checks a whole recipe by running it on empty tables.

Applied to a frame of no rows, a verb gives its table's columns, or fails on a column that is not there. So verbs
declare nothing, and every name, setting and column is wrong before the first token or not at all.
"""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from prefgen import verbs
from prefgen.asker import Asker, PromptFileError
from prefgen.errors import PrefgenError, Problem, ProviderError, RecipeError, nearest
from prefgen.llm import client
from prefgen.llm.request import Model
from prefgen.recipe import Recipe, Step
from prefgen.rows import DROPPED, TableVerb

Stop = Callable[[Sequence[Sequence[dict[str, Any]]], int], int]
Writer = Callable[[pl.DataFrame], pl.DataFrame]

IDS = {"prompt_id": pl.String, "id": pl.String}
"""What every table has: whose row it is, and which."""


@dataclass(frozen=True)
class Planned:
    """One step, ready to run: ``source`` holds a source's rows, ``asker`` a part that asks ``models``."""

    table: str
    word: str
    verb: verbs.Verb
    input: str
    schema: pl.Schema
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: pl.DataFrame | None = None
    asker: Asker | None = None
    models: tuple[Model, ...] = ()
    stop: Stop | None = None

    @property
    def whole(self) -> bool:
        """Whether the verb must see its whole input at once."""
        return bool(getattr(self.verb, "whole", False))


@dataclass(frozen=True)
class Plan:
    """A recipe found sound: its steps in order, its models, what will not be sent, and functions for ``fake/…``."""

    recipe: Recipe
    steps: Mapping[str, Planned]
    models: Mapping[str, tuple[Model, ...]]
    notices: tuple[str, ...] = ()
    fakes: Mapping[str, Any] = field(default_factory=dict)


def make(
    recipe: Recipe,
    *,
    writers: Mapping[str, Writer] | None = None,
    fakes: Mapping[str, Any] | None = None,
    take: int | None = None,
    keys: bool = True,
) -> Plan:
    """The plan of a recipe. ``writers`` are the dataset configs that ``write:`` may name, ``take`` limits each
    source to its first prompts, ``keys=False`` lets a model stand whose key is not set.

    Raises RecipeError with all that is wrong, each with its place and what would do.
    """
    checker = _Checker(recipe, writers or {}, dict(fakes or {}), take, keys=keys)
    models = {name: checker.model(name, settings) for name, settings in recipe.models.items()}
    checker.models = models
    for table, step in recipe.steps.items():
        checker.step(table, step)
    for config, table in recipe.write.items():
        checker.write(config, table)
    if checker.problems:
        raise RecipeError(checker.problems)
    return Plan(recipe, checker.steps, models, tuple(checker.notices), checker.fakes)


class _Checker:
    """Gathers steps and problems; a table whose step is wrong is not held against the tables made of it."""

    def __init__(
        self, recipe: Recipe, writers: Mapping[str, Writer], fakes: dict[str, Any], take: int | None, *, keys: bool
    ) -> None:
        self.recipe, self.writers, self.fakes, self.take, self.keys = recipe, writers, fakes, take, keys
        self.models: Mapping[str, tuple[Model, ...]] = {}
        self.steps: dict[str, Planned] = {}
        self.broken: set[str] = set()
        self.problems: list[Problem] = []
        self.notices: list[str] = []

    def problem(self, way: tuple[str, ...], table: str, what: str, cure: str = "") -> None:
        self.problems.append(Problem(self.recipe.where(*way), table, what, cure))

    # --- models ---

    def model(self, name: str, settings: Mapping[str, Any]) -> tuple[Model, ...]:
        """The endpoints of one model; several where ``use:`` is a pool."""
        way, given = ("models", name), dict(settings)
        use = given.pop("use", None)
        if callable(use):
            self.fakes[name], use = use, f"fake/{name}"
        uses = use if isinstance(use, list | tuple) else [use]
        if not uses or not all(isinstance(one, str) and "/" in one for one in uses):
            cure = "write provider/model, such as openai/gpt-4.1-mini"
            self.problem((*way, "use"), name, f"use is {use!r:.60}", cure)
            return ()
        checked = self.settings(way, name, f"model {name}", Model, given, spared=frozenset({"use"}))
        if checked is None:
            return ()
        pool = tuple(Model(use=one, **checked) for one in uses)
        return pool if sum(self._endpoint(name, model) for model in pool) == len(pool) else ()

    def _endpoint(self, name: str, model: Model) -> bool:
        way = ("models", name, "use")
        try:
            provider = client.make_provider(model.provider, self.fakes)
            trouble = client.trouble(model, self.fakes)
        except ProviderError as e:
            self.problem(way, name, *str(e).split("; ", 1))
            return False
        if trouble and self.keys:
            self.problem(way, name, *trouble.split("; ", 1))
        elif trouble:
            self.notices.append(f"{name}: {trouble}")
        self.notices += [f"{name}: {notice}" for notice in provider.notices(model)]
        return True

    # --- steps ---

    def step(self, table: str, step: Step) -> None:
        """Plans one step, or notes why it cannot be."""
        before = len(self.problems)
        planned = self._planned(table, step)
        if planned is None or len(self.problems) > before:
            self.broken.add(table)
        else:
            self.steps[table] = planned

    def _planned(self, table: str, step: Step) -> Planned | None:
        verb = self._verb(table, step)
        if verb is None:
            return None
        word = getattr(verb, "__name__", "verb")
        if verbs.room_of(verb) == "sources" or getattr(verb, "source", False):
            return self._source(table, word, verb, step)
        rows = self._input(table, step.input)
        settings = self.settings(("steps", table), table, word, verb, self._with_seed(verb, step.settings))
        if settings is None:
            return None
        if isinstance(verb, type) and issubclass(verb, Asker):
            return self._asker(table, word, verb, step, rows, settings)
        if rows is None:
            return None
        made = self._on_nothing(table, word, step.input, rows, lambda empty: apply(verb, empty, settings))
        return None if made is None else Planned(table, word, verb, step.input, made, settings)

    def _verb(self, table: str, step: Step) -> verbs.Verb | None:
        if callable(step.verb):
            return step.verb
        if not step.verb:
            return None
        try:
            return verbs.find(step.verb)
        except KeyError:
            way = ("steps", table, step.verb)
            self.problem(way, table, f"no verb '{step.verb}'", nearest(step.verb, verbs.names()))
            return None

    def _source(self, table: str, word: str, verb: verbs.Verb, step: Step) -> Planned | None:
        way = ("steps", table)
        given = self._with_seed(verb, step.settings)
        settings = self.settings(way, table, word, verb, given, spared=frozenset({"folder"}))
        if settings is None:
            return None
        if self.take is not None:
            settings["take"] = min(self.take, settings.get("take") or self.take)
        try:
            rows = verb(step.input, **settings, folder=self.recipe.folder)
        except PrefgenError as e:
            self.problem((*way, word), table, *str(e).split("; ", 1))
            return None
        kept = rows.filter(pl.col(DROPPED).is_null()) if DROPPED in rows.columns else rows
        if kept.is_empty():
            self.problem((*way, word), table, f"{step.input} has no usable prompts", _reasons(rows))
            return None
        return Planned(table, word, verb, "", kept.drop(DROPPED, strict=False).schema, settings, source=rows)

    def _input(self, table: str, name: Any) -> pl.Schema | None:
        """The columns of a step's input table; None where it is wrong itself, or not there."""
        if isinstance(name, str) and name in self.steps:
            return self.steps[name].schema
        if name in self.broken:
            return None
        way, above = ("steps", table), [t for t in self.recipe.steps if t in self.steps or t in self.broken]
        if isinstance(name, str) and name in self.recipe.steps:
            self.problem(way, table, f"{name} is made below", "a table is made above the tables made of it")
        else:
            self.problem(way, table, f"no table {name!r:.60}", nearest(str(name), above))
        return None

    def _asker(
        self, table: str, word: str, verb: type[Asker], step: Step, rows: pl.Schema | None, settings: dict[str, Any]
    ) -> Planned | None:
        way = ("steps", table)
        if settings.get("template") is not None:
            settings["template"] = self._template(verb, settings["template"])
        try:
            asker = verb(**settings)
            needed = asker.needed()
        except (PromptFileError, ValueError) as e:
            self.problem(way, table, *str(e).split("; ", 1))
            return None
        models = self._models(table, asker)
        stop = self._stop(table, asker)
        if rows is None:
            return None
        for column in sorted(needed - set(rows)):
            self._lacks(way, table, word, column, step.input)
        schema = pl.Schema({c: t for c, t in rows.items() if c not in asker.replaces} | dict(asker.makes))
        for column in sorted(set(asker.makes) & set(rows) - asker.replaces):
            what = f"{word} makes {column}, which {step.input} has already"
            self.problem(way, table, what, "start from a table without it")
        if stop and not self._stops(table, asker, stop, schema):
            return None
        return Planned(table, word, verb, step.input, schema, settings, asker=asker, models=models, stop=stop)

    def _template(self, verb: type[Asker], name: Path) -> Path:
        """A recipe's own prompt file, or one of those that lie beside the part."""
        own = self.recipe.folder / name
        beside = Path(inspect.getfile(verb)).parent / name
        return beside if not own.exists() and beside.exists() else own

    def _models(self, table: str, asker: Asker) -> tuple[Model, ...]:
        way = ("steps", table, "model")
        if asker.n < 1:
            self.problem(("steps", table, "n"), table, f"n is {asker.n}", "ask at least once")
        if asker.model not in self.recipe.models:
            self.problem(way, table, f"no model '{asker.model}'", nearest(asker.model, self.recipe.models))
            return ()
        for model in self.models.get(asker.model, ()):
            for want in sorted(asker.wants() - client.make_provider(model.provider, self.fakes).can(model)):
                self.problem(way, table, f"{model.use} cannot {_WANTS[want][0]}", _WANTS[want][1])
        return self.models.get(asker.model, ())

    def _stop(self, table: str, asker: Asker) -> Stop | None:
        if asker.stop is None:
            return None
        try:
            return verbs.find_stop(asker.stop)
        except KeyError:
            known = verbs.files("stops")
            self.problem(("steps", table, "stop"), table, f"no stop '{asker.stop}'", nearest(asker.stop, known))
            return None

    def _stops(self, table: str, asker: Asker, stop: Stop, schema: pl.Schema) -> bool:
        """Whether a stop finds what it reads in this table's rows."""
        try:
            stop([[dict.fromkeys(schema)]], asker.n)
        except KeyError as e:
            what = f"{asker.stop} reads {e.args[0]}, which these rows have not"
            self.problem(("steps", table, "stop"), table, what, self._has(str(e.args[0])))
            return False
        return True

    def write(self, config: str, table: str) -> None:
        """Checks that a table can be written as a dataset config."""
        way = ("write", config)
        if config not in self.writers:
            self.problem(way, "write", f"no dataset '{config}'", nearest(config, self.writers))
        elif table not in self.recipe.steps:
            self.problem(way, "write", f"no table '{table}'", nearest(table, self.recipe.steps))
        elif table in self.steps:
            self._on_nothing("write", config, table, self.steps[table].schema, self.writers[config], way, ids=False)

    # --- checks that all share ---

    def settings(
        self,
        way: tuple[str, ...],
        table: str,
        word: str,
        verb: Callable[..., Any],
        given: Mapping[str, Any],
        spared: frozenset[str] = frozenset(),
    ) -> dict[str, Any] | None:
        """The settings, of the types that the verb's signature states; None where one is wrong."""
        before, known = len(self.problems), {k: p for k, p in parameters(verb).items() if k not in spared}
        checked = {}
        for name, value in given.items():
            if name not in known:
                self.problem((*way, str(name)), table, f"{word} has no setting '{name}'", nearest(str(name), known))
            elif wrong := _wrong_type(known[name], value):
                self.problem((*way, name), table, f"{word}: {name} is {value!r:.60}", wrong)
            else:
                checked[name] = Path(value) if known[name].annotation in _PATHS and isinstance(value, str) else value
        for name, parameter in known.items():
            if parameter.default is parameter.empty and name not in given:
                self.problem(way, table, f"{word} needs the setting '{name}'", f"write `{name}: …`")
        return checked if len(self.problems) == before else None

    def _with_seed(self, verb: verbs.Verb, settings: Mapping[str, Any]) -> dict[str, Any]:
        takes_seed = "seed" in parameters(verb)
        return {"seed": self.recipe.seed, **settings} if takes_seed else dict(settings)

    def _on_nothing(
        self,
        table: str,
        word: str,
        of: str,
        rows: pl.Schema,
        verb: Callable[[pl.DataFrame], Any],
        way: tuple[str, ...] = (),
        *,
        ids: bool = True,
    ) -> pl.Schema | None:
        """The schema of what a verb makes of an empty table."""
        way = way or ("steps", table)
        try:
            made = verb(pl.DataFrame(schema=rows))
        except pl.exceptions.ColumnNotFoundError as e:
            self._lacks(way, table, word, _column(e), of)
            return None
        except Exception as e:  # noqa: BLE001  # whatever a verb raises on no rows, it would raise in the run
            self.problem(way, table, f"{word} fails on an empty table: {type(e).__name__}: {_line(e)}")
            return None
        if not isinstance(made, pl.DataFrame):
            self.problem(way, table, f"{word} gives a {type(made).__name__}", "a table verb gives a polars DataFrame")
            return None
        for column in set(IDS) - set(made.columns) if ids else ():
            self.problem(way, table, f"{word} drops the column {column}", "every table keeps prompt_id and id")
        return made.schema

    def _lacks(self, way: tuple[str, ...], table: str, word: str, column: str, of: str) -> None:
        self.problem(way, table, f"{word} needs {column}, which {of} has not", self._has(column))

    def _has(self, column: str) -> str:
        having = [table for table, step in self.steps.items() if column in step.schema]
        return f"{', '.join(having)} {'has' if len(having) == 1 else 'have'} it" if having else "no table above has it"


_PATHS = (Path, Path | None, typing.Optional[Path])  # noqa: UP045

_WANTS = {
    "given": (
        "give the log-probabilities of a given text",
        "local/… can, and servers with `likelihood: grammar` (llama.cpp) or `likelihood: prompt_logprobs` (vLLM)",
    ),
    "grammar": ("write under a grammar", "local/… can, and llama.cpp or vLLM behind a base_url"),
    "schema": ("write under a JSON schema", "use a model that can"),
}


def parameters(verb: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """A verb's settings: what its signature takes by keyword alone, or an asker's fields."""
    if dataclasses.is_dataclass(verb):
        return dict(inspect.signature(verb, eval_str=True).parameters)
    found = inspect.signature(verb, eval_str=True).parameters
    return {name: p for name, p in found.items() if p.kind is p.KEYWORD_ONLY}


def apply(verb: verbs.Verb, rows: pl.DataFrame, settings: Mapping[str, Any]) -> Any:
    """A table verb's table."""
    return verb(rows, **settings)


def split(verb: verbs.Verb, rows: pl.DataFrame, settings: Mapping[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A table verb's table, and the input rows that are not in it, with their reasons in ``dropped``.

    A plain function states no reasons: a row counts as used where its id, or one that continues it, comes out.
    """
    if not isinstance(verb, TableVerb):
        made = apply(verb, rows, settings)
        stays = pl.col("id").is_in(pl.concat([made["id"], made["id"].str.replace(r"\.[^.]*$", "")]).implode())
        return made, rows.filter(~stays).with_columns(pl.lit(getattr(verb, "__name__", "your verb")).alias(DROPPED))
    marked = verb.marked(rows, **settings)
    stays = pl.col(DROPPED).is_null()
    return verb.made(marked.filter(stays).drop(DROPPED), **settings), marked.filter(~stays)


def _wrong_type(parameter: inspect.Parameter, value: Any) -> str:
    """What pydantic has against a value, or nothing."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    kind = parameter.annotation
    if kind is parameter.empty:
        return ""
    plain = dataclasses.is_dataclass(kind) or (isinstance(kind, type) and issubclass(kind, dict))
    config = None if plain else ConfigDict(arbitrary_types_allowed=True)
    strict = kind not in _PATHS
    try:
        TypeAdapter(kind, config=config).validate_python(value, strict=strict)
    except ValidationError as e:
        words = e.errors()[0]["msg"]
        return words[0].lower() + words[1:]
    return ""


def _column(error: Exception) -> str:
    found = re.search(r'"([^"]+)"', str(error))
    return found[1] if found else str(error).splitlines()[0]


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _reasons(rows: pl.DataFrame) -> str:
    if DROPPED not in rows.columns or rows.is_empty():
        return "give it rows with a prompt each"
    counts = rows.group_by(DROPPED).len().sort("len", descending=True).rows()
    return "dropped: " + ", ".join(f"{reason} {count:,}" for reason, count in counts)
