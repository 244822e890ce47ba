"""Unconstrained coordinates for Gaussian components.

The *component frame* freezes the point (μ₀, W₀) and moves relative to it, in units of the complete-data information:

    y = T W₀(x − μ₀) − b/√m        T = I + (D∘t)/√m        D = 1/√2 on the diagonal, 1 below

with m the component's share of the rows. At z = (b, t) = 0 the complete-data information per row is the identity, so a
unit gradient step is an EM step to first order, and the Hessian's eigenvalues are 1 − ρ, ρ the rates of EM. Units,
rotations and small weights do not matter. The other charts are the textbook's, kept to be compared with.

References
----------
Xu, L. and Jordan, M. I. (1996). On convergence properties of the EM algorithm for Gaussian mixtures.
Neural Computation 8, 129–151. doi:10.1162/neco.1996.8.1.129
"""

from __future__ import annotations

from typing import Any

import numpy as np

from skmix.families.base import LARGEST_EXPONENT, Chart, ExplicitChart
from skmix.families.gaussian import (
    MatrixParameters,
    Moments,
    ScaleParameters,
    diagonal,
    invert_triangular,
    lower_factor,
    outer,
    transpose,
)

_SQRT2 = np.sqrt(2.0)
_LEAST_SCALE = 1e-6  # of the data's own: where bounds, not coordinates, keep scales positive


def _away_from_zero(value: np.ndarray) -> np.ndarray:
    """`value` with exact zeros moved aside: scales of 0 are the one place where a chart would be singular."""
    return np.where(np.abs(value) < 1e-150, 1e-150, value)


def _held(logarithm: np.ndarray) -> np.ndarray:
    """`logarithm` within ±`LARGEST_EXPONENT`, so that its exponential and squares of that are finite."""
    held = np.clip(logarithm.real, -LARGEST_EXPONENT, LARGEST_EXPONENT)
    return np.where(held == logarithm.real, logarithm, held)


