"""What a dataset's reader should know against it, from what was measured, and what nobody measured."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from prefgen.card.front import Written, default
from prefgen.card.markdown import bullets, marked, section, words
from prefgen.judged import in_percent, in_words
from prefgen.recipe import Recipe
from prefgen.statistics import percent

Report = Mapping[str, Any]


def limits(
    recipe: Recipe,
    written: Written,
    funnel: Sequence[Report],
    judges: Report,
    pairs: Report,
    authors: Sequence[Report],
) -> str:
    """The section of the card."""
    if not written:
        return ""
    told = [
        *_labels(recipe),
        *_lost(funnel),
        *_judged(judges),
        *_longer(pairs),
        *_authors(authors),
        *_unchecked(recipe),
        *_held_out(written),
    ]
    return section("Known limits", bullets(told))


def beside_half(measured: Mapping[str, Any] | None) -> bool:
    """Whether a share's interval leaves one half out."""
    return bool(measured) and not measured["low"] <= 0.5 <= measured["high"]  # type: ignore[index]


def _labels(recipe: Recipe) -> Iterator[str]:
    yield "No human was asked. What is better was decided by models, and by rules of the recipe" + (
        "; labels that a source brought are the source's." if "load_pairs" in _verbs(recipe) else "."
    )


def _verbs(recipe: Recipe) -> set[str]:
    return {step.verb for step in recipe.steps.values() if isinstance(step.verb, str)}


def _lost(funnel: Sequence[Report]) -> Iterator[str]:
    """The replies that are in no table."""
    drawn = sum(step.get("drawn", 0) for step in funnel)
    for kind, what in (("unreadable", "could not be read"), ("failed", "never came, or were refused")):
        if lost := sum(sum((step.get(kind) or {}).values()) for step in funnel):
            share = f" ({percent(lost / drawn, 1)})" if drawn else ""
            yield f"{lost:,} of {drawn:,} replies{share} {what}; what they would have said is in no table."


def _judged(reports: Mapping[str, Report]) -> Iterator[str]:
    """What is known against each judge."""
    ones = [(table, judge, one) for table, of in reports.items() for judge, one in of.get("judges", {}).items()]
    if ones and not any(one.get("agrees_with_gold") for *_, one in ones):
        yield "How right its judges are was not measured: nothing was known to hold them against."
    for table, judge, one in ones:
        who = f"{marked(judge)} in {marked(table)}"
        if right := one.get("agrees_with_gold"):
            chance = "" if beside_half(right) else ", which is no better than chance"
            yield f"{who} agrees with what is known in {in_percent(right)} of {right['n']:,} judgments{chance}."
        if beside_half(first := one.get("first_shown")):
            yield f"{who} prefers the place shown {_place(first)}: it says the first in {in_percent(first)}."
        if (flips := one.get("flips")) and flips["value"] > 0:
            yield f"{who} changes its mind with the order in {in_percent(flips)} of {flips['n']:,} pairs."
    for table, of in reports.items():
        if (alpha := of.get("alpha")) and alpha["low"] < _RELIABLE:
            yield f"The judges of {marked(table)} agree with one another to an alpha of {in_words(alpha)} only."


_RELIABLE = 0.667
"""Below this Krippendorff (2004) draws no conclusions."""


def _place(first: Mapping[str, Any] | None) -> str:
    return "first" if first and first["value"] > 0.5 else "second"


def _longer(pairs: Report) -> Iterator[str]:
    longer = pairs.get("longer")
    if longer and beside_half(longer):
        which = "longer" if longer["value"] > 0.5 else "shorter"
        yield (
            f"The chosen response is the longer one in {in_percent(longer)} of {longer['n']:,} pairs: what learns from "
            f"them may learn to be {which}."
        )


def _authors(authors: Sequence[Report]) -> Iterator[str]:
    for one in authors:
        if beside_half(one.get("share")):
            yield (
                f"Where {marked(one['model'])} meets another model it is chosen in {in_percent(one['share'])}: what "
                "learns from these pairs may learn who wrote a response."
            )


_CHECKS = (
    ("decontaminate", "Nothing was held against benchmarks; prompts may be among theirs."),
    ("near_duplicates", "Prompts that are nearly the same were not looked for."),
)
"""Verbs, and what is to be known where a recipe has none of the kind."""


def _unchecked(recipe: Recipe) -> Iterator[str]:
    verbs = _verbs(recipe)
    if "language" not in verbs:
        said = (
            f"is what the recipe says ({', '.join(map(words, recipe.language))})"
            if recipe.language
            else "is not stated"
        )
        yield f"The language {said}; it was not checked row by row."
    yield from (told for verb, told in _CHECKS if verb not in verbs)
    yield "Nobody looked for what is false, unsafe or private in these texts, but where a step above says so."


def _held_out(written: Written) -> Iterator[str]:
    if set(written[default(written)]) == {"train"}:
        yield "There is no split but `train`; to hold rows back, cut by `prompt_id`: no prompt belongs on both sides."
