"""What lies in a dataset's folder beside its rows: the card, and its pictures."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from prefgen.card import card
from prefgen.card.pictures import drawn
from prefgen.card.rows import examples
from prefgen.recipe import Recipe

if TYPE_CHECKING:
    import polars as pl

Readme = Callable[[Mapping[str, int]], str]


def page(
    recipe: Recipe,
    text: str,
    tables: "Mapping[str, pl.DataFrame]",
    funnel: Sequence[Mapping[str, Any]],
    reports: Mapping[str, Any],
) -> tuple[Readme, dict[str, bytes]]:
    """The function that makes the card from the rows of each config, and the pictures by their paths. ``tables`` are
    the configs' rows, ``reports`` the named arguments of ``card`` with which a run ends.
    """
    pictures, some = drawn(funnel, tables.get("preferences"), reports["judges"], reports["pairs"]), examples(tables)

    def readme(configs: Mapping[str, int]) -> str:
        splits = {config: {"train": rows} if rows else {} for config, rows in configs.items()}
        return card(recipe, text, splits, funnel, **reports, examples=some, pictures=pictures)

    return readme, {one.path: one.png for one in pictures}
