"""What lies in a dataset's folder beside its rows: the card, and its pictures.

Rows are noted on their way into files, batch by batch, so that no text of them is held but the few that are shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefgen.card import card
from prefgen.card.pictures import Picture, drawn
from prefgen.card.rows import ROWS, shown_of
from prefgen.judged import author_report, pair_report
from prefgen.recipe import Recipe

if TYPE_CHECKING:
    import polars as pl

    from prefgen.card.measures import Measures


@dataclass
class Page:
    """A card in the making. ``text`` is the recipe as YAML, ``funnel`` what became of every row, ``reports`` named
    arguments of ``card``; those of pairs are added, once all rows have gone by. ``kept`` is a folder of pictures that
    were drawn before.
    """

    recipe: Recipe
    text: str
    funnel: Sequence[Mapping[str, Any]]
    reports: dict[str, Any]
    examples: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    kept: Path | None = None
    measures: "Measures | None" = None
    pictures: list[Picture] = field(default_factory=list)

    def noting(self, config: str, frames: "pl.DataFrame | Iterable[pl.DataFrame]") -> "Iterator[pl.DataFrame]":
        """The rows of a config as they are; notes what the card tells of them."""
        import polars as pl

        from prefgen.card.measures import Measures

        self.measures = Measures() if config == "preferences" else self.measures
        for rows in [frames] if isinstance(frames, pl.DataFrame) else frames:
            for name, some in shown_of(config, rows).items():
                held = self.examples.setdefault(name, [])
                held += some[: ROWS - len(held)]
            if config == "preferences" and self.measures is not None:
                self.measures.add(rows)
            yield rows

    def beside(self) -> dict[str, bytes]:
        """The pictures, by their paths in the folder; when all rows have gone by."""
        if self.measures is not None:
            self.reports |= {"authors": author_report(self.measures.met), "pairs": pair_report(self.measures)}
        self.pictures = drawn(self.funnel, self.measures, self.reports["judges"], self.reports["pairs"], kept=self.kept)
        return {one.path: one.png for one in self.pictures}

    def readme(self, configs: Mapping[str, Mapping[str, int]]) -> str:
        """The card, after ``beside``; ``configs`` are the rows of each config's splits."""
        more: dict[str, Any] = {"examples": self.examples, "pictures": self.pictures}
        return card(self.recipe, self.text, configs, self.funnel, **self.reports, **more)
