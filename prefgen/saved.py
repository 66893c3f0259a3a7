"""What stops save, and what that changes: calls made, calls that a fixed budget would have made, verdicts changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefgen.planned import Planned
from prefgen.statistics import share
from prefgen.stopping import Stop


@dataclass
class Saved:
    """Of one step, in requests for one reply each: ``fixed`` is what its rows would have asked with all of their draws,
    ``asked`` what they did ask. ``audited`` groups were drawn to their end all the same, of which ``changed`` would
    have been decided otherwise.
    """

    asked: int = 0
    fixed: int = 0
    audited: int = 0
    changed: int = 0

    def add(self, other: "Saved") -> None:
        """Adds another shard's."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)

    @property
    def spared(self) -> int:
        """What was not asked."""
        return self.fixed - self.asked


def told(step: Planned, saved: Saved) -> dict[str, Any]:
    """What run.json says of a step with a stop; nothing of others."""
    if not step.stop:
        return {}
    numbers = {"asked": saved.asked, "fixed": saved.fixed, "spared": saved.spared}
    return {
        "stop": step.stop.name,
        "settings": dict(step.stop.settings),
        **numbers,
        "changed": _changed(step.stop, saved),
    }


def _changed(stop: Stop, saved: Saved) -> Any:
    """0 of a stop that is exact; else what the audit found, with its interval: None where it found nothing yet."""
    if stop.exact:
        return 0
    found = share(saved.changed, saved.audited)
    return {"audited": saved.audited, "changed": saved.changed, "share": found and vars(found)}


def line(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """Saved 1,234 of 2,000 calls: first_agreeing 1,200, lazy_order 34; of what ``told`` says of each table."""
    saved = [one for one in steps.values() if one]
    spared, fixed = (sum(one[name] for one in saved) for name in ("spared", "fixed"))
    if not spared:
        return ""
    by_stop: dict[str, int] = {}
    for one in saved:
        by_stop[one["stop"]] = by_stop.get(one["stop"], 0) + one["spared"]
    each = ", ".join(f"{name} {number:,}" for name, number in by_stop.items())
    return f"saved {spared:,} of {fixed:,} calls: {each}" + "".join(f"; {words}" for words in _audits(steps))


def _audits(steps: Mapping[str, Mapping[str, Any]]) -> Sequence[str]:
    """What is known of the decisions that a stop changed."""
    found = {table: one["changed"] for table, one in steps.items() if one and one["changed"] != 0}
    return [f"{table}: {audit(one)}" for table, one in found.items()]


def audit(found: Mapping[str, Any]) -> str:
    """3 of 412 audited changed (0.7 %, 95 %: 0.2 to 2.1)."""
    if not found["share"]:
        return "no row was audited"
    of = found["share"]
    interval = f"{of['value']:.1%}, 95 %: {of['low']:.1%} to {of['high']:.1%}"
    return f"{found['changed']:,} of {found['audited']:,} audited changed ({interval})"
