"""What people see of a plan: every number whole, on any screen, and nothing that is not known told as nought."""

from typing import Any

import pytest

from prefgen import display_plan
from prefgen.columns import short
from prefgen.rehearse import Estimate
from tests.test_display import on


def test_an_estimate_says_what_is_known_what_is_asked_and_what_it_costs_at_most() -> None:
    console, seen = on()
    asks = Estimate(
        "asks", "compare", 1000, cached=3, least=10, most=1200.4, prompt_tokens=2e6, completion_tokens=5, dollars=1.25
    )
    known = Estimate("known", "answer", 5, cached=5)
    display_plan.estimate({"load": Estimate("load", "load", 5), "asks": asks, "known": known}, console)
    assert [" ".join(line.split()) for line in seen.getvalue().splitlines()] == [
        "step verb rows known to ask tokens in tokens out $ at most",
        "load load 5",
        "asks compare 1,000 3 10 to 1,200 ~2,000,000 ≤5 1.2500",
        "known answer 5 5 0 ~0 ≤0 0.0000",
        "",
        "8 replies known, 10 to 1,200 to ask, at most $1.25",
    ]


def test_an_estimate_says_how_many_there_will_be_if_the_others_go_as_the_known_ones() -> None:
    console, seen = on(400)
    asks = Estimate("asks", "compare", 1000, cached=3, least=10, most=1200, dollars=1.25, likely=123.4)
    display_plan.estimate({"more": Estimate("more", "answer", 5, least=5, most=5), "asks": asks}, console)
    said = "15 to 1,205 to ask (about 128 if stops end the others as they did the known ones), at most $1.25"
    assert seen.getvalue().splitlines()[-1] == f"3 replies known, {said}"


PRICE = "there is a model without a price; say price: {input: …, output: …}, $ per 1M tokens"
LENGTH = "how long replies may be is not known; say max_tokens"
UNKNOWN = [
    ({"priced": False}, "≤0", PRICE),
    ({"completion_tokens": None}, "?", LENGTH),
    ({"completion_tokens": None, "priced": False}, "?", f"{PRICE}; {LENGTH}"),
]


@pytest.mark.parametrize(("what", "tokens", "words"), UNKNOWN, ids=["price", "length", "both"])
def test_an_estimate_says_what_must_be_said_for_money_to_be_known(
    what: dict[str, Any], tokens: str, words: str
) -> None:
    console, seen = on(400)
    unknown = Estimate("a", "answer", 1, least=2, most=2, dollars=None, **what)
    display_plan.estimate({"a": unknown}, console)
    assert seen.getvalue().splitlines()[1].split()[-2:] == [tokens, "?"]
    assert seen.getvalue().splitlines()[-1] == f"0 replies known, 2 to ask, at most ?: {words}"
    display_plan.estimate({"a": unknown, "b": Estimate("b", "answer", most=1, dollars=2.5)}, console)
    assert seen.getvalue().endswith(f", at most $2.50 and what is not known: {words}\n")


def test_an_estimate_of_nothing_costs_nothing() -> None:
    console, seen = on()
    display_plan.estimate({}, console)
    assert seen.getvalue().endswith("\n0 replies known, 0 to ask, at most $0.00\n")


LARGE = Estimate("judgments", "compare", 504, 0, 508, 7564, 64_428_123, 30_982_145, 75.3427)


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("width", [10, 40, 55, 65, 80, 200])
def test_a_number_of_an_estimate_is_never_cut(width: int, terminal: bool) -> None:
    console, seen = on(width, terminal=terminal)
    display_plan.estimate({"judgments": LARGE}, console)
    shown, whole = seen.getvalue().splitlines()[1], width > 80 or not terminal
    assert "…" not in seen.getvalue().partition("\n\n")[0]
    assert ("508 to 7,564" in shown, "≤30,982,145" in shown, "≤31.0M" in shown) == (True, whole, not whole)
    assert ("~64,428,123" in shown, "~64.4M" in shown) == (whole, not whole and width >= 65)
    assert ("75.3427" in shown, "75.34" in shown) == (whole, True)
    if width >= 55 and terminal:
        assert max(map(len, seen.getvalue().partition("\n\n")[0].splitlines())) <= width


def test_short_forms_say_the_most_that_there_may_be() -> None:
    numbers = (5, 9999, 10_000, 62_793, 999_960, 1_032_192, 30_982_145, 1e9, 5e15)
    assert [short(n) for n in numbers] == [
        "5",
        "9,999",
        "10.0k",
        "62.8k",
        "1,000k",
        "1.03M",
        "31.0M",
        "1.00B",
        "5,000T",
    ]
    assert (short(1_032_192, most=True), short(30_000_001, most=True)) == ("1.04M", "30.1M")
