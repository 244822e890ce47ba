"""Gaussian components that share one covariance matrix."""

from __future__ import annotations

import numpy as np

from skmix.families.gaussian import MatrixParameters, Moments, Velocity, divide_alive, has_rows
from skmix.families.gaussian_matrix import MatrixGaussian
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import Kernel, ResidualKernel
from skmix.likelihood.threads import Workspace


class TiedGaussian(MatrixGaussian):
    """One covariance matrix for all components; log-densities differ by a linear function of y = Wz."""

    def covariance_matrices(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return np.repeat(covariances[np.newaxis], n_components, axis=0)

    def restrict(self, matrices: np.ndarray) -> np.ndarray:
        return matrices.mean(axis=0)

    def precisions_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return n_features, n_features

    def scatter(self, n_components: int) -> np.ndarray:
        return self.prior_scatter * n_components

    def rows_of(self, counts: np.ndarray) -> np.ndarray:
        return counts.sum(axis=-1)

    def per_component(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[..., None, :, :]

    def per_covariance(self, matrix: np.ndarray) -> np.ndarray:
        return matrix[..., 0, :, :]

    def reference(self, n_components: int, n_features: int) -> MatrixParameters:
        eye = np.eye(n_features)
        return MatrixParameters(np.zeros((n_components, n_features)), eye, eye)

    def row_size(self, n_components: int, n_features: int, masked: bool) -> int:
        return 2 * n_features

    def kernel(self, parameters: MatrixParameters, offset: np.ndarray, rows: Rows) -> Kernel:
        kernel, error = self.pick(SharedKernel, ResidualKernel, self.reach(parameters, rows), rows)
        return kernel(self, parameters, offset, rows, error)

    def moments(self, counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> Moments:
        return Moments(counts, first, second.sum(axis=-3))

    def m_step(self, statistics: Moments, parameters: MatrixParameters) -> MatrixParameters:
        counts = statistics.counts
        shift = divide_alive(statistics.first, counts[:, None], has_rows(counts)[:, None], 0.0)
        between = (shift.T * counts) @ shift
        rows = self.rows_behind(counts)
        return self.move(parameters, shift, statistics.second / rows, between / rows)

    def sample(self, parameters: MatrixParameters, component: int, n_samples: int, rng) -> np.ndarray:
        noise = rng.standard_normal((n_samples, parameters.means.shape[1]))
        return parameters.means[component] + noise @ parameters.cholesky.T

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features + n_features * (n_features + 1) // 2


class SharedKernel:
    """One whitening y = Wz of a block for all components: log p(x | k) = ν_k·y − |y|²/2 + constant, ν_k = Wμ_k."""

    def __init__(
        self, family: TiedGaussian, parameters: MatrixParameters, offset: np.ndarray, rows: Rows, error: float
    ):
        self.family, self.parameters, self.rows, self.offset, self.error = family, parameters, rows, offset, error
        if rows.grouped is None:
            self.parts = self._parts(parameters)

    def _parts(self, parameters: MatrixParameters) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """W, ν and the constants of each pattern."""
        W = parameters.whitening if parameters.whitening.ndim == 3 else parameters.whitening[None]
        nu = parameters.means @ np.swapaxes(W, -1, -2)
        constant = self.family.log_normaliser(parameters) - 0.5 * np.square(nu).sum(axis=-1) + self.offset
        return list(zip(W, nu, constant, strict=True))

    def prepare(self, block: Block, work: Workspace) -> None:
        self._whiten(block, self._open(block), work)

    def _whiten(self, block: Block, parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]], work: Workspace) -> None:
        Y = work.take("whitened", block.Z.shape, self.rows.dtype)
        for (a, b), (W, _, _) in zip(block.segments, parts, strict=True):
            np.matmul(W.astype(Y.dtype), block.Z[:, a:b], out=Y[:, a:b])

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None:
        dtype, parts = self.rows.dtype, self._open(block)
        self._whiten(block, parts, work)
        Y = work.take("whitened", block.Z.shape, dtype)
        for (a, b), (_, nu, constant) in zip(block.segments, parts, strict=True):
            np.matmul(nu.astype(dtype), Y[:, a:b], out=out[:, a:b])
            out[:, a:b] += constant.astype(dtype)[:, None]
        out -= np.einsum("im,im->m", Y, Y) / 2

    def _open(self, block: Block) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        if block.patterns is None:
            return self.parts
        block.marginal = self.family.marginal(self.parameters, block.patterns)
        return self._parts(block.marginal)

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> Moments:
        statistics = self._per_pattern(block, R, work)
        if block.patterns is None:
            return statistics.total()
        return self.family.lift(statistics, block.marginal, self.parameters)

    def _per_pattern(self, block: Block, R: np.ndarray, work: Workspace, signed: bool = False) -> Moments:
        Y = work.take("whitened", block.Z.shape, self.rows.dtype)
        parts = self.parts if block.patterns is None else self._parts(block.marginal)
        moments = [
            _about(nu, R[:, a:b], Y[:, a:b], signed) for (a, b), (_, nu, _) in zip(block.segments, parts, strict=True)
        ]
        return Moments(*(np.stack(part) for part in zip(*moments, strict=True)))

    def towards(self, tangent: MatrixParameters) -> Velocity:
        return self.family.velocity(self.parameters, tangent)

    def slope(self, block: Block, direction: Velocity, out: np.ndarray, work: Workspace) -> None:
        Y = work.take("whitened", block.Z.shape, self.rows.dtype)
        b, M = direction
        if block.patterns is None:
            parts, b, M = self.parts, b[None], M[None]
        else:
            parts = self._parts(block.marginal)
            b, M = self.family.marginal_velocity(block.marginal, self.parameters, direction)
        dtype = self.rows.dtype
        for (start, stop), (_, nu, _), first, m in zip(block.segments, parts, b, M[..., 0, :, :], strict=True):
            y, turned = Y[:, start:stop], nu @ m
            np.matmul((first - turned).astype(dtype), y, out=out[:, start:stop])
            constant = np.sum((0.5 * turned - first) * nu, axis=1) - 0.5 * np.trace(m)
            out[:, start:stop] += constant.astype(dtype)[:, None]
            out[:, start:stop] += np.einsum("im,im->m", y, (0.5 * m).astype(dtype) @ y)

    def sums_along(self, block: Block, R: np.ndarray, dR: np.ndarray, direction: Velocity, work: Workspace) -> Moments:
        change = self._per_pattern(block, dR, work, signed=True)
        if block.patterns is None:
            return change.total()
        statistics = self._per_pattern(block, R, work)
        return self.family.lift_along(statistics, change, block.marginal, self.parameters, direction)

    def statistics(self, total: Moments) -> Moments:
        return total


def _about(nu: np.ndarray, R: np.ndarray, Y: np.ndarray, signed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts, first and pooled second moments of the whitened rows `Y` (d, n) about ν (K, d).

    Weights of one sign halve the work of the second moments.
    """
    counts = R.sum(axis=1, dtype=np.float64)
    total = (R @ Y.T).astype(np.float64, copy=False)
    cross = nu.T @ total
    weight = R.sum(axis=0)
    scaled = Y * (weight if signed else np.sqrt(weight))
    second = (scaled @ (Y if signed else scaled).T).astype(np.float64) - cross - cross.T + (nu.T * counts) @ nu
    return counts, total - counts[:, None] * nu, second