class _GaussianChart(Chart):
    """Means and the shape of the covariances, packed one behind the other."""

    def __init__(self, family: Any, parameters: Any, statistics: Moments):
        self.family, self.origin = family, parameters
        self.n_means = parameters.means.size

    def split(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return z[: self.n_means].reshape(self.origin.means.shape), z[self.n_means :]


class MatrixFrame(_GaussianChart):
    """The component frame of full and tied covariances."""

    def __init__(self, family: Any, parameters: MatrixParameters, statistics: Moments):
        super().__init__(family, parameters, statistics)
        d = parameters.means.shape[1]
        of_means, of_covariances = family.shares(statistics.counts)
        self.root = np.sqrt(of_means)[:, None]
        self.i, self.j = np.tril_indices(d)
        self.unit = np.where(self.i == self.j, 1 / _SQRT2, 1.0) / np.sqrt(of_covariances)[..., None]
        self.start = np.zeros(self.n_means + self.unit.size)

    def _displacement(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """b/√m and T."""
        b, t = self.split(z)
        T = np.zeros(self.origin.whitening.shape, z.dtype)
        T[..., self.i, self.j] = t.reshape(self.unit.shape) * self.unit
        k = np.arange(T.shape[-1])
        T[..., k, k] = _away_from_zero(T[..., k, k] + 1.0)
        return b / self.root, T

    def parameters(self, z: np.ndarray) -> MatrixParameters:
        shift, T = self._displacement(z)
        W = T @ self.origin.whitening
        L = self.origin.cholesky @ invert_triangular(T)
        means = self.origin.means + (self.family.per_component(L) @ shift[..., None])[..., 0]
        return MatrixParameters(means, L, W)

    def coordinates(self, parameters: MatrixParameters) -> np.ndarray:
        T = parameters.whitening @ self.origin.cholesky
        sign = np.sign(diagonal(T))[..., None]  # rows of W mean the same with either sign
        t = (T * sign - np.eye(T.shape[-1]))[..., self.i, self.j] / self.unit
        W = self.family.per_component(parameters.whitening * sign)
        b = (W @ (parameters.means - self.origin.means)[..., None])[..., 0] * self.root
        return np.concatenate([b.ravel(), t.ravel()])

    def gradient(self, z: np.ndarray, parameters: MatrixParameters, statistics: Moments) -> np.ndarray:
        shift, T = self._displacement(z)
        rows = self.family.rows_behind(statistics.counts)[..., None, None]
        cross = outer(statistics.first, shift).reshape(-1, *T.shape[-2:])
        cross = cross if T.ndim == 3 else cross.sum(axis=0)
        inner = rows * np.eye(T.shape[-1]) - statistics.second - cross
        dT = (inner @ transpose(invert_triangular(T)))[..., self.i, self.j] * self.unit
        return np.concatenate([(statistics.first / self.root).ravel(), dT.ravel()])


class ScaleFrame(_GaussianChart):
    """The component frame of diagonal and spherical covariances; each feature has its own share of observed rows."""

    def __init__(self, family: Any, parameters: ScaleParameters, statistics: Moments):
        super().__init__(family, parameters, statistics)
        of_means, of_variances = family.shares(statistics.counts)
        self.root = np.sqrt(of_means)
        self.unit = 1 / (_SQRT2 * np.sqrt(of_variances))
        self.start = np.zeros(self.n_means + self.unit.size)

    def _displacement(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        b, t = self.split(z)
        return b / self.root, _away_from_zero(1.0 + t.reshape(self.unit.shape) * self.unit)

    def parameters(self, z: np.ndarray) -> ScaleParameters:
        shift, T = self._displacement(z)
        scales = self.origin.scales / T
        return ScaleParameters(self.origin.means + self.family.per_feature(scales) * shift, scales)

    def coordinates(self, parameters: ScaleParameters) -> np.ndarray:
        scales = np.abs(parameters.scales) * np.sign(self.origin.scales)
        shift = (parameters.means - self.origin.means) / self.family.per_feature(scales)
        t = (self.origin.scales / scales - 1.0) / self.unit
        return np.concatenate([(shift * self.root).ravel(), t.ravel()])

    def gradient(self, z: np.ndarray, parameters: ScaleParameters, statistics: Moments) -> np.ndarray:
        shift, T = self._displacement(z)
        rows = self.family.rows_behind(statistics.counts)
        inner = rows - self.family.pool(statistics.first * shift) - statistics.second
        return np.concatenate([(statistics.first / self.root).ravel(), (inner / T * self.unit).ravel()])


class CholeskyChart(_GaussianChart, ExplicitChart):
    """Means and the entries of L, Σ = L Lᵀ, as they are: for solvers that keep the diagonal positive by a bound."""

    def __init__(self, family: Any, parameters: MatrixParameters, statistics: Moments):
        super().__init__(family, parameters, statistics)
        self.i, self.j = np.tril_indices(parameters.means.shape[1])
        self.on_diagonal = self.i == self.j
        self.start = self.coordinates(parameters)
        on_diagonal = np.broadcast_to(self.on_diagonal, (*parameters.cholesky.shape[:-2], len(self.i)))
        self.least = np.r_[np.full(self.n_means, -np.inf), np.where(on_diagonal, _LEAST_SCALE, -np.inf).ravel()]

    def sizes(self, statistics: Moments) -> np.ndarray:
        share, of_covariances = self.family.shares(statistics.counts)
        deviations = np.sqrt(np.square(self.origin.cholesky).sum(axis=-1))
        of_means = np.broadcast_to(deviations, self.origin.means.shape) / np.sqrt(share)[:, None]
        of_entries = deviations[..., self.i] / np.sqrt(of_covariances)[..., None]
        return np.concatenate([of_means.ravel(), np.where(self.on_diagonal, of_entries / _SQRT2, of_entries).ravel()])

    def pack(self, scales: np.ndarray) -> np.ndarray:
        """The coordinate of an entry of L's diagonal."""
        return scales

    def unpack(self, shape: np.ndarray) -> np.ndarray:
        return _away_from_zero(shape)

    def stretch(self, scales: np.ndarray) -> np.ndarray:
        """Derivative of the diagonal's entries in their coordinates."""
        return np.ones_like(scales)

    def coordinates(self, parameters: MatrixParameters) -> np.ndarray:
        L = parameters.cholesky * np.sign(diagonal(parameters.cholesky))[..., None, :]
        entries = L[..., self.i, self.j]
        entries[..., self.on_diagonal] = self.pack(entries[..., self.on_diagonal])
        return np.concatenate([parameters.means.ravel(), entries.ravel()])

    def parameters(self, z: np.ndarray) -> MatrixParameters:
        means, shape = self.split(z)
        L = np.zeros(self.origin.cholesky.shape, z.dtype)
        entries = shape.reshape(*L.shape[:-2], -1).copy()
        entries[..., self.on_diagonal] = self.unpack(entries[..., self.on_diagonal])
        L[..., self.i, self.j] = entries
        return MatrixParameters(means, L, invert_triangular(L))

    def gradient(self, z: np.ndarray, parameters: MatrixParameters, statistics: Moments) -> np.ndarray:
        d_means, excess = _euclidean(self.family, parameters, statistics)
        dL = (transpose(parameters.whitening) @ excess)[..., self.i, self.j]
        dL[..., self.on_diagonal] *= self.stretch(diagonal(parameters.cholesky))
        return np.concatenate([d_means.ravel(), dL.ravel()])


class LogCholeskyChart(CholeskyChart):
    """Means as they are, Σ = L Lᵀ with the logarithm of L's diagonal: the textbook's coordinates."""

    def pack(self, scales: np.ndarray) -> np.ndarray:
        return np.log(scales)

    def unpack(self, shape: np.ndarray) -> np.ndarray:
        return np.exp(_held(shape))

    def stretch(self, scales: np.ndarray) -> np.ndarray:
        return scales


class FactorChart(_GaussianChart):
    """Means as they are, Σ = UᵀU with a full square U: over-parametrised, no constraint, no logarithm."""

    analytic = False  # it goes through a QR decomposition

    def __init__(self, family: Any, parameters: MatrixParameters, statistics: Moments):
        super().__init__(family, parameters, statistics)
        self.start = self.coordinates(parameters)

    def coordinates(self, parameters: MatrixParameters) -> np.ndarray:
        return np.concatenate([parameters.means.ravel(), transpose(parameters.cholesky).ravel()])

    def parameters(self, z: np.ndarray) -> MatrixParameters:
        means, shape = self.split(z)
        L = lower_factor(transpose(shape.reshape(self.origin.cholesky.shape)))
        k = np.arange(L.shape[-1])
        L[..., k, k] = _away_from_zero(L[..., k, k])
        return MatrixParameters(means, L, invert_triangular(L))

    def gradient(self, z: np.ndarray, parameters: MatrixParameters, statistics: Moments) -> np.ndarray:
        U = self.split(z)[1].reshape(self.origin.cholesky.shape)
        d_means, excess = _euclidean(self.family, parameters, statistics)
        dU = U @ transpose(parameters.whitening) @ excess @ parameters.whitening
        return np.concatenate([d_means.ravel(), dU.ravel()])


def _euclidean(family: Any, parameters: MatrixParameters, statistics: Moments) -> tuple[np.ndarray, np.ndarray]:
    """The gradient in the means, and C − N·I, from which that in any form of the covariance follows."""
    W = parameters.whitening
    d_means = (transpose(family.per_component(W)) @ statistics.first[..., None])[..., 0]
    rows = family.rows_behind(statistics.counts)[..., None, None]
    return d_means, statistics.second - rows * np.eye(W.shape[-1])


class ScaleChart(_GaussianChart, ExplicitChart):
    """Means and standard deviations as they are."""

    def __init__(self, family: Any, parameters: ScaleParameters, statistics: Moments):
        super().__init__(family, parameters, statistics)
        self.start = self.coordinates(parameters)
        self.least = np.r_[np.full(self.n_means, -np.inf), np.full(parameters.scales.size, _LEAST_SCALE)]

    def coordinates(self, parameters: ScaleParameters) -> np.ndarray:
        return np.concatenate([parameters.means.ravel(), self.pack(np.abs(parameters.scales)).ravel()])

    def sizes(self, statistics: Moments) -> np.ndarray:
        share, of_variances = self.family.shares(statistics.counts)
        scales = np.abs(self.origin.scales)
        of_means = self.family.per_feature(scales) / np.sqrt(share)
        return np.concatenate([of_means.ravel(), (scales / np.sqrt(2.0 * of_variances)).ravel()])

    def pack(self, scales: np.ndarray) -> np.ndarray:
        return scales

    def unpack(self, shape: np.ndarray) -> np.ndarray:
        return _away_from_zero(shape)

    def stretch(self, scales: np.ndarray) -> np.ndarray:
        """Derivative of log(scale) in the coordinate."""
        return 1.0 / scales

    def parameters(self, z: np.ndarray) -> ScaleParameters:
        means, shape = self.split(z)
        return ScaleParameters(means, self.unpack(shape.reshape(self.origin.scales.shape)))

    def gradient(self, z: np.ndarray, parameters: ScaleParameters, statistics: Moments) -> np.ndarray:
        d_means = statistics.first / self.family.per_feature(parameters.scales)
        excess = statistics.second - self.family.rows_behind(statistics.counts)
        return np.concatenate([d_means.ravel(), (excess * self.stretch(parameters.scales)).ravel()])


class LogScaleChart(ScaleChart):
    """Means as they are and logarithms of standard deviations: the textbook's coordinates."""

    def pack(self, scales: np.ndarray) -> np.ndarray:
        return np.log(scales)

    def unpack(self, shape: np.ndarray) -> np.ndarray:
        return np.exp(_held(shape))

    def stretch(self, scales: np.ndarray) -> np.ndarray:
        return np.ones_like(scales)
