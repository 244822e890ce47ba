"""The structure of a transition matrix, as users give it: zeros, fixed and tied entries."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.csgraph import connected_components

from skmix.estimators.checks import check_shape
from skmix.families.simplex import Simplexes

_ROUNDING = 1e-14


def check_probabilities(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Rows of probabilities, which must add up to 1."""
    value = check_shape(name, value, shape)
    if value.min() < 0 or value.max() > 1:
        raise ValueError(
            f"The parameter {name!r} should be in the range [0, 1], but got min value {value.min():.5f}, max value "
            f"{value.max():.5f}"
        )
    sums = value.sum(axis=-1)
    worst = float(sums.flat[np.argmax(np.abs(sums - 1.0))])
    if abs(worst - 1.0) > 1e-6:
        raise ValueError(f"The parameter {name!r} should have rows that add up to 1, but one adds up to {worst:.5f}")
    rounding = np.abs(sums - 1.0) <= _ROUNDING  # then what was given stays as it is, to the last bit
    return value / np.where(rounding, 1.0, sums)[..., np.newaxis]


def check_prior(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Pseudo-counts of a Dirichlet prior: its concentrations less 1."""
    concentration = np.asarray(value, dtype=np.float64)
    if concentration.ndim and concentration.shape != shape:
        raise ValueError(f"The parameter {name!r} should be a number or have the shape of {shape}, but got {value!r}")
    if not np.all(concentration >= 1.0):
        raise ValueError(
            f"The parameter {name!r} should be 1 or more, but the least is {concentration.min():g}: below, the density "
            "has no maximum."
        )
    if not np.isfinite(concentration).all():
        raise ValueError(
            f"The parameter {name!r} should be finite, but got {value!r}; entries that are known are held by "
            "'transmat_fixed' and start='fixed'."
        )
    return np.broadcast_to(concentration - 1.0, shape)


def start_structure(initial: np.ndarray | None, fixed: bool, n_states: int) -> Simplexes:
    """Which start probabilities are free: none where `fixed`, and none that is 0 in `initial`."""
    if fixed:
        if initial is None:
            raise ValueError("start='fixed' holds the start probabilities; give them as 'startprob_init'.")
        return Simplexes(np.full(n_states, -1), initial)
    allowed = np.ones(n_states, dtype=bool) if initial is None else initial > 0
    if allowed.sum() == 1:
        return Simplexes(np.full(n_states, -1), allowed.astype(np.float64))
    return Simplexes.of(allowed)


def transition_structure(initial: np.ndarray | None, fixed: Any, tied: Any, n_states: int) -> Simplexes:
    """Which entries of the transition matrix are free, which equal each other.

    Parameters
    ----------
    initial : ndarray of shape (K, K) or None
        Checked initial probabilities: those of 0 stay 0.
    fixed : bool, array-like of bool of shape (K, K), or None
        Entries that stay at their initial values.
    tied : array-like of int of shape (K, K), or None
        Entries with the same positive number are equal; 0 for entries that are on their own.
    n_states : int
        The number K.
    """
    shape = (n_states, n_states)
    held = np.zeros(shape, dtype=bool)
    fixed = bool(fixed) if isinstance(fixed, np.bool_) else fixed
    if fixed is not None and fixed is not False:
        if initial is None:
            raise ValueError("'transmat_fixed' holds entries at their initial values; give them as 'transmat_init'.")
        held = np.ones(shape, dtype=bool) if fixed is True else _mask("transmat_fixed", fixed, shape)
    values = np.full(shape, 1.0 / n_states) if initial is None else initial
    free = ~held if initial is None else ~held & (initial > 0)
    # A row with a single free entry has nothing left to choose.
    free &= free.sum(axis=1, keepdims=True) > 1
    labels = np.zeros(shape, dtype=int) if tied is None else _labels(tied, shape, free)
    group = np.full(shape, -1)
    own = free & (labels == 0)
    group[own] = np.arange(own.sum())
    _, number = np.unique(labels[free & (labels > 0)], return_inverse=True)
    group[free & (labels > 0)] = own.sum() + number
    structure = Simplexes(group, np.where(free, 0.0, values))
    if tied is not None:
        _check_tied_rows(structure)
    return structure


def check_long_run(transitions: Simplexes) -> None:
    """Refuse transitions with several stationary distributions: with several sets of states that are never left."""
    possible = transitions.even() > 0
    number, labels = connected_components(possible, connection="strong")
    sets = [np.flatnonzero(labels == label) for label in range(number)]
    closed = [members for members in sets if not possible[np.ix_(members, labels != labels[members[0]])].any()]
    if len(closed) > 1:
        raise ValueError(
            "start='stationary' needs one stationary distribution, but by the zeros in 'transmat_init' the chain can "
            f"never leave the states {closed[0].tolist()}, nor the states {closed[1].tolist()}; let transitions lead "
            "from one to the other, or choose start='free'."
        )


def _mask(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    value = np.asarray(value)
    if value.shape != shape or value.dtype != bool:
        raise ValueError(f"{name!r} should be True or an array of booleans of shape {shape}, but got {value!r}")
    return value


def _labels(value: Any, shape: tuple[int, ...], free: np.ndarray) -> np.ndarray:
    value = np.asarray(value)
    if value.shape != shape or value.dtype.kind not in "iu" or value.min() < 0:
        raise ValueError(
            f"'transmat_tied' should be an array of integers of shape {shape}, 0 for entries on their own, but got "
            f"{value!r}"
        )
    if (value[~free] > 0).any():
        i, j = np.argwhere((value > 0) & ~free)[0]
        raise ValueError(f"'transmat_tied' ties the entry ({i}, {j}), which is not free to change; give it 0 there.")
    return value


def _check_tied_rows(structure: Simplexes) -> None:
    """Rows that share a free value must have the same ones, each as often, and the same part of 1 to share out."""
    rows = [tuple(sorted(row[row >= 0].tolist())) for row in structure.group]
    for i, one in enumerate(rows):
        for j, other in enumerate(rows[:i]):
            if set(one) & set(other) and (one != other or abs(structure.mass[i, 0] - structure.mass[j, 0]) > 1e-9):
                raise ValueError(
                    f"'transmat_tied' ties entries of the rows {j} and {i}, but not all of them: rows that share a "
                    "number must have the same numbers, each as often. Tie the other entries of these rows, too."
                )
