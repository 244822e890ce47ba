"""Performance profiles: how often a solver is the best, and how far it is from the best otherwise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def performance_profiles(costs: Mapping[str, np.ndarray]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Dolan and Moré's performance profiles.

    The profile of solver s at the ratio τ is the share of problems p that s solves at no more than τ times the cost of
    the cheapest solver of that problem, ρ_s(τ) = |{p : t_ps ≤ τ·min_s t_ps}| / |p|. At τ = 1 it says how often s is the
    cheapest, at the right end how often it solves a problem at all.

    Parameters
    ----------
    costs : dict of str to ndarray of shape (n_problems,)
        Cost of each problem by the name of the solver; inf where it was not solved.

    Returns
    -------
    profiles : dict of str to tuple of two ndarrays
        ``(ratios, shares)``, the corners of a step function that is continuous from the right: the share is
        ``shares[i]`` from ``ratios[i]`` on until the next one, and ``shares[-1]`` for ever. ``ratios[0]`` is 1.

    References
    ----------
    Dolan, E. D. and Moré, J. J. (2002). Benchmarking optimization software with performance profiles. Math. Program.
    91, 201–213. doi:10.1007/s101070100263

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.comparison.profiles import performance_profiles
    >>> profiles = performance_profiles({"a": np.array([10.0, 30.0]), "b": np.array([40.0, np.inf])})
    >>> [corners.tolist() for corners in profiles["a"]], [corners.tolist() for corners in profiles["b"]]
    ([[1.0], [1.0]], [[1.0, 4.0], [0.0, 0.5]])
    """
    table = np.array(list(costs.values()), dtype=np.float64)
    cheapest = table.min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(table == cheapest, 1.0, table / cheapest)  # 0/0 is a tie
    ratios[np.isinf(table)] = np.inf
    return {name: _steps(row) for name, row in zip(costs, ratios, strict=True)}


def _steps(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    solved = np.sort(ratios[np.isfinite(ratios)])
    corners = np.unique(np.append(solved, 1.0))
    return corners, np.searchsorted(solved, corners, side="right") / len(ratios)
