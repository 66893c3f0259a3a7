"""A dataset's card: what it is, which config loads where, how it was made, and what is to be known against it.

It says nothing that differs between a run and its repetition (no date, no time, no calls), and whatever a
model or a recipe wrote stands in a fenced block or in code marks, where it is text and nothing else.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from prefgen.card import judges as judging
from prefgen.card import making
from prefgen.card.front import front
from prefgen.card.limits import limits
from prefgen.card.markdown import fenced, section, words
from prefgen.card.pictures import Picture
from prefgen.card.pictures import pictures as shown
from prefgen.card.rows import Rows
from prefgen.card.rows import rows as told
from prefgen.card.trainers import loading
from prefgen.recipe import Recipe

__all__ = ["card", "fenced"]


def card(  # noqa: PLR0913  (each is a part of the page)
    recipe: Recipe,
    text: str,
    configs: Mapping[str, Mapping[str, int]],
    funnel: Sequence[Mapping[str, Any]],
    judges: Mapping[str, Any] | None = None,
    authors: Sequence[Mapping[str, Any]] = (),
    *,
    pairs: Mapping[str, Any] | None = None,
    splits: Mapping[str, Any] | None = None,
    costs: Mapping[str, Any] | None = None,
    examples: Mapping[str, Rows] | None = None,
    pictures: Sequence[Picture] = (),
) -> str:
    """The README.md of a dataset.

    ``text`` is the recipe as YAML, ``configs`` the rows of each config's splits (none: not written), ``funnel`` each
    step's ``table``, ``verb``, ``rows_in``, ``rows_out``, ``drawn`` and ``saved``, and how many were ``dropped``,
    ``unreadable`` and ``failed``, by reason. ``judges`` holds the report of each table of judgments
    (``prefgen.judged.judge_report``), ``authors`` which models tend to be chosen (``author_report``), ``pairs`` how
    long responses are (``pair_report``), ``splits`` how many prompts each has (``prompts`` by split, and those
    ``left_out`` with ``why``), ``costs`` what all replies cost (``prefgen.manifest.costs``), ``examples`` some rows of
    each config, and ``pictures`` what lies in the folder ``pictures``.
    """
    written = {name: some for name, splits in configs.items() if (some := {k: n for k, n in splits.items() if n})}
    judges, pairs = judges or {}, pairs or {}
    parts = [
        f"---\n{front(recipe, written)}---",
        f"# {words(recipe.name)}",
        making.about(recipe),
        making.tables(configs, written),
        making.splits(splits or {}, written),
        shown(pictures),
        loading(recipe.name, written),
        told({config: (examples or {})[config] for config in written if config in (examples or {})}),
        making.funnel(funnel),
        judging.judges(judges),
        judging.lengths(pairs),
        judging.canaries(funnel),
        judging.authors(authors),
        making.models(recipe),
        making.cost(costs or {}, written, funnel),
        section("The recipe", fenced(text, "yaml")),
        limits(recipe, written, funnel, judges, pairs, authors),
        making.columns(written),
        making.terms(recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
