"""Checks a whole recipe by running it on empty tables.

Applied to a frame of no rows, a verb gives its table's columns, or fails on a column that is not there. So verbs
declare nothing, and every name, setting and column is wrong before the first token or not at all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import polars as pl

from prefgen import codefile, stopping, touched, verbs
from prefgen.allow import NOTHING, Allow
from prefgen.asker import MESSAGES, Asker, PromptFileError, read_anew, spliced
from prefgen.canaries import canaries
from prefgen.errors import PrefgenError, Problem, RecipeError, nearest
from prefgen.kept import Kept, resolved
from prefgen.llm.request import Model
from prefgen.nothing import on_nothing
from prefgen.planned import Plan, Planned, Stop
from prefgen.pools import Pools, lacking
from prefgen.recipe import Recipe, Step, worded
from prefgen.settings import check, parameters, takes_several
from prefgen.splits import splits
from prefgen.spool import spooled
from prefgen.target import target
from prefgen.texts import nameable
from prefgen.told import reasons, set_by_hand

Writer = Callable[[pl.DataFrame], pl.DataFrame]


def make(
    recipe: Recipe,
    *,
    writers: Mapping[str, Writer] | None = None,
    fakes: Mapping[str, Any] | None = None,
    take: int | None = None,
    keys: bool = True,
    kept: Kept | None = None,
    allow: Allow = NOTHING,
) -> Plan:
    """The plan of a recipe. ``writers`` are the dataset configs that ``write:`` may name, ``take`` limits each
    source to its first prompts, ``keys=False`` lets a model stand whose key is not set; ``kept`` is what a run left,
    in the place of what sources and settings name; ``allow`` is what its caller lets it do.

    Raises RecipeError with all that is wrong, each with its place and what would do.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"{str(recipe)!r:.80} is no Recipe; for a file, write run(load({str(recipe)!r:.80}))")
    read_anew()
    pools = Pools(recipe, dict(fakes or {}), keys, allow)
    models = pools.all()
    checker = _Checker(recipe, writers or {}, models, pools.fakes, take, kept, allow, bool(pools.problems))
    if not nameable(recipe.name, dots=True):
        checker.problem(("recipe",), "", f"the name {recipe.name!r:.60} cannot name a folder", "use letters and digits")
    for table, step in recipe.steps.items():
        checker.step(table, step)
    for config, table in recipe.write.items():
        checker.write(config, table)
    (wanted, wrong), (tried, wrongly), (shares, amiss) = target(recipe, checker.steps), canaries(recipe), splits(recipe)
    if problems := [*pools.problems, *checker.problems, *wrong, *wrongly, *amiss]:
        raise RecipeError(problems)
    notices = tuple(dict.fromkeys([*pools.notices, *pools.touches, *checker.notices]))
    return Plan(worded(recipe), checker.steps, models, notices, pools.fakes, wanted, tried, allow, shares)


