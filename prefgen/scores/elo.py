"""How strong each judgment is by the battles it won: Elo by regularised maximum likelihood, with wins weighted against
the meta-judge's favourite place. Meta-Rewarding Language Models, arXiv:2407.19594.

For an ordered battle (m first, n second) r_mn is +1 where m wins and -1 where n does. With win_1st and win_2nd the wins
of the judgments shown first and second,

    w1 = win_2nd / (win_1st + win_2nd)      w2 = win_1st / (win_1st + win_2nd)
    B[m][n] = w1 [r_mn = +1] + w2 [r_nm = -1]
    e = argmax sum_mn B[m][n] log sigmoid(e_m - e_n) - l2/2 |e|^2

so that wins in the favoured place count less. The paper's likelihood has no l2, and then no maximum where one judgment
wins all its battles: 0.1 is ours. Formulas are from memory, corroborated by NeMo-Aligner.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from prefgen.rows import because, drops
from prefgen.scores._strength import fit, groups

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

Scope = Literal["table", "response", "none"]


def position_weights(win_first: float, win_second: float) -> tuple[float, float]:
    """(w1, w2): the weight of a win when shown first, and when shown second; one half each where nobody won."""
    total = win_first + win_second
    return (win_second / total, win_first / total) if total else (0.5, 0.5)


def _unranked(*, weights: Scope = "table", l2: float = 0.1) -> pl.Expr:  # noqa: ARG001
    if not l2 > 0:
        raise ValueError(f"l2 must be above 0, or a judgment that wins every battle has no strength; it is {l2:g}")
    return because(
        ("no verdict", pl.col("verdict").is_null()),
        ("outside the largest group that fought", ~pl.col("in_largest")),
    )


def _with_groups(rows: pl.DataFrame, *, weights: Scope = "table", l2: float = 0.1) -> pl.DataFrame:  # noqa: ARG001
    """The rows; ``in_largest`` where a battle belongs to the largest set of judgments that fought one another."""
    fought = rows.filter(pl.col("verdict").is_not_null())
    largest = [
        battle
        for _, group in fought.select("response_id", "id", "first_id", "second_id").group_by(
            "response_id", maintain_order=True
        )
        for battle in _largest(group)
    ]
    return rows.with_columns(pl.col("id").is_in(largest).alias("in_largest"))


def _largest(group: pl.DataFrame) -> list[str]:
    """The battles of the largest connected set of one response's judgments; of equal ones the first."""
    names = _names(group)
    met = battle_matrix(
        len(names), [(names[m], names[n], True) for m, n in group.select("first_id", "second_id").rows()], (1, 1)
    )
    parts = groups(met)
    best = max(dict.fromkeys(parts), key=parts.count)
    return [battle for battle, first in group.select("id", "first_id").rows() if parts[names[first]] == best]


def _names(group: pl.DataFrame) -> dict[str, int]:
    """A response's judgments and their places, in order of first appearance."""
    return {name: i for i, name in enumerate(dict.fromkeys([*group["first_id"], *group["second_id"]]))}


@drops(_unranked, prepared=_with_groups)
def elo(rows: pl.DataFrame, *, weights: Scope = "table", l2: float = 0.1) -> pl.DataFrame:
    """One row of each judgment that fought: its ``elo`` in log-odds (0 is the mean of its response's), the weighted
    ``wins``, and the number of ``battles`` that were decided.

    Takes meta-judged battles; one that could not be read is not there, and counts for neither side. ``weights`` says
    over what the wins of each place are counted: the whole ``table``, which is an iteration; each ``response``; or not
    at all (``none``). Judgments that no battle joins to the largest group are dropped. Ids are the judgments'. Raises
    ValueError for l2 of 0 or less.
    """
    shares = _weights(rows, weights)
    found: list[dict[str, Any]] = []
    for (response,), group in rows.group_by("response_id", maintain_order=True):
        found += _ranked(group, shares[response if weights == "response" else ""], l2)
    ranks = pl.DataFrame(found, schema={"id": pl.String, **NEW})
    return _judgments(rows).join(ranks, on="id", how="left", maintain_order="left")


NEW = {"elo": pl.Float64, "wins": pl.Float64, "battles": pl.Int64}
GONE = {
    "id", "first_id", "second_id", "judgment_a", "judgment_b", "first_score", "second_score", "first_reply",
    "second_reply", "meta_asked", "meta_judgment", "verdict", "judge_model", "judgment_reply", "in_largest",
}  # fmt: skip
"""Columns of a battle that a judgment's row has not."""


def whole(settings: Any) -> bool:
    """Whether the wins of a whole table are counted."""
    return bool(settings.get("weights", "table") == "table")


elo.whole = whole


def _weights(rows: pl.DataFrame, scope: Scope) -> dict[str, tuple[float, float]]:
    if scope == "none":
        return {"": (0.5, 0.5)}
    of = pl.col("response_id") if scope == "response" else pl.lit("")
    wins = rows.group_by(of.alias("of")).agg((pl.col("verdict") == c).sum().alias(c) for c in "AB")
    return {"": (0.5, 0.5)} | {of: position_weights(a, b) for of, a, b in wins.iter_rows()}


def _ranked(group: pl.DataFrame, shares: tuple[float, float], l2: float) -> list[dict[str, Any]]:
    names = _names(group)
    fought = battle_matrix(
        len(names),
        [(names[m], names[n], v == "A") for m, n, v in group.select("first_id", "second_id", "verdict").rows()],
        shares,
    )
    strength, wins = fit(fought, l2), fought.sum(1)
    met = dict.fromkeys(names, 0)
    for name in [*group["first_id"], *group["second_id"]]:
        met[name] += 1
    return [{"id": n, "elo": float(strength[i]), "wins": float(wins[i]), "battles": met[n]} for n, i in names.items()]


def battle_matrix(n: int, won: Sequence[tuple[int, int, bool]], shares: tuple[float, float]) -> "Matrix":
    """B of the formula, from (shown first, shown second, whether the first won)."""
    import numpy as np

    fought = np.zeros((n, n))
    for first, second, first_won in won:
        winner, loser = (first, second) if first_won else (second, first)
        fought[winner, loser] += shares[0] if first_won else shares[1]
    return fought


def _judgments(rows: pl.DataFrame) -> pl.DataFrame:
    """Each judgment of the battles once, with its text, its score and its reply, in order of first appearance."""
    own = [c for c in rows.columns if c not in GONE]
    sides = []
    for side, text in (("first", "judgment_a"), ("second", "judgment_b")):
        more = {f"{side}_score": "score", f"{side}_reply": "judgment_reply"}
        kept = [pl.col(c).alias(name) for c, name in more.items() if c in rows.columns]
        sides.append(rows.select("prompt_id", pl.col(f"{side}_id").alias("id"), pl.col(text).alias("judgment"), *kept,
                                 *(c for c in own if c != "prompt_id")))  # fmt: skip
    return pl.concat(sides).unique("id", keep="first", maintain_order=True)
