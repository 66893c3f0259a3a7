"""What table verbs share: a reason for every drop, and an order that a seed alone decides.

A filter is written as one expression: the reason a row is dropped, null where it is kept.
From it come two functions: called, the filter keeps rows; ``.marked(rows)`` keeps them all and
says why each would go. Both take polars frames, eager or lazy, and also ``datasets.Dataset``,
pandas and Arrow tables and lists of dicts, and give back the kind that came in.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import update_wrapper
from inspect import signature
from types import MappingProxyType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

import polars as pl

from prefgen import needs
from prefgen.kinds import as_frame, is_nothing, like, names_of, pick, with_new

P = ParamSpec("P")
Rows = TypeVar("Rows")
Verb = TypeVar("Verb", bound=Callable[..., Any])

DROPPED = "dropped"
"""The column in which a marked table says why a row goes; null where it stays."""

OF_ONE_PROMPT = frozenset({"prompt_id", "id", "response_id", "pair_id"})
"""Columns whose equal values lie within one prompt."""

ROUNDING = 1e-12
"""Scores nearer than this share of their size are one score: means of one set, added up in two orders, differ less."""


class TableVerb(Generic[P]):
    """Drops rows for stated reasons, then reshapes what is kept. Made by ``filters`` and ``drops``."""

    whole: bool | Callable[..., bool] | None = None
    keeps_most: Mapping[str, Any] = MappingProxyType({})
    """Settings with which a verb keeps whatever it may come to keep: of rows that are not known yet, for estimates."""
    __name__: str

    def __init__(
        self,
        reason: Callable[P, pl.Expr],
        reshape: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame] | None = None,
        prepared: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame] | None = None,
    ) -> None:
        self.reason, self.reshape, self.prepared = reason, reshape, prepared
        update_wrapper(cast("Any", self), cast("Any", reshape or reason))

    def marked(self, rows: Rows, *args: P.args, **kwargs: P.kwargs) -> Rows:
        """All rows, with the column ``dropped``: why a row goes, null where it stays."""
        reason = self._reason(rows, *args, **kwargs).cast(pl.String).alias(DROPPED)
        if is_nothing(rows):
            return rows
        with needs.told(self.__name__, lambda: names_of(rows)):
            if isinstance(rows, pl.DataFrame | pl.LazyFrame):
                ready = self._prepare(rows, *args, **kwargs)
                lacking = set(reason.meta.root_names()) - set(names_of(ready))
                needs.check_columns(self.__name__, sorted(lacking), names_of(rows))
                return cast("Rows", ready.with_columns(reason))
            seen = as_frame(rows, self._reads(reason))
            marked = self._prepare(seen, *args, **kwargs).lazy().with_columns(reason).collect()
            return cast("Rows", with_new(rows, marked.select(pl.exclude(*seen.columns, DROPPED), DROPPED)))

    def made(self, kept: pl.DataFrame, *args: P.args, **kwargs: P.kwargs) -> pl.DataFrame:
        """The verb's table, from marked rows that are already the kept ones."""
        with needs.told(self.__name__, lambda: kept.columns):
            return self.reshape(kept, *args, **kwargs) if self.reshape else kept

    def __call__(self, rows: Rows, *args: P.args, **kwargs: P.kwargs) -> Rows:
        """The kept rows (of a pairing: its pairs), as the kind of table that came in.

        A filter of a lazy frame stays lazy; a verb that reshapes collects it.
        """
        if self.reshape is None:
            return self._kept(rows, self._reason(rows, *args, **kwargs))
        if is_nothing(rows):
            return rows
        marked = self.marked(as_frame(rows), *args, **kwargs)
        kept = marked.filter(pl.col(DROPPED).is_null()).drop(DROPPED)
        return cast("Rows", like(rows, self.made(kept, *args, **kwargs)))

    def _reason(self, rows: object, *args: P.args, **kwargs: P.kwargs) -> pl.Expr:
        """Why rows go. Raises TypeError for settings that the verb has not, and MissingColumn."""
        needs.check_settings(self.__name__, self.reason, args, kwargs)
        reason = self.reason(*args, **kwargs)
        if not self.prepared and not is_nothing(rows):
            needs.check_columns(self.__name__, reason.meta.root_names(), names_of(rows))
        return reason

    def _kept(self, rows: Rows, reason: pl.Expr) -> Rows:
        if isinstance(rows, pl.DataFrame | pl.LazyFrame):
            return cast("Rows", rows.filter(reason.is_null()))
        if is_nothing(rows):
            return rows
        kept = as_frame(rows, self._reads(reason)).with_columns(reason.is_null().alias(DROPPED))
        return cast("Rows", pick(rows, kept[DROPPED].arg_true().to_list()))

    def _reads(self, reason: pl.Expr) -> list[str] | None:
        """The columns that a filter looks at: of somebody's table no others are converted."""
        return None if self.prepared else sorted(set(reason.meta.root_names())) or None

    def _prepare(
        self, rows: pl.DataFrame | pl.LazyFrame, *args: P.args, **kwargs: P.kwargs
    ) -> pl.DataFrame | pl.LazyFrame:
        if self.prepared is None:
            return rows
        ready = self.prepared(rows.lazy().collect(), *args, **kwargs)
        return ready if isinstance(rows, pl.DataFrame) else ready.lazy()


