"""What all Gaussian families share: parameters, whitened moments, linear algebra on stacks of triangles.

Every covariance is held as Σ = L Lᵀ with L lower triangular and W = L⁻¹ beside it, so that y = W(x − μ) is white.
Statistics are moments of y about the current parameters:

    counts N_k = Σ_n r_nk        first s_k = Σ_n r_nk y_nk        second C_k = Σ_n r_nk y_nk y_nkᵀ

Small differences stay small numbers that way, whatever the data's scale, and gradients and M-steps are read off them
directly: s is the gradient in −W μ, and C − N·I that in log L.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack

from skmix.families.base import Additive, Family
from skmix.likelihood.units import Units

LOG_2PI = math.log(2 * math.pi)
EPS = np.finfo(np.float64).eps


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


class ScaleParameters(NamedTuple):
    """Means (K, d) and standard deviations (K, d), or (K,) where spherical."""

    means: np.ndarray
    scales: np.ndarray


class Gaussian(Family):
    """Base of the four covariance structures.

    Parameters
    ----------
    prior_scatter : ndarray of shape (d,) or float
        Diagonal of the scatter matrix P that the penalty −½ Σ_k tr(P Σ_k⁻¹) adds to each component's scatter
        (`reg_covar`, in standardised units, times W/K). Positive, so that no component can collapse.
    """

    def __init__(self, prior_scatter: np.ndarray | float = 0.0):
        self.prior_scatter = np.asarray(prior_scatter, dtype=np.float64)

    def with_penalty(self, reg_covar: float, units: Units, total_weight: float, n_components: int) -> Gaussian:
        """This family with the penalty −(reg_covar·W/2K) Σ_k tr Σ_k⁻¹, `reg_covar` in the data's own units squared.

        Standardised variances are kept above about 1e-15 by the same penalty: below that, precisions mean nothing in
        float64. It is what keeps degenerate data (constant columns, duplicates, n = K) from raising.
        """
        variance = np.maximum(reg_covar / units.scale**2, _LEAST_VARIANCE)
        return type(self)(variance * total_weight / n_components)


_LEAST_VARIANCE = 1e-15


def invert_triangular(L: np.ndarray) -> np.ndarray:
    """Inverses of a stack of lower-triangular matrices."""
    if L.shape[-1] == 0:
        return L.copy()
    flat = L.reshape(-1, *L.shape[-2:])
    return np.stack([lapack.dtrtri(matrix, lower=1)[0] for matrix in flat]).reshape(L.shape)


def robust_cholesky(S: np.ndarray) -> np.ndarray:
    """Cholesky factors of a stack of positive semidefinite matrices, rounded up to definite where they are not."""
    try:
        return np.linalg.cholesky(S)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(np.nan_to_num(S))
        least = np.maximum(values[..., -1:] * (len(S) * EPS), np.finfo(np.float64).tiny)
        half = vectors * np.sqrt(np.maximum(values, least))[..., None, :]
        return lower_factor(half)


def lower_factor(half: np.ndarray) -> np.ndarray:
    """Lower-triangular L with L Lᵀ = half halfᵀ, and a positive diagonal, without forming the product."""
    R = np.linalg.qr(np.swapaxes(half, -1, -2), mode="r")
    sign = np.where(np.diagonal(R, axis1=-2, axis2=-1) < 0, -1.0, 1.0)
    return np.swapaxes(R * sign[..., :, None], -1, -2)


def transpose(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)


def outer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., :, None] * b[..., None, :]


def diagonal(matrix: np.ndarray) -> np.ndarray:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def divide_alive(value: np.ndarray, counts: np.ndarray, alive: np.ndarray, otherwise: float) -> np.ndarray:
    """value / counts where a component has rows, `otherwise` where it has none."""
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
        "precisions_": transpose(W) @ W,
        "precisions_cholesky_": np.ascontiguousarray(transpose(W)),
    }


def whitening_from_precision(precision: np.ndarray) -> np.ndarray:
    """Lower-triangular W with WᵀW = precision, from the Cholesky factor of the matrix read backwards."""
    backwards = precision[..., ::-1, ::-1]
    return transpose(np.linalg.cholesky(backwards)[..., ::-1, ::-1])
