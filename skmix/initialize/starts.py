"""Starts: responsibilities to begin from, and the parameters that one M-step makes of them.

All starts work in the coordinates that the family declares isotropic (standardised ones, for Gaussians), so they do not
depend on the user's units, and accept missing values and weights.

====================  =================================================================================================
``kmeans``            clusters of k-means; where a Gaussian for each cluster says that they cut elongated clusters,
                      clusters that are merged from smaller ones
``k-means++``         rows nearest to seeds, each the best of a few candidates by the likelihood of the clusters
``hierarchical``      model-based agglomeration, from up to 2000 rows extended to all; the same for any `random_state`
``random``            random responsibilities
``random_from_data``  rows nearest to random rows
====================  =================================================================================================

`init_params` may also be an array: labels (n_samples,) from 0 to K − 1, or −1 for rows that are spread evenly, or
responsibilities (n_samples, K). Or a fitted estimator: one of the same class and size gives its parameters, any other
the responsibilities of the rows by its ``predict_proba``, ``predict`` or ``labels_``. Copies made by
:func:`sklearn.base.clone`, as in searches over parameters, are no longer fitted, unless it is wrapped in
:class:`sklearn.frozen.FrozenEstimator`; an array fits one number of rows, hence no folds.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from skmix.families.base import Family
from skmix.initialize import partitions
from skmix.initialize.known_labels import honouring
from skmix.latent.weights import Weights
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Workspace

Assignment = Callable[[Block, np.ndarray], None]

_MOST_ROWS = 50_000  # centres are sought on a random sample of this many rows
_MISSING_ROUNDS = 3  # M-steps, each expecting the missing entries under the last one's parameters
_MERGED_ROWS = 2000  # clusters are merged on a random sample of this many rows
_SMALL_CLUSTERS, _SMALL_PER_CLUSTER = 20, 6  # from which they are merged: at least so many
_REFINEMENTS = 5  # steps that move single rows
# Nats per row by which merged clusters must be better than those of k-means to be preferred: parallel bars pass by 0.45
# and more, and what was lower did not tell which start leads higher (doc/develop/architecture.md).
_CLEARLY = 0.35


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


class Sample(NamedTuple):
    """Different rows on which a partition is sought.

    Attributes
    ----------
    Z : ndarray of shape (m, n_coordinates)
        In isotropic coordinates, sorted by value.
    weight : ndarray of shape (m,)
        The weight of all rows that are equal to each.
    rows : ndarray of shape (s,) or None
        Which rows of the data were looked at; None for all.
    which : ndarray of shape (s,)
        The different row that each of them is.
    """

    Z: np.ndarray
    weight: np.ndarray
    rows: np.ndarray | None
    which: np.ndarray


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
        rows, _ = self._some(rng, _MOST_ROWS)
        Z, weight = self._filled(rows)
        order = _by_value(Z)
        return Z[order], weight[order]

    def whole(self, rng: np.random.RandomState) -> Sample | None:
        """At most `_MERGED_ROWS` rows without missing entries; None where these are less than half of all.

        Completed rows lie on planes, where densities of clusters run off to infinity.
        """
        complete = None
        if self.rows.has_missing:
            observed = ~np.isnan(self.rows.X).any(axis=1)
            share = np.average(observed, weights=self.rows.weight)
            if share < 0.5:
                return None
            complete = np.flatnonzero(observed)
        rows, chosen = self._some(rng, _MERGED_ROWS, complete)
        return _different(*self.coordinates(rows), chosen)

    def filled(self, rng: np.random.RandomState) -> Sample:
        """At most `_MERGED_ROWS` rows, missing entries at the mean of the observed ones."""
        rows, chosen = self._some(rng, _MERGED_ROWS)
        return _different(*self._filled(rows), chosen)

    def _filled(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Rows in isotropic coordinates, missing entries at the mean of the observed ones, and weights."""
        Z, weight = self.coordinates(rows)
        missing = np.isnan(Z)
        Z[missing] = 0.0
        total = weight @ ~missing
        mean = (weight @ Z / np.where(total > 0, total, 1.0)).astype(Z.dtype)
        return Z + missing * mean, weight

    def _some(
        self, rng: np.random.RandomState, most: int, among: np.ndarray | None = None
    ) -> tuple[Rows, np.ndarray | None]:
        """At most so many rows, drawn at random from all or from those numbered `among`; and which, None for all."""
        n = self.rows.n_samples if among is None else len(among)
        chosen = among
        if n > most:
            chosen = np.sort(rng.choice(n, most, replace=False))
            chosen = chosen if among is None else among[chosen]
        return (self.rows, None) if chosen is None else (self.rows.take(chosen), chosen)

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
        """The rows of `sample`, equal ones as one of all their weight, if at least `n_components` of them differ.

        Components that start alike stay alike, and codes have few different rows. Where two centres are equally near,
        as among codes they often are, k-means goes by rounding: only from equal input is that the same for a row of
        weight 2 and for two rows.
        """
        Z, weight = self.sample(rng)
        first = np.flatnonzero(np.r_[True, np.any(Z[1:] != Z[:-1], axis=1)])
        if len(first) < n_components:
            return Z, weight
        return Z[first], np.add.reduceat(weight, first)


def _by_value(Z: np.ndarray) -> np.ndarray:
    """An order of rows that their values give."""
    direction = np.random.RandomState(0).standard_normal(Z.shape[1])
    return np.argsort(Z @ direction, kind="stable")


def _different(Z: np.ndarray, weight: np.ndarray, rows: np.ndarray | None) -> Sample:
    """The different ones of rows without NaN."""
    order = _by_value(Z)
    begins = np.r_[True, np.any(Z[order[1:]] != Z[order[:-1]], axis=1)]
    which = np.empty(len(Z), dtype=np.intp)
    which[order] = np.cumsum(begins) - 1
    first = np.flatnonzero(begins)
    return Sample(Z[order[first]].astype(np.float64), np.add.reduceat(weight[order], first), rows, which)