# --- making verbs ---------------------------------------------------------------------------


def filters(reason: Callable[P, pl.Expr]) -> TableVerb[P]:
    """A filter, from the function that gives the reason a row is dropped."""
    return TableVerb(reason)


def drops(
    reason: Callable[P, pl.Expr],
    *,
    prepared: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame] | None = None,
) -> Callable[[Callable[Concatenate[pl.DataFrame, P], pl.DataFrame]], TableVerb[P]]:
    """A verb that first drops rows for ``reason`` and then makes its table of the kept ones.

    ``prepared`` adds columns that the reason looks at, where no expression could.
    All of these functions take the same settings, with the same defaults; raises TypeError where they differ.
    """

    def verb(reshape: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame]) -> TableVerb[P]:
        settings = [str(s) for s in signature(reason).parameters.values()]
        for of_rows in (reshape, prepared or reshape):
            if [str(s) for s in signature(of_rows).parameters.values()][1:] != settings:
                raise TypeError(f"{of_rows.__name__} and {reason.__name__} must take the same settings: {settings}")
        return TableVerb(reason, reshape, prepared)

    return verb


def whole(verb: Verb) -> Verb:
    """Marks a verb that must see its whole table at once; prefgen's others see some prompts at a time."""
    verb.whole = True  # type: ignore[attr-defined]
    return verb


def by_prompt(verb: Verb) -> Verb:
    """Marks a verb of yours that looks at one prompt's rows at a time: it need not wait for the others."""
    verb.whole = False  # type: ignore[attr-defined]
    return verb


def whole_across(setting: str) -> Callable[[Verb], Verb]:
    """Marks a verb that must see its whole table where the columns of ``setting`` group rows of several prompts."""

    def marked(verb: Verb) -> Verb:
        default = signature(verb).parameters[setting].default

        def across(settings: Mapping[str, Any]) -> bool:
            by = settings.get(setting, default)
            return not OF_ONE_PROMPT & {*([by] if isinstance(by, str) else by)}

        verb.whole = across  # type: ignore[attr-defined]
        return verb

    return marked


# --- expressions ----------------------------------------------------------------------------


def because(*reasons: tuple[str, pl.Expr]) -> pl.Expr:
    """The first reason whose condition holds, null where none does."""
    return pl.coalesce([pl.when(condition).then(pl.lit(reason)) for reason, condition in reasons])


def finite(column: str) -> pl.Expr:
    """The column's numbers, null where it holds none, NaN or an infinity."""
    number = pl.col(column).cast(pl.Float64)
    return pl.when(number.is_finite()).then(number)


def apart(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Whether two numbers differ by more than rounding."""
    return (a - b).abs() > ROUNDING * pl.max_horizontal(a.abs(), b.abs())


def shuffled(seed: int, purpose: str, *, of: str = "id") -> pl.Expr:
    """A number for each row that the seed, the row's id and the purpose decide, and nothing else.

    Sorting by it is a shuffle that does not depend on where, when or beside what a row is.
    polars' own hash may change between its versions; this one does not.
    """

    def numbers(ids: pl.Series) -> pl.Series:
        digest = [hashlib.blake2b(f"{seed}/{purpose}/{i}".encode(), digest_size=8).digest() for i in ids]
        return pl.Series(ids.name, [int.from_bytes(d, "big") for d in digest], pl.UInt64)

    return pl.col(of).map_batches(numbers, return_dtype=pl.UInt64, is_elementwise=True)
