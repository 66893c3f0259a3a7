"""What people see of a plan: what each step would ask, what that may cost, and what nobody can know of it."""

from collections.abc import Collection, Iterator, Mapping
from functools import partial

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefgen.columns import columns, short, show
from prefgen.phrases import some
from prefgen.rehearse import Estimate
from prefgen.texts import plain

NAMES = ("step", "verb", "rows", "known", "to ask", "tokens in", "tokens out", "$ at most")
LEAST = ("verb",), ("verb", "known"), ("verb", "known", "tokens in")
"""Columns that are left out, one after another, where a terminal is narrow."""


def estimate(estimates: Mapping[str, Estimate], console: Console) -> None:
    """What a run would ask: per step, and in all."""
    whole, brief = partial(_table, estimates), partial(_table, estimates, brief=True)
    show(console, whole, brief, *(partial(brief, without=names) for names in LEAST))
    least, most, cached = (sum(getattr(e, name) for e in estimates.values()) for name in ("least", "most", "cached"))
    money = f"at most {_money(estimates)}"
    asks = f"{_span(least, most)} to ask{_likely(estimates)}"
    console.print(Text(f"\n{some(cached, 'reply', 'replies')} known, {asks}, {money}"))


def _likely(estimates: Mapping[str, Estimate]) -> str:
    """How many of them, where stops end the other rows as they ended those that are known."""
    if all(one.likely is None for one in estimates.values()):
        return ""
    number = sum(one.most if one.likely is None else one.likely for one in estimates.values())
    return f" (about {number:,.0f} if stops end the others as they did the known ones)"


def _money(estimates: Mapping[str, Estimate]) -> str:
    """Dollars at most; or what must be said for them to be known."""
    known, unknown = sum(e.dollars or 0 for e in estimates.values()), list(dict.fromkeys(_unknown(estimates)))
    if not unknown:
        return f"${known:,.2f}"
    return f"{f'${known:,.2f} and what is not known' if known else '?'}: {'; '.join(unknown)}"


def _unknown(estimates: Mapping[str, Estimate]) -> Iterator[str]:
    for one in estimates.values():
        if one.dollars is None and not one.priced:
            yield "there is a model without a price; say price: {input: …, output: …}, $ per 1M tokens"
        if one.dollars is None and one.completion_tokens is None:
            yield "how long replies may be is not known; say max_tokens"


def _table(estimates: Mapping[str, Estimate], *, brief: bool = False, without: Collection[str] = ()) -> Table:
    names = [name for name in NAMES if name not in without]
    table = columns(names, left=("step", "verb"))
    for one in estimates.values():
        cells = {
            "step": escape(plain(one.table)),
            "verb": escape(plain(one.verb)),
            "rows": _number(one.rows, brief=brief),
        }
        cells |= _asks(one, brief=brief) if one.cached or one.most else {}
        table.add_row(*(cells.get(name, "") for name in names))
    return table


def _asks(one: Estimate, *, brief: bool) -> dict[str, str]:
    tokens, money = one.completion_tokens, one.dollars
    return {
        "known": _number(one.cached, brief=brief),
        "to ask": _span(one.least, one.most, brief=brief),
        "tokens in": f"~{_number(one.prompt_tokens, brief=brief)}",
        "tokens out": "?" if tokens is None else f"≤{short(tokens, most=True) if brief else f'{tokens:,.0f}'}",
        "$ at most": "?" if money is None else f"{money:,.{2 if brief and money >= 1 else 4}f}",
    }


def _number(number: float, *, brief: bool) -> str:
    return short(number) if brief else f"{number:,.0f}"


def _span(least: float, most: float, *, brief: bool = False) -> str:
    low, high = _number(least, brief=brief), _number(most, brief=brief)
    return high if low == high else f"{low} to {high}"
