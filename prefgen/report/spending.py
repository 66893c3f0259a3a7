"""Tokens, money and time, step by step; what a kept pair came to; what stops saved."""

from collections.abc import Mapping
from typing import Any

from prefgen.report.folder import RunFolder

Found = dict[str, Any]
BILL = ("replies", "prompt_tokens", "completion_tokens", "dollars", "unpriced")


def spending(run: RunFolder, pairs: int) -> Found:
    """What the replies came to on which the rows rest (``costs`` in run.json), by step and in all, and what this run
    asked for itself; when each step was at work; what ``each`` of so many pairs came to. None for what is not known.
    """
    costs: Mapping[str, Any] = run.told.get("costs") or {}
    bills = {one["table"]: one for one in costs.get("steps") or []}
    none: Mapping[str, Any] | None = {} if costs else None
    total = {name: costs["total"][name] for name in BILL} if costs.get("total") else None
    return {
        "seconds": run.told.get("seconds"),
        "steps": [_step(step, bills.get(table, none)) for table, step in run.steps.items() if _works(step)],
        "total": total,
        "batched": costs.get("batched", 0),
        "asked": _asked(run),
        "each": _each(total, pairs) if total and pairs else None,
    }


def _works(step: Mapping[str, Any]) -> bool:
    return bool(step.get("drawn") or step["spent"]["calls"] or step.get("seconds"))


def _step(step: Mapping[str, Any], bill: Mapping[str, Any] | None) -> Found:
    found = {name: bill.get(name, 0) if bill is not None else None for name in BILL}
    times = {name: step.get(name) for name in ("began", "seconds")}
    asks = bool(step.get("drawn") or step["spent"]["calls"])
    return {"table": step["table"], "verb": step["verb"], "asks": asks, **found, **times, "asked": dict(step["spent"])}


def _asked(run: RunFolder) -> Found:
    """What this run sent: of its steps, and of its judges' gates."""
    tallies = [*(step["spent"] for step in run.steps.values()), *(run.told.get("gates") or {}).values()]
    names = dict.fromkeys(name for tally in tallies for name in tally)
    return {name: sum(tally.get(name, 0) for tally in tallies) for name in names}


def _each(total: Mapping[str, Any], pairs: int) -> Found:
    """One pair's part of it all; no dollars where no reply has a price."""
    tokens = total["prompt_tokens"] + total["completion_tokens"]
    priced = total["replies"] > total["unpriced"]
    return {
        "pairs": pairs,
        "replies": total["replies"] / pairs,
        "tokens": tokens / pairs,
        "dollars": total["dollars"] / pairs if priced else None,
    }


def saved(run: RunFolder) -> list[Found]:
    """What each step's stop saved (``prefgen.saved.told``)."""
    return [{"table": table, **step["saved"]} for table, step in run.steps.items() if step.get("saved")]
