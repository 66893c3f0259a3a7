"""How a dataset was made: what the recipe says, what became of every row, which models wrote, what it cost."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen import saved
from prefgen.card.front import Written, default, sources
from prefgen.card.licences import languages, licence
from prefgen.card.markdown import cell, marked, section, table, words
from prefgen.configs import json_schema
from prefgen.recipe import Recipe
from prefgen.splits import lines

_ARXIV = re.compile(r"(?<![\d.])\d\d(?:0[1-9]|1[0-2])\.\d{4,5}(?:v\d+)?(?![\d.]*\d)", re.ASCII)
"""Year, month, number, version."""


def about(recipe: Recipe) -> str:
    """What it is, and its papers. The Hub makes a tag of each link to arXiv."""
    links = [f"[arXiv:{one}](https://arxiv.org/abs/{one})" for one in papers(recipe)]
    paper = ", ".join(links) or words(recipe.paper)
    made = "Made by language models with prefgen, from the recipe below." if recipe.models else ""
    return "\n\n".join(line for line in (words(recipe.about), f"Paper: {paper}" if paper else "", made) if line)


def papers(recipe: Recipe) -> list[str]:
    """The arXiv ids in a recipe's ``paper``."""
    return list(dict.fromkeys(_ARXIV.findall(recipe.paper)))


def tables(configs: Mapping[str, Mapping[str, int]], written: Written) -> str:
    """The configs, their splits and rows; those left out, and the pairs that have no form as text."""
    first = default(written)
    rows = [
        (f"`{name}`{' (default)' if name == first else ''}", _splits(splits), json_schema(name)["description"])
        for name, splits in written.items()
    ]
    notes = [f"`{name}` had no rows, so it is not here." for name in configs if name not in written]
    several = sum(written.get("preferences", {}).values()) - sum(written.get("preferences_text", {}).values())
    if several and "preferences_text" in written:
        notes.append(f"{several:,} pairs are in `preferences` only: their prompt is more than one user message.")
    return section("Configs", table(("config", "rows", "a row is"), rows) if rows else "", *notes) or "## Configs"


def splits(told: Mapping[str, Any], written: Written) -> str:
    """How many prompts and rows each split has, and what was left out of all of them."""
    if not told:
        return ""
    names = list(told["prompts"])
    rows = [(f"`{config}`", *(f"{of.get(name, 0):,}" for name in names)) for config, of in written.items()]
    prompts = ("prompts", *(f"{told['prompts'][name]:,}" for name in names))
    how = "A prompt's hash says its split, in every config the same; near-duplicate prompts are in one."
    notes = [f"{words(line.removeprefix('splits: '))}." for line in lines(told)[1:]]
    return section("Splits", how, table(("rows", *(f"`{name}`" for name in names)), [prompts, *rows]), *notes)


def _splits(splits: Mapping[str, int]) -> str:
    return ", ".join(f"{rows:,} `{split}`" for split, rows in splits.items())


def funnel(steps: Sequence[Mapping[str, Any]]) -> str:
    """Each step's rows in and out, and why rows went."""
    head = ("table", "verb", "rows in", "rows out", "dropped", "unreadable replies", "failed")
    return section("What became of every row", table(head, [_step(step) for step in steps]))


def _step(step: Mapping[str, Any]) -> tuple[str, ...]:
    counts = (f"{step['rows_in']:,}", f"{step['rows_out']:,}")
    lost = [step.get(kind) or {} for kind in ("dropped", "unreadable", "failed")]
    return f"`{cell(step['table'])}`", f"`{cell(step['verb'])}`", *counts, *map(_why, lost)


def _why(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {words(reason)}" for reason, number in sorted(reasons.items()))


# --- models and money -----------------------------------------------------------------------

_SAID = ("use", "temperature", "top_p", "max_tokens")
"""What a card says of a model; how and where it was reached is the maker's business."""


def models(recipe: Recipe) -> str:
    """The models, and the settings with which they were asked."""
    rows = [(name, *(settings.get(key, "") for key in _SAID)) for name, settings in recipe.models.items()]
    return section("Models", table(("name", *_SAID), [[marked(one) for one in row] for row in rows]) if rows else "")


def cost(costs: Mapping[str, Any], written: Written, steps: Sequence[Mapping[str, Any]] = ()) -> str:
    """What the replies came to on which these rows rest, whoever paid for them (``prefgen.manifest.costs``), and what
    stops saved of them.
    """
    if not costs or not costs["total"]["replies"]:
        return ""
    rows = [(f"`{cell(one['table'])}`", *_bill(one)) for one in costs["steps"]]
    head = ("step", "replies", "tokens in", "tokens out", "dollars")
    told = "What the replies came to on which these rows rest, at list prices, whichever run paid for them."
    told += f" {costs['batched']:,} replies came in batches, at half of it." if costs.get("batched") else ""
    less = saved.line(step.get("saved") or {} for step in steps)
    less = f"Stops {less}." if less else ""
    bills = table(head, [*rows, ("all", *_bill(costs["total"]))])
    return section("Cost", told, bills, _each(costs["total"], written), less)


def _bill(one: Mapping[str, Any]) -> tuple[str, ...]:
    counts = tuple(f"{one[key]:,}" for key in ("replies", "prompt_tokens", "completion_tokens"))
    return *counts, _dollars(one["dollars"], one)


def _dollars(amount: float, one: Mapping[str, Any]) -> str:
    if one["unpriced"] == one["replies"]:
        return "no list price" if one["replies"] else ""
    return f"{amount:,.4f}" + (f", and {one['unpriced']:,} replies without a list price" if one["unpriced"] else "")


def _each(total: Mapping[str, Any], written: Written) -> str:
    """The same for each row of the default config."""
    rows = sum(written.get(default(written), {}).values())
    if not rows:
        return ""
    tokens = (total["prompt_tokens"] + total["completion_tokens"]) / rows
    money = "" if total["unpriced"] == total["replies"] else f" and {total['dollars'] / rows:,.6f} dollars"
    return f"For each row of `{default(written)}`: {total['replies'] / rows:,.1f} replies, {tokens:,.0f} tokens{money}."


# --- columns and terms ----------------------------------------------------------------------


def columns(written: Written) -> str:
    """What each column holds, from the schemas."""
    parts = []
    for name in written:
        told = [(f"`{column}`", of["description"]) for column, of in json_schema(name)["properties"].items()]
        parts += [f"### {name}", table(("column", "what it holds"), told)]
    return section("Columns", *parts)


def terms(recipe: Recipe) -> str:
    """The licence, or how to say one; what else holds; and the languages that are no code of the Hub's."""
    known = licence(recipe.license)
    if not known:
        stated = "No licence is stated. Say one in the recipe, by the Hub's id: `license: cc-by-4.0`."
    elif "license_name" in known:
        stated = f"Licence: {words(recipe.license)}. Its text belongs in a file LICENSE beside this one."
    else:
        stated = f"Licence: `{known['license']}`."
    others = "Prompts keep their own licence, and what a model wrote is under the terms of its provider."
    named = sources(recipe)
    given = f"Prompts or pairs are of {marked(named)}, under the terms stated there." if named else ""
    odd = languages(recipe.language)[2]
    spoken = f"The recipe calls its language {marked(odd)}, which is no code of ISO 639." if odd else ""
    return section("Terms", f"{stated} {others}", given, spoken)
