"""Starts: responsibilities to begin from, and the parameters that one M-step makes of them.

All starts work in the coordinates that the family declares isotropic (standardised ones, for Gaussians), so they do not
depend on the user's units, and accept missing values and weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.cluster import KMeans, kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning

from skmix.families.base import Family
from skmix.initialize.known_labels import honouring
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Workspace

Assignment = Callable[[Block, np.ndarray], None]

_MOST_ROWS = 50_000  # centres are sought on a random sample of this many rows
_MISSING_ROUNDS = 3  # M-steps, each expecting the missing entries under the last one's parameters


def start(name: str, objective: Objective, rng: np.random.RandomState, n_components: int | None = None) -> Parameters:
    """Parameters to start a solver from.

    Parameters
    ----------
    name : str
        A key of `STARTS`.
    objective : Objective
    rng : RandomState
    n_components : int, optional
        Other than the objective's own number.
    """
    n_components = n_components or objective.rows.n_components
    data = Distances(objective.model.family, objective.rows)
    return start_from(STARTS[name](data, n_components, rng), objective, n_components)


def start_from(assign: Assignment, objective: Objective, n_components: int | None = None) -> Parameters:
    """The parameters that an M-step makes of assigned responsibilities."""
    family, latent = objective.model.family, objective.model.latent
    n_components = n_components or objective.rows.n_components
    parameters = objective.model.reference(n_components, objective.rows.n_features)
    if not family.standardise:  # where the data lie on the whole, for components that no row is assigned to
        parameters = objective.m_step_from(lambda block, R: R.fill(1.0 / n_components), parameters)
    assign = honouring(assign, objective)
    if family.softening:
        assign = _softened(assign, family.softening)
    for _ in range(_MISSING_ROUNDS if objective.rows.grouped else 1):
        parameters = objective.m_step_from(assign, parameters)
    return Parameters(latent.leave_room(parameters.latent), parameters.components)


def given(responsibilities: np.ndarray) -> Assignment:
    """The assignment of an array of shape (n, K)."""

    def assign(block: Block, R: np.ndarray) -> None:
        np.copyto(R, responsibilities[block.rows].T)

    return assign


def _softened(assign: Assignment, share: float) -> Assignment:
    """The same assignment, with a `share` of every row spread evenly over the components."""

    def soft(block: Block, R: np.ndarray) -> None:
        assign(block, R)
        R *= 1.0 - share
        R += share / len(R)

    return soft


class Distances:
    """Rows as starts see them: in the family's isotropic coordinates.

    Parameters
    ----------
    family : Family
    rows : Rows
    """

    def __init__(self, family: Family, rows: Rows):
        self.family, self.rows = family, rows
        self.features = family.isotropic_features(rows.n_features)  # that the coordinates are made of

    def _see(self, block: Block) -> tuple[np.ndarray, np.ndarray | None]:
        """A block's coordinates, and where they are observed; (n_coordinates, n) each."""
        mask = block.mask
        return self.family.isotropic(block.Z), None if mask is None else mask[self.features]

    def nearest(self, centres: np.ndarray) -> Assignment:
        """Assign each row to the nearest centre by its observed features; equally near centres share it."""

        def assign(block: Block, R: np.ndarray) -> None:
            Z, mask = self._see(block)
            square = np.square(centres)
            size = square.sum(axis=1, keepdims=True) if mask is None else square @ mask
            distance = size - 2 * centres @ (Z if mask is None else Z * mask)
            np.equal(distance, distance.min(axis=0), out=R, casting="unsafe")
            R /= R.sum(axis=0)

        return assign

    def sample(self, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """Rows (missing entries at the mean of the observed ones) and weights, in an order given by values alone.

        So that a row of weight 2 starts a fit as two rows do, in whatever order they come.
        """
        rows = self.rows
        if rows.n_samples > _MOST_ROWS:
            rows = rows.take(np.sort(rng.choice(rows.n_samples, _MOST_ROWS, replace=False)))
        Z, weight = self.coordinates(rows)
        missing = np.isnan(Z)
        Z[missing] = 0.0
        total = weight @ ~missing
        mean = (weight @ Z / np.where(total > 0, total, 1.0)).astype(Z.dtype)
        Z += missing * mean
        direction = np.random.RandomState(0).standard_normal(len(self.features))
        order = np.argsort(Z @ direction, kind="stable")
        return Z[order], weight[order]

    def coordinates(self, rows: Rows | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Rows in isotropic coordinates, NaN where missing, and weights, in the order of the rows."""
        rows = self.rows if rows is None else rows
        Z, work = np.empty((rows.n_samples, len(self.features)), rows.dtype), Workspace()
        for index in range(len(rows)):
            block = rows.block(index, work)
            seen, mask = self._see(block)
            Z[block.rows] = seen.T if mask is None else np.where(mask > 0, seen, np.nan).T
        return Z, np.ones(rows.n_samples) if rows.weight is None else rows.weight

    def distinct(self, rng: np.random.RandomState, n_components: int) -> tuple[np.ndarray, np.ndarray]:
        """The same, equal rows as one with the sum of their weights, if at least `n_components` of them differ.

        Components that start alike stay alike, and codes have few different rows. Where two centres are equally near,
        as among codes they often are, k-means goes by rounding: only from equal input is that the same for a row of
        weight 2 and for two rows.
        """
        Z, weight = self.sample(rng)
        first = np.flatnonzero(np.r_[True, np.any(Z[1:] != Z[:-1], axis=1)])
        if len(first) < n_components:
            return Z, weight
        return Z[first], np.add.reduceat(weight, first)


def kmeans(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """The clusters of k-means."""
    Z, weight = data.distinct(rng, n_components)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than components
        found = KMeans(n_components, n_init=1, random_state=rng).fit(Z, sample_weight=weight)
    return data.nearest(found.cluster_centers_)


def kmeans_seeds(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """The rows nearest to each seed of k-means++."""
    Z, weight = data.distinct(rng, n_components)
    centres, _ = kmeans_plusplus(Z, n_components, sample_weight=weight, random_state=rng)
    return data.nearest(centres)


def random_rows(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """The rows nearest to each of K rows drawn at random."""
    Z, weight = data.distinct(rng, n_components)
    return data.nearest(Z[rng.choice(len(Z), n_components, replace=False, p=weight / weight.sum())])


def random(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """Responsibilities drawn at random."""
    drawn = rng.uniform(size=(data.rows.n_samples, n_components)).astype(data.rows.dtype, copy=False)
    drawn /= drawn.sum(axis=1, keepdims=True)

    def assign(block: Block, R: np.ndarray) -> None:
        np.copyto(R, drawn[block.rows].T)

    return assign


STARTS: dict[str, Callable[[Distances, int, np.random.RandomState], Assignment]] = {
    "kmeans": kmeans,
    "k-means++": kmeans_seeds,
    "random": random,
    "random_from_data": random_rows,
}
