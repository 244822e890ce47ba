"""Starts of hidden Markov models: those of mixtures, with transitions counted between neighbouring rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import cast

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmix.families.categorical import Categorical
from skmix.initialize.spectral import spectral
from skmix.initialize.starts import STARTS, Distances, given, start, start_from
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
    return lambda objective, rng: start(name, objective, rng)


def clusters(objective: Objective, n_mix: int, rng: np.random.RandomState) -> Parameters:
    """The clusters of k-means; where states emit from mixtures, clusters within the clusters."""
    if n_mix == 1:
        return start("kmeans", objective, rng)
    data = Distances(objective.model.family, objective.rows)
    Z, weight = data.sample(rng)
    labels = _kmeans(Z, weight, objective.rows.n_components // n_mix, rng).labels_
    parts = [_kmeans(Z[labels == k], weight[labels == k], n_mix, rng).cluster_centers_ for k in np.unique(labels)]
    centres = np.concatenate(parts)
    centres = np.concatenate([centres, Z[rng.choice(len(Z), objective.rows.n_components - len(centres))]])
    return start_from(data.nearest(centres), objective)


def _kmeans(Z: np.ndarray, weight: np.ndarray, n_clusters: int, rng: np.random.RandomState) -> KMeans:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters
        return KMeans(min(n_clusters, len(Z)), n_init=1, random_state=rng).fit(Z, sample_weight=weight)


def of_mixture(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The responsibilities of a mixture, fitted by a few steps of EM from the clusters of k-means."""
    blind = Objective(Model(objective.model.family, Weights()), objective.rows, objective.threads, objective.cancelled)
    parameters = clusters(blind, objective.model.latent.n_mix, rng)
    for _ in range(_MIXTURE_PASSES):
        parameters = blind.m_step(blind.at(parameters))
    responsibilities = blind.responsibilities(parameters)
    return start_from(given(responsibilities), objective)


def sticky(objective: ChainObjective, rng: np.random.RandomState) -> Parameters:
    """The clusters of k-means, and states that last: a probability to stay between 0.8 and 0.95, drawn at random."""
    latent, components = clusters(objective, objective.model.latent.n_mix, rng)
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
    "kmeans": lambda objective, rng: clusters(objective, objective.model.latent.n_mix, rng),
    "mixture": of_mixture,
    "sticky": sticky,
}
