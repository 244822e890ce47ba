"""The parts of L-BFGS: the product of the learnt inverse Hessian, and SciPy's line search.

References
----------
Byrd, R. H., Nocedal, J. and Schnabel, R. B. (1994). Representations of quasi-Newton matrices and their use in limited
memory methods. Math. Program. 63, 129–156. doi:10.1007/BF01582063
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.optimize import line_search

Pair = tuple[np.ndarray, np.ndarray]
_CURVED = 1e-10  # least cosine between a step and the change of the gradient
_WOLFE = {"c1": 1e-4, "c2": 0.9, "maxiter": 20}
_WALL = 1e10  # in place of a value that could not be computed


def is_curved(pair: Pair) -> bool:
    """Whether the objective bends downwards along a pair of (step, loss of gradient)."""
    step, loss = pair
    return bool(step @ loss > _CURVED * np.linalg.norm(step) * np.linalg.norm(loss))


def inverse_product(pairs: Sequence[Pair], gradient: np.ndarray) -> np.ndarray:
    """H g: the ascent direction of L-BFGS, the gradient itself where there are no pairs.

    By the compact form of H: a few products with all pairs at once, where the usual two loops make two for each.
    """
    if not pairs:
        return gradient
    S, Y = (np.array(part) for part in zip(*pairs, strict=True))
    with np.errstate(all="ignore"):  # where pairs are nearly dependent; the search refuses a useless direction
        products = S @ Y.T
        scale = products[-1, -1] / (Y[-1] @ Y[-1])
        R = np.triu(products)
        u = solve_triangular(R, S @ gradient, check_finite=False)
        v = scale * (Y @ (Y.T @ u - gradient)) + np.diagonal(products) * u
        t = solve_triangular(R, v, trans=1, check_finite=False)
        return scale * (gradient - u @ Y) + t @ S


def wolfe_step(at: Callable[[float], tuple[float, float]], begin: tuple[float, float]) -> float | None:
    """A step length that meets Wolfe's conditions, length 1 tried first; None where there is none.

    Parameters
    ----------
    at : callable
        ``at(length)`` gives value and slope along the direction; −inf where the value could not be computed.
    begin : (float, float)
        The same at length 0.
    """
    seen: dict[float, tuple[float, float]] = {0.0: begin}

    def look(length: Any) -> tuple[float, float]:
        length = float(length[0])
        if length not in seen:
            value, slope = at(length)
            seen[length] = (value, slope) if np.isfinite(value) and np.isfinite(slope) else (-_WALL, 0.0)
        return seen[length]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a search that fails says so by its result
        step = line_search(
            lambda length: -look(length)[0],
            lambda length: np.array([-look(length)[1]]),
            np.zeros(1),
            np.ones(1),
            **_WOLFE,
        )[0]
    return None if step is None or not look([step])[0] > begin[0] else float(step)
