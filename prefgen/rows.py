"""What table verbs share: a reason for every drop, and an order that a seed alone decides.

A filter is written as one expression: the reason a row is dropped, null where it is kept.
From it come two functions: called, the filter keeps rows; ``.marked(rows)`` keeps them all and
says why each would go. Both take polars frames, eager or lazy, and also ``datasets.Dataset``,
pandas and Arrow tables and lists of dicts, and give back the kind that came in.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import update_wrapper
from inspect import signature
from types import MappingProxyType
from typing import Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar, cast

import polars as pl

from prefgen import needs
from prefgen.kinds import as_frame, is_nothing, like, names_of, pick, with_new

P = ParamSpec("P")
Rows = TypeVar("Rows")
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)
Verb = TypeVar("Verb", bound=Callable[..., Any])

DROPPED = "dropped"
"""The column in which a marked table says why a row goes; null where it stays."""
OF_ONE_PROMPT = frozenset({"prompt_id", "id", "response_id", "pair_id"})
"""Columns whose equal values lie within one prompt."""

ROUNDING = 1e-12
"""Scores nearer than this share of their size are one score: means of one set, added up in two orders, differ less."""


Stages = Sequence[Mapping[str, pl.Expr]]
"""Columns that are added step by step, so that what several reasons look at is computed once."""


class Said(NamedTuple):
    """A verb with its settings: the reason, what is added for it, and the columns of rows that both look at."""

    reason: pl.Expr
    stages: Stages
    reads: list[str]


class TableVerb(Generic[P]):
    """Drops rows for stated reasons, then reshapes what is kept. Made by ``filters`` and ``drops``."""

    whole: bool | Callable[..., bool] | None = None
    stages: Callable[P, Stages] | None = None
    lazily, row_by_row, first_alone = False, True, False
    """What ``drops`` and ``in_stages`` are told."""
    looks_at: Callable[[Mapping[str, Any]], Sequence[str]] | None = None
    """Of one that makes rows of several: the columns at which it looks, with such settings; others it only carries."""
    keeps_most: Mapping[str, Any] = MappingProxyType({})
    """Settings with which a verb keeps whatever it may come to keep, for estimates."""
    __name__: str

    def __init__(
        self,
        reason: Callable[P, pl.Expr],
        reshape: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame] | None = None,
        prepared: Callable[Concatenate[Any, P], Any] | None = None,
    ) -> None:
        self.reason, self.reshape, self.prepared = reason, reshape, prepared
        self._known: dict[Hashable, Said] = {}
        update_wrapper(cast("Any", self), cast("Any", reshape or reason))

    def marked(self, rows: Rows, *args: P.args, **kwargs: P.kwargs) -> Rows:
        """All rows, with the column ``dropped``: why a row goes, null where it stays."""
        said = self.said(rows, *args, **kwargs)
        if is_nothing(rows):
            return rows
        with needs.told(self.__name__, lambda: names_of(rows)):
            if isinstance(rows, pl.DataFrame | pl.LazyFrame):
                ready = self._prepare(cast("pl.DataFrame", rows), *args, **kwargs)
                if self.prepared:
                    needs.check_columns(self.__name__, sorted(set(said.reads) - set(names_of(ready))), names_of(rows))
                return cast("Rows", _marked(ready, said))
            seen = as_frame(rows, None if self.prepared else said.reads or None)
            marked = _marked(self._prepare(seen, *args, **kwargs).lazy(), said).collect()
            return cast("Rows", with_new(rows, marked.select(pl.exclude(*seen.columns, DROPPED), DROPPED)))

    def made(self, kept: pl.DataFrame, *args: P.args, **kwargs: P.kwargs) -> pl.DataFrame:
        """The verb's table, from marked rows that are already the kept ones."""
        if self.reshape is None:
            return kept
        with needs.told(self.__name__, lambda: kept.columns):
            return self.reshape(kept, *args, **kwargs)

    def parted(self, rows: pl.DataFrame, *args: P.args, **kwargs: P.kwargs) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The verb's table of a frame, and the rows that are not in it, with their reasons in ``dropped``: what a run
        does with every few prompts.
        """
        said = self.said(None, *args, **kwargs)
        with needs.told(self.__name__, lambda: rows.columns):
            ready = self._prepare(rows, *args, **kwargs)
            marked = _marked(ready, said)
        why = marked[DROPPED]
        if why.null_count() == len(why):
            return self.made(ready, *args, **kwargs), marked.clear()
        stays = why.is_null()
        return self.made(ready.filter(stays), *args, **kwargs), marked.filter(~stays)

    def __call__(self, rows: Rows, *args: P.args, **kwargs: P.kwargs) -> Rows:
        """The kept rows (of a pairing: its pairs), as the kind of table that came in.

        A filter of a lazy frame stays lazy; a verb that reshapes collects it.
        """
        if self.reshape is None:
            return self._kept(rows, self.said(rows, *args, **kwargs))
        if is_nothing(rows):
            return rows
        marked = self.marked(as_frame(rows), *args, **kwargs)
        kept = marked.filter(pl.col(DROPPED).is_null()).drop(DROPPED)
        return cast("Rows", like(rows, self.made(kept, *args, **kwargs)))

    def said(self, rows: object, *args: P.args, **kwargs: P.kwargs) -> Said:
        """What the settings come to, kept for the next call, and whether rows have it; None is for any rows. Raises
        TypeError for settings that the verb has not, and MissingColumn.
        """
        key = _key([args, tuple(kwargs.items())])
        said = self._known.get(key) if key is not None else None
        if said is None:
            said = self._spelt(*args, **kwargs)
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            if key is not None:
                self._known[key] = said
        if not (self.prepared or rows is None or is_nothing(rows)):
            needs.check_columns(self.__name__, said.reads, names_of(rows))
        return said

    def _spelt(self, *args: P.args, **kwargs: P.kwargs) -> Said:
        needs.check_settings(self.__name__, self.reason, args, kwargs)
        reason = self.reason(*args, **kwargs).cast(pl.String).alias(DROPPED)
        stages = self.stages(*args, **kwargs) if self.stages else ()
        added = {name for stage in stages for name in stage}
        looks = [*(one for stage in stages for one in stage.values()), reason]
        names = dict.fromkeys(name for one in looks for name in one.meta.root_names())
        return Said(reason, stages, sorted(names.keys() - added))

    def _kept(self, rows: Rows, said: Said) -> Rows:
        if isinstance(rows, pl.DataFrame | pl.LazyFrame):
            ready = _staged(cast("pl.DataFrame", rows), said.stages).filter(said.reason.is_null())
            return cast("Rows", ready.drop(_names(said.stages)))
        if is_nothing(rows):
            return rows
        kept = _staged(as_frame(rows, said.reads or None), said.stages).with_columns(said.reason.is_null())
        return cast("Rows", pick(rows, kept[DROPPED].arg_true().to_list()))

    def _prepare(self, rows: Frame, *args: P.args, **kwargs: P.kwargs) -> Frame:
        if self.prepared is None:
            return rows
        ready = self.prepared(rows.lazy() if self.lazily else rows.lazy().collect(), *args, **kwargs).lazy()
        return cast("Frame", ready.collect() if isinstance(rows, pl.DataFrame) else ready)


MOST_KNOWN = 64  # different settings of a verb that are kept


def _marked(rows: Frame, said: Said) -> Frame:
    if not said.stages:
        return rows.with_columns(said.reason)
    return _staged(rows, said.stages).with_columns(said.reason).drop(_names(said.stages))


def _staged(rows: Frame, stages: Stages) -> Frame:
    for stage in stages:
        rows = rows.with_columns(**stage)
    return rows


def _names(stages: Stages) -> list[str]:
    return [name for stage in stages for name in stage]


def _key(value: Any) -> Hashable:
    """Settings as a key, equal for equal ones of equal types; None where they have none."""
    if isinstance(value, list | tuple):
        keys = [_key(one) for one in value]
        return None if None in keys else (type(value), *keys)
    return (type(value), value) if isinstance(value, Hashable) else None


# --- making verbs ---------------------------------------------------------------------------


def filters(reason: Callable[P, pl.Expr]) -> TableVerb[P]:
    """A filter, from the function that gives the reason a row is dropped."""
    return TableVerb(reason)


def drops(
    reason: Callable[P, pl.Expr],
    *,
    prepared: Callable[Concatenate[Any, P], Any] | None = None,
    lazily: bool = False,
    row_by_row: bool = False,
) -> Callable[[Callable[Concatenate[pl.DataFrame, P], pl.DataFrame]], TableVerb[P]]:
    """A verb that first drops rows for ``reason`` and then makes its table of the kept ones.

    ``prepared`` adds columns that the reason looks at, where no expression could: to a frame, or ``lazily`` to a lazy
    one. ``row_by_row`` says that what is made of a row does not depend on the others, so that a table that memory has
    no room for goes by in slices. All of these functions take the same settings, with the same defaults; raises
    TypeError where they differ.
    """

    def verb(reshape: Callable[Concatenate[pl.DataFrame, P], pl.DataFrame]) -> TableVerb[P]:
        settings = [str(s) for s in signature(reason).parameters.values()]
        for of_rows in (reshape, prepared or reshape):
            if [str(s) for s in signature(of_rows).parameters.values()][1:] != settings:
                raise TypeError(f"{of_rows.__name__} and {reason.__name__} must take the same settings: {settings}")
        made = TableVerb(reason, reshape, prepared)
        made.lazily, made.row_by_row = lazily, row_by_row
        return made

    return verb


def in_stages(stages: Callable[P, Stages], *, first_alone: bool = False) -> Callable[[TableVerb[P]], TableVerb[P]]:
    """Adds columns for a verb's reason to look at, step by step: each step sees those before it, none is in the table.
    Takes the settings that the reason takes. ``first_alone`` says that the first step looks at each row by itself: of a
    large table only what it makes is held, and not the texts that it is made of.
    """

    def staged(verb: TableVerb[P]) -> TableVerb[P]:
        verb.stages, verb.first_alone = stages, first_alone
        return verb

    return staged


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
    start = hashlib.blake2b(f"{seed}/{purpose}/".encode(), digest_size=8)

    def numbers(ids: pl.Series) -> pl.Series:
        names = ids.cast(pl.String).fill_null("None").cast(pl.Binary)
        digests = pl.Series(ids.name, [_digest(start.copy(), name) for name in names.to_list()], pl.Binary)
        return digests.bin.reinterpret(dtype=pl.UInt64, endianness="big")

    return pl.col(of).map_batches(numbers, return_dtype=pl.UInt64, is_elementwise=True)


def _digest(hashed: "hashlib.blake2b", name: bytes) -> bytes:
    hashed.update(name)
    return hashed.digest()
