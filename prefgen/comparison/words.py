"""What a comparison says, as rows of words for a screen or a page: each table its head and its rows."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from prefgen.comparison.numbers import NOUGHT, Figures, apart, measured, money, of_all, over, plainly
from prefgen.errors import ending

Rows = list[tuple[str, ...]]
MEASURED = {
    "agrees_with_gold": "agrees with gold",
    "first_shown": "says the first",
    "flips": "flips",
    "prefers_longer": "prefers the longer",
    "gold_is_longer": "gold is the longer",
}
BRIEFLY = {
    "agrees_with_gold": "as gold",
    "first_shown": "the first",
    "flips": "flips",
    "prefers_longer": "the longer",
    "gold_is_longer": "gold longer",
}
"""The same where there is little room."""
OVERLAP = {"taken": "prompts taken", "pairs": "prompts with pairs", "judged": "prompts with judgments"}


# --- tables ---------------------------------------------------------------------------------


def sides(found: Figures) -> Rows:
    """Which two they are."""
    return [(found[place]["name"], found[place]["folder"], _what(found[place])) for place in "ab"]


def _what(side: Figures) -> str:
    if not side["run"]:
        return "a dataset"
    take = f", --take {side['take']}" if side["take"] else ""
    return f"{side['recipe']}, {ending(side['status'])}{take}, {side['seconds'] or 0:,.1f} s"


def settings(found: Figures) -> Rows:
    """The settings that differ."""
    return [(one["path"], value(one["a"]), value(one["b"])) for one in found["recipe"]]


def value(given: Any) -> str:
    """A setting as a recipe may write it."""
    if given is None or given == "":
        return NOUGHT
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str)


def made(found: Figures, *, brief: bool = False) -> Rows:
    """What came of the prompts; the sides without their intervals where it is to be ``brief``."""
    pairs = found["pairs"]
    rows = [("pairs", *(f"{pairs[place]:,}" for place in "ab"), "", "", "")] if pairs else []
    rows += measured("gave a pair", found["yield"], brief=brief) if found["yield"] else []
    if pairs and any(pairs["longer"].values()):
        rows += measured("chosen is longer", pairs["longer"], brief=brief)
    if pairs and any(pairs["gap"]):
        gaps = (f"{one['value']:.2f} (n {one['n']:,})" if one else NOUGHT for one in pairs["gap"])
        rows.append(("mean score gap", *gaps, "", "", ""))
    return rows


def costs(found: Figures) -> Rows:
    """What both cost, in all and for each pair."""
    told = [found["cost"][place] for place in "ab"]
    if not any(told):
        return []
    rows = [(called, *(_of(one, name) for one in told), *_each(told, name)) for name, called in _BILL.items()]
    return [row for row in rows if any(cell not in {"0", "0.0", "$0", NOUGHT} for cell in row[1:])]


_BILL = {
    "replies": "replies",
    "prompt_tokens": "tokens in",
    "completion_tokens": "tokens out",
    "dollars": "dollars",
}


def each_pair(found: Figures) -> tuple[str, str] | None:
    """What a pair cost in B, and in A; in replies where some have no price."""
    bills = [one for place in "ab" if (one := found["cost"][place]) and one["each"]]
    told = [one["each"] for one in bills]
    if len(told) < 2:
        return None
    if all(one["each"]["dollars"] and not one["unpriced"] for one in bills):
        return money(
            told[1]["dollars"]
        ), f"in {found['b']['name']}; {money(told[0]['dollars'])} in {found['a']['name']}"
    replies = [f"{one['replies']:,.1f}" for one in told]
    return f"{replies[1]} replies", f"in {found['b']['name']}; {replies[0]} in {found['a']['name']}"


BILLED = tuple(_BILL.values())


def costs_by_step(found: Figures) -> Rows:
    """The same by step: of A, then of B."""
    told = [(found["cost"][place] or {"steps": {}})["steps"] for place in "ab"]
    tables = dict.fromkeys([*told[0], *told[1]])
    return [(table, *(_of(side.get(table), name) for side in told for name in _BILL)) for table in tables]


def _of(one: Figures | None, name: str) -> str:
    if not one:
        return NOUGHT
    unknown = name == "dollars" and one["unpriced"]
    if unknown and one["unpriced"] == one["replies"]:
        return "no list price"
    more = f" + {one['unpriced']:,} without a price" if unknown else ""
    return f"{money(one[name]) if name == 'dollars' else f'{one[name]:,}'}{more}"


def _each(told: Sequence[Figures | None], name: str) -> Iterator[str]:
    for one in told:
        each = one and one["each"]
        unknown = one and name == "dollars" and one["unpriced"]
        if not each or unknown:
            yield NOUGHT
        else:
            yield money(each[name]) if name == "dollars" else f"{each[name]:,.1f}"


def steps(found: Figures, *, all_of_them: bool = False) -> Rows:
    """Rows in and out of each step; of those alone that differ, unless all are asked for."""
    rows = []
    for one in found["steps"]:
        told = [_step(one[place]) for place in "ab"]
        if all_of_them or told[0] != told[1]:
            verbs = dict.fromkeys(side["verb"] for place in "ab" if (side := one[place]))
            rows.append((one["table"], " | ".join(verbs), *told))
    return rows


def _step(one: Figures | None) -> str:
    return f"{one['rows_in']:,} → {one['rows_out']:,}" if one else NOUGHT


def lost(found: Figures) -> Rows:
    """What each step lost, and why, in both."""
    rows = []
    for one in found["steps"]:
        reasons = [_reasons(one[place]) for place in "ab"]
        for reason in sorted({*reasons[0], *reasons[1]}):
            counts = [f"{side.get(reason, 0):,}" for side in reasons]
            rows.append((one["table"], reason, *counts))
    return rows


def _reasons(step: Figures | None) -> dict[str, int]:
    found = dict(step["dropped"]) if step else {}
    for kind in ("unreadable", "failed"):
        found |= {f"{kind}: {reason}": n for reason, n in (step or {}).get(kind, {}).items()}
    return found


def overlap(found: Figures) -> Rows:
    """What is in both, and in one alone."""
    rows = [
        (OVERLAP[name], *(f"{one[key]:,}" for key in ("both", "only_a", "only_b")))
        for name, one in found["overlap"].items()
    ]
    if pairs := found["pairs"]:
        counts = (f"{pairs[name]:,}" for name in ("shared", "only_a", "only_b"))
        rows.append(("pairs: same prompt, same two texts", *counts))
    return rows


def judge(one: Figures, *, brief: bool = False) -> Rows:
    """How one judge of both judges."""
    if one["kind"] == "scores":
        rows = _scores(one["mean"])
        if told := one["correlation"]:
            rows.append(("correlation", NOUGHT, NOUGHT, f"{told['value']:.2f}", f"{told['n']:,}", ""))
        return rows
    called = BRIEFLY if brief else MEASURED
    return [row for name, told in one["measures"].items() for row in measured(called[name], told, brief=brief)]


def _scores(told: Figures) -> Rows:
    """The mean score of both, and the difference over the responses that both scored."""
    found = told["difference"]
    sides = [f"{told[place]['value']:.2f} (n {told[place]['n']:,})" if told[place] else NOUGHT for place in "ab"]
    if not found:
        return [("mean score", *sides, NOUGHT, "", "")]
    if of_all(told):
        return [("mean score", *sides, plainly(found), *over(found))]
    return apart(("mean score", *sides), [f"{found[place]:.2f}" for place in "ab"], found, plainly(found))


def results(found: Figures) -> Rows:
    """A benchmark's numbers."""
    return [
        (
            " | ".join(filter(None, dict.fromkeys(one["judges"].values()))),
            one["name"],
            _score(one["a"]),
            _score(one["b"]),
        )
        for one in found["results"]
    ]


def _score(one: Figures | None) -> str:
    if not one or one["score"] is None:
        return NOUGHT
    interval = "" if one["low"] is None else f" ({one['low']:.1f} to {one['high']:.1f})"
    return f"{one['score']:.1f}{interval}, n {one['rows']:,}"
