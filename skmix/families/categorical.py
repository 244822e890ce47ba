"""Codes: independent categorical features, each with levels of its own (latent class analysis).

With expected numbers N_l of rows at level l, the complete-data log-likelihood of a feature's probabilities is
Σ N_l log p_l, so p_l = N_l/N maximises it. In the square roots of the probabilities, points of a sphere, the
information of a row is the identity wherever they are, which makes the frame; probabilities of 0 are reached.

References
----------
Goodman, L. A. (1974). Exploratory latent structure analysis using both identifiable and unidentifiable models.
Biometrika 61, 215–231. doi:10.1093/biomet/61.2.215
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from skmix.families.base import Additive, Chart, ExplicitChart, Penalty, shares
from skmix.families.gaussian import has_rows
from skmix.families.pseudo_row import PseudoRowFamily
from skmix.families.simplex import Simplexes, SoftmaxChart, SphereChart
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import FeatureKernel, Kernel
from skmix.likelihood.units import Units, column_range

_MOST_CODE = 65_535
_LEAST_EXPLICIT = 1e-8  # where bounds, not coordinates, keep probabilities positive
_LEAST = 1e-300  # of a probability that is free: where a component has seen no row at a level, log p is to be finite


class LevelProbabilities(NamedTuple):
    """Probabilities of shape (K, d, most levels).

    They are exactly 0 beyond a feature's levels and where they are held at 0, and at least `_LEAST` elsewhere.
    """

    probabilities: np.ndarray

    @property
    def simplexes(self) -> Simplexes:
        return Simplexes.of(self.probabilities > 0)


@dataclass
class LevelCounts(Additive):
    """Expected numbers of rows at each level, (K, d, most levels)."""

    counts: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Each component's share of the observed rows of each feature, (K, d, 1)."""
        return shares(self.counts.sum(axis=-1))[..., np.newaxis]


def _floored(probabilities: np.ndarray, least: float = _LEAST) -> np.ndarray:
    return np.where(probabilities.real < least, least, probabilities)


class _LevelChart(Chart):
    """A chart for rows of probabilities, of the levels that are not held at 0."""

    def __init__(self, inner: Chart, simplexes: Simplexes):
        self.inner, self.free = inner, simplexes.free
        self.start = inner.start

    def parameters(self, z: np.ndarray) -> LevelProbabilities:
        probabilities = self.inner.parameters(z)
        return LevelProbabilities(np.where(self.free, _floored(probabilities), 0.0))

    def coordinates(self, parameters: LevelProbabilities) -> np.ndarray:
        return self.inner.coordinates(parameters.probabilities)

    def idle(self, z: np.ndarray) -> np.ndarray:
        return self.inner.idle(z)

    def gradient(self, z: np.ndarray, parameters: LevelProbabilities, statistics: LevelCounts) -> np.ndarray:
        return self.inner.gradient(z, parameters.probabilities, statistics.counts)


def sphere_frame(family: Categorical, parameters: LevelProbabilities, statistics: LevelCounts) -> Chart:
    """The component frame: square roots of probabilities, in units of a component's share of a feature's rows."""
    simplexes = parameters.simplexes
    return _LevelChart(SphereChart(simplexes, parameters.probabilities, statistics.shares), simplexes)


def softmax_chart(family: Categorical, parameters: LevelProbabilities, statistics: LevelCounts) -> Chart:
    """Logarithms of probabilities, normalised: the textbook's coordinates."""
    simplexes = parameters.simplexes
    return _LevelChart(SoftmaxChart(simplexes, parameters.probabilities, statistics.shares), simplexes)


