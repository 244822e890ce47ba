"""Gaussians with covariance matrices: what full and tied covariances share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import numpy as np

from skmix.families.base import DependentFeatures, Family
from skmix.families.gaussian import (
    LOG_2PI,
    Gaussian,
    MatrixParameters,
    Moments,
    Velocity,
    diagonal,
    invert_triangular,
    log_abs,
    lower_factor,
    outer,
    public_factors,
    robust_cholesky,
    transpose,
    whitening_from_precision,
)
from skmix.families.gaussian_charts import CholeskyChart, FactorChart, LogCholeskyChart, MatrixFrame
from skmix.families.inverse_wishart import InverseWishart
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.units import Units

# Least part of a variance that the other features leave unexplained, for a Cholesky factor of the covariance itself.
_ILL_CONDITIONED = 1e-6


class MatrixGaussian(DependentFeatures, Gaussian):
    """What full and tied covariances share: factors L, W, their penalty, marginals and public names."""

    charts = {"frame": MatrixFrame, "log-cholesky": LogCholeskyChart, "factor": FactorChart}
    explicit = CholeskyChart

    @abstractmethod
    def scatter(self, n_components: int) -> np.ndarray:
        """Diagonal of the prior scatter of one covariance matrix, shape (d,)."""

    @abstractmethod
    def rows_of(self, counts: np.ndarray) -> np.ndarray:
        """Weight of the data's rows behind each covariance matrix, from the counts (..., K)."""

    @classmethod
    def prior_of(cls, covariance: np.ndarray, n_components: int) -> InverseWishart:
        return InverseWishart.of_matrix(covariance, n_components)

    def rows_behind(self, counts: np.ndarray) -> np.ndarray:
        return self.rows_of(counts) + self.pseudo_rows

    @abstractmethod
    def per_component(self, matrix: np.ndarray) -> np.ndarray:
        """A stack of matrices with the component axis that the means have."""

    @abstractmethod
    def per_covariance(self, matrix: np.ndarray) -> np.ndarray:
        """The inverse of `per_component`."""

    @abstractmethod
    def moments(self, counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> Moments:
        """Moments from those of each component, `second` of shape (..., K, d, d)."""

    def log_normaliser(self, parameters: MatrixParameters) -> np.ndarray:
        """Constants log |W| − (d/2) log 2π, shape (..., K) or (..., 1), with d the observed features of a marginal."""
        L, W = self.per_component(parameters.cholesky), self.per_component(parameters.whitening)
        observed = np.count_nonzero(diagonal(W), axis=-1)
        return -log_abs(diagonal(L)).sum(axis=-1) - 0.5 * LOG_2PI * observed

    def penalise(self, statistics: Moments, parameters: MatrixParameters) -> Moments:
        W = parameters.whitening
        scatter = (W * self.scatter(len(parameters.means))) @ transpose(W)
        if self.prior is not None:
            half = W @ self.prior.factor
            scatter = scatter + half @ transpose(half)
        return Moments(statistics.counts, statistics.first, statistics.second + scatter)

    def log_prior(self, parameters: MatrixParameters) -> float:
        W = parameters.whitening
        penalty = float(np.sum(self.scatter(len(parameters.means)) * W**2))
        if self.prior is not None:
            log_det = -2.0 * log_abs(diagonal(W)).sum(axis=-1)
            penalty += float(np.sum(self.prior.rows * (log_det - self.prior.log_det)))
            penalty += float(np.sum((W @ self.prior.factor) ** 2))
        return -0.5 * penalty

    def marginal(self, parameters: MatrixParameters, observed: np.ndarray) -> MatrixParameters:
        """Parameters (P, ...) of the observed features of each pattern; unobserved ones have no weight in W.

        The covariance with its unobserved rows and columns replaced by those of the identity has a Cholesky factor
        that is the marginal's, in place.
        """
        L, lead = parameters.cholesky, (slice(None),) + (None,) * (parameters.cholesky.ndim - 2)
        keep = observed.astype(np.float64)[lead]
        rest = (1.0 - keep)[..., None] * np.eye(L.shape[-1])
        kept = L * keep[..., None]
        covariance = kept @ transpose(kept) + rest
        try:
            factor = np.linalg.cholesky(covariance)
            sound = bool(np.all(np.square(diagonal(factor)) > _ILL_CONDITIONED * diagonal(covariance)))
        except np.linalg.LinAlgError:
            sound = False
        if not sound:  # factor without squaring
            factor = lower_factor(np.concatenate([kept, np.broadcast_to(rest, kept.shape)], axis=-1))
        whitening = invert_triangular(factor) * keep[..., None]
        return MatrixParameters(parameters.means, factor, whitening)

    def publish(self, parameters: MatrixParameters, units: Units) -> dict[str, np.ndarray]:
        means = units.centre + units.scale * parameters.means
        return {"means_": means, **public_factors(parameters.cholesky, parameters.whitening, units)}

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> MatrixParameters:
        means = (public["means_"] - units.centre) / units.scale
        W = transpose(public["precisions_cholesky_"]) * units.scale
        return MatrixParameters(means, invert_triangular(W), W)

    def covariances_of(self, factor: np.ndarray) -> np.ndarray:
        L = invert_triangular(transpose(factor))
        return L @ transpose(L)

    def covariance_factor(self, covariances: np.ndarray) -> np.ndarray:
        """`precisions_cholesky_` of symmetric positive definite `covariances_`."""
        return transpose(invert_triangular(np.linalg.cholesky(covariances)))

    def precision_factor(self, precisions: np.ndarray) -> np.ndarray:
        """`precisions_cholesky_` of symmetric positive definite `precisions_`."""
        return transpose(whitening_from_precision(precisions))

    def location_scale(self, parameters: MatrixParameters) -> tuple[np.ndarray, np.ndarray]:
        deviations = np.sqrt(np.square(parameters.cholesky).sum(axis=-1))
        return parameters.means, np.broadcast_to(deviations, parameters.means.shape)

    def covariances(self, parameters: MatrixParameters) -> np.ndarray:
        L = self.per_component(parameters.cholesky)
        return np.broadcast_to(L @ transpose(L), (*parameters.means.shape, parameters.means.shape[-1]))

    def lift(self, statistics: Moments, marginal: MatrixParameters, parameters: MatrixParameters) -> Moments:
        """Expected complete-row moments, summed over patterns.

        By the regression of the missing on the observed features; in whitened coordinates it is G = (W_o L)ᵀ, with
        W_o the marginal's whitening, and the excess C − N·I is carried by G alone (Fisher's identity for a marginal).
        """
        G = transpose(marginal.whitening @ parameters.cholesky)
        eye = np.eye(G.shape[-1])
        observed = eye * (diagonal(marginal.whitening) != 0)[..., None]
        rows = self.rows_of(statistics.counts)[..., None, None]
        first = (self.per_component(G) @ statistics.first[..., None])[..., 0]
        second = G @ (statistics.second - rows * observed) @ transpose(G) + rows * eye
        return Moments(statistics.counts, first, second).total()

    def regressions(
        self, parameters: MatrixParameters, block: Block
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray, np.ndarray]]:
        """The regression of all features on the observed ones, for each run of rows of one pattern.

        Yields
        ------
        rows : slice
            Which rows of the block these are.
        seen : ndarray of shape (d,)
            Whether a feature is observed.
        slopes : ndarray of shape (K or 1, d, d)
            E[x | observed] − μ = slopes (x − μ); columns of features that are not observed are 0.
        L : ndarray of shape (K or 1, d, d)
            Factors of the covariances.
        """
        L = self.per_component(parameters.cholesky)
        patterns = np.ones((1, L.shape[-1]), dtype=bool) if block.patterns is None else block.patterns
        whitening = self.per_component(self.marginal(parameters, patterns).whitening)
        for (a, b), seen, W in zip(block.segments, patterns, whitening, strict=True):
            yield slice(a, b), seen, L @ transpose(W @ L) @ W, L

    def complete(self, parameters: MatrixParameters, block: Block, R: np.ndarray) -> np.ndarray:
        """The rows of a block with missing entries at their conditional expectations, (d, n)."""
        if block.patterns is None:
            return block.Z
        completed, centre = np.empty(block.Z.shape), parameters.means[:, :, None]
        for rows, seen, slopes, _ in self.regressions(parameters, block):
            expected = centre + slopes @ (block.Z[:, rows] - centre)
            completed[:, rows] = np.where(
                seen[:, None], block.Z[:, rows], np.einsum("kdn,kn->dn", expected, R[:, rows])
            )
        return completed

    def draw(
        self, parameters: MatrixParameters, block: Block, labels: np.ndarray, rng: np.random.RandomState
    ) -> np.ndarray:
        """Whole rows are drawn, and moved by the regression on how far they are from what is observed."""
        if block.patterns is None:
            return block.Z
        drawn = self.sample_rows(parameters, labels, rng)
        for rows, seen, slopes, _ in self.regressions(parameters, block):
            away, own = block.Z[:, rows] - drawn[:, rows], labels[rows]
            for k in np.unique(own):
                drawn[:, rows][:, own == k] += slopes[k if len(slopes) > 1 else 0] @ away[:, own == k]
            drawn[seen, rows] = block.Z[seen, rows]
        return drawn

    def conditionals(
        self, parameters: MatrixParameters, block: Block, columns: np.ndarray
    ) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        means = parameters.means[:, columns, None]
        for rows, seen, slopes, L in self.regressions(parameters, block):
            expected = means + slopes[:, columns] @ (block.Z[:, rows] - parameters.means[:, :, None])
            left = (L - slopes @ L)[:, columns] * ~seen[columns, None]  # a factor of what the regression leaves
            expected = np.where(seen[columns, None], block.Z[columns, rows], expected)
            yield rows, expected, (left @ transpose(left))[..., None]

    def narrow(self, parameters: MatrixParameters, columns: np.ndarray) -> tuple[Family, MatrixParameters]:
        factor = lower_factor(parameters.cholesky[..., columns, :])
        return self, MatrixParameters(parameters.means[:, columns], factor, invert_triangular(factor))

    def given(
        self, parameters: MatrixParameters, columns: np.ndarray, values: np.ndarray, rest: np.ndarray
    ) -> tuple[Family, MatrixParameters]:
        """By the factor of the covariance with `columns` first: (A 0; B C), so that C is a factor of what is left."""
        factor = lower_factor(parameters.cholesky[..., np.concatenate([columns, rest]), :])
        q = len(columns)
        A, B, C = factor[..., :q, :q], factor[..., q:, :q], factor[..., q:, q:]
        slopes = self.per_component(B @ invert_triangular(A))
        moved = (slopes @ (values - parameters.means[:, columns])[..., None])[..., 0]
        return self, MatrixParameters(parameters.means[:, rest] + moved, C, invert_triangular(C))

    # ---- motion ---------------------------------------------------------------------------------------------------
    def rebase(self, statistics: Moments, old: MatrixParameters, new: MatrixParameters) -> Moments:
        A = new.whitening @ old.cholesky
        shift = (self.per_component(new.whitening) @ (new.means - old.means)[..., None])[..., 0]
        counts = statistics.counts
        first = (self.per_component(A) @ statistics.first[..., None])[..., 0]
        N = counts[..., None]
        about = self.moments(counts, first - N * shift, -outer(first - 0.5 * N * shift, shift))
        second = A @ statistics.second @ transpose(A) + about.second + transpose(about.second)
        return Moments(counts, about.first, second)

    def expected_log_density(self, statistics: Moments, parameters: MatrixParameters) -> float:
        constants = self.log_normaliser(parameters) * statistics.counts
        return float(constants.sum() - 0.5 * diagonal(statistics.second).sum())

    def velocity(self, parameters: MatrixParameters, tangent: MatrixParameters) -> Velocity:
        """How whitened rows move as the parameters move along `tangent`."""
        W = parameters.whitening
        half = tangent.whitening @ parameters.cholesky
        b = (self.per_component(W) @ tangent.means[..., None])[..., 0]
        return Velocity(b, -self.per_component(half + transpose(half)))

    def _regression(self, marginal: MatrixParameters, parameters: MatrixParameters) -> np.ndarray:
        """G = (W_o L)ᵀ, shape (P, K or 1, d, d): E[y | observed] = G y_o, and G y_o has covariance G Gᵀ."""
        return self.per_component(transpose(marginal.whitening @ parameters.cholesky))

    def marginal_velocity(
        self, marginal: MatrixParameters, parameters: MatrixParameters, velocity: Velocity
    ) -> Velocity:
        """The velocity of the observed features of each pattern, in the whitened coordinates of their marginal."""
        G = self._regression(marginal, parameters)
        return Velocity((transpose(G) @ velocity.b[..., None])[..., 0], transpose(G) @ velocity.M @ G)

    def lift_along(
        self,
        statistics: Moments,
        change: Moments,
        marginal: MatrixParameters,
        parameters: MatrixParameters,
        velocity: Velocity,
    ) -> Moments:
        """The rate at which lifted moments about fixed parameters change, summed over patterns.

        `statistics` are those of the patterns and `change` their derivatives by the responsibilities. The missing
        entries' own distribution given the observed ones moves, too: with Q = I − G Gᵀ, their mean by Q(b + M G y_o)
        and their covariance by Q M Q.
        """
        G = self._regression(marginal, parameters)
        Q = np.eye(G.shape[-1]) - G @ transpose(G)
        b, M = velocity
        N = statistics.counts[..., None]
        lifted = (G @ statistics.first[..., None])[..., 0]
        first = (Q @ (N * b + (M @ lifted[..., None])[..., 0])[..., None])[..., 0]
        extra = self.moments(0.0 * statistics.counts, first, Q @ outer(b, lifted))
        G, Q, M = (self.per_covariance(matrix) for matrix in (G, Q, M))
        rows = self.rows_of(statistics.counts)[..., None, None]
        half = extra.second + Q @ M @ G @ statistics.second @ transpose(G) + 0.5 * rows * (Q @ M @ Q)
        moved = Moments(extra.counts, first, half + transpose(half)).total()
        return self.lift(change, marginal, parameters) + moved

    def narrowness(self, components: MatrixParameters) -> tuple[np.ndarray, np.ndarray]:
        L, W = self.per_component(components.cholesky), self.per_component(components.whitening)
        shape = (len(components.means),)
        log_root = -log_abs(diagonal(L)).sum(axis=-1)
        return np.broadcast_to(np.square(W).sum(axis=(-2, -1)), shape), np.broadcast_to(log_root, shape)

    def reach(self, parameters: MatrixParameters, rows: Rows) -> float:
        """max‖z‖² · λmax(precision), the largest term that may cancel in a log-density."""
        return rows.radius2 * float(np.square(parameters.whitening).sum(axis=(-2, -1)).max())

    def move(
        self, parameters: MatrixParameters, shift: np.ndarray, second: np.ndarray, between: np.ndarray
    ) -> MatrixParameters:
        """Parameters with means `shift` and covariances `second − between` in the present whitened coordinates."""
        L = parameters.cholesky
        means = parameters.means + (self.per_component(L) @ shift[..., None])[..., 0]
        factor = L @ robust_cholesky(second - between, self.least_variance(diagonal(second).max(axis=-1)))
        return MatrixParameters(means, factor, invert_triangular(factor))
