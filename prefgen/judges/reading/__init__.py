"""How a judge's words are read. Every reader takes a reply and gives what it says, or raises ``Unreadable`` with a
status: missing, conflicting, out_of_range, refused, truncated, empty. There is no default, and no guess.

    from prefgen.judges.reading import VERDICTS, verdict

``verdict`` and the scores' readers are for use; the others read one form each, as a paper or a benchmark does.
"""

from collections.abc import Callable, Mapping, Sequence

from prefgen.asker import Reply
from prefgen.judges.reading._numbers import stands
from prefgen.judges.reading.marked import marked_lines, marked_score, marked_verdict, unmarked
from prefgen.judges.reading.presets import (
    arena5,
    bracket_first,
    bracket_last,
    bracket_strict,
    output_ab,
    prometheus_rel,
    winner_line,
)
from prefgen.judges.reading.scores import (
    additive_score,
    numeric_pair,
    prometheus_abs,
    rating_robust,
    rating_tail_official,
)
from prefgen.judges.reading.structured import structured, structured_score
from prefgen.judges.reading.verdicts import verdict

__all__ = [
    "SCORES",
    "VERDICTS",
    "additive_score",
    "arena5",
    "bracket_first",
    "bracket_last",
    "bracket_strict",
    "marked_lines",
    "marked_score",
    "marked_verdict",
    "numeric_pair",
    "output_ab",
    "prometheus_abs",
    "prometheus_rel",
    "rating_robust",
    "rating_tail_official",
    "stands",
    "structured",
    "structured_score",
    "unmarked",
    "verdict",
    "winner_line",
]

VERDICTS: Mapping[str, Callable[[Reply, Sequence[str]], str]] = {
    "verdict": verdict,
    "bracket_strict": bracket_strict,
    "bracket_first": bracket_first,
    "bracket_last": bracket_last,
    "prometheus_rel": prometheus_rel,
    "winner_line": winner_line,
    "output_ab": output_ab,
    "structured": structured,
}
"""Readers of a label: the reply, and the labels on offer."""

SCORES: Mapping[str, Callable[[Reply, float, float], float]] = {
    "additive_score": additive_score,
    "rating_robust": rating_robust,
    "rating_tail_official": rating_tail_official,
    "prometheus_abs": prometheus_abs,
    "structured_score": structured_score,
}
"""Readers of a number: the reply, and the ends of the scale."""
