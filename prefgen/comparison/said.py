"""What a comparison says in sentences, and its rows in full."""

from collections.abc import Iterator

from prefgen.comparison.numbers import Figures, interval, share, some
from prefgen.errors import ending

Rows = list[tuple[str, ...]]


def headline(found: Figures) -> list[str]:
    """What is to be known first, in some sentences."""
    a, b = (found[place]["name"] for place in "ab")
    parts = (_part(found[place]) for place in "ab")
    told = [_settings(found), *parts, *_shared(found, a, b), *_verdicts(found)]
    return [line for line in told if line]


def _part(side: Figures) -> str:
    """That a run did not come to all prompts."""
    if not side["part"]:
        return ""
    why = "had enough" if side["status"] == "finished" else "ended early"
    how = "" if side["status"] == "finished" else f" ({ending(side['status'])})"
    return f"{side['name']} {why}{how}, so how many of its prompts give a pair is not compared."


def _settings(found: Figures) -> str:
    if not (found["a"]["run"] and found["b"]["run"]):
        return ""
    if lacking := [found[place]["name"] for place in "ab" if not found[place]["settings"]]:
        left = "left no recipe that can be read" if len(lacking) == 1 else "left no recipes that can be read"
        return f"{' and '.join(lacking)} {left}: settings are not compared."
    number = len(found["recipe"])
    return {0: "Both ran the same recipe.", 1: "One setting differs."}.get(number, f"{number:,} settings differ.")


def _shared(found: Figures, a: str, b: str) -> Iterator[str]:
    overlap, pairs = found["overlap"], found["pairs"]
    if not overlap:
        yield "Neither has prompts, pairs or judgments."
    elif pairs and not (pairs["a"] and pairs["b"]):
        yield f"{a if not pairs['a'] else b} has no pairs."
    elif not any(one["both"] for one in overlap.values()):
        yield "They have nothing in common: no prompt is in both."
    elif pairs and pairs["shared"]:
        agreed = share(pairs["agreement"])
        kappa = interval(pairs["kappa"])
        yield (
            f"Of {some(pairs['shared'], 'pair')} in both, the labels agree on {agreed}: {pairs['flipped']:,} flipped, "
            f"Cohen's kappa {kappa}."
        )
    elif pairs:
        yield "No pair is in both: their texts differ."


def _verdicts(found: Figures) -> Iterator[str]:
    for one in found["judges"]:
        if told := one.get("verdicts"):
            kappa = "" if told["kappa"] is None else f", Cohen's kappa {told['kappa']:.2f}"
            yield (
                f"Of {some(told['shared'], 'verdict')} on the same texts in the same order ({of_judge(one)}), "
                f"{told['differ']:,} differ: {share(told['same'])} are the same{kappa}."
            )


def of_judge(one: Figures) -> str:
    """Which judge of which table, or which two."""
    tables, judges = (
        dict.fromkeys(side[key] if (side := one[place]) else "" for place in "ab") for key in ("table", "judge")
    )
    return f"{' | '.join(filter(None, tables))}: {' | '.join(filter(None, judges))}" + (
        "" if one["a"] and one["b"] else " (in one alone)"
    )


def prompts(found: Figures) -> str:
    """What became of the prompts that have pairs in both."""
    if not found["pairs"] or not (other := found["pairs"]["prompts"]["other_texts"]):
        return ""
    same = found["pairs"]["prompts"]["same_chosen"]
    both = other + found["pairs"]["prompts"]["shared"]
    return (
        f"Of {some(both, 'prompt')} with pairs in both, {other:,} {'has' if other == 1 else 'have'} other texts"
        f"{f'; the chosen one is the same in {same:,} of them' if same else ''}."
    )


# --- rows in full ---------------------------------------------------------------------------

Example = tuple[str, str, tuple[str, ...], Rows]
"""Its kind, a title, the heads of the columns, and what stands in them."""
KINDS = {
    "flipped": ("Pairs that flipped", "The same prompt and the same two texts, with the other one chosen."),
    "verdicts": ("Verdicts that differ", "The same two texts in the same order, and what either judge made of them."),
    "other": ("Other texts", "Prompts with pairs in both, of which none is the same."),
}


def examples(found: Figures) -> Iterator[Example]:
    """Rows to be read side by side."""
    a, b = (found[place]["name"] for place in "ab")
    told = found["examples"]
    for row in told["flipped"]:
        heads = (f"chosen in {a}, rejected in {b}", f"chosen in {b}, rejected in {a}")
        yield "flipped", _title(row), heads, [(row["a"]["chosen"], row["b"]["chosen"])]
    for row in told["verdicts"]:
        gold = [", by gold the better one" if row["gold"] == letter else "" for letter in "AB"]
        said = [
            f"{name} says {row[place]['verdict']}: {row[place]['judgment']}" for name, place in ((a, "a"), (b, "b"))
        ]
        heads = (f"response A{gold[0]}", f"response B{gold[1]}")
        yield "verdicts", _title(row), heads, [(row["response_a"], row["response_b"]), (said[0], said[1])]
    for row in told["other"]:
        rows: Rows = [tuple(f"{side}: {row[place][side]}" for place in "ab") for side in ("chosen", "rejected")]
        yield "other", _title(row), (a, b), rows


def _title(row: Figures) -> str:
    return " ".join(str(row["prompt"]).split())
