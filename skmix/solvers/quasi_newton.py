"""The parts of L-BFGS: the product of the learnt inverse Hessian, and a line search.

References
----------
Byrd, R. H., Nocedal, J. and Schnabel, R. B. (1994). Representations of quasi-Newton matrices and their use in limited
memory methods. Math. Program. 63, 129–156. doi:10.1007/BF01582063

Moré, J. J. and Thuente, D. J. (1994). Line search algorithms with guaranteed sufficient decrease. ACM Trans. Math.
Softw. 20, 286–307. doi:10.1145/192115.192132
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg.lapack import dtrtrs

_CURVED = 1e-10  # least cosine between a step and the change of the gradient
_SUFFICIENT = 1e-4  # part of the gain that the slope promises, for a step to be long enough
_WIDEN = 4.0  # how much longer a step becomes at most, before its end is bracketed
_MOST_TRIALS = 20


class Memory:
    """The last pairs of a step and the gradient that it lost, and the inverse Hessian H that they show.

    The compact form of H: a few products with all pairs at once, where the usual two loops make two for each. The
    products of pairs with each other are kept.

    Parameters
    ----------
    most : int
        Pairs that are kept.
    """

    def __init__(self, most: int):
        self.most = most
        self._products = np.empty((most, most))  # s_iᵀ y_j
        self._steps, self._losses = np.empty((2, most, 0))
        self.clear()

    def __len__(self) -> int:
        return self._n

    def clear(self) -> None:
        """Forget all pairs."""
        self._n = 0
        self._known: tuple[np.ndarray, np.ndarray] | None = None

    def add(self, step: np.ndarray, loss: np.ndarray) -> bool:
        """Keep a pair if the objective bends downwards along it; whether it does."""
        if not step @ loss > _CURVED * np.linalg.norm(step) * np.linalg.norm(loss):
            return False
        if not self._n:
            self._steps, self._losses = np.empty((2, self.most, len(step)))
        if self._n == self.most:  # the oldest makes room
            for pairs in (self._steps, self._losses):
                pairs[:-1] = pairs[1:]
            self._products[:-1, :-1] = self._products[1:, 1:]
            self._n -= 1
        n = self._n
        self._steps[n], self._losses[n] = step, loss
        self._products[n, : n + 1] = self._losses[: n + 1] @ step
        self._products[:n, n] = self._steps[:n] @ loss
        self._n, self._known = n + 1, None
        return True

    @property
    def last_step(self) -> np.ndarray:
        """The step of the last pair."""
        return self._steps[self._n - 1]

    def inverse_product(self, gradient: np.ndarray) -> np.ndarray:
        """H g: the ascent direction of L-BFGS, the gradient itself where there are no pairs."""
        if not self._n:
            return gradient
        if self._known is None or self._known[0] is not gradient:  # asked for the gain first, for the direction then
            self._known = gradient, self._product(gradient)
        return self._known[1]

    def _product(self, gradient: np.ndarray) -> np.ndarray:
        n = self._n
        S, Y, R = self._steps[:n], self._losses[:n], self._products[:n, :n]  # of R the upper triangle is read
        diagonal = np.diagonal(R)
        scale = diagonal[-1] / (Y[-1] @ Y[-1])
        u = dtrtrs(R, S @ gradient)[0]
        v = scale * (Y @ (u @ Y - gradient)) + diagonal * u
        t = dtrtrs(R, v, trans=1)[0]
        return scale * (gradient - u @ Y) + t @ S


def wolfe_step(
    at: Callable[[float], tuple[float, float]], begin: tuple[float, float], curvature: float = 0.9
) -> float | None:
    """A step length uphill that meets the strong Wolfe conditions, length 1 tried first; None where there is none.

    Where the trials run out, the longest step that gained enough is good enough.

    Parameters
    ----------
    at : callable
        ``at(length)`` gives value and slope along the direction; −inf or NaN where they could not be computed.
    begin : (float, float)
        The same at length 0.
    curvature : float
        Part of the first slope that may be left.
    """
    value, slope = begin
    if not slope > 0:
        return None
    low, high, trial = (0.0, value, slope), None, 1.0
    for _ in range(_MOST_TRIALS):
        reached, rise = at(trial)
        here = (trial, reached, rise)
        enough = np.isfinite(rise) and reached >= value + _SUFFICIENT * trial * slope and reached >= low[1]
        if enough and abs(rise) <= curvature * slope:
            return trial
        if enough and rise * (trial - low[0]) > 0:  # still uphill, away from the best so far
            low = here
        elif enough:
            low, high = here, low
        else:
            high = here
        trial = _WIDEN * trial if high is None else _between(low, high)
        if trial in (low[0], high and high[0]):  # the bracket is as narrow as numbers are
            break
    return low[0] if low[0] > 0 and low[1] > value else None


def _between(low: tuple[float, float, float], high: tuple[float, float, float]) -> float:
    """The next trial in a bracket: where a cubic through both ends has its top, kept away from the ends."""
    (a, value_a, slope_a), (b, value_b, slope_b) = low, high
    width = b - a
    middle = a + 0.5 * width
    if not np.isfinite([value_b, slope_b]).all():
        return a + 0.1 * width
    # Maximising the cubic that has these values and slopes.
    theta = 3.0 * (value_b - value_a) / width - slope_a - slope_b
    root = theta * theta - slope_a * slope_b
    if not 0 <= root < np.inf:
        return middle
    gamma = np.sqrt(root) * np.sign(width)
    bottom = slope_a - slope_b + 2.0 * gamma
    share = (slope_a + theta + gamma) / bottom if bottom else 0.5
    return a + width * float(np.clip(share, 0.1, 0.9)) if np.isfinite(share) else middle
