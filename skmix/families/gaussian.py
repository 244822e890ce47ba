"""What all Gaussian families share: parameters, whitened moments, linear algebra on stacks of triangles.

Every covariance is held as Σ = L Lᵀ with L lower triangular and W = L⁻¹ beside it, so that y = W(x − μ) is white.
Statistics are moments of y about the current parameters:

    counts N_k = Σ_n r_nk        first s_k = Σ_n r_nk y_nk        second C_k = Σ_n r_nk y_nk y_nkᵀ

Small differences stay small numbers that way, whatever the data's scale, and gradients and M-steps are read off them
directly: s is the gradient in −W μ, and C − N·I that in log L.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack

from skmix.families.base import LEAST_SHARE, Additive, Family, Penalty, shares
from skmix.families.inverse_wishart import InverseWishart
from skmix.likelihood.blocks import Rows
from skmix.likelihood.units import Units, covariance

LOG_2PI = math.log(2 * math.pi)
EPS = float(np.finfo(np.float64).eps)
_LARGEST_ROOT = 1e154  # of a finite number
# Largest bound on the error, in nats, that rounding may leave in a log-density. Errors are about a hundredth of it.
_TOLERATED = {"float64": 1e-9, "float32": 3e-2}


@dataclass
class Moments(Additive):
    """Whitened moments of the rows about the current parameters (see the module's docstring).

    Attributes
    ----------
    counts : ndarray of shape (K,), or (K, d) where features are counted apart
    first : ndarray of shape (K, d)
    second : ndarray of shape (K, d, d) full, (d, d) tied, (K, d) diagonal, (K,) spherical
    """

    counts: np.ndarray
    first: np.ndarray
    second: np.ndarray


class MatrixParameters(NamedTuple):
    """Means (K, d), lower-triangular L with Σ = L Lᵀ and W = L⁻¹: (K, d, d), or (d, d) where tied.

    The diagonals of L and W may be negative: only Σ is meant.
    """

    means: np.ndarray
    cholesky: np.ndarray
    whitening: np.ndarray


class Velocity(NamedTuple):
    """How whitened rows move with the parameters: dμ = L b and dΣ = L M Lᵀ.

    The log-density of a row changes at the rate ½ (yᵀM y − tr M) + bᵀy.

    Attributes
    ----------
    b : ndarray of shape (..., K, d)
    M : ndarray of shape (..., K, d, d), or (..., 1, d, d) where tied
    """

    b: np.ndarray
    M: np.ndarray


class ScaleParameters(NamedTuple):
    """Means (K, d) and standard deviations (K, d), or (K,) where spherical."""

    means: np.ndarray
    scales: np.ndarray


_HELD = 10.0  # variances above this multiple of what the penalty alone would give are the data's
_NARROW = 1e3  # precision, in units of the data's and of the others', that a spike has at least
_LOST = 1e-10  # share of the rows below which a component has none: its variance is that of some earlier iterate


class Gaussian(Family):
    """Base of the four covariance structures.

    Parameters
    ----------
    prior_scatter : ndarray of shape (d,) or float
        Diagonal of the scatter matrix P that the penalty −½ Σ_k tr(P Σ_k⁻¹) adds to each component's scatter
        (`reg_covar`, in standardised units, times W/K). Positive, so that no component can collapse.
    eps : float
        Precision of the data's type.
    prior : InverseWishart, optional
        Prior of each covariance besides. Its pseudo-rows are no part of the statistics: `rows_behind` counts them in.
    """

    attributes = ("means_", "precisions_cholesky_")
    locations = ("means",)

    def __init__(self, prior_scatter: np.ndarray | float = 0.0, eps: float = EPS, prior: InverseWishart | None = None):
        self.prior_scatter, self.eps = np.asarray(prior_scatter, dtype=np.float64), float(eps)
        self.prior, self.pseudo_rows = prior, 0.0 if prior is None else prior.rows

    @classmethod
    def for_rows(
        cls, X: np.ndarray, weight: np.ndarray | None, units: Units, n_components: int, penalty: Penalty
    ) -> Gaussian:
        total_weight = float(len(X) if weight is None else weight.sum())
        family = cls.with_penalty(penalty.reg_covar, units, total_weight, n_components, float(np.finfo(X.dtype).eps))
        if penalty.prior is None:
            return family
        S = covariance(X, weight, units) + _least_part(family.eps) * np.eye(X.shape[1])
        return cls(family.prior_scatter, family.eps, cls.prior_of(S, n_components))

    @classmethod
    @abstractmethod
    def prior_of(cls, covariance: np.ndarray, n_components: int) -> InverseWishart:
        """The prior that data with this covariance matrix give each covariance."""

    @abstractmethod
    def rows_behind(self, counts: np.ndarray) -> np.ndarray:
        """Weight of the rows behind each covariance (or variance), the prior's pseudo-rows included."""

    def shares(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Parts of all rows behind each mean, and behind each covariance, at least `LEAST_SHARE`."""
        total = counts.sum(axis=0).max()
        behind = self.rows_behind(counts) / (total if total > 0 else 1.0)
        return shares(counts), np.maximum(behind, LEAST_SHARE)

    @classmethod
    def with_penalty(
        cls, reg_covar: float, units: Units, total_weight: float, n_components: int, eps: float = EPS
    ) -> Gaussian:
        """The family with the penalty −(reg_covar·W/2K) Σ_k tr Σ_k⁻¹, `reg_covar` in the data's own units squared.

        The same penalty keeps standardised variances above rounding errors: it is what keeps degenerate data (constant
        columns, duplicates, n = K) from raising.
        """
        variance = np.maximum(np.square(math.sqrt(reg_covar) / units.scale), _least_part(eps))
        return cls(variance * total_weight / n_components, eps)

    @abstractmethod
    def precisions_shape(self, n_components: int, n_features: int) -> tuple[int, ...]:
        """Shape of the covariances and precisions, as users see them."""

    @abstractmethod
    def covariance_matrices(self, covariances: np.ndarray, n_components: int, n_features: int) -> np.ndarray:
        """Covariances as matrices, one for each component, (K, d, d)."""

    @abstractmethod
    def covariances_of(self, factor: np.ndarray) -> np.ndarray:
        """`covariances_` from `precisions_cholesky_`."""

    @abstractmethod
    def restrict(self, matrices: np.ndarray) -> np.ndarray:
        """Covariance matrices (K, d, d) in the shape that users see, averaged over what shares one."""

    def silence(self, statistics: Moments, held: np.ndarray) -> Moments:
        """Moments that leave means where they are: covariances become the second moments about these."""
        return replace(statistics, first=np.where(held[:, np.newaxis], 0.0, statistics.first))

    def degenerate(self, components: Any, counts: np.ndarray) -> np.ndarray:
        """Components to whose variance the penalty contributes more than a tenth, in some direction.

        Their likelihood says how weak the penalty is, not how well they describe the rows.
        """
        K, d = len(counts), self.location_scale(components)[0].shape[1]
        public = self.publish(components, Units.identity(d))
        matrices = self.covariance_matrices(self.covariances_of(public["precisions_cholesky_"]), K, d)
        shared = self.precisions_shape(K, d) == self.precisions_shape(K + 1, d)
        rows = np.full(K, counts.sum() / K) if shared else counts
        own = np.sqrt(np.broadcast_to(self.prior_scatter, (d,)))
        with np.errstate(over="ignore"):  # components that have lost their rows may be anywhere
            scaled = np.clip(matrices / np.outer(own, own), -_LARGEST_ROOT, _LARGEST_ROOT)
        least = np.linalg.eigvalsh(scaled)[:, 0] * rows  # 1 where there is nothing but penalty
        return (least < _HELD) & (counts > _LOST * counts.sum())

    @abstractmethod
    def narrowness(self, components: Any) -> tuple[np.ndarray, np.ndarray]:
        """A bound of the largest precision, and the logarithm of the root of the precision's determinant, (K,) each."""

    def spikes(self, components: Any, counts: np.ndarray) -> np.ndarray:
        few = (counts < components.means.shape[1] + 2) & (counts > _LOST * counts.sum())
        precision, log_root = self.narrowness(components)
        suspect = few & (precision > _NARROW)
        if not suspect.any():
            return np.zeros(len(counts))
        suspect &= self.degenerate(components, counts)
        others = np.where(suspect, 0.0, counts)
        if not others.sum() > _LOST * counts.sum():
            return np.zeros(len(counts))
        excess = log_root - np.average(log_root, weights=others)
        return np.where(suspect & (excess > 0.5 * np.log(_NARROW)), excess, 0.0)

    @staticmethod
    def pick(fast: Any, exact: Any, reach: float, rows: Rows) -> tuple[Any, float]:
        """The kernel to use, and the error in nats that rounding may leave in a log-density by it.

        `reach` is max‖z‖² · λmax(precision): terms of that size cancel where log-densities are made of features, but
        only their square roots where they are made of residuals.
        """
        eps = float(np.finfo(rows.dtype).eps)
        if eps * reach <= _TOLERATED[rows.dtype.name]:
            return fast, eps * reach
        return exact, 8 * eps * math.sqrt(reach)

    def least_variance(self, second: np.ndarray) -> np.ndarray:
        """The smallest variance, in units of the present one, that one M-step may give.

        A variance is the difference of `second`, the moment about the old mean, and the square of the mean's shift;
        where it is far smaller than either, or than the present one, rounding decides. Stopping short is still a step
        uphill, and the next one, about the new mean and in the new units, is exact.
        """
        return np.maximum(math.sqrt(self.eps), 1e4 * self.eps * second)


def _least_part(eps: float) -> float:
    """The smallest standardised variance that a fit should come to, about 3e-19 (float32: 2e-7).

    Where it is smaller, residuals are rounding errors.
    """
    return (64 * eps) ** (4 / 3)


def invert_triangular(L: np.ndarray) -> np.ndarray:
    """Inverses of a stack of lower-triangular matrices."""
    if L.shape[-1] == 0:
        return L.copy()
    flat = L.reshape(-1, *L.shape[-2:])
    invert = lapack.ztrtri if np.iscomplexobj(L) else lapack.dtrtri
    return np.stack([invert(matrix, lower=1)[0] for matrix in flat]).reshape(L.shape)


def log_abs(value: np.ndarray) -> np.ndarray:
    """Logarithm of |value|; analytic, so that a complex step through it is a derivative."""
    return np.log(value * np.where(value.real < 0, -1.0, 1.0))


def robust_cholesky(S: np.ndarray, least: np.ndarray) -> np.ndarray:
    """Cholesky factors of symmetric matrices, their eigenvalues raised to `least`."""
    try:
        L = np.linalg.cholesky(S)
        if np.all(np.square(diagonal(L)).min(axis=-1) > least):
            return L
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(np.nan_to_num(S))
    return lower_factor(vectors * np.sqrt(np.maximum(values, least[..., None]))[..., None, :])


def lower_factor(half: np.ndarray) -> np.ndarray:
    """Lower-triangular L with L Lᵀ = half halfᵀ, and a positive diagonal, without forming the product."""
    R = np.linalg.qr(np.swapaxes(half, -1, -2), mode="r")
    sign = np.where(np.diagonal(R, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.swapaxes(R * sign[..., :, None], -1, -2)


@lru_cache(maxsize=64)
def upper_triangle(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column numbers of the upper triangle of a (d, d) matrix, row by row."""
    return np.triu_indices(d)


def transpose(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)


def outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., :, None] * b[..., None, :]


def diagonal(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def divide_alive(value: np.ndarray, counts: np.ndarray, alive: np.ndarray, otherwise: Any) -> np.ndarray:
    """Quotient value / counts where a component has rows, `otherwise` where it has none."""
    return np.where(alive, value, otherwise) / np.where(alive, counts, 1.0)


def has_rows(counts: np.ndarray) -> np.ndarray:
    """Whether counts differ from 0 by more than rounding of the total."""
    return counts > EPS * counts.sum(axis=0)


def public_factors(L: np.ndarray, W: np.ndarray, units: Units) -> dict[str, Any]:
    """Covariances, precisions and their Cholesky factors in the data's units, by scikit-learn's names."""
    sign = np.where(diagonal(L) < 0, -1.0, 1.0)
    L = L * sign[..., None, :] * units.scale[:, None]
    W = W * sign[..., :, None] / units.scale
    return {
        "covariances_": L @ transpose(L),
        "precisions_": transpose(squarable(W)) @ squarable(W),
        "precisions_cholesky_": np.ascontiguousarray(transpose(W)),
    }


def squarable(root: np.ndarray) -> np.ndarray:
    """Square roots of precisions, those made finite whose square is not: standard deviations below about 1e-154."""
    most = _LARGEST_ROOT / math.sqrt(root.shape[-1])
    return np.where(np.abs(root) > most, most * np.sign(root.real), root)


def whitening_from_precision(precision: np.ndarray) -> np.ndarray:
    """Lower-triangular W with WᵀW = precision, from the Cholesky factor of the matrix read backwards."""
    backwards = precision[..., ::-1, ::-1]
    return transpose(np.linalg.cholesky(backwards)[..., ::-1, ::-1])
