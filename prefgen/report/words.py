"""Numbers as a report writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from prefgen import statistics
from prefgen.texts import plain

Share = Mapping[str, Any]
LONGEST = 48
"""Characters of a name in a chart."""


def percent(value: float, n: int = 0) -> str:
    """53%, or 53.1% of many, or where it is near either end."""
    return statistics.percent(value, _digits(value, n))


def _digits(value: float, n: int) -> int:
    return 1 if n >= 1000 or 0 < value < 0.1 or 0.9 < value < 1 else 0


def between(share: Share) -> str:
    """49% to 57%: the 95% interval; both ends with the digits of the one that has more."""
    ends = share["low"], share["high"]
    digits = max(_digits(end, share["n"]) for end in ends)
    return " to ".join(statistics.percent(end, digits) for end in ends)


def whole(share: Share | None) -> str:
    """53% (49% to 57%), n 1,200; nothing where there is none."""
    return f"{percent(share['value'], share['n'])} ({between(share)}), n {share['n']:,}" if share else ""


def measured(value: Mapping[str, Any] | None, n: str = "units") -> str:
    """0.62 (0.55 to 0.68), n 300: a measure that is no share."""
    return (
        f"{decimal(value['value'])} ({decimal(value['low'])} to {decimal(value['high'])}), n {value[n]:,}"
        if value
        else ""
    )


def decimal(value: float | None) -> str:
    """0.62; nothing below zero that is none."""
    return "" if value is None else f"{round(value, 2) + 0.0:.2f}"


def beside_half(share: Share | None) -> bool:
    """Whether a share's interval leaves one half out."""
    return share is not None and not share["low"] <= 0.5 <= share["high"]


def money(dollars: float) -> str:
    """$12.30, or $0.0042 where cents would say nothing."""
    return (
        f"${dollars:,.2f}"
        if dollars >= 1 or dollars == 0
        else f"${dollars:.2g}"
        if dollars < 0.01
        else f"${dollars:.3f}"
    )


def at_least(dollars: float, bill: Mapping[str, Any]) -> str:
    """$12.30, or at least that where some of the replies that are billed have no price."""
    return f"at least {money(dollars)}" if bill["unpriced"] else money(dollars)


def some(n: float, one: str, more: str = "") -> str:
    """1 pair, 2 pairs."""
    return f"{n:,.0f} {one if n == 1 else more or one + 's'}"


def seconds(n: float | None) -> str:
    """0.4 s, 12 s, 3 min 20 s, 2 h 5 min."""
    if n is None:
        return ""
    minutes, hours = divmod(round(n), 60)[0], round(n) // 3600
    if hours:
        return f"{hours:,} h {minutes % 60} min"
    return f"{minutes} min {round(n) % 60} s" if minutes else f"{n:.0f} s" if n >= 10 else f"{n:.1f} s"


def label(name: str | None, most: int = LONGEST) -> str:
    """A name in a chart, without what would steer it, and not too long."""
    told = plain(name or "not known")
    return told if len(told) <= most else told[: most - 1] + "…"


def short(models: Sequence[str]) -> dict[str, str]:
    """Models by what tells them apart: ``openai/gpt-4.1`` is ``gpt-4.1`` where no other one is called so."""
    ends = [name.rpartition("/")[2] for name in models]
    return {name: label(end if ends.count(end) == 1 else name, 24) for name, end in zip(models, ends, strict=True)}
