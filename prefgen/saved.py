"""What stops save, and what that changes: calls made, calls that a fixed budget would have made, verdicts changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from prefgen.statistics import percent, share
from prefgen.stopping import Stop


@dataclass
class Saved:
    """Of one step, in requests for one reply each: ``fixed`` is what its rows would have asked with all of their draws,
    ``asked`` what they did ask. ``audited`` groups were drawn to their end all the same, of which ``changed`` would
    have been decided otherwise.
    """

    stop: Stop | None = None
    asked: int = 0
    fixed: int = 0
    audited: int = 0
    changed: int = 0

    def add(self, other: "Saved") -> None:
        """Adds what another shard of the step saved."""
        self.stop = self.stop or other.stop
        self.asked, self.fixed = self.asked + other.asked, self.fixed + other.fixed
        self.audited, self.changed = self.audited + other.audited, self.changed + other.changed


def told(saved: Saved) -> dict[str, Any]:
    """What run.json says of a step with a stop; nothing of others."""
    stop = saved.stop
    if stop is None:
        return {}
    numbers = {"asked": saved.asked, "fixed": saved.fixed, "spared": saved.fixed - saved.asked}
    return {"stop": stop.name, "settings": dict(stop.settings), **numbers, "changed": _changed(stop, saved)}


def _changed(stop: Stop, saved: Saved) -> Any:
    """Decisions that another number of draws would have turned: 0 of a stop that is exact; else those among the
    audited, and their share with its interval, None where none was audited.
    """
    if stop.exact:
        return 0
    found = share(saved.changed, saved.audited)
    return {"audited": saved.audited, "changed": saved.changed, "share": found and vars(found)}


def line(steps: Iterable[Mapping[str, Any]]) -> str:
    """Saved 1,234 of 2,000 calls: first_agreeing 1,200, lazy_order 34; of what ``told`` says of each step. Nothing
    where nothing was saved.
    """
    every = [one for one in steps if one]
    spared, fixed = (sum(one[name] for one in every) for name in ("spared", "fixed"))
    by_stop: dict[str, int] = {}
    for one in every:
        by_stop[one["stop"]] = by_stop.get(one["stop"], 0) + one["spared"]
    each = ", ".join(f"{name} {number:,}" for name, number in by_stop.items())
    audits = [f"; of {one['stop']}'s {_audit(one['changed'])}" for one in every if one["changed"] != 0]
    return f"saved {spared:,} of {fixed:,} calls: {each}{''.join(audits)}" if spared else ""


def _audit(found: Mapping[str, Any]) -> str:
    """412 audited decisions 3 changed (0.7%, 95 %: 0.2% to 2.1%)."""
    of = found["share"]
    value, low, high = (percent(of[name], 1) for name in ("value", "low", "high")) if of else ("", "", "")
    interval = f" ({value}, 95 %: {low} to {high})" if of else ""
    return f"{found['audited']:,} audited decisions {found['changed']:,} changed{interval}"
