"""Gaussian components, each with a covariance matrix of its own."""

from __future__ import annotations

import numpy as np

from skmix.families.base import ExponentialFamily
from skmix.families.gaussian import (
    MatrixParameters,
    Moments,
    Velocity,
    diagonal,
    divide_alive,
    has_rows,
    outer,
    transpose,
    upper_triangle,
)
from skmix.families.gaussian_augmented import AugmentedGaussians
from skmix.families.gaussian_matrix import MatrixGaussian
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import FeatureKernel, Kernel, ResidualKernel


def _few(n_components: int, n_features: int) -> bool:
    """Whether a product per component is faster than one with all features: measured, doc/develop/architecture.md."""
    return n_features >= 128 or (n_features >= 20 and n_components <= n_features // 6)


class FullGaussian(MatrixGaussian, ExponentialFamily):
    """A covariance matrix for each component: features φ = [z_i z_j (i ≤ j), z, 1]."""

    manifold = AugmentedGaussians

    def covariance_matrices(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return covariances

    def restrict(self, matrices: np.ndarray) -> np.ndarray:
        return matrices

    def precisions_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return n_components, n_features, n_features

    def scatter(self, n_components: int) -> np.ndarray:
        return self.prior_scatter

    def rows_of(self, counts: np.ndarray) -> np.ndarray:
        return counts

    def per_component(self, matrix: np.ndarray) -> np.ndarray:
        return matrix

    def per_covariance(self, matrix: np.ndarray) -> np.ndarray:
        return matrix

    def reference(self, n_components: int, n_features: int) -> MatrixParameters:
        eye = np.broadcast_to(np.eye(n_features), (n_components, n_features, n_features))
        return MatrixParameters(np.zeros((n_components, n_features)), eye, eye)

    def n_features_out(self, n_features: int, masked: bool) -> int:
        return n_features * (n_features + 3) // 2 + 1

    def row_size(self, n_components: int, n_features: int, masked: bool) -> int:
        # Residuals are used once each, so blocks may outgrow the cache: 2500 rows and more were 5 to 10 % faster.
        few = _few(n_components, n_features)
        return n_components * n_features // 4 if few else self.n_features_out(n_features, masked)

    def features(self, block: Block, out: np.ndarray) -> None:
        Z, row = block.Z, 0
        for i in range(len(Z)):
            np.multiply(Z[i], Z[i:], out=out[row : row + len(Z) - i])
            row += len(Z) - i
        out[row:-1] = Z
        out[-1] = 1.0

    def natural(self, parameters: MatrixParameters, masked: bool = False) -> np.ndarray:
        W, means = parameters.whitening, parameters.means
        d = means.shape[-1]
        i, j = upper_triangle(d)
        precision = transpose(W) @ W
        whitened = (W @ means[..., None])[..., 0]
        eta = np.empty((*W.shape[:-2], len(i) + d + 1))
        eta[..., : len(i)] = precision[..., i, j] * np.where(i == j, -0.5, -1.0)
        eta[..., len(i) : -1] = (whitened[..., None, :] @ W)[..., 0, :]
        eta[..., -1] = self.log_normaliser(parameters) - 0.5 * np.square(whitened).sum(axis=-1)
        return eta

    def natural_rate(self, parameters: MatrixParameters, velocity: Velocity) -> np.ndarray:
        """The rate at which η changes as whitened rows move at `velocity`."""
        W, (b, M) = parameters.whitening, velocity
        d = W.shape[-1]
        i, j = upper_triangle(d)
        centre = W @ parameters.means[..., None]
        quadratic = transpose(W) @ M @ W
        pull = b[..., None] - M @ centre
        rate = np.empty((*W.shape[:-2], len(i) + d + 1))
        rate[..., : len(i)] = quadratic[..., i, j] * np.where(i == j, 0.5, 1.0)
        rate[..., len(i) : -1] = (transpose(W) @ pull)[..., 0]
        constant = 0.5 * (centre * (M @ centre)).sum(axis=(-2, -1)) - (b * centre[..., 0]).sum(axis=-1)
        rate[..., -1] = constant - 0.5 * diagonal(M).sum(axis=-1)
        return rate

    def natural_along(self, parameters: MatrixParameters, tangent: MatrixParameters, masked: bool = False):
        return self.natural_rate(parameters, self.velocity(parameters, tangent))

    def collect(self, sums: np.ndarray, parameters: MatrixParameters, masked: bool = False) -> Moments:
        W, means = parameters.whitening, parameters.means
        d = means.shape[-1]
        i, j = upper_triangle(d)
        counts, S1 = sums[..., -1], sums[..., len(i) : -1]
        S2 = np.empty((*sums.shape[:-1], d, d))
        S2[..., i, j] = S2[..., j, i] = sums[..., : len(i)]
        first = S1 - counts[..., None] * means
        cross = outer(means, S1)
        second = S2 - cross - transpose(cross) + counts[..., None, None] * outer(means, means)
        return self.moments(counts, (W @ first[..., None])[..., 0], W @ second @ transpose(W))

    def moments(self, counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> Moments:
        return Moments(counts, first, second)

    def kernel(self, parameters: MatrixParameters, offset: np.ndarray, rows: Rows) -> Kernel:
        fast = ResidualKernel if _few(len(offset), rows.n_features) else FeatureKernel
        kernel, error = self.pick(fast, ResidualKernel, self.reach(parameters, rows), rows)
        return kernel(self, parameters, offset, rows, error)

    def m_step(self, statistics: Moments, parameters: MatrixParameters) -> MatrixParameters:
        counts = statistics.counts
        behind = self.rows_behind(counts)
        shift = divide_alive(statistics.first, counts[:, None], has_rows(counts)[:, None], 0.0)
        alive, rows = has_rows(behind)[:, None, None], behind[:, None, None]
        second = divide_alive(statistics.second, rows, alive, np.eye(shift.shape[1]))
        between = divide_alive(counts[:, None, None] * outer(shift, shift), rows, alive, 0.0)
        return self.move(parameters, shift, second, between)

    def sample(self, parameters: MatrixParameters, component: int, n_samples: int, rng) -> np.ndarray:
        noise = rng.standard_normal((n_samples, parameters.means.shape[1]))
        return parameters.means[component] + noise @ parameters.cholesky[component].T

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features + n_features * (n_features + 1) // 2)
