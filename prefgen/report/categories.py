"""What came of each category of prompts, where a table says their categories."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from prefgen.report.folder import RunFolder, Table
from prefgen.statistics import MEASURES, Sums, share
from prefgen.tablefile import batches

COLUMNS = ("category", "subset")
"""Columns that are taken for categories, the first that there is."""
MOST = 50
"""Categories of which there is a row; those with fewest prompts are counted together."""
JUDGED = ("prompt_id", "pair_id", "gold", "verdict", "judge_model")

Found = dict[str, Any]


class Categories:
    """Sums by category: of prompts, of the pairs that go by, of judgments, of replies that could not be read. Of each
    prompt a number and its category's are held, 12 bytes.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.column = next((name for name in COLUMNS for one in run.tables.values() if name in one.columns), None)
        self.names: list[str] = []
        self.of = pl.DataFrame(schema={"number": pl.UInt64, "place": pl.UInt32})
        self.pairs, self.longer, self.unequal = Counter[int](), Counter[int](), Counter[int]()
        if self.column:
            self._read(*next(one for one in run.tables.items() if self.column in one[1].columns))

    def _read(self, name: str, table: Table) -> None:
        """The category of each prompt, as the first table that says it has it; of a source's those alone that the run
        came to.
        """
        parts, places = [], dict[str, int]()
        for rows in batches(table.path, columns=["prompt_id", str(self.column)]):
            if rows.schema[str(self.column)].is_nested():  # what is no name is no category
                self.column = None
                return
            each = rows.unique("prompt_id", keep="first", maintain_order=True)
            said = each[str(self.column)].cast(pl.String).fill_null("")
            for kind in said.unique(maintain_order=True):
                places.setdefault(kind, len(places))
            place = said.replace_strict(places, return_dtype=pl.UInt32) if len(said) else pl.Series([], dtype=pl.UInt32)
            parts.append(pl.DataFrame({"number": _number(each["prompt_id"]), "place": place}))
        every = pl.concat(parts).unique("number", keep="first", maintain_order=True)
        self.names, self.of = list(places), _come_to(every, (self.run.told.get("only_prompts") or {}).get(name))

    def add(self, pairs: pl.DataFrame) -> None:
        """Takes pairs that were kept (``prefgen.report.pairs.frames``)."""
        if not self.column:
            return
        from prefgen.judged import pair_measures

        chosen, rejected = pl.col("chosen_characters"), pl.col("rejected_characters")
        sizes = pair_measures(pairs).select(longer=chosen > rejected, unequal=chosen != rejected)
        each = self._placed(pairs["prompt_id"], sizes).group_by("place")
        for place, n, longer, unequal in each.agg(pl.len(), pl.col("longer", "unequal").sum()).iter_rows():
            self.pairs[place] += n
            self.longer[place] += longer
            self.unequal[place] += unequal

    def _placed(self, prompts: pl.Series, beside: pl.DataFrame | None = None) -> pl.DataFrame:
        """Rows with their prompts' categories; those of prompts that are not known are left out."""
        rows = pl.DataFrame({"number": _number(prompts)})
        whole = rows if beside is None else rows.hstack(beside)
        return whole.join(self.of, on="number", how="inner")

    def told(self) -> Found:
        """A row for each category, those with most prompts first. Empty where no table says any."""
        if not self.names:
            return {}
        prompts = Counter(dict(self.of.group_by("place").len().iter_rows()))
        agreed, unread = self._agreed(), self._unread()
        order = sorted(prompts, key=lambda place: (-prompts[place], self.names[place]))
        rows = [
            {
                "category": self.names[place] or None,
                "prompts": prompts[place],
                "pairs": self.pairs[place],
                "longer": _shared(self.longer[place], self.unequal[place]),
                "agrees_with_gold": _told(agreed.get(place)),
                "unreadable": unread[place],
            }
            for place in order[:MOST]
        ]
        return {"column": self.column, "categories": len(order), "rows": rows}

    def _agreed(self) -> dict[int, Sums]:
        """How often verdicts are the known ones, of all judges together: the first that could be read of each judge and
        ordered pair. What several judges say of one pair is no more independent than what one says of its two orders.
        """
        found: dict[int, Sums] = {}
        for name, table in self.run.tables.items():
            if not (self.run.steps[name].get("drawn") and table.columns >= {*JUDGED}):
                continue
            for rows in batches(table.path, columns=JUDGED):
                placed = self._placed(rows["prompt_id"], rows)
                for (place,), own in placed.group_by("place"):
                    found.setdefault(int(str(place)), Sums()).add(MEASURES["agrees_with_gold"](own))
        return found

    def _unread(self) -> Counter[int]:
        """How many replies of any step could not be read."""
        found = Counter[int]()
        for name, table in self.run.lost.items():
            kinds = {*(self.run.steps[name].get("unreadable") or {})}
            for rows in batches(table.path, columns=["prompt_id", "dropped"]) if kinds else ():
                lost = rows.filter(pl.col("dropped").is_in(kinds))
                found.update(self._placed(lost["prompt_id"])["place"].to_list())
        return found


def _come_to(prompts: pl.DataFrame, spans: Sequence[Sequence[int]] | None) -> pl.DataFrame:
    """Those of these prompts whose places are in some of the spans; all of them where there are none to look at."""
    return prompts if spans is None else pl.concat([prompts[:0], *(prompts[start:end] for start, end in spans)])


def _number(prompts: pl.Series) -> pl.Series:
    """64 bits for each prompt."""
    return prompts.hash(seed=0)


def _shared(right: int, n: int) -> Found | None:
    return _told(share(right, n))


def _told(found: Any) -> Found | None:
    found = found.share() if isinstance(found, Sums) else found
    return vars(found) if found else None
