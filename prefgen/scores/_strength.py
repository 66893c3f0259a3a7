"""Strengths from battles: the Bradley-Terry model by regularised maximum likelihood."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

STEPS = 100
"""Newton steps at most; a handful is enough, and the objective is strictly concave."""
CLOSE = 1e-10


def fit(wins: "Matrix", l2: float) -> "Matrix":
    """The strengths e, in log-odds and centred at 0, that maximise sum_mn wins[m, n] log sigmoid(e_m - e_n) -
    l2/2 |e|^2. ``wins[m, n]`` is the weight of m's wins over n. Raises ValueError where they are not found, which no
    finite matrix with l2 above 0 does.
    """
    found: Matrix = fit_all(wins[None], l2)[0]
    return found


def fit_all(wins: "Matrix", l2: float) -> "Matrix":
    """``fit`` of many matrices of one size: (groups, n, n) to (groups, n). What is found for one does not depend on
    those beside it.
    """
    import numpy as np

    strength, left = np.zeros(wins.shape[:2]), np.arange(len(wins) if wins.shape[1] else 0)
    for _ in range(STEPS):
        if not len(left):
            return strength - strength.mean(1, keepdims=True) if wins.shape[1] else strength
        now, won = strength[left], wins[left]
        lost = _sigmoid(now[:, None, :] - now[:, :, None])  # that n beats m
        slope = (won * lost).sum(2) - (won * lost).sum(1) - l2 * now
        step = np.linalg.solve(information(won, now, l2), slope[:, :, None])[:, :, 0]
        longest = np.abs(step).max(1)
        strength[left] += step / np.maximum(1.0, longest)[:, None]  # a long step is cut: far out the sigmoid is flat
        left = left[longest >= CLOSE]
    raise ValueError(f"no maximum found in {STEPS} steps")


def information(wins: "Matrix", strength: "Matrix", l2: float) -> "Matrix":
    """The observed information: what the second derivative of the log-likelihood is, with its sign turned. Of one
    matrix, or of many.
    """
    import numpy as np

    lost = _sigmoid(strength[..., None, :] - strength[..., :, None])
    weight = (wins + wins.swapaxes(-1, -2)) * lost * lost.swapaxes(-1, -2)
    found: Matrix = (weight.sum(-1) + l2)[..., None] * np.eye(wins.shape[-1]) - weight
    return found


def _sigmoid(x: "Matrix") -> "Matrix":
    import numpy as np

    found: Matrix = 0.5 * (1 + np.tanh(x / 2))  # overflows nowhere
    return found


def groups(fought: "Matrix") -> list[int]:
    """The connected group of each player: those of different groups never met, not even by way of others."""
    found = [-1] * len(fought)
    for first in range(len(fought)):
        waiting, number = [first] if found[first] < 0 else [], max(found) + 1
        while waiting:
            one = waiting.pop()
            found[one] = number
            waiting += [other for other in fought[one].nonzero()[0] if found[other] < 0]
    return found
