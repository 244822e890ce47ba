"""Gaussian components whose means and precisions are uncertain: the posterior of variational Bayes.

All four covariance structures stand on one model, x | k ~ N(μ_k, Λ_k⁻¹) with the normal–Wishart prior

    μ_k | Λ_k ~ N(m₀, (β₀ Λ_k)⁻¹)        Λ_k ~ Wishart(ν₀, P⁻¹)

and a posterior of the same form with (m_k, β_k, ν_k, V_k), V_k being what P becomes. The structure restricts the
posterior: V_k of its own (full), shared by all components (tied), diagonal, or a multiple of the identity (spherical).
So the bound is that of the full model in each case, and each M-step is exact under its restriction.

What is held of V_k is the *effective* covariance C_k = V_k/ν_k, as the parameters of an ordinary Gaussian family: up to
a constant of each component the expected log-density is that of N(m_k, C_k), so rows pass through that family's kernel,
and statistics are its whitened moments about these effective Gaussians.

References
----------
Bishop, C. M. (2006). Pattern Recognition and Machine Learning, section 10.2. Springer.
Attias, H. (2000). A variational Bayesian framework for graphical models. NeurIPS 12, 209–215.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy.special import digamma, gammaln

from skmix.families.base import LARGEST_EXPONENT, Additive, Coordinates, Family
from skmix.families.gaussian import LOG_2PI, Moments, diagonal, outer, transpose
from skmix.families.gaussian_diagonal import DiagonalGaussian
from skmix.families.gaussian_matrix import MatrixGaussian
from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.kernels import Kernel
from skmix.likelihood.threads import Workspace
from skmix.likelihood.units import Units


@dataclass
class NormalWishart:
    """The prior of each component's mean and precision.

    Attributes
    ----------
    mean : ndarray of shape (d,)
        m₀.
    mean_precision : float
        β₀, in rows: so many rows at m₀ would say as much about a mean.
    degrees_of_freedom : float
        ν₀ > d − 1, in rows likewise.
    covariance : ndarray of shape (d, d) full or tied, (d,) diagonal, () spherical
        P, the scatter that those ν₀ rows would have.
    """

    mean: np.ndarray
    mean_precision: float
    degrees_of_freedom: float
    covariance: np.ndarray


class VariationalParameters(NamedTuple):
    """The posterior of the components' means and precisions.

    Attributes
    ----------
    gaussian : MatrixParameters or ScaleParameters
        Effective Gaussians: posterior means m_k and covariances C_k = V_k/ν_k, the inverse of the expected precision.
    mean_precision : ndarray of shape (K,)
        β_k.
    degrees_of_freedom : ndarray of shape (K,), or () where tied
        ν_k.
    """

    gaussian: Any
    mean_precision: np.ndarray
    degrees_of_freedom: np.ndarray


class VariationalGaussian(Family):
    """Gaussians under a normal–Wishart posterior, around the family `inner` of their effective Gaussians.

    Parameters
    ----------
    inner : Gaussian
        One of the four Gaussian families. Its `prior_scatter` is taken as a variance that each row is measured with:
        −½ Σ_n r_nk tr(E[Λ_k]·diag(prior_scatter)) is part of the bound.
    prior : NormalWishart, optional
        In standardised units. Without it there are densities and samples, but no M-step and no bound.
    """

    charts = {"frame": lambda *args: VariationalFrame(*args)}
    has_gradient = False

    def __init__(self, inner: Any, prior: NormalWishart | None = None):
        self.inner, self._prior = inner, prior
        self.independent_features = inner.independent_features  # type: ignore[misc]
        self.common_scale = inner.common_scale  # type: ignore[misc]

    @property
    def prior(self) -> NormalWishart:
        if self._prior is None:
            raise ValueError("This family was made without a prior, for predictions; give `prior` to fit it.")
        return self._prior

    # ---- what a covariance structure must say ---------------------------------------------------------------------
    @abstractmethod
    def whiten(self, gaussian: Any, vectors: np.ndarray) -> np.ndarray:
        """W_k v_k of vectors (K, d)."""

    @abstractmethod
    def squares(self, weights: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """The second moments of whitened vectors (K, d), one a component, with weights (K,)."""

    @abstractmethod
    def scatter(self, gaussian: Any, weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        """The second moments of rows with this covariance, whitened; `weights` (K,) of them."""

    @abstractmethod
    def trace(self, second: np.ndarray) -> float:
        """The trace of second moments, summed over components."""

    @abstractmethod
    def noise_trace(self, gaussian: Any, noise: np.ndarray) -> np.ndarray:
        """Σ_j noise_j (C_k⁻¹)_jj, shape (K,) or ()."""

    @abstractmethod
    def log_det(self, gaussian: Any) -> np.ndarray:
        """Logarithm of |C_k|, shape (K,) or ()."""

    @abstractmethod
    def log_det_of(self, covariance: np.ndarray, n_features: int) -> float:
        """Logarithm of |P|, of a covariance in the shape of the prior's."""

    @abstractmethod
    def restrict(self, covariance: np.ndarray) -> np.ndarray:
        """A covariance matrix (d, d) in the shape of the prior's."""

    @abstractmethod
    def smallest(self, covariance: np.ndarray) -> float:
        """The smallest variance in any direction, of a covariance in the shape of the prior's."""

    @abstractmethod
    def unit(self, units: Units) -> np.ndarray:
        """What a covariance in the shape of the prior's is divided by in standardised units."""

    def shared(self, counts: np.ndarray) -> np.ndarray:
        """Rows behind each V_k, per component that shares it: (K,) from counts (K,), or () where tied."""
        return counts

    # ---- towards the rows -----------------------------------------------------------------------------------------
    def row_size(self, n_components: int, n_features: int, masked: bool) -> int:
        return self.inner.row_size(n_components, n_features, masked)

    def isotropic(self, Z: np.ndarray) -> np.ndarray:
        return self.inner.isotropic(Z)

    def expected_constant(self, parameters: VariationalParameters) -> np.ndarray:
        """E log N(x | μ_k, Λ_k⁻¹) − log N(x | m_k, C_k), less the noise's part: nats, (K,), the same for every row."""
        gaussian, beta, nu = parameters
        d = gaussian.means.shape[1]
        of_precision = _digammas(nu, d) - d * np.log(0.5 * nu)
        return 0.5 * (of_precision - d / beta - self.noise_trace(gaussian, self.inner.prior_scatter))

    def kernel(self, parameters: VariationalParameters, offset: np.ndarray, rows: Rows) -> Kernel:
        kernel = self.inner.kernel(parameters.gaussian, offset + self.expected_constant(parameters), rows)
        return _CompletingKernel(kernel, self.inner) if rows.masked else kernel  # type: ignore[return-value]

    def noise(self, like: np.ndarray) -> np.ndarray:
        """The covariance that each row is measured with, in the shape of the prior's, for `like` (d,)."""
        return self.restrict(np.diag(np.broadcast_to(self.inner.prior_scatter, like.shape)))

    # ---- parameter algebra ----------------------------------------------------------------------------------------
    def reference(self, n_components: int, n_features: int) -> VariationalParameters:
        counts = np.zeros(n_components)
        return VariationalParameters(self.inner.reference(n_components, n_features), *self._precisions(counts))

    def _precisions(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """β and ν after `counts` rows."""
        prior = self.prior
        return prior.mean_precision + counts, prior.degrees_of_freedom + self.shared(counts)

    def m_step(self, statistics: Moments, parameters: VariationalParameters) -> VariationalParameters:
        """The best posterior given the rows' responsibilities: conjugate updates about the present Gaussians.

        V_k is the prior's scatter and the rows', less β_k (m_k − m)(m_k − m)ᵀ by which their mean has moved. The inner
        M-step makes it of ν_k pseudo-rows: whatever it does about rounding, it does here.
        """
        prior, (gaussian, _, _) = self.prior, parameters
        counts = statistics.counts.reshape(len(gaussian.means), -1)[:, 0]
        ones = np.ones_like(counts)
        beta, nu = self._precisions(counts)
        away = self.whiten(gaussian, prior.mean - gaussian.means)
        shift = (statistics.first + prior.mean_precision * away) / beta[:, None]
        second = statistics.second + self.scatter(gaussian, ones, prior.covariance)
        if np.any(self.inner.prior_scatter):
            second = second + self.scatter(gaussian, counts, self.noise(prior.mean))
        second = second + self.squares(prior.mean_precision * ones, away) - self.squares(beta - nu, shift)
        pseudo = (nu * ones).reshape(-1, *(1,) * (statistics.counts.ndim - 1)) * np.ones_like(statistics.counts)
        moments = Moments(pseudo, (nu * ones)[:, None] * shift, second)
        return VariationalParameters(self.inner.m_step(moments, gaussian), beta, nu)

    def log_prior(self, parameters: VariationalParameters) -> float:
        """−Σ_k KL(q(μ_k, Λ_k) ‖ p(μ_k, Λ_k)) in nats."""
        prior, (gaussian, beta, nu) = self.prior, parameters
        K, d = gaussian.means.shape
        beta0, nu0 = prior.mean_precision, prior.degrees_of_freedom
        away = self.whiten(gaussian, prior.mean - gaussian.means)
        of_means = 0.5 * (d * np.sum(beta0 / beta - 1.0 + np.log(beta / beta0)) + beta0 * np.sum(away**2))
        # An array (K,) or, where tied, a number, the same for each component.
        log_det = d * np.log(nu) + self.log_det(gaussian) - self.log_det_of(prior.covariance, d)
        of_shape = 0.5 * ((nu - nu0) * _digammas(nu, d) - nu * d + nu0 * log_det)
        of_shape = of_shape + _log_gammas(nu0, d) - _log_gammas(nu, d)
        trace = self.trace(self.scatter(gaussian, np.ones(K), prior.covariance))
        return -float(of_means + np.sum(np.broadcast_to(of_shape, K)) + 0.5 * trace)

    def evidence_constant(self, n_components: int, n_features: int, total_weight: float) -> float:
        """The terms of the bound, in nats, that depend on the prior and the number of rows alone."""
        prior, d = self.prior, n_features
        nu0 = prior.degrees_of_freedom
        log_norm = 0.5 * nu0 * (self.log_det_of(prior.covariance, d) - d * math.log(2.0)) - _log_gammas(nu0, d)
        each = log_norm + 0.5 * d * math.log(prior.mean_precision)
        return float(n_components * each - 0.5 * d * LOG_2PI * total_weight)

    def rebase(self, statistics: Moments, old: VariationalParameters, new: VariationalParameters) -> Moments:
        return self.inner.rebase(statistics, old.gaussian, new.gaussian)

    def expected_log_density(self, statistics: Moments, parameters: VariationalParameters) -> float:
        counts = statistics.counts.reshape(len(parameters.mean_precision), -1)[:, 0]
        of_constants = float(counts @ self.expected_constant(parameters))
        return self.inner.expected_log_density(statistics, parameters.gaussian) + of_constants

    def sample(self, parameters: VariationalParameters, component: int, n_samples: int, rng) -> np.ndarray:
        """Draw rows from the effective Gaussian of one component."""
        return self.inner.sample(parameters.gaussian, component, n_samples, rng)

    def complete(self, parameters: VariationalParameters, block: Block, R: np.ndarray) -> np.ndarray:
        return self.inner.complete(parameters.gaussian, block, R)

    def draw(self, parameters: VariationalParameters, block: Block, labels: np.ndarray, rng) -> np.ndarray:
        return self.inner.draw(parameters.gaussian, block, labels, rng)

    def conditionals(self, parameters: VariationalParameters, block: Block, columns: np.ndarray):
        return self.inner.conditionals(parameters.gaussian, block, columns)

    def narrow(self, parameters: VariationalParameters, columns: np.ndarray) -> tuple[Family, Any]:
        """Effective Gaussians of some features: what is known of the means and precisions is left behind."""
        return self.inner.narrow(parameters.gaussian, columns)

    def given(
        self, parameters: VariationalParameters, columns: np.ndarray, values: np.ndarray, rest: np.ndarray
    ) -> tuple[Family, Any]:
        return self.inner.given(parameters.gaussian, columns, values, rest)

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return self.inner.n_parameters(n_components, n_features)

    def location_scale(self, parameters: VariationalParameters) -> tuple[np.ndarray, np.ndarray]:
        return self.inner.location_scale(parameters.gaussian)

    # ---- units ----------------------------------------------------------------------------------------------------
    def publish(self, parameters: VariationalParameters, units: Units) -> dict[str, np.ndarray]:
        gaussian, beta, nu = parameters
        return {**self.inner.publish(gaussian, units), "mean_precision_": beta, "degrees_of_freedom_": nu}

    def adopt(self, public: dict[str, np.ndarray], units: Units) -> VariationalParameters:
        beta, nu = public["mean_precision_"], public["degrees_of_freedom_"]
        return VariationalParameters(self.inner.adopt(public, units), beta, nu)


class VariationalMatrixGaussian(VariationalGaussian):
    """Posteriors whose effective Gaussians have covariance matrices, of their own or one for all."""

    inner: MatrixGaussian

    def whiten(self, gaussian: Any, vectors: np.ndarray) -> np.ndarray:
        return (self.inner.per_component(gaussian.whitening) @ vectors[..., None])[..., 0]

    def squares(self, weights: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        return self.inner.moments(weights, vectors, weights[:, None, None] * outer(vectors, vectors)).second

    def scatter(self, gaussian: Any, weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        # Through its factor: where a direction has little variance, W is large, and W P Wᵀ would cancel.
        half = gaussian.whitening @ np.linalg.cholesky(covariance)
        return np.asarray(self.inner.rows_of(weights))[..., None, None] * (half @ transpose(half))

    def trace(self, second: np.ndarray) -> float:
        return float(diagonal(second).sum())

    def noise_trace(self, gaussian: Any, noise: np.ndarray) -> np.ndarray:
        return np.sum(gaussian.whitening**2 * noise, axis=(-2, -1))

    def log_det(self, gaussian: Any) -> np.ndarray:
        return 2.0 * np.log(np.abs(diagonal(gaussian.cholesky))).sum(axis=-1)

    def log_det_of(self, covariance: np.ndarray, n_features: int) -> float:
        return float(np.linalg.slogdet(covariance)[1])

    def restrict(self, covariance: np.ndarray) -> np.ndarray:
        return covariance

    def smallest(self, covariance: np.ndarray) -> float:
        return float(np.linalg.eigvalsh(covariance)[0])

    def unit(self, units: Units) -> np.ndarray:
        return np.multiply.outer(units.scale, units.scale)

    def shared(self, counts: np.ndarray) -> np.ndarray:
        return self.inner.rows_of(counts) / self.inner.rows_of(np.ones_like(counts))


class VariationalScaleGaussian(VariationalGaussian):
    """Posteriors whose effective Gaussians have independent features."""

    inner: DiagonalGaussian

    def whiten(self, gaussian: Any, vectors: np.ndarray) -> np.ndarray:
        return vectors / self.inner.per_feature(gaussian.scales)

    def squares(self, weights: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        return self.inner.pool(weights[:, None] * vectors**2)

    def scatter(self, gaussian: Any, weights: np.ndarray, covariance: np.ndarray) -> np.ndarray:
        whitened = covariance / self.inner.per_feature(gaussian.scales) ** 2
        return self.inner.pool(weights[:, None] * whitened * np.ones_like(gaussian.means))

    def trace(self, second: np.ndarray) -> float:
        return float(second.sum())

    def noise_trace(self, gaussian: Any, noise: np.ndarray) -> np.ndarray:
        return np.sum(noise / self.inner.per_feature(gaussian.scales) ** 2 * np.ones_like(gaussian.means), axis=1)

    def log_det(self, gaussian: Any) -> np.ndarray:
        scales = self.inner.per_feature(gaussian.scales) * np.ones_like(gaussian.means)
        return 2.0 * np.log(np.abs(scales)).sum(axis=1)

    def log_det_of(self, covariance: np.ndarray, n_features: int) -> float:
        return float(np.sum(np.log(covariance * np.ones(n_features))))

    def restrict(self, covariance: np.ndarray) -> np.ndarray:
        variances = np.diagonal(covariance)
        return self.inner.pool(variances) / self.inner.pool(np.ones_like(variances))

    def smallest(self, covariance: np.ndarray) -> float:
        return float(np.min(covariance))

    def unit(self, units: Units) -> np.ndarray:
        return self.restrict(np.diag(units.scale**2))


def variational(inner: Any, prior: NormalWishart | None = None) -> VariationalGaussian:
    """The family of posteriors whose effective Gaussians are those of `inner`."""
    kind = VariationalMatrixGaussian if isinstance(inner, MatrixGaussian) else VariationalScaleGaussian
    return kind(inner, prior)


def _digammas(nu: np.ndarray, d: int) -> np.ndarray:
    """Σ_i ψ((ν − i)/2) over i = 0 … d − 1: E log |Λ| but for log |2 V⁻¹|."""
    return digamma(0.5 * (np.asarray(nu)[..., None] - np.arange(d))).sum(axis=-1)


def _log_gammas(nu: Any, d: int) -> Any:
    """Σ_i log Γ((ν − i)/2) over i = 0 … d − 1."""
    return gammaln(0.5 * (np.asarray(nu)[..., None] - np.arange(d))).sum(axis=-1)


@dataclass
class _Counted(Additive):
    """Sums of a block, and the expected numbers of rows (K,), whatever is missing in them."""

    counts: np.ndarray
    sums: Any


class _CompletingKernel:
    """A kernel of independent features that completes missing entries instead of dropping them.

    A precision's posterior is conjugate for whole rows only. Under the effective Gaussian a missing entry has whitened
    mean 0 and square 1.
    """

    def __init__(self, kernel: Any, inner: DiagonalGaussian):
        self.kernel, self.inner = kernel, inner
        self.offset, self.error = kernel.offset, kernel.error

    def log_density(self, block: Block, out: np.ndarray, work: Workspace) -> None:
        self.kernel.log_density(block, out, work)

    def sums(self, block: Block, R: np.ndarray, work: Workspace) -> _Counted:
        return _Counted(R.sum(axis=1, dtype=np.float64), self.kernel.sums(block, R, work))

    def statistics(self, total: _Counted) -> Moments:
        observed = self.kernel.statistics(total.sums)
        counts = total.counts[:, None] * np.ones_like(observed.counts)
        return Moments(counts, observed.first, observed.second + self.inner.pool(counts - observed.counts))


class VariationalFrame(Coordinates):
    """The inner family's frame, ν_k in the place of a component's rows, and the logarithms of β and ν − d + 1.

    All are in units of the information, per row, that the bound has of them at its maximum given the responsibilities.
    """

    analytic = False

    def __init__(self, family: VariationalGaussian, parameters: VariationalParameters, statistics: Moments):
        gaussian, beta, nu = parameters
        self.least = gaussian.means.shape[1] - 1.0
        self.nu_shape = np.shape(nu)
        rows = (nu * np.ones_like(beta)).reshape(-1, *(1,) * (statistics.counts.ndim - 1))
        as_rows = replace(statistics, counts=rows * np.ones_like(statistics.counts))
        self.inner = family.inner.charts["frame"](family.inner, gaussian, as_rows)
        (K, d), size = gaussian.means.shape, np.size(nu)
        # Second derivatives of the divergence at the best β and ν, to leading order, the effective Gaussians held.
        information = np.concatenate([np.full(K, d / 2), np.full(size, d * (d + 1) / 4 * K / size)])
        self.root = np.sqrt(information / statistics.counts.reshape(K, -1)[:, 0].sum())
        self.n_beta, self.n_positive = len(beta), len(self.root)
        self.logs = self._logs(parameters)
        self.start = np.concatenate([np.zeros(self.n_positive), self.inner.start])

    def _logs(self, parameters: VariationalParameters) -> np.ndarray:
        beta, excess = parameters.mean_precision, parameters.degrees_of_freedom - self.least
        return np.log(np.concatenate([beta, np.ravel(excess)]))

    def parameters(self, z: np.ndarray) -> VariationalParameters:
        logs = np.clip(self.logs + z[: self.n_positive] / self.root, -LARGEST_EXPONENT, LARGEST_EXPONENT)
        beta, excess = np.split(np.exp(logs), [self.n_beta])
        gaussian = self.inner.parameters(z[self.n_positive :])
        return VariationalParameters(gaussian, beta, self.least + excess.reshape(self.nu_shape))

    def coordinates(self, parameters: VariationalParameters) -> np.ndarray:
        positive = self.root * (self._logs(parameters) - self.logs)
        return np.concatenate([positive, self.inner.coordinates(parameters.gaussian)])
