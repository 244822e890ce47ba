"""Starts of hidden Markov models: those of mixtures, with transitions counted between neighbouring rows.

Clusters have no order, states have one where transitions have a structure: see `skmix.initialize.arrangement`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import cast

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmix.families.categorical import Categorical
from skmix.initialize.arrangement import alike, arrange
from skmix.initialize.spectral import spectral
from skmix.initialize.starts import STARTS, Assignment, Distances, given, start_from
from skmix.latent.chain import ChainParameters
from skmix.latent.weights import Weights
from skmix.likelihood.chained import ChainObjective
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective

_STICKY = (0.8, 0.95)  # range of the probabilities to stay
_MIXTURE_PASSES = 30

ChainStart = Callable[[ChainObjective, np.random.RandomState], Parameters]


def of_assignment(name: str) -> ChainStart:
    """A start of mixtures; transitions are counted as if labels were known."""

    def begin(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
        data = Distances(objective.model.family, objective.rows)
        return arranged(STARTS[name](data, objective.rows.n_components, rng), objective)

    return begin


def arranged(assign: Assignment, objective: ChainObjective) -> Parameters:
    """The parameters of an assignment to clusters, in the order that suits the chain's structure."""
    latent = objective.model.latent
    if alike(latent.chain):
        return start_from(assign, objective)
    R = objective.assigned(assign).reshape(objective.rows.n_samples, -1, latent.n_mix)
    order = arrange(latent.chain, R.sum(axis=2), objective.sequences)
    return start_from(given(R[:, order].reshape(len(R), -1)), objective)


def clusters(objective: Objective, n_mix: int, rng: np.random.RandomState) -> Assignment:
    """The clusters of k-means; where states emit from mixtures, clusters within the clusters."""
    data = Distances(objective.model.family, objective.rows)
    if n_mix == 1:
        return STARTS["kmeans"](data, objective.rows.n_components, rng)
    Z, weight = data.sample(rng)
    labels = _kmeans(Z, weight, objective.rows.n_components // n_mix, rng).labels_
    parts = [_kmeans(Z[labels == k], weight[labels == k], n_mix, rng).cluster_centers_ for k in np.unique(labels)]
    centres = np.concatenate(parts)
    centres = np.concatenate([centres, Z[rng.choice(len(Z), objective.rows.n_components - len(centres))]])
    return data.nearest(centres)


def _kmeans(Z: np.ndarray, weight: np.ndarray, n_clusters: int, rng: np.random.RandomState) -> KMeans:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        return KMeans(min(n_clusters, len(Z)), n_init=1, random_state=rng).fit(Z, sample_weight=weight)


def of_mixture(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The responsibilities of a mixture, fitted by a few steps of EM from the clusters of k-means."""
    blind = Objective(Model(objective.model.family, Weights()), objective.rows, objective.threads, objective.cancelled)
    parameters = start_from(clusters(blind, objective.model.latent.n_mix, rng), blind)
    for _ in range(_MIXTURE_PASSES):
        parameters = blind.m_step(blind.at(parameters))
    return arranged(given(blind.responsibilities(parameters)), objective)


def of_clusters(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The clusters of k-means."""
    return arranged(clusters(objective, objective.model.latent.n_mix, rng), objective)


def sticky(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The clusters of k-means, and states that last: a probability to stay between 0.8 and 0.95, drawn at random."""
    latent, components = of_clusters(objective, rng)
    return Parameters(objective.model.latent.stay(latent, rng.uniform(*_STICKY)), components)


def by_moments(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The method of moments, for one categorical feature."""
    family, rows = cast(Categorical, objective.model.family), objective.rows
    if rows.n_features != 1:
        raise ValueError(
            f"init_params='spectral' takes one feature, X has {rows.n_features}; use 'kmeans' or 'mixture'."
        )
    if rows.labels is not None:
        raise ValueError("init_params='spectral' cannot make use of known 'labels'; use 'kmeans' or 'mixture'.")
    found = spectral(rows.X[:, 0], objective.sequences.first, rows.n_components, int(family.n_categories[0]), rng)
    start, transitions, emission = found
    components = family.adopt({"probabilities_": emission[:, np.newaxis]}, rows.units)
    return Parameters(ChainParameters(start, transitions), components)


CHAIN_STARTS: dict[str, ChainStart] = {
    **{name: of_assignment(name) for name in STARTS},
    "kmeans": of_clusters,
    "mixture": of_mixture,
    "sticky": sticky,
}
