"""A pair as pages and terminals show it: plain JSON, long texts cut with their whole length said."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from prefgen.browse.chain import SIDES
from prefgen.browse.judgments import Links
from prefgen.conversations import as_text
from prefgen.rows import DROPPED

Json = dict[str, Any]
PairRow = Json
"""The row of a pair: see ``pair``."""

CATEGORIES = ("category", "subset", "domain", "topic", "source")
"""Columns that say of which kind a prompt is; the first of them that a table has."""
OF_A_PAIR = ("id", "prompt_id", "prompt", *SIDES, *(f"{side}_{of}" for of in ("model", "score") for side in SIDES))
OF_TWO_JUDGMENTS = {
    "asked": "prompt",
    **{f"{side}_judgment": side for side in SIDES},
    **{f"{side}_judgment_score": f"{side}_score" for side in SIDES},
    **{f"{side}_judge_model": f"{side}_model" for side in SIDES},
}
"""The columns of a pair of judgments, and what they are of a pair."""
OF_A_JUDGMENT = ("id", "verdict", "gold", "score", "score_a", "score_b", "judge_model", "judgment")


def columns_of(columns: Iterable[str], *, of_judgments: bool) -> dict[str, str]:
    """What is read of a table of pairs, and what it is called in a pair."""
    there = set(columns)
    names = {"id": "id", "prompt_id": "prompt_id", **OF_TWO_JUDGMENTS} if of_judgments else dict.fromkeys(OF_A_PAIR)
    found = {name: new or name for name, new in names.items() if name in there}
    category = next((name for name in CATEGORIES if name in there), None)
    return found | ({category: "category"} if category else {})


def pair(row: Mapping[str, Any], told: Mapping[str, Any], judgments: Sequence[Json], most: int | None) -> PairRow:
    """A pair from its row; ``told`` is its state with step and reason, whether judges disagree, and its mark;
    texts have at most ``most`` characters, and "cut" says how many the whole of each has that is longer.
    """
    scores = {f"{side}_score": number(row.get(f"{side}_score")) for side in SIDES}
    known = None not in scores.values()
    whole = {
        "id": row["id"],
        "prompt_id": text(row.get("prompt_id")),
        **looked_at(row),
        **{f"{side}_model": text(row.get(f"{side}_model")) for side in SIDES},
        **scores,
        "gap": number(scores["chosen_score"] - scores["rejected_score"]) if known else None,  # type: ignore[operator]
        "category": text(row.get("category")),
        **{name: told[name] for name in ("state", "step", "reason", "disagreement")},
        "judgments": list(judgments),
    }
    return cut(whole, most) | {"mark": told.get("mark")}


def looked_at(row: Mapping[str, Any]) -> Json:
    """What a person reads of a pair: the prompt, and both responses; several turns of one as one text."""
    return {"prompt": turns(row.get("prompt"))} | {side: text(as_text(row.get(side))) or "" for side in SIDES}


def turns(talk: Any) -> list[Json]:
    """A conversation; a text is one turn of a user's."""
    if isinstance(talk, list):
        return [{"role": str(one.get("role")), "content": text(one.get("content")) or ""} for one in talk]
    return [{"role": "user", "content": text(talk) or ""}]


def cut(row: Json, most: int | None) -> Json:
    """The row with no text longer than ``most``; in "cut" the whole length of each that was: "prompt" (of all turns),
    "chosen", "rejected", and "judgments.2" for the third judgment.
    """
    lengths: dict[str, int] = {}
    if most is None:
        return row | {"cut": lengths}
    row = row | {side: _short(row[side], most, lengths, side) for side in SIDES}
    left, talk = most, list[Json]()
    for turn in row["prompt"]:
        talk.append(turn | {"content": turn["content"][: max(left, 0)]})
        left -= len(turn["content"])
    if left < 0:
        lengths["prompt"] = most - left
    said = [
        one | {"text": _short(one["text"], most, lengths, f"judgments.{place}")}
        for place, one in enumerate(row["judgments"])
    ]
    return row | {"prompt": [turn for turn in talk if turn["content"]] or talk[:1], "judgments": said, "cut": lengths}


def _short(whole: str, most: int, lengths: dict[str, int], name: str) -> str:
    if len(whole) > most:
        lengths[name] = len(whole)
    return whole[:most]


def number(value: Any) -> float | None:
    """A finite number, or None: JSON has no other."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def text(value: Any) -> str | None:
    """A value as text; None where there is none."""
    return None if value is None else value if isinstance(value, str) else str(value)


# --- judgments ------------------------------------------------------------------------------


def judgments(links: Links, rows: pl.DataFrame) -> list[tuple[int, Json]]:
    """The judgments of some linked rows, each with the number of its pair."""
    if rows.is_empty():
        return []
    table, make = links.table, _unread if links.lost else _judgment
    names = ("id", DROPPED, "detail") if links.lost else OF_A_JUDGMENT
    found = table.take(rows["row"].to_numpy(), [name for name in names if name in table.columns])
    told = zip(rows["pair"].to_list(), rows["side"].to_list(), found, strict=True)
    return [(number, make(links.step.table, one, side)) for number, side, one in told]


def _judgment(table: str, row: Mapping[str, Any], side: int | None) -> Json:
    unread = None if row.get("verdict") or number(row.get("score")) is not None else "unreadable"
    return {
        "id": row["id"],
        "table": table,
        "judge": text(row.get("judge_model")),
        "verdict": _says(row) if side is None else None,
        "first": _first(row.get("gold")) if side is None else None,
        "of": None if side is None else SIDES[side],
        "score": number(row.get("score")),
        "text": _words(row),
        "unreadable": unread,
    }


def _says(row: Mapping[str, Any]) -> str | None:
    """As ``judgments.verdict`` says it of many."""
    said, gold = row.get("verdict"), row.get("gold")
    if said is None or gold is None:
        return None
    return "chosen" if said == gold else "rejected" if said in {"A", "B"} else "tie"


def _words(row: Mapping[str, Any]) -> str:
    """What a judge wrote; of one that reads probabilities, those."""
    if row.get("judgment") is not None:
        return str(row["judgment"])
    scores = [number(row.get(f"score_{side}")) for side in "ab"]
    return " · ".join(f"{name}: {score:.4f} nats per token" for name, score in zip("AB", scores, strict=True) if score)


def _first(gold: Any) -> str | None:
    return {"A": "chosen", "B": "rejected"}.get(gold)


def _unread(table: str, row: Mapping[str, Any], side: int | None) -> Json:
    """A draw that brought no judgment; the order in which it showed the two is in its id."""
    parts = str(row["id"]).split(".")
    order = next((one for one in reversed(parts) if one in {"ab", "ba"}), "")
    said = {"judge": None, "verdict": None, "score": None, "text": text(row.get("detail")) or ""}
    return {
        "id": row["id"],
        "table": table,
        **said,
        "first": {"ab": "chosen", "ba": "rejected"}.get(order) if side is None else None,
        "of": None if side is None else SIDES[side],
        "unreadable": row[DROPPED],
    }


def merged(found: Sequence[Json]) -> list[Json]:
    """A pair's judgments, each once: one that was kept although it could not be read has its status from the other."""
    statuses = {(one["table"], one["id"]): one["unreadable"] for one in found if one["judge"] is None}
    own = {(one["table"], one["id"]) for one in found if one["judge"] is not None}
    kept = [one for one in found if one["judge"] is not None or (one["table"], one["id"]) not in own]
    return [
        one | {"unreadable": statuses.get((one["table"], one["id"]), one["unreadable"]) if one["unreadable"] else None}
        for one in kept
    ]
