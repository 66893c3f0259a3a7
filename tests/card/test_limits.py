"""Known limits: said where they were measured, and not where they were not there."""

from typing import Any

from prefgen import Recipe, do
from prefgen.card.limits import limits

STEPS = {"prompts": do("load", "x.jsonl"), "responses": do("answer", "prompts", model="it")}
WRITTEN = {"preferences": {"train": 500}}


def share(value: float, reach: float = 0.05, n: int = 400) -> dict[str, Any]:
    return {"value": value, "low": value - reach, "high": value + reach, "n": n}


def told(steps: Any = STEPS, written: Any = WRITTEN, **known: Any) -> str:
    recipe = Recipe(name="mine", steps=steps, language=["en"])
    parts = [
        known.get(name, kind())
        for name, kind in (("funnel", list), ("judges", dict), ("pairs", dict), ("authors", list))
    ]
    return limits(recipe, written, *parts)


def judged(**one: Any) -> dict[str, Any]:
    return {"judgments": {"judges": {"openai/x": {"judgments": 400, **one}}}}


def test_no_human_was_asked_and_what_nobody_checked_is_said() -> None:
    said = told()
    assert "No human was asked." in said
    assert "The language is what the recipe says (en); it was not checked row by row." in said
    assert "Nothing was held against benchmarks" in said
    assert "near" in said
    assert "labels that a source brought" not in said
    assert "labels that a source brought" in told({"p": do("load_pairs", "x.jsonl")})
    checked = {
        **STEPS,
        "a": do("decontaminate", "responses"),
        "b": do("near_duplicates", "a"),
        "c": do("language", "b"),
    }
    assert not [line for line in ("benchmarks", "nearly the same", "row by row") if line in told(checked)]


def test_replies_that_are_lost_are_counted() -> None:
    funnel = [
        {"table": "a", "drawn": 300, "unreadable": {"missing": 9}},
        {"table": "b", "drawn": 100, "failed": {"refused": 4}},
    ]
    said = told(funnel=funnel)
    assert "9 of 400 replies (2.2%) could not be read" in said
    assert "4 of 400 replies (1.0%) never came, or were refused" in said
    assert "replies" not in told(funnel=[{"table": "a", "drawn": 300}])


def test_a_judge_s_faults_are_said_with_their_intervals() -> None:
    said = told(judges=judged(agrees_with_gold=share(0.52), first_shown=share(0.7), flips=share(0.3)))
    assert "agrees with what is known in 52% (47% to 57%) of 400 judgments, which is no better than chance." in said
    assert "prefers the place shown first: it says the first in 70% (65% to 75%)" in said
    assert "changes its mind with the order in 30% (25% to 35%) of 400 pairs" in said
    good = told(judges=judged(agrees_with_gold=share(0.9), first_shown=share(0.51), flips=share(0.0, 0)))
    assert "agrees with what is known in 90%" in good
    assert not [words for words in ("chance", "prefers the place", "changes its mind") if words in good]
    assert "place shown second" in told(judges=judged(first_shown=share(0.3)))


def test_what_nothing_was_known_to_hold_against_is_said() -> None:
    assert "How right its judges are was not measured" in told(judges=judged())
    assert "How right its judges are" not in told()
    alpha = {"value": 0.4, "low": 0.3, "high": 0.5, "units": 90}
    assert "agree with one another to an alpha of 0.40 (0.30 to 0.50) only" in told(
        judges={"t": {"judges": {}, "alpha": alpha}}
    )
    assert "alpha" not in told(judges={"t": {"judges": {}, "alpha": {**alpha, "low": 0.8}}})


def test_length_bias_is_a_limit_where_its_interval_leaves_one_half_out() -> None:
    assert "the longer one in 64% (59% to 69%) of 400 pairs: what learns from them may learn to be longer." in told(
        pairs={"longer": share(0.64)}
    )
    assert "may learn to be shorter" in told(pairs={"longer": share(0.3)})
    assert "may learn to be" not in told(pairs={"longer": share(0.52)})
    assert "may learn to be" not in told(pairs={"longer": None})


def test_an_author_who_is_always_chosen_is_a_limit() -> None:
    said = told(authors=[{"model": "a/b", "share": share(0.8)}, {"model": "c/d", "share": share(0.5)}])
    assert "Where `a/b` meets another model it is chosen in 80%" in said
    assert "c/d" not in said


def test_a_dataset_without_a_held_out_split_says_so() -> None:
    assert "There is no split but `train`" in told()
    assert "no split but" not in told(written={"preferences": {"train": 5, "test": 5}})
    assert told(written={}) == ""
