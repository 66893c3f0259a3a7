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
    import numpy as np

    strength = np.zeros(len(wins))
    for _ in range(STEPS):
        lost = _sigmoid(strength[None, :] - strength[:, None])  # that n beats m
        slope = (wins * lost).sum(1) - (wins * lost).sum(0) - l2 * strength
        step = np.linalg.solve(information(wins, strength, l2), slope)
        longest = float(np.abs(step).max(initial=0.0))
        strength += step / max(1.0, longest)  # a long step is cut: far out the sigmoid is flat
        if longest < CLOSE:
            return strength - strength.mean() if len(strength) else strength
    raise ValueError(f"no maximum found in {STEPS} steps")


def information(wins: "Matrix", strength: "Matrix", l2: float) -> "Matrix":
    """The observed information: what the second derivative of the log-likelihood is, with its sign turned."""
    import numpy as np

    lost = _sigmoid(strength[None, :] - strength[:, None])
    weight = (wins + wins.T) * lost * lost.T
    found: Matrix = np.diag(weight.sum(1) + l2) - weight
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
