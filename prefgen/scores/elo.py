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

from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from prefgen.rows import because, drops
from prefgen.scores._strength import fit_all

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
    """The rows; ``in_largest`` where a battle belongs to the largest set of its response's judgments that fought one
    another, of equal ones to the first.
    """
    fought = rows.filter(pl.col("verdict").is_not_null())
    battles, judgments = _placed(fought)
    joined = judgments.with_columns(_connected(battles, judgments.height))
    parts = joined.group_by("response_id", "part").agg(pl.len(), pl.col("n").min())
    best = parts.sort("len", "n", descending=[True, False]).unique("response_id", keep="first")["part"]
    first = joined["part"].gather(battles["first"])
    return rows.with_columns(
        pl.col("id").is_in(fought["id"].filter(first.is_in(best.implode())).implode()).alias("in_largest")
    )


def _placed(fought: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The two judgments of each battle, ``first`` and ``second``, as rows of the other table: all judgments, those that
    were shown first before the others; ``place`` is a judgment's among its response's.
    """
    sides = [fought.select("response_id", id=f"{side}_id") for side in ("first", "second")]
    judgments = pl.concat(sides).unique(maintain_order=True).with_row_index("n")
    judgments = judgments.with_columns(pl.int_range(pl.len()).over("response_id").alias("place"))
    found = [side.join(judgments, on=["response_id", "id"], how="left", maintain_order="left")["n"] for side in sides]
    return pl.DataFrame({"first": found[0], "second": found[1]}), judgments


def _connected(battles: pl.DataFrame, judgments: int) -> pl.Series:
    """The number of the connected group of each judgment."""
    import numpy as np
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    ends = battles["first"].to_numpy(), battles["second"].to_numpy()
    met = csr_array((np.ones(battles.height), ends), shape=(judgments, judgments))
    return pl.Series("part", connected_components(met, directed=False)[1] if judgments else [], dtype=pl.Int64)


@drops(_unranked, prepared=_with_groups)
def elo(rows: pl.DataFrame, *, weights: Scope = "table", l2: float = 0.1) -> pl.DataFrame:
    """One row of each judgment that fought: its ``elo`` in log-odds (0 is the mean of its response's), the weighted
    ``wins``, and the number of ``battles`` that were decided.

    Takes meta-judged battles; one that could not be read is not there, and counts for neither side. ``weights`` says
    over what the wins of each place are counted: the whole ``table``, which is an iteration; each ``response``; or not
    at all (``none``). Judgments that no battle joins to the largest group are dropped. Ids are the judgments'. Raises
    ValueError for l2 of 0 or less.
    """
    battles, judgments = _placed(rows)
    met = pl.concat([battles["first"], battles["second"]]).value_counts(name="battles").rename({"first": "n"})
    told = _ranked(battles.hstack(_shares(rows, weights)), judgments, l2).join(met, on="n", how="left")
    ranks = told.select("id", *(pl.col(c).cast(kind) for c, kind in NEW.items()))
    return _judgments(rows).join(ranks, on="id", how="left", maintain_order="left")


ENDS = ("first", "second")
CELLS = 1_000_000
"""Cells of the matrices that are held at once: what bounds memory."""
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
elo.looks_at = lambda settings: ("response_id", "first_id", "second_id", "verdict")  # noqa: ARG005


def _shares(rows: pl.DataFrame, scope: Scope) -> pl.DataFrame:
    """Whether the first of each battle won, and the weight that the win has."""
    first = (pl.col("verdict") == "A").alias("won")
    if scope == "none":
        return rows.select(first, share=pl.lit(0.5))
    wins = {c: (pl.col("verdict") == c).sum() for c in "AB"}
    over = pl.col("response_id") if scope == "response" else pl.lit(0)
    counted = rows.select(first, **{c: n.over(over) for c, n in wins.items()})
    counts = counted.select("A", "B").unique()
    shares = [position_weights(a, b) for a, b in counts.iter_rows()]
    known = counts.with_columns(
        pl.Series(shares, dtype=pl.Array(pl.Float64, 2)).arr.to_struct(["w1", "w2"]).struct.unnest()
    )
    told = counted.join(known, on=["A", "B"], how="left", maintain_order="left")
    return told.select("won", share=pl.when("won").then("w1").otherwise("w2"))


def _ranked(battles: pl.DataFrame, judgments: pl.DataFrame, l2: float) -> pl.DataFrame:
    """The judgments with ``elo`` and ``wins``: those of all responses with as many judgments at once."""
    import numpy as np

    group = (judgments["response_id"].rank("dense") - 1).to_numpy().astype(np.int64)
    place, found = judgments["place"].to_numpy(), np.zeros((2, judgments.height))
    size, slot = np.bincount(group), np.zeros(int(group.max(initial=-1)) + 1, np.int64)
    won = battles["won"].to_numpy()
    winner, loser = (np.where(won, *(battles[c].to_numpy() for c in ends)) for ends in (ENDS, ENDS[::-1]))
    for n in np.unique(size):
        alike = np.flatnonzero(size == n)
        for some in np.array_split(alike, -(-len(alike) * int(n) ** 2 // CELLS)):
            slot[some] = np.arange(len(some))
            mine, theirs = (np.isin(group[of], some) for of in (np.arange(len(group)), winner))
            of, ends = slot[group[winner[theirs]]], (place[winner[theirs]], place[loser[theirs]])
            fought = battle_matrices((len(some), int(n)), of, *ends, battles["share"].to_numpy()[theirs])
            at = slot[group[mine]], place[mine]
            found[:, mine] = fit_all(fought, l2)[at], fought.sum(2)[at]
    return judgments.with_columns(elo=found[0], wins=found[1])


def battle_matrices(shape: tuple[int, int], of: Any, winner: Any, loser: Any, share: Any) -> "Matrix":
    """B of the formula for so many responses, each with so many judgments, from the battles in their order: ``of``
    which response, which judgment won and which lost, and the weight of the win.
    """
    import numpy as np

    fought = np.zeros((*shape, shape[1]))
    np.add.at(fought, (of, winner, loser), share)
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
