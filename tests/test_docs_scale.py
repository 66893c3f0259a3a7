"""docs/scale.md says what bench/paper.py computes, and what the verbs say of themselves."""

import re
from pathlib import Path

from bench.paper import CPU, ROUNDS, SEEN, lines
from prefgen import verbs, wholes

SCALE = (Path(__file__).parent.parent / "docs" / "scale.md").read_text(encoding="utf-8")


def cells(what: str) -> list[str]:
    line = next(line for line in lines() if line.startswith(f"| {what} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_the_table_is_what_the_bench_computes() -> None:
    assert "\n".join(lines()) in SCALE


def test_some_figures_by_hand() -> None:
    """10^8 prompts; Self-Taught: 6.34 calls, 22,727.44 characters in and 10,735.4 out, 6,335.15 bytes of journal."""
    assert cells("calls") == ["201 million", "634 million"]
    tokens = [22_727.44e8 / 4, 10_735.4e8 / 4]
    dollars = (tokens[0] * 0.4 + tokens[1] * 1.6) / 1e6
    assert cells("dollars, all by `openai/gpt-4.1-mini`; in batches")[1] == f"{dollars:,.0f}; {dollars / 2:,.0f}"
    assert cells("at 500 requests/s") == [f"{2.01e8 / 500 / 86_400:.1f} days", f"{6.34e8 / 500 / 86_400:.1f} days"]
    assert cells("the journal, at 15,000 replies/s taken in")[1] == f"0.63 TB, {6.34e8 / 15_000 / 3600:.1f} hours"
    assert (
        cells("one core, every reply asked the first time")[0]
        == f"{2.01e8 * CPU['asked the first time'] / 3600:.1f} hours"
    )


def test_calls_and_rounds_are_near_what_chance_says() -> None:
    """Of draws that are right with p, up to 15 until one is: (1 - (1 - p)^15) / p; two orders of a pair."""
    of = {p: (1 - (1 - p) ** 15) / p for p in (0.5, 0.6)}
    assert abs(SEEN["Self-Taught"].calls - (2 + 2 * of[0.5])) < 0.4
    assert f"it is {2 + 2 * of[0.6]:.1f} calls a prompt and not {SEEN['Self-Taught'].calls:.1f}" in SCALE.replace(
        "\n", " "
    )
    later = sum(k * ((1 - 0.5**k) ** 2 - (1 - 0.5 ** (k - 1)) ** 2) for k in range(1, 60))
    assert abs(ROUNDS["Self-Taught"] - 2 - later) < 1e-9


def test_every_verb_that_sees_its_table_whole_stands_on_the_page() -> None:
    by_row, carried = (
        re.findall(r"`(\w+)`", SCALE.splitlines()[n]) for n in (_line("author_balance"), _line("`mean`"))
    )
    found = {word: verbs.find(word) for word in verbs.names()}
    whole = {word: verb for word, verb in found.items() if getattr(verb, "whole", None)}
    own = {word for word, verb in whole.items() if wholes.row_by_row(verb)}
    assert own - {"near_duplicates", "novel"} == {*by_row}
    assert whole.keys() - own | {"novel"} <= {*carried}


def _line(word: str) -> int:
    return next(n for n, line in enumerate(SCALE.splitlines()) if line.startswith("| ") and word in line)
