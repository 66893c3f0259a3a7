"""A recipe found sound: what a run, and the rehearsal of one, walk through."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from prefgen import verbs
from prefgen.allow import NOTHING, Allow
from prefgen.asker import Asker
from prefgen.canaries import Canaries
from prefgen.llm.request import Model
from prefgen.recipe import Recipe
from prefgen.spool import Spool
from prefgen.stopping import Stop as Stop  # noqa: PLC0414  # what a step has


@dataclass(frozen=True)
class Planned:
    """One step, ready to run: ``source`` holds a source's rows, ``asker`` a part that asks ``models``."""

    table: str
    word: str
    verb: verbs.Verb
    inputs: tuple[str, ...]
    schema: pl.Schema
    settings: Mapping[str, Any] = field(default_factory=dict)
    source: Spool | None = None
    asker: Asker | None = None
    models: tuple[Model, ...] = ()
    stop: Stop | None = None

    @property
    def whole(self) -> bool:
        """Whether the verb must see its whole input at once; of several tables all. What a function of somebody's looks
        at is not known, so it does unless it is marked (``prefgen.rows.by_prompt``).
        """
        if len(self.inputs) > 1:
            return True
        mark = getattr(self.verb, "whole", None)
        if mark is None:
            return self.asker is None and self.source is None and verbs.room_of(self.verb) == "yours"
        return bool(mark(self.settings) if callable(mark) else mark)


@dataclass(frozen=True)
class Plan:
    """A recipe found sound: its steps in order, its models, what is to be told before it runs, functions for
    ``fake/…``, of which table how many rows are enough, how often a judge is tried with a known answer, what its caller
    allows, and which share of the prompts is in which split.
    """

    recipe: Recipe
    steps: Mapping[str, Planned]
    models: Mapping[str, tuple[Model, ...]]
    notices: tuple[str, ...] = ()
    fakes: Mapping[str, Any] = field(default_factory=dict)
    target: tuple[str, int] | None = None
    canaries: Canaries = field(default_factory=Canaries)
    allow: Allow = NOTHING
    splits: Mapping[str, float] = field(default_factory=dict)
