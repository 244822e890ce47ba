"""Gaussian components with independent features: diagonal and spherical covariances.

Missing entries need no regression here: they drop out of the likelihood, and each feature keeps its own count of rows.
"""

from __future__ import annotations

import numpy as np

from skmix.families.base import ExponentialFamily, Family
from skmix.families.gaussian import (
    LOG_2PI,
    Gaussian,
    Moments,
    ScaleParameters,
    Velocity,
    divide_alive,
    has_rows,
    log_abs,
    squarable,
)
from skmix.families.gaussian_charts import LogScaleChart, ScaleChart, ScaleFrame
from skmix.families.inverse_wishart import InverseWishart
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import FeatureKernel, Kernel
from skmix.likelihood.threads import Workspace
from skmix.likelihood.units import Units


class DiagonalGaussian(Gaussian, ExponentialFamily):
    """A variance for each component and feature: φ = [z², z, 1], with the mask of observed entries before the 1."""

    charts = {"frame": ScaleFrame, "log-cholesky": LogScaleChart, "factor": ScaleChart}
    explicit = ScaleChart

    # ---- hooks: a spherical covariance pools squares over features ------------------------------------------------
    def per_feature(self, scales: np.ndarray) -> np.ndarray:
        """Scales with the feature axis that the means have."""
        return scales

    def pool(self, value: np.ndarray) -> np.ndarray:
        """Sums over the features that share a scale."""
        return value

    def n_squares(self, n_features: int) -> int:
        return n_features

    def write_squares(self, Z: np.ndarray, out: np.ndarray) -> None:
        np.multiply(Z, Z, out=out)

    # ---- towards the rows -----------------------------------------------------------------------------------------
    def n_features_out(self, n_features: int, masked: bool) -> int:
        return self.n_squares(n_features) + (2 if masked else 1) * n_features + 1

    def features(self, block: Block, out: np.ndarray) -> None:
        d = len(block.Z)
        q = self.n_squares(d)
        self.write_squares(block.Z, out[:q])
        out[q : q + d] = block.Z
        if block.observed is not None:
            out[q + d : -1] = block.observed
        out[-1] = 1.0

    def natural(self, parameters: ScaleParameters, masked: bool = False) -> np.ndarray:
        means, scales = parameters
        sigma = self.per_feature(scales)
        square = -0.5 / scales**2
        whitened = means / sigma
        # What one observed entry adds whatever its value; with missing entries it goes with the mask.
        constant = -0.5 * (LOG_2PI + np.square(whitened)) - log_abs(sigma) * np.ones_like(means)
        columns = [square.reshape(len(means), -1), whitened / sigma]
        columns += [constant, np.zeros((len(means), 1))] if masked else [constant.sum(axis=1, keepdims=True)]
        return np.concatenate(columns, axis=1)

    def collect(self, sums: np.ndarray, parameters: ScaleParameters, masked: bool = False) -> Moments:
        means, scales = parameters
        d, q = means.shape[1], self.n_squares(means.shape[1])
        S2, S1 = sums[:, :q].reshape(scales.shape), sums[:, q : q + d]
        counts = sums[:, q + d : -1] if masked else np.repeat(sums[:, -1:], d, axis=1)
        first = (S1 - counts * means) / self.per_feature(scales)
        second = (S2 - self.pool(2 * means * S1 - counts * means**2)) / scales**2
        return Moments(counts, first, second)

    def kernel(self, parameters: ScaleParameters, offset: np.ndarray, rows: Rows) -> Kernel:
        reach = rows.radius2 * float(np.max(1.0 / parameters.scales**2))
        kernel, error = self.pick(FeatureKernel, ScaleKernel, reach, rows)
        return kernel(self, parameters, offset, rows, error)

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def reference(self, n_components: int, n_features: int) -> ScaleParameters:
        means = np.zeros((n_components, n_features))
        return ScaleParameters(means, np.ones_like(self.pool(means)))

    @classmethod
    def prior_of(cls, covariance: np.ndarray, n_components: int) -> InverseWishart:
        return InverseWishart.of_variances(covariance, n_components)

    def rows_behind(self, counts: np.ndarray) -> np.ndarray:
        return self.pool(counts + self.pseudo_rows)

    def _scatter(self, parameters: ScaleParameters) -> np.ndarray:
        scatter = self.prior_scatter if self.prior is None else self.prior_scatter + self.prior.variances
        return self.pool(np.broadcast_to(scatter, parameters.means.shape))

    def penalise(self, statistics: Moments, parameters: ScaleParameters) -> Moments:
        scatter = self._scatter(parameters) / parameters.scales**2
        return Moments(statistics.counts, statistics.first, statistics.second + scatter)

    def log_prior(self, parameters: ScaleParameters) -> float:
        penalty = float(np.sum(self._scatter(parameters) / parameters.scales**2))
        if self.prior is not None:
            log_variances = 2.0 * log_abs(self.per_feature(parameters.scales)) * np.ones_like(parameters.means)
            penalty += self.prior.rows * float(np.sum(log_variances.sum(axis=1) - self.prior.log_det))
        return -0.5 * penalty

    def m_step(self, statistics: Moments, parameters: ScaleParameters) -> ScaleParameters:
        means, scales = parameters
        counts = statistics.counts
        alive = has_rows(counts)
        shift = divide_alive(statistics.first, counts, alive, 0.0)
        pooled = self.rows_behind(counts)
        second = divide_alive(statistics.second, pooled, has_rows(pooled), 1.0)
        between = divide_alive(self.pool(counts * shift**2), pooled, has_rows(pooled), 0.0)
        variance = np.maximum(second - between, self.least_variance(second))
        return ScaleParameters(means + self.per_feature(scales) * shift, scales * np.sqrt(variance))

    def rebase(self, statistics: Moments, old: ScaleParameters, new: ScaleParameters) -> Moments:
        ratio = old.scales / new.scales
        shift = (new.means - old.means) / self.per_feature(new.scales)
        moved = self.per_feature(ratio) * statistics.first
        first = moved - statistics.counts * shift
        second = ratio**2 * statistics.second - self.pool((moved + first) * shift)
        return Moments(statistics.counts, first, second)

    def expected_log_density(self, statistics: Moments, parameters: ScaleParameters) -> float:
        constants = statistics.counts * (0.5 * LOG_2PI + log_abs(self.per_feature(parameters.scales)))
        return float(-constants.sum() - 0.5 * statistics.second.sum())

    def sample(self, parameters: ScaleParameters, component: int, n_samples: int, rng) -> np.ndarray:
        noise = rng.standard_normal((n_samples, parameters.means.shape[1]))
        return parameters.means[component] + noise * self.per_feature(parameters.scales)[component]

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * (n_features + self.n_squares(n_features))

    def narrowness(self, components: ScaleParameters) -> tuple[np.ndarray, np.ndarray]:
        scales = self.per_feature(components.scales) * np.ones_like(components.means)
        return np.square(1.0 / scales).max(axis=1), -log_abs(scales).sum(axis=1)

    # ---- units ----------------------------------------------------------------------------------------------------
    def _unit(self, units: Units) -> np.ndarray:
        """The scale of the features that share a standard deviation."""
        return units.scale

    def publish(self, parameters: ScaleParameters, units: Units) -> dict[str, np.ndarray]:
        means = units.centre + units.scale * parameters.means
        sigma = parameters.scales * np.where(parameters.scales.real < 0, -1.0, 1.0) * self._unit(units)
        precision = 1.0 / sigma
        return {
            "means_": means,
            "covariances_": sigma**2,
            "precisions_": squarable(precision) ** 2,
            "precisions_cholesky_": precision,
        }

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> ScaleParameters:
        means = (public["means_"] - units.centre) / units.scale
        return ScaleParameters(means, 1.0 / (public["precisions_cholesky_"] * self._unit(units)))

    def precision_factor(self, precisions: np.ndarray) -> np.ndarray:
        """`precisions_cholesky_` of positive `precisions_`."""
        return np.sqrt(precisions)

    def covariances_of(self, factor: np.ndarray) -> np.ndarray:
        return 1.0 / factor**2

    def covariance_factor(self, covariances: np.ndarray) -> np.ndarray:
        """`precisions_cholesky_` of positive `covariances_`."""
        return 1.0 / np.sqrt(covariances)

    def covariance_matrices(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        return self.per_feature(covariances)[..., np.newaxis] * np.eye(n_features)

    def restrict(self, matrices: np.ndarray) -> np.ndarray:
        return np.diagonal(matrices, axis1=-2, axis2=-1).copy()

    def precisions_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return n_components, n_features

    def location_scale(self, parameters: ScaleParameters) -> tuple[np.ndarray, np.ndarray]:
        return parameters.means, np.abs(self.per_feature(parameters.scales)) * np.ones_like(parameters.means)


class SphericalGaussian(DiagonalGaussian):
    """One variance for each component: φ = [|z|², z, 1]."""

    common_scale = True

    def per_feature(self, scales: np.ndarray) -> np.ndarray:
        return scales[..., None]

    def pool(self, value: np.ndarray) -> np.ndarray:
        return value.sum(axis=-1)

    def n_squares(self, n_features: int) -> int:
        return 1

    def write_squares(self, Z: np.ndarray, out: np.ndarray) -> None:
        np.einsum("im,im->m", Z, Z, out=out[0])

    def narrow(self, parameters: ScaleParameters, columns: np.ndarray) -> tuple[Family, ScaleParameters]:
        return self, ScaleParameters(parameters.means[:, columns], parameters.scales)

    def restrict(self, matrices: np.ndarray) -> np.ndarray:
        return super().restrict(matrices).mean(axis=-1)

    def precisions_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        return (n_components,)

    def _unit(self, units: Units) -> np.ndarray:
        return units.scale[0]


class ScaleKernel:
    """Independent Gaussian features through y = (z − μ)/σ: accurate however tight a component is."""

    def __init__(
        self, family: DiagonalGaussian, parameters: ScaleParameters, offset: np.ndarray, rows: Rows, error: float
    ):
        self.family, self.rows, self.offset, self.error = family, rows, offset, error
        self.means = parameters.means
        self.sigma = family.per_feature(parameters.scales) * np.ones_like(self.means)
        self.log_norm = -0.5 * LOG_2PI - np.log(np.abs(self.sigma))

    def _residual(self, block: Block, k: int, work: Workspace) -> np.ndarray:
        y = work.take("centred", block.Z.shape, self.rows.dtype)
        np.subtract(block.Z, self.means[k].astype(y.dtype)[:, None], out=y)
        y /= self.sigma[k].astype(y.dtype)[:, None]
        if block.observed is not None:
            y *= block.observed
        return y

    def prepare(self, block: Block, work: Workspace) -> None:
        """Nothing: residuals are formed anew whenever they are needed."""

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None:
        for k in range(len(out)):
            y = self._residual(block, k, work)
            np.einsum("im,im->m", y, y, out=out[k])
            out[k] *= -0.5
            if block.observed is None:
                out[k] += self.log_norm[k].sum() + self.offset[k]
            else:
                out[k] += (self.log_norm[k] @ block.observed + self.offset[k]).astype(out.dtype)

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> Moments:
        K, d = self.means.shape
        counts = np.repeat(R.sum(axis=1, dtype=np.float64)[:, None], d, axis=1)
        if block.observed is not None:
            counts = (R @ block.observed.T).astype(np.float64)
        first, second = np.empty((K, d)), np.empty((K, d))
        for k in range(K):
            y = self._residual(block, k, work)
            first[k] = y @ R[k]
            second[k] = np.square(y, out=y) @ R[k]
        return Moments(counts, first, self.family.pool(second))

    def towards(self, tangent: ScaleParameters) -> Velocity:
        spread = self.family.per_feature(tangent.scales)
        return Velocity(tangent.means / self.sigma, 2.0 * spread / self.sigma * np.ones_like(self.means))

    def slope(self, block: Block, direction: Velocity, out: np.ndarray, work: Workspace) -> None:
        b, M = (part.astype(out.dtype) for part in direction)
        for k in range(len(out)):
            y = self._residual(block, k, work)
            observed = 1.0 if block.observed is None else block.observed
            half = 0.5 * M[k][:, None]
            out[k] = ((half * y + b[k][:, None]) * y - half * observed).sum(axis=0)

    def sums_along(self, block: Block, R: np.ndarray, dR: np.ndarray, direction: Velocity, work: Workspace) -> Moments:
        return self.sums(block, dR, work)

    def statistics(self, total: Moments) -> Moments:
        return total