@dataclass
class _Checker:
    """Gathers steps and problems; a table whose step is wrong is not held against the tables made of it."""

    recipe: Recipe
    writers: Mapping[str, Writer]
    models: Mapping[str, tuple[Model, ...]]
    fakes: Mapping[str, Any]
    take: int | None
    kept: Kept | None
    allow: Allow
    wrong: bool = False
    steps: dict[str, Planned] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def problem(self, way: tuple[str, ...], table: str, what: str, cure: str = "") -> None:
        self.problems.append(Problem(self.recipe.where(*set_by_hand(self.recipe, way, what)), table, what, cure))

    def step(self, table: str, step: Step) -> None:
        """Plans one step, or notes why it cannot be."""
        before = len(self.problems)
        if not nameable(table):
            self.problem(("steps", table), table, "cannot name a table's file", "use letters, digits and underscores")
        planned = self._planned(table, step)
        if planned and (planned.source is not None or len(self.problems) == before):
            self.steps[table] = planned
        else:
            self.broken.add(table)

    def _planned(self, table: str, step: Step) -> Planned | None:
        verb = self._verb(table, step)
        if verb is None:
            return None
        word = codefile.word(step.verb, verb)
        if verbs.room_of(verb) == "sources" or getattr(verb, "source", False):
            return self._source(table, word, verb, step)
        frames = self._inputs(table, word, verb, step)
        settings = self.settings(table, word, verb, step.settings)
        if settings is None:
            return None
        settings = resolved(self.kept, self.recipe, table, verb, settings)
        if isinstance(verb, type) and issubclass(verb, Asker):
            return self._asker(table, word, verb, frames, settings)
        self.notices += touched.data_files(self.recipe, settings)
        if frames is None:
            return None
        function: verbs.Verb = partial(verb, **settings)
        made = self._on_nothing(table, word, " and ".join(frames), [*frames.values()], function)
        return None if made is None else Planned(table, word, verb, tuple(frames), made, settings)

    def _verb(self, table: str, step: Step) -> verbs.Verb | None:
        if callable(step.verb) or not step.verb:
            return step.verb or None
        try:
            folder = self.kept.code(table) if self.kept else self.recipe.folder
            return codefile.find(step.verb, folder, self.allow)
        except codefile.NoVerb as e:
            self.problem(("steps", table, step.verb), table, *str(e).split("; ", 1))
            return None

    def _source(self, table: str, word: str, verb: verbs.Verb, step: Step) -> Planned | None:
        """A source; wrong settings are left out, for what is below. A far one is not read once anything is wrong."""
        way, before = ("steps", table), len(self.problems)
        settings = self.settings(table, word, verb, step.settings, frozenset({"folder", "tell"}))
        sound = len(self.problems) == before
        if settings is None or ((self.wrong or self.problems) and touched.far(step.input, self.recipe.folder)):
            return None
        self.notices += touched.source(self.recipe, step.input)
        settings |= {} if self.take is None else {"take": min(self.take, settings.get("take") or self.take)}
        own = {"folder": self.recipe.folder} | ({"tell": self.notices.append} if "tell" in parameters(verb) else {})
        try:
            rows = self.kept.rows(table, step) if self.kept else spooled(verb, step.input, {**settings, **own})
        except PrefgenError as e:
            if sound:
                self.problem((*way, word), table, *str(e).split("; ", 1))
            return None
        if sound and not rows.rows:
            self.problem((*way, word), table, f"{step.input} has no usable prompts", reasons(rows.dropped))
            return None
        return Planned(table, word, verb, (), rows.schema, settings, source=rows)

    def _inputs(self, table: str, word: str, verb: verbs.Verb, step: Step) -> dict[str, pl.Schema] | None:
        """The columns of each input table, by name; None where one is wrong itself, or not there."""
        several = isinstance(step.input, list | tuple)
        if several and not takes_several(verb):
            self.problem(("steps", table), table, f"{word} takes one table", "`concat` makes one of several")
            return None
        names = list(step.input) if several else [step.input]
        if not names:
            self.problem(("steps", table), table, f"{word} is given no table", "name one, or a list of them")
            return None
        found = {str(name): self._input(table, name) for name in names}
        if len(found) < len(names):
            self.problem(("steps", table), table, f"{word} is given a table twice", "name each table once")
        known = {name: schema for name, schema in found.items() if schema is not None}
        return known if len(known) == len(names) else None

    def _input(self, table: str, name: Any) -> pl.Schema | None:
        """The columns of a step's input table; None where it is wrong itself, or not there."""
        known = isinstance(name, str) and name in self.recipe.steps
        if known and (name in self.steps or name in self.broken):
            return self.steps[name].schema if name in self.steps else None
        if known:
            what, cure = f"{name} is made below", "a table is made above the tables made of it"
        else:
            above = [t for t in self.recipe.steps if t in self.steps or t in self.broken]
            what, cure = f"no table {name!r:.60}", nearest(str(name), above)
        self.problem(("steps", table), table, what, cure)
        return None

    def _asker(
        self, table: str, word: str, verb: type[Asker], frames: Mapping[str, pl.Schema] | None, settings: dict[str, Any]
    ) -> Planned | None:
        way = ("steps", table)
        if wrong := [*touched.prompt_files(self.recipe, table, verb, settings)]:
            for name, what, cure in wrong:
                self.problem((*way, name), table, what, cure)
            return None
        try:
            asker = verb(**settings)
            needed, talks = asker.needed(), spliced(asker.prompt_file())
        except (PromptFileError, ValueError) as e:
            self.problem(way, table, *str(e).split("; ", 1))
            return None
        models = self._models(table, asker)
        stop = self._stop(table, asker)
        if frames is None:
            return None
        ((of, rows),) = frames.items()
        for column in sorted(needed - set(rows)):
            self._lacks(way, table, word, column, of)
        for column in sorted(one for one in talks & set(rows) if rows[one] != MESSAGES):
            self.problem(way, table, f"{column} of {of} is no conversation", f"write {{{{ {column} }}}} for its text")
        schema = pl.Schema({c: t for c, t in rows.items() if c not in asker.replaces} | dict(asker.makes))
        for column in sorted(set(asker.makes) & set(rows) - asker.replaces):
            self.problem(way, table, f"{word} makes {column}, which {of} has already", "start from a table without it")
        if stop and (lacking := stopping.lacks(stop, schema.names())):
            what = f"{stop.name} reads {lacking}, which these rows have not"
            self.problem((*way, "stop"), table, what, self._has(lacking))
        elif stop and stopping.misreads(stop, schema):
            what, cure = f"{stop.name} reads a column of text as numbers", f"look at `prefgen verbs show {stop.name}`"
            self.problem((*way, "stop"), table, what, cure)
        return Planned(table, word, verb, tuple(frames), schema, settings, asker=asker, models=models, stop=stop)

    def _models(self, table: str, asker: Asker) -> tuple[Model, ...]:
        way = ("steps", table, "model")
        if asker.n < 1:
            self.problem(("steps", table, "n"), table, f"n is {asker.n}", "ask at least once")
        if asker.model not in self.recipe.models:
            self.problem(way, table, f"no model '{asker.model}'", nearest(asker.model, self.recipe.models))
            return ()
        for what, cure in lacking(asker.wants(), () if self.kept else self.models.get(asker.model, ()), self.fakes):
            self.problem(way, table, what, cure)
        return self.models.get(asker.model, ())

    def _stop(self, table: str, asker: Asker) -> Stop | None:
        stop, wrong = stopping.find(asker.stop) if asker.stop is not None else (None, ())
        for one in wrong:
            self.problem(("steps", table, "stop", one.name), table, one.what, one.cure)
        return stop

    def write(self, config: str, table: str) -> None:
        """Checks that a table can be written as a dataset config."""
        way = ("write", config)
        if config not in self.writers:
            self.problem(way, "write", f"no dataset '{config}'", nearest(config, self.writers))
        elif table not in self.recipe.steps:
            self.problem(way, "write", f"no table '{table}'", nearest(table, self.recipe.steps))
        elif table in self.steps:
            self._on_nothing("write", config, table, [self.steps[table].schema], self.writers[config], way, ids=False)

    # --- checks that all share ---

    def settings(
        self,
        table: str,
        word: str,
        verb: Callable[..., Any],
        given: Mapping[str, Any],
        spared: frozenset[str] = frozenset(),
    ) -> dict[str, Any] | None:
        """The settings, of the types that the verb's signature states. Where one is wrong None; or, of a source, the
        others.
        """
        if "seed" in parameters(verb):
            given = {"seed": self.recipe.seed, **given}
        checked, wrong = check(word, verb, given, spared)
        for one in wrong:
            self.problem(("steps", table, one.name), table, one.what, one.cure)
        return None if wrong and not (spared and all(one.name for one in wrong)) else checked

    def _on_nothing(
        self,
        table: str,
        word: str,
        of: str,
        frames: Sequence[pl.Schema],
        verb: Callable[..., Any],
        way: tuple[str, ...] = (),
        *,
        ids: bool = True,
    ) -> pl.Schema | None:
        """The schema of what a verb makes of an empty table."""
        way = way or ("steps", table)
        made = on_nothing(word, verb, frames, ids=ids)
        for column in made.lacks:
            self._lacks(way, table, word, column, of)
        for what, cure in made.wrong:
            self.problem(way, table, what, cure)
        return made.schema

    def _lacks(self, way: tuple[str, ...], table: str, word: str, column: str, of: str) -> None:
        self.problem(way, table, f"{word} needs {column}, which {of} has not", self._has(column))

    def _has(self, column: str) -> str:
        having = [table for table, step in self.steps.items() if column in step.schema]
        return f"{', '.join(having) or 'no table above'} {'have' if len(having) > 1 else 'has'} it"