class ProportionChart(ExplicitChart):
    """Probabilities as they are; the objective depends on their ratios alone, so that it is defined off the simplex."""

    locations = False

    def __init__(self, family: Categorical, parameters: LevelProbabilities, statistics: LevelCounts):
        self.simplexes = parameters.simplexes
        self.start = np.maximum(self.coordinates(parameters), _LEAST_EXPLICIT)
        self.least = np.full(self.start.size, _LEAST_EXPLICIT)

    def _inside(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.spread(_floored(z, _LEAST_EXPLICIT))

    def parameters(self, z: np.ndarray) -> LevelProbabilities:
        return LevelProbabilities(self.simplexes.share(self._inside(z)))

    def coordinates(self, parameters: LevelProbabilities) -> np.ndarray:
        return parameters.probabilities[self.simplexes.free]

    def idle(self, z: np.ndarray) -> np.ndarray:
        return self.simplexes.idle(z)

    def sizes(self, statistics: LevelCounts) -> np.ndarray:
        return np.sqrt(self.start / np.broadcast_to(statistics.shares, self.simplexes.free.shape)[self.simplexes.free])

    def gradient(self, z: np.ndarray, parameters: LevelProbabilities, statistics: LevelCounts) -> np.ndarray:
        free = self.simplexes.free
        counts = np.where(free, statistics.counts, 0.0)
        excess = counts - counts.sum(axis=-1, keepdims=True) * parameters.probabilities
        return excess[free] / self._inside(z)[free]


class Categorical(PseudoRowFamily):
    """Independent categorical features: φ = [whether x_j is at level l, 1], all 0 where an entry is missing.

    Parameters
    ----------
    n_categories : ndarray of int, shape (n_features,)
        The number of levels of each feature.
    average : LevelCounts, optional
        The frequencies of the levels, for a prior.
    """

    attributes = ("probabilities_",)
    locations = ("probabilities",)
    dtypes = (np.float64,)
    positive_only = True
    charts = {"frame": sphere_frame, "softmax": softmax_chart}
    explicit = ProportionChart
    standardise = False
    measurement = "categories"
    softening = 0.1  # a probability of 0, of a level that a cluster lacks, is where EM stays

    def __init__(self, n_categories: np.ndarray, average: LevelCounts | None = None):
        super().__init__(average)
        self.n_categories = n_categories
        self.levels = np.arange(n_categories.max(initial=1)) < n_categories[:, np.newaxis]  # (d, most levels)
        self.feature, self.level = np.nonzero(self.levels)  # of each indicator

    @classmethod
    def for_rows(
        cls, X: np.ndarray, weight: np.ndarray | None, units: Units, n_components: int, penalty: Penalty
    ) -> Categorical:
        return cls(column_range(X)[1].astype(int) + 1).informed(X, weight, penalty)

    @classmethod
    def of_public(cls, public: dict[str, np.ndarray]) -> Categorical:
        """The family whose levels end where no component has a probability."""
        largest = np.max(public["probabilities_"], axis=0)
        return cls(largest.shape[1] - np.argmax(largest[:, ::-1] > 0, axis=1))

    def covering(self, public: dict[str, np.ndarray]) -> Categorical:
        """The family with the levels that these data have, or else those."""
        fitted = self.of_public(public).n_categories
        comparable = fitted.shape == self.n_categories.shape
        if not comparable:
            return self
        wider = Categorical(np.maximum(self.n_categories, fitted))
        if self.average is not None:
            more = wider.levels.shape[1] - self.levels.shape[1]
            wider.average = LevelCounts(np.pad(self.average.counts, ((0, 0), (0, 0), (0, more))))
        return wider

    # ---- towards the rows -----------------------------------------------------------------------------------------
    @classmethod
    def check_data(cls, X: np.ndarray, caller: str) -> None:
        low, high = column_range(X)
        if low.min(initial=0.0) < 0:
            raise ValueError(
                f"Negative values in data passed to {caller}, such as {low.min():g}; codes are 0, 1, 2, … (NaN where "
                "missing). sklearn.preprocessing.OrdinalEncoder makes them of any categories."
            )
        if high.max(initial=0.0) > _MOST_CODE:
            raise ValueError(
                f"{caller} takes codes up to {_MOST_CODE}, got {high.max():g}: each feature's codes should be 0, 1, 2, "
                "… without gaps. sklearn.preprocessing.OrdinalEncoder makes them of any categories."
            )
        if not np.array_equal(np.trunc(X), X, equal_nan=True):
            fraction = X[~np.isnan(X) & (np.trunc(X) != X)][0]
            raise ValueError(
                f"{caller} takes codes 0, 1, 2, … (NaN where missing), got {fraction:g}. For measurements use "
                "GaussianMixture, or cut them into levels with sklearn.preprocessing.KBinsDiscretizer."
            )

    def isotropic(self, Z: np.ndarray) -> np.ndarray:
        return (Z[self.feature] == self.level[:, np.newaxis]).astype(Z.dtype)

    def isotropic_features(self, n_features: int) -> np.ndarray:
        return self.feature

    def n_features_out(self, n_features: int, masked: bool) -> int:
        return len(self.feature) + 1

    def features(self, block: Block, out: np.ndarray) -> None:
        np.take(block.Z, self.feature, axis=0, out=out[:-1])
        np.equal(out[:-1], self.level[:, np.newaxis], out=out[:-1], casting="unsafe")
        if block.observed is not None:  # missing entries read 0
            out[:-1][self.level == 0] *= block.observed
        out[-1] = 1.0

    def natural(self, parameters: LevelProbabilities, masked: bool = False) -> np.ndarray:
        logarithms = np.log(_floored(parameters.probabilities[:, self.levels]))
        return np.concatenate([logarithms, np.zeros_like(logarithms[:, :1])], axis=1)

    def collect(self, sums: np.ndarray, parameters: LevelProbabilities, masked: bool = False) -> LevelCounts:
        counts = np.zeros((len(sums), *self.levels.shape), sums.dtype)
        counts[:, self.levels] = sums[:, :-1]
        return LevelCounts(counts)

    def kernel(self, parameters: LevelProbabilities, offset: np.ndarray, rows: Rows) -> Kernel:
        lowest = np.log(np.where(self.levels, _floored(parameters.probabilities), 1.0)).min(axis=-1).sum(axis=-1)
        return FeatureKernel(self, parameters, offset, rows, np.finfo(rows.dtype).eps * float(-lowest.min()))

    def check_rows(self, X: np.ndarray, caller: str) -> None:
        highest, levels = column_range(X)[1].astype(int), self.n_categories
        if (highest >= levels).any():
            feature = int(np.argmax(highest >= levels))
            raise ValueError(
                f"{caller} got code {highest[feature]} in feature {feature}, which has {levels[feature]} levels, 0 to "
                f"{levels[feature] - 1}. If that code can occur, fit with 'n_categories' above it."
            )

    def complete(self, parameters: LevelProbabilities, block: Block, R: np.ndarray) -> np.ndarray:
        """The rows of a block with missing codes at their most probable levels, (d, n): a mean of codes is none."""
        if block.mask is None:
            return block.Z
        expected = np.tensordot(parameters.probabilities, R, axes=(0, 0))
        return np.where(block.mask > 0, block.Z, expected.argmax(axis=1))

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def average_of(self, X: np.ndarray, weight: np.ndarray | None) -> LevelCounts:
        weight, counts = np.ones(len(X)) if weight is None else weight, np.zeros(self.levels.shape)
        for own, column in zip(counts, X.T, strict=True):
            seen = ~np.isnan(column)
            own += np.bincount(column[seen].astype(int), weight[seen], len(own))
        total = counts.sum(axis=1, keepdims=True)
        return LevelCounts((counts / np.where(total > 0, total, 1.0))[np.newaxis])

    def reference(self, n_components: int, n_features: int) -> LevelProbabilities:
        even = self.levels / self.n_categories[:, np.newaxis]
        return LevelProbabilities(np.repeat(even[np.newaxis], n_components, axis=0))

    def m_step(self, statistics: LevelCounts, parameters: LevelProbabilities) -> LevelProbabilities:
        old = parameters.probabilities
        counts = np.where(old > 0, statistics.counts, 0.0)
        total = counts.sum(axis=-1, keepdims=True)
        alive = has_rows(total)
        new = np.where(alive, counts, old) / np.where(alive, total, 1.0)
        return LevelProbabilities(np.where(old > 0, np.maximum(new, _LEAST), 0.0))

    def owners(self, parameters: LevelProbabilities, size: int) -> np.ndarray:
        return np.nonzero(parameters.simplexes.free)[0]

    def n_locations(self, n_features: int) -> int:
        return int(np.sum(self.n_categories - 1))

    def expected_log_density(self, statistics: LevelCounts, parameters: LevelProbabilities) -> float:
        return float(np.sum(statistics.counts * np.log(_floored(parameters.probabilities))))

    def sample(
        self, parameters: LevelProbabilities, component: int, n_samples: int, rng: np.random.RandomState
    ) -> np.ndarray:
        cumulated = np.cumsum(parameters.probabilities[component], axis=1)
        drawn = rng.uniform(size=(n_samples, len(cumulated)))
        columns = [np.searchsorted(row / row[-1], u, side="right") for row, u in zip(cumulated, drawn.T, strict=True)]
        return np.stack(columns, axis=1).astype(np.float64)

    def narrow(self, parameters: LevelProbabilities, columns: np.ndarray) -> tuple[Categorical, LevelProbabilities]:
        family = Categorical(self.n_categories[columns])
        return family, LevelProbabilities(parameters.probabilities[:, columns, : family.levels.shape[1]])

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * int(np.sum(self.n_categories - 1))

    def location_scale(self, parameters: LevelProbabilities) -> tuple[np.ndarray, np.ndarray]:
        code = np.arange(self.levels.shape[1])
        mean = parameters.probabilities @ code
        variance = parameters.probabilities @ np.square(code) - mean**2
        return mean, np.sqrt(np.maximum(variance, 0.0))

    # ---- units ----------------------------------------------------------------------------------------------------
    def publish(self, parameters: LevelProbabilities, units: Units) -> dict[str, np.ndarray]:
        """Probabilities that are 0 but for rounding are published as 0: how tiny they are is the solver's path."""
        probabilities = parameters.probabilities
        return {"probabilities_": np.where(1.0 - probabilities == 1.0, 0.0, probabilities)}

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> LevelProbabilities:
        """Zeros are held, but for those of levels that no component has: rows there would have no density at all."""
        given = public["probabilities_"]
        probabilities = np.zeros((len(given), *self.levels.shape))
        width = min(given.shape[-1], probabilities.shape[-1])  # there may be levels that no component has
        probabilities[..., :width] = given[..., :width]
        nowhere = self.levels & ~(probabilities > 0).any(axis=0)
        return LevelProbabilities(np.where(nowhere, _LEAST, probabilities))
