"""The components of one fit that correspond to those of another, and public attributes in their order."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from skmix.families.base import Family
from skmix.likelihood.units import Units


def match(reference: np.ndarray, other: np.ndarray, weight: np.ndarray, n_mix: int = 1) -> np.ndarray:
    """Which components of another fit correspond to those of a reference, from responsibilities for the same rows.

    A component is the distribution over rows that its responsibilities make, and two are alike by Bhattacharyya's
    coefficient Σ_n √(p_n q_n): it depends on no units and needs no parameters. Their sum is maximised.

    Parameters
    ----------
    reference, other : ndarray of shape (n_samples, n_states * n_mix)
        Responsibilities; components of one state are neighbours.
    weight : ndarray of shape (n_samples,)
        Weights of the rows.
    n_mix : int
        Components of a state, which stay together.

    Returns
    -------
    order : ndarray of int of shape (n_states, n_mix)
        ``other[:, order.ravel()]`` goes with `reference`.
    """
    split = (len(reference), -1, n_mix)
    states = _assign(reference.reshape(split).sum(axis=2), other.reshape(split).sum(axis=2), weight)
    pairs = ((reference.reshape(split)[:, k], other.reshape(split)[:, j]) for k, j in enumerate(states))
    return states[:, np.newaxis] * n_mix + np.array([_assign(one, two, weight) for one, two in pairs])


def _assign(reference: np.ndarray, other: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """For each column of `reference` the column of `other` that goes with it."""
    roots = [np.sqrt(R / np.maximum(weight @ R, np.finfo(np.float64).tiny)) for R in (reference, other)]
    return linear_sum_assignment((roots[0].T * weight) @ roots[1], maximize=True)[1]


def reordered(
    estimator: Any, family: Family, n_features: int, public: dict[str, np.ndarray], order: np.ndarray
) -> dict[str, np.ndarray]:
    """Public attributes with their components (and states) in the order that :func:`match` gave."""
    states, n_mix = order[:, 0] // order.shape[1], order.shape[1]
    own = _per_component(family, n_features)
    result = {}
    for name, value in public.items():
        if name not in own:
            result[name] = estimator._latent_in_order(name, value, states, order % n_mix)
        else:  # in some estimators a state has an axis of its own
            result[name] = value.reshape(order.size, -1)[order.ravel()].reshape(value.shape) if own[name] else value
    return result


def _per_component(family: Family, n_features: int) -> dict[str, bool]:
    """For each attribute of the components, whether each has its own: then its shape depends on their number."""
    units = Units.identity(n_features)
    one, two = (family.publish(family.reference(K, n_features), units) for K in (1, 2))
    return {name: one[name].shape != two[name].shape for name in one}
