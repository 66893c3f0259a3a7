"""An audit in words, which the terminal and the page share."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from prefgen import statistics
from prefgen.audit.checks import BENCHMARKS, CHECKS, GROUPS, WHOLE
from prefgen.audit.found import Audit
from prefgen.audit.thresholds import Held

Finding = Mapping[str, Any]


def title(found: Audit) -> str:
    """What it was taken for: ``pairs (ultrafeedback_binarized): chosen against rejected``."""
    config = f"; config {found.dataset.config}" if len(found.dataset.configs) > 1 else ""
    return f"{found.taken.named}{config}"


def counted(found: Audit) -> int:
    """How many pairs, or rows of another kind."""
    return sum(part.get("pairs", part["rows"]) for part in found.parts)


def about(found: Audit) -> str:
    """Prompts, and the rows of each split."""
    prompts = 0 if found.taken.kind == "prompts" else found.prompts
    splits = ", ".join(f"{part['split']} {part['rows']:,}" for part in found.parts)
    return f"{prompts:,} prompts; rows: {splits}" if prompts else f"rows: {splits}"


def unread(reasons: Mapping[str, int]) -> str:
    """Why rows could not be read."""
    return ", ".join(f"{number:,} {why}" for why, number in sorted(reasons.items()))


def beside(found: Audit, severity: str) -> list[Finding]:
    """What was found, of one severity, the most first."""
    own = [one for one in found.findings if one["severity"] == severity and one["count"]]
    return sorted(own, key=lambda one: -one["share"])


def percent(share: float | None) -> str:
    """A share, with digits enough that few are not none: 0.02%, 1.30%, 58.1%."""
    if share is None:
        return ""
    value = 100 * share
    digits = 0 if value in {0.0, 100.0} else 1 if 10 <= value <= 99.9 else 2 if value >= 0.01 else 4
    return statistics.percent(share, digits)


def limits(found: Audit) -> list[tuple[str, str, str]]:
    """Limits, what was found, and whether they are crossed."""
    return [(one.limit.told(), value(one), verdict(one)) for one in found.held]


def value(one: Held) -> str:
    """What was found, as its limit has it."""
    if one.value is None:
        return "not told"
    return percent(one.value) if one.limit.share else f"{one.value:,.0f}"


def verdict(one: Held) -> str:
    """Whether a limit is crossed."""
    return "crossed" if one.crossed else "kept" if one.value is not None else "cannot be told"


def trl_line(found: Audit) -> str:
    """What TRL would make of it, in a line."""
    told = found.trl
    stops = [one for one in told["problems"] if one["stops"]]
    if stops:
        return f"{stops[0]['what']}; {stops[0]['cure']}"
    parts = [told["type"], told["format"], f"{told['prompt']} prompt" if told["prompt"] else ""]
    return f"{', '.join(part for part in parts if part)}: {told['trainers']}{_in_the_way(told['problems'])}"


def _in_the_way(problems: Sequence[Mapping[str, Any]]) -> str:
    """The first of what stops no trainer, and how many more there are."""
    if not problems:
        return ""
    rows, more = problems[0]["rows"], len(problems) - 1
    first = problems[0]["what"] + (f" ({rows:,} row{'s' if rows > 1 else ''})" if rows else "")
    return f"; but {first}" + (f", and {more} problem{'s' if more > 1 else ''} more" if more else "")


def clean(found: Audit) -> int:
    """How many checks found nothing."""
    return sum(bool(one["of"]) and not one["count"] for one in found.findings)


def untold(found: Audit) -> dict[str, int]:
    """Why checks could not be told, and of how many that holds."""
    return dict(Counter(_want(one["name"]) for one in found.findings if not one["of"]))


def _want(name: str) -> str:
    """What is not there that a check would look at."""
    if name in GROUPS["leaks"]:
        return "a held-out split"
    if name in BENCHMARKS:
        return "a benchmark (--against) or prompts"
    needs = next((check.needs for check in (*CHECKS, *WHOLE) if check.name == name), ())
    sides = {"prompt": "prompts", "asked": "prompts", "chosen_score": "scores"}
    return sides.get(needs[0], "pairs" if len(needs) > 1 else f"{needs[0]} responses")
