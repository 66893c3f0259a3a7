"""What is looked for row by row: each check gives, of rows in one shape, why a row is found, and null where it is not.

Where a filter drops such rows, the filter is what is asked, so that an audit finds what the filter would drop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import polars as pl

from prefgen.audit.marks import DAMAGE, MARKERS, damaged, found
from prefgen.filters.identical import identical
from prefgen.filters.refusals import refusals
from prefgen.filters.truncation import truncation
from prefgen.hostile import addresses, empty, opener
from prefgen.rows import DROPPED, apart, because, finite

Severity = Literal["bad", "warn", "info"]
ALIKE = 0.95
"""How alike two responses are that say nearly the same, as ``identical`` has it."""
LONG = 20
"""Characters of a prompt from which on a response that holds it repeats it; "Hello" may be said in an answer."""
TEXTS = ["prompt", "chosen", "rejected"]
BOTH = ("chosen", "rejected")


@dataclass(frozen=True)
class Check:
    """One thing that is looked for: ``title`` says it in a few words, ``rule`` exactly, ``cure`` what would do.
    ``needs`` are the columns without which it cannot be told, ``any_of`` that one of them will do. ``mark`` gives of
    rows why each is found; of checks that look at all rows at once it is None.
    """

    name: str
    title: str
    severity: Severity
    rule: str
    cure: str
    needs: tuple[str, ...] = BOTH
    mark: Callable[[pl.DataFrame], pl.Series] | None = None
    any_of: bool = False

    def applies(self) -> pl.Expr:
        """Whether a row can be told."""
        there = [pl.col(name).is_not_null() for name in self.needs]
        return pl.any_horizontal(there) if self.any_of else pl.all_horizontal(there)


def expression(told: pl.Expr) -> Callable[[pl.DataFrame], pl.Series]:
    """A check that is one expression."""
    return lambda rows: rows.select(told.alias("why"))["why"].cast(pl.String)


# --- the same twice -------------------------------------------------------------------------

_SAME = pl.col("chosen") == pl.col("rejected")
_SAID = (pl.col("chosen").str.strip_chars() != "") & (pl.col("rejected").str.strip_chars() != "")


def plain(column: str) -> pl.Expr:
    """A text without its case, with single blanks for white space: as ``identical`` compares. Single blanks are passed
    over, which takes a quarter of the time.
    """
    return pl.col(column).str.to_lowercase().str.replace_all(r"[^\S ]\s*| \s+", " ").str.strip_chars()


def alike(rows: pl.DataFrame) -> pl.Series:
    """``likeness`` of each pair of responses that are not the same text, as ``identical`` measures it: null where it is
    under ALIKE. The filter is asked about those alone that may be so alike: two such texts differ little in length, and
    to see that they are less alike takes a quarter of the time that it takes to see how much.
    """
    both = rows.with_row_index("n").filter(_SAID, ~_SAME)
    short = both.select("n", plain("chosen").alias("chosen"), plain("rejected").alias("rejected"))
    near = short.filter(_near_in_length(ALIKE / (2 - ALIKE)))
    marked = identical.marked(near.filter(_may_be_alike(near)), at_least=ALIKE)
    told = marked.filter(pl.col(DROPPED).is_not_null())
    nothing = pl.Series("likeness", [None], dtype=pl.Float64).new_from_index(0, rows.height)
    return nothing.scatter(told["n"], told["likeness"])


def _may_be_alike(rows: pl.DataFrame) -> pl.Series:
    from rapidfuzz.distance import Indel
    from rapidfuzz.process import cpdist

    if rows.is_empty():
        return pl.Series(dtype=pl.Boolean)
    texts = (rows[side].to_list() for side in BOTH)
    found = cpdist(*texts, scorer=Indel.normalized_similarity, score_cutoff=ALIKE - 0.01)
    return pl.Series(found > 0)


def _near_in_length(least: float) -> pl.Expr:
    chosen, rejected = (pl.col(side).str.len_chars() for side in BOTH)
    return pl.min_horizontal(chosen, rejected) >= least * pl.max_horizontal(chosen, rejected) - 1e-9


def _normalised(rows: pl.DataFrame) -> pl.Series:
    return rows.select(
        pl.when(pl.col("likeness") == 1).then(pl.lit("the same but for case and white space"))
    ).to_series()


def _nearly(rows: pl.DataFrame) -> pl.Series:
    near = pl.when(pl.col("likeness") < 1).then(pl.format("alike by {}", pl.col("likeness").round(4)))
    return rows.select(near).to_series()


# --- what filters drop ----------------------------------------------------------------------


def _refused(rows: pl.DataFrame, side: str) -> pl.Series:
    return refusals.marked(rows.select(side), of=side)[DROPPED]


def _truncated(rows: pl.DataFrame, side: str) -> pl.Series:
    return truncation.marked(rows.select(side, *(["truncated"] if side == "chosen" else [])), of=side)[DROPPED]


def _unfinished(rows: pl.DataFrame, side: str) -> pl.Series:
    """Ends in mid-sentence, and is neither empty nor cut off otherwise."""
    found = truncation.marked(rows.select(side), of=side, unfinished=True)[DROPPED]
    own = pl.DataFrame([found.alias("why"), rows[side]])
    said = pl.col("why").str.ends_with("in mid-sentence") & (pl.col(side).str.strip_chars() != "")
    return own.select(pl.when(said).then("why")).to_series()


def _no_answer(side: str) -> pl.Expr:
    text, asked = pl.col(side), addresses(pl.col("prompt").fill_null(""))
    marked = text.str.contains(MARKERS)  # told as such
    return because(("an opener alone", opener(text)), ("speaks to the judge", addresses(text) & ~asked & ~marked))


# --- prompts in responses -------------------------------------------------------------------


def _repeats(side: str) -> pl.Expr:
    asked = pl.col("asked").str.strip_chars()
    text, long = pl.col(side).str.strip_chars_start(), asked.str.len_chars() >= LONG
    return because(
        ("begins with the prompt", long & text.str.starts_with(asked)),
        ("holds the whole prompt", long & text.str.contains(asked, literal=True)),
    )


# --- scores ---------------------------------------------------------------------------------

_CHOSEN, _REJECTED = finite("chosen_score"), finite("rejected_score")
_APART = apart(_CHOSEN, _REJECTED)
_SCORES = ("chosen_score", "rejected_score")


def _score(holds: pl.Expr) -> pl.Expr:
    return pl.when(holds).then(pl.format("{} against {}", _CHOSEN, _REJECTED))


# --- all of them ----------------------------------------------------------------------------


def _of_sides(
    name: str,
    title: str,
    severity: tuple[Severity, Severity],
    rule: str,
    cure: str,
    mark: Callable[[str], Callable[[pl.DataFrame], pl.Series]],
) -> list[Check]:
    """A check of the chosen response, and one of the rejected."""
    return [
        Check(f"{name}_{side}", title.format(side=side), how, rule, cure, (side,), mark(side))
        for side, how in zip(BOTH, severity, strict=True)
    ]


_LEAVE = "leave them out: there is nothing to prefer"

CHECKS: Sequence[Check] = (
    Check("identical", "identical responses", "bad", "chosen and rejected are the same text", _LEAVE, BOTH,
          expression(pl.when(_SAME & _SAID).then(pl.lit("the same text")))),
    Check("identical_normalised", "identical but for case and blanks", "bad",
          "equal once case and white space do not count, and not identical", _LEAVE, BOTH, _normalised),
    Check("nearly_identical", "nearly identical responses", "warn",
          f"normalised indel likeness of {ALIKE} or more, and not the same but for case and white space (identical)",
          "look at some; leave out what does not differ in what matters", BOTH, _nearly),
    Check("reversed", "chosen has the lower score", "bad", "chosen_score is below rejected_score",
          "swap them, or find out which of score and label is wrong", _SCORES,
          expression(_score(_APART & (_CHOSEN < _REJECTED)))),
    Check("tied", "ties kept as pairs", "warn", "both scores are the same",
          "leave them out (score_gap): the order is a coin's", _SCORES, expression(_score(~_APART))),
    Check("empty_prompt", "empty prompts", "bad", "the prompt holds no text", "leave them out", ("prompt",),
          expression(pl.when(pl.col("prompt").str.strip_chars() == "").then(pl.lit("no text")))),
    *_of_sides("empty", "empty {side}", ("bad", "warn"), "no word, number or picture in it (the filter non_answers)",
               "leave them out", lambda side: expression(pl.when(empty(pl.col(side))).then(pl.lit("empty")))),
    *_of_sides("refused", "{side} refuses", ("warn", "info"), "it begins as a refusal (the filter refusals)",
               "chosen, they teach to refuse: look whether that is meant", lambda side: partial(_refused, side=side)),
    *_of_sides("truncated", "{side} is cut off", ("warn", "info"),
               "it ends in an open code block, or is marked as truncated (the filter truncation)",
               "ask again with a higher limit, or leave them out", lambda side: partial(_truncated, side=side)),
    *_of_sides("unfinished", "{side} ends in mid-sentence", ("info", "info"),
               "no mark of an end behind it (truncation with unfinished); lists and verse may end so",
               "look at some: cut off at a limit, they teach to stop anywhere",
               lambda side: partial(_unfinished, side=side)),
    *_of_sides("no_answer", "{side} is no answer", ("warn", "info"),
               "an opener alone, or it speaks to a judge (the filter non_answers)",
               "look at them: a judge was talked round", lambda side: expression(_no_answer(side))),
    *_of_sides("repeats_prompt", "{side} repeats the prompt", ("warn", "warn"),
               f"it begins with the last user turn, or holds all of it, and that has {LONG} characters or more",
               "cut the prompt out: a template or a base model left it there", lambda side: expression(_repeats(side))),
    Check("markers", "marks of chat templates in responses", "bad",
          "a token of a chat template, or a line that begins a turn",
          "cut them out: a trainer's template adds its own, and the model learns to write them", BOTH,
          expression(found(MARKERS, BOTH)), any_of=True),
    Check("markers_prompt", "marks of chat templates in prompts", "warn", "the same, in the last user turn",
          "cut them out, unless the prompt is about them", ("asked",), expression(found(MARKERS, ("asked",)))),
    *(Check(f"encoding_{kind}", what, "bad" if kind in {"replacement", "mojibake", "nul"} else "warn",
            "in the prompt or a response", "read the source anew with its own encoding, or take them out", tuple(TEXTS),
            expression(damaged(pattern, TEXTS)), any_of=True) for kind, (what, pattern) in DAMAGE.items()),
)  # fmt: skip
"""Checks of single rows, in the order in which they are told."""

WHOLE: Sequence[Check] = (
    Check("duplicated", "pairs that repeat an earlier one", "warn",
          "prompt, chosen and rejected are those of an earlier row of the split",
          "keep the first of them"),
    Check("contradictory", "contradictory pairs", "bad",
          "another row of the split has the same prompt and the two responses the other way round",
          "leave both out, or ask a judge"),
    Check("cycles", "pairs that go round in a circle", "bad",
          "of one prompt, three responses or more, each better than each other by way of others (strongly connected)",
          "leave out the weakest link, or fit strengths (Bradley-Terry) and pair by them"),
    Check("prompts_repeated", "repeated prompts", "info", "the prompt of an earlier row of the split",
          "several pairs of a prompt may be meant; keep them in one split", ("prompt",)),
    Check("prompts_repeated_normalised", "repeated prompts but for case and blanks", "warn",
          "equal to an earlier one once case and white space do not count, and not the same",
          "write them alike, or keep one", ("prompt",)),
    Check("prompts_nearly_repeated", "nearly repeated prompts", "info",
          "word 3-grams alike by 0.8 to an earlier one (the filter near_duplicates), and no repeat of either kind",
          "keep one (near_duplicates)", ("prompt",)),
    Check("leaked", "held-out prompts in training", "bad",
          "the prompt of a held-out split is in another split, in the same words",
          "split by prompt (splits: in a recipe), and evaluate anew", ("prompt",)),
    Check("leaked_normalised", "held-out prompts in training but for case", "bad",
          "equal once case and white space do not count, and not the same", "split by prompt", ("prompt",)),
    Check("leaked_nearly", "held-out prompts nearly in training", "warn",
          "word 3-grams alike by 0.8, and not the same but for case and white space",
          "split by near-duplicates (splits: in a recipe)", ("prompt",)),
    Check("contaminated", "prompts of benchmarks", "bad",
          "13 words in a row of a benchmark's prompt, or pairs of words alike by 0.8 (the filter decontaminate)",
          "leave them out (decontaminate), or do not evaluate by that benchmark", ("prompt",)),
    Check("shipped_prompts", "prefgen's own seeds, of a benchmark", "warn",
          "the same, of the prompts that ship with prefgen: Self-Instruct's user-oriented instructions, a published"
          " benchmark", "meant where a run began with them: do not evaluate by that benchmark", ("prompt",)),
)  # fmt: skip
"""Checks that look at all rows of a split, or at several splits."""
NAMES = tuple(check.name for check in (*CHECKS, *WHOLE))
BENCHMARKS = ("contaminated", "shipped_prompts")
"""Checks that hold prompts against those of benchmarks: of others, and of that which ships."""
GROUPS = {
    "encoding": tuple(name for name in NAMES if name.startswith("encoding_")),
    "leaks": ("leaked", "leaked_normalised", "leaked_nearly"),
    "alike": ("identical", "identical_normalised", "nearly_identical"),
}
"""Several checks under one name, for thresholds."""
