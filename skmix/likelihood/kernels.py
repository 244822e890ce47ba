"""Kernels: log-densities of a block of rows under all components, and the weighted sums that statistics are made of.

Every kernel does the same two things to a block, so a pass need not know which one it holds:

- ``log_density(block, out, work)`` writes log p(x_n | k) plus the kernel's offset for component k into ``out`` (K, n),
- ``sums(block, R, work)`` returns an additive value from the weighted responsibilities ``R`` (K, n),

and ``statistics(total)`` turns the sum of those values over all blocks into the family's statistics. ``sums`` and what
follows need what ``log_density`` left in the block and in ``work``; where that was on another visit to the block,
``prepare(block, work)`` forms it again.

For Hessian products the same block, after ``log_density``, also gives derivatives along a ``direction``, which
``towards(tangent)`` makes of a tangent of the parameters:

- ``slope(block, direction, out, work)`` writes the derivatives of the log-densities into ``out`` (K, n),
- ``sums_along(block, R, dR, direction, work)`` returns the derivative of ``sums`` where the responsibilities R change
  by dR, whose entries have both signs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from skmix.likelihood.blocks import Block, Rows
    from skmix.likelihood.threads import Workspace


class Kernel(Protocol):
    """What a pass needs (see the module's docstring)."""

    offset: np.ndarray
    error: float  # nats that rounding may leave in a log-density

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None: ...

    def prepare(self, block: Block, work: Workspace) -> None: ...

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> Any: ...

    def towards(self, tangent: Any) -> Any: ...

    def slope(self, block: Block, direction: Any, out: np.ndarray, work: Workspace) -> None: ...

    def sums_along(self, block: Block, R: np.ndarray, dR: np.ndarray, direction: Any, work: Workspace) -> Any: ...

    def statistics(self, total: Any) -> Any: ...


class FeatureKernel:
    """Any `ExponentialFamily`: log p(x | k) = η_k·φ(x), so a block costs one product for E and one for its sums.

    Where rows are grouped by pattern, the product runs once per pattern with the natural parameters of the marginal,
    and the sums are lifted to those of complete rows. Features of missing entries are 0, so one set of features
    serves all patterns.
    """

    def __init__(self, family: Any, parameters: Any, offset: np.ndarray, rows: Rows, error: float = 0.0):
        self.family, self.parameters, self.rows, self.error = family, parameters, rows, error
        self.offset = offset
        if rows.grouped is None:
            self.eta = self._eta(parameters)

    def _eta(self, parameters: Any) -> np.ndarray:
        """Natural parameters, the offset in the coefficient of the last feature, which is 1."""
        eta = self.family.natural(parameters, self.rows.masked)
        eta[..., -1] += self.offset
        return eta.astype(self.rows.dtype, copy=False)

    def _features(self, block: Block, work: Workspace) -> np.ndarray:
        """φ of shape (F, n): formed once a pass, and once a fit where the block is kept."""
        if block.features is None:
            shape = (self.family.n_features_out(self.rows.n_features, self.rows.masked), len(block))
            block.features = (
                np.empty(shape, self.rows.dtype) if block.keep else work.take("features", shape, self.rows.dtype)
            )
            self.family.features(block, block.features)
        return block.features

    def prepare(self, block: Block, work: Workspace) -> None:
        if block.patterns is not None:
            block.marginal = self.family.marginal(self.parameters, block.patterns)

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None:
        self.prepare(block, work)
        phi = self._features(block, work)
        if block.patterns is None:
            np.matmul(self.eta, phi, out=out)
        else:
            for (start, stop), eta in zip(block.segments, self._eta(block.marginal), strict=True):
                np.matmul(eta, phi[:, start:stop], out=out[:, start:stop])

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> Any:
        if block.patterns is None:
            return np.matmul(R, self._features(block, work).T).astype(np.float64, copy=False)
        return self.family.lift(self._per_pattern(block, R, work), block.marginal, self.parameters)

    def _per_pattern(self, block: Block, R: np.ndarray, work: Workspace) -> Any:
        """Statistics of the observed features of each pattern."""
        phi = self._features(block, work)
        sums = np.stack([R[:, a:b] @ phi[:, a:b].T for a, b in block.segments]).astype(np.float64, copy=False)
        return self.family.collect(sums, block.marginal)

    def towards(self, tangent: Any) -> Any:
        if self.rows.grouped is not None:
            return self.family.velocity(self.parameters, tangent)
        return self.family.natural_along(self.parameters, tangent, self.rows.masked).astype(self.rows.dtype, copy=False)

    def slope(self, block: Block, direction: Any, out: np.ndarray, work: Workspace) -> None:
        phi = self._features(block, work)
        if block.patterns is None:
            np.matmul(direction, phi, out=out)
            return
        velocity = self.family.marginal_velocity(block.marginal, self.parameters, direction)
        rates = self.family.natural_rate(block.marginal, velocity).astype(self.rows.dtype, copy=False)
        for (start, stop), rate in zip(block.segments, rates, strict=True):
            np.matmul(rate, phi[:, start:stop], out=out[:, start:stop])

    def sums_along(self, block: Block, R: np.ndarray, dR: np.ndarray, direction: Any, work: Workspace) -> Any:
        if block.patterns is None:
            return self.sums(block, dR, work)
        statistics, change = (self._per_pattern(block, weights, work) for weights in (R, dR))
        return self.family.lift_along(statistics, change, block.marginal, self.parameters, direction)

    def statistics(self, total: Any) -> Any:
        return total if self.rows.grouped else self.family.collect(total, self.parameters, self.rows.masked)


class ResidualKernel:
    """Gaussians through y = W_k(z − μ_k): accurate however tight a component is, and faster where d is large against K.

    The family gives ``parameters.means`` (K, d), ``per_component(parameters.whitening)``, lower triangular (K, d, d),
    ``log_normaliser(parameters)`` and ``moments(counts, first, second)``.
    """

    def __init__(self, family: Any, parameters: Any, offset: np.ndarray, rows: Rows, error: float = 0.0):
        self.family, self.parameters, self.rows, self.error = family, parameters, rows, error
        self.offset = offset
        if rows.grouped is None:
            self.parts = self._parts(parameters)

    def _parts(self, parameters: Any) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Means, whitening matrices and log-normalisers of each pattern, in the data's type."""
        dtype, (K, d) = self.rows.dtype, parameters.means.shape
        whitening = self.family.per_component(parameters.whitening)
        whitening = np.broadcast_to(whitening, (*whitening.shape[:-3], K, d, d)).astype(dtype)
        log_norm = np.broadcast_to(self.family.log_normaliser(parameters) + self.offset, whitening.shape[:-2])
        means = parameters.means.astype(dtype)
        per_pattern = zip(whitening.reshape(-1, K, d, d), log_norm.astype(dtype).reshape(-1, K), strict=True)
        return [(means, *part) for part in per_pattern]

    def _open(self, block: Block) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        if block.patterns is None:
            return self.parts
        block.marginal = self.family.marginal(self.parameters, block.patterns)
        return self._parts(block.marginal)

    def _residuals(self, block: Block, work: Workspace) -> np.ndarray:
        shape = (len(self.offset), self.rows.n_features, len(block))
        return work.take("residuals", shape, self.rows.dtype)

    def prepare(self, block: Block, work: Workspace) -> None:
        self._whiten(block, self._open(block), work)

    def _whiten(self, block: Block, parts: Any, work: Workspace, out: np.ndarray | None = None) -> None:
        """Write the residuals of all components, and their squared lengths into `out`, (K, n), while they are hot."""
        Y = self._residuals(block, work)
        D = work.take("centred", block.Z.shape, self.rows.dtype)
        half = self.rows.n_features // 2  # W is lower triangular: its upper right quarter is skipped
        for (a, b), (means, whitening, _) in zip(block.segments, parts, strict=True):
            for k, (mu, W) in enumerate(zip(means, whitening, strict=True)):
                d, y = D[:, a:b], Y[k, :, a:b]
                np.subtract(block.Z[:, a:b], mu[:, None], out=d)
                y[:half] = W[:half, :half] @ d[:half]
                y[half:] = W[half:] @ d
                if out is not None:
                    np.einsum("im,im->m", y, y, out=out[k, a:b])

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None:
        parts = self._open(block)
        self._whiten(block, parts, work, out)
        for (a, b), (_, _, log_norm) in zip(block.segments, parts, strict=True):
            out[:, a:b] *= -0.5
            out[:, a:b] += log_norm[:, None]

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> Any:
        statistics = self._per_pattern(block, R, np.sqrt(R), work)
        if block.patterns is None:
            return statistics.total()
        return self.family.lift(statistics, block.marginal, self.parameters)

    def _per_pattern(self, block: Block, R: np.ndarray, root: np.ndarray | None, work: Workspace) -> Any:
        """Moments of the observed features of each pattern; with `root`, √R, second moments need half the work."""
        Y = self._residuals(block, work)
        scaled = work.take("centred", block.Z.shape, self.rows.dtype)
        K, d, P = len(Y), len(block.Z), len(block.segments)
        counts, first, second = np.empty((P, K)), np.empty((P, K, d)), np.empty((P, K, d, d))
        for p, (a, b) in enumerate(block.segments):
            counts[p] = R[:, a:b].sum(axis=1, dtype=np.float64)
            for k in range(K):
                y = Y[k, :, a:b]
                first[p, k] = y @ R[k, a:b]
                np.multiply(y, (R if root is None else root)[k, a:b], out=scaled[:, a:b])
                second[p, k] = scaled[:, a:b] @ (y if root is None else scaled[:, a:b]).T
        return self.family.moments(counts, first, second)

    def towards(self, tangent: Any) -> Any:
        return self.family.velocity(self.parameters, tangent)

    def slope(self, block: Block, direction: Any, out: np.ndarray, work: Workspace) -> None:
        Y = self._residuals(block, work)
        for (a, b), (first, M) in zip(block.segments, self._velocities(block, direction), strict=True):
            for k in range(len(Y)):
                y, m = Y[k, :, a:b], M[k if len(M) > 1 else 0]
                np.einsum("im,im->m", y, (0.5 * m) @ y + first[k][:, None], out=out[k, a:b])
                out[k, a:b] -= 0.5 * np.trace(m)

    def _velocities(self, block: Block, direction: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """Velocities b and M of each pattern, in the data's type."""
        dtype = self.rows.dtype
        if block.patterns is None:
            return [(direction.b.astype(dtype), direction.M.astype(dtype))]
        per_pattern = self.family.marginal_velocity(block.marginal, self.parameters, direction)
        return list(zip(per_pattern.b.astype(dtype), per_pattern.M.astype(dtype), strict=True))

    def sums_along(self, block: Block, R: np.ndarray, dR: np.ndarray, direction: Any, work: Workspace) -> Any:
        change = self._per_pattern(block, dR, None, work)
        if block.patterns is None:
            return change.total()
        statistics = self._per_pattern(block, R, None, work)
        return self.family.lift_along(statistics, change, block.marginal, self.parameters, direction)

    def statistics(self, total: Any) -> Any:
        return total