def _extended(data: Distances, sample: Sample, labels: np.ndarray, n_components: int) -> Assignment:
    """The assignment of all rows that labels (m,) of a sample make, the others by the components fitted to it."""
    R = np.eye(n_components)[labels[sample.which]]
    if sample.rows is None:
        return given(R)
    model = Model(data.family, Weights())
    parameters = start_from(given(R), Objective(model, data.rows.take(sample.rows)), n_components)
    return given(Objective(model, data.rows).responsibilities(parameters))


def _criterion(family: Family, n_clusters: int) -> partitions.Criterion | None:
    """That of clusters with covariances as the family has them; None where the scale is known, as of counts."""
    if not family.standardise:
        return None
    if not family.independent_features:
        return partitions.Criterion(n_clusters)
    return partitions.Criterion(n_clusters, partitions.spherical if family.common_scale else partitions.diagonal)


def even(block: Block, R: np.ndarray) -> None:
    """The assignment of every row to all components alike."""
    R.fill(1.0 / len(R))


def kmeans(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """The clusters of k-means, unless smaller clusters merged by what densities make of them are clearly better.

    K-means cuts elongated clusters. They come out whole when small clusters are merged.
    """
    if n_components == 1:
        return even
    Z, weight = data.distinct(rng, n_components)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than components
        found = KMeans(n_components, n_init=1, random_state=rng).fit(Z, sample_weight=weight)
    return _elongated(data, found.cluster_centers_, rng) or data.nearest(found.cluster_centers_)


def _elongated(data: Distances, centres: np.ndarray, rng: np.random.RandomState) -> Assignment | None:
    """Merged clusters, where they are clearly better than those of k-means with these centres."""
    criterion = _criterion(data.family, len(centres))
    if criterion is None:
        return None
    sample = data.whole(rng)
    if sample is None or len(sample.Z) < 2 * len(centres) * (sample.Z.shape[1] + 1):  # too few for covariances
        return None
    weight, clearly = sample.weight, 2.0 * _CLEARLY * sample.weight.sum()
    n_small = _n_small(len(weight), len(centres))
    small = partitions.small_clusters(partitions.invariant(sample.Z, weight), weight, n_small, rng)
    merged, judged = _merged(sample, small, criterion)
    usual = partitions.nearest(sample.Z, centres)
    cost = criterion.of_labels(judged, weight, merged)
    if criterion.of_labels(judged, weight, usual) - cost < clearly:
        return None
    usual = criterion.refined(judged, weight, usual, _REFINEMENTS)
    if criterion.of_labels(judged, weight, usual) - cost < clearly or criterion.degenerate(judged, weight, merged):
        return None
    return _extended(data, sample, merged, len(centres))


def _n_small(n_rows: int, n_components: int) -> int:
    """How many clusters to merge from."""
    return min(max(_SMALL_CLUSTERS, _SMALL_PER_CLUSTER * n_components), max(n_rows // 2, n_components))


def _merged(sample: Sample, small: np.ndarray, criterion: partitions.Criterion) -> tuple[np.ndarray, np.ndarray]:
    """Labels (m,) of clusters merged from small ones and refined; and the coordinates in which they were judged.

    The coordinates are those in which the covariances' prior is round.
    """
    Z, weight = sample.Z, sample.weight
    judged = partitions.sphered(Z, weight) if criterion.restrict is None else Z
    n_small = int(small.max()) + 1
    sums = partitions.moments(judged, weight, small, n_small)
    labels = partitions.agglomerate(sums, criterion.n_clusters, criterion._replace(n_clusters=n_small))[small]
    return criterion.refined(judged, weight, labels, _REFINEMENTS), judged


def hierarchical(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """Model-based agglomeration: the same for any seed, up to `_MERGED_ROWS` rows.

    Ward's hierarchy of scaled and rotated rows down to small clusters, and from there the merger at each step that
    costs the classification likelihood least; of two ways to scale the better. Where the scale is known, as of counts
    and codes, or where few rows are whole, Ward's criterion is all there is to it.
    """
    if n_components == 1:
        return even
    criterion = _criterion(data.family, n_components)
    whole = None if criterion is None else data.whole(rng)
    sample = data.filled(rng) if whole is None else whole
    Z, weight = sample.Z, sample.weight
    if len(Z) <= n_components:
        return kmeans(data, n_components, rng)
    if criterion is None or whole is None:
        return _extended(data, sample, partitions.ward(Z, weight, n_components), n_components)
    found = []
    for scaled in (partitions.invariant(Z, weight), partitions.sphered(Z, weight, 0.5)):
        small = partitions.ward(scaled, weight, _n_small(len(Z), n_components))
        labels, judged = _merged(sample, small, criterion)
        found.append((criterion.of_labels(judged, weight, labels), labels))
    return _extended(data, sample, min(found, key=lambda one: one[0])[1], n_components)


def kmeans_seeds(data: Distances, n_components: int, rng: np.random.RandomState) -> Assignment:
    """The rows nearest to seeds, each chosen by the likelihood of the clusters that it makes with the others."""
    if n_components == 1:
        return even
    Z, weight = data.distinct(rng, n_components)
    most = max(_MERGED_ROWS, 20 * n_components)
    if len(Z) > most:
        some = np.sort(rng.choice(len(Z), most, replace=False))
        Z, weight = Z[some], weight[some]
    return data.nearest(partitions.seeds(Z, weight, n_components, rng, scaled=not data.family.standardise))


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
    "hierarchical": hierarchical,
    "random": random,
    "random_from_data": random_rows,
}
