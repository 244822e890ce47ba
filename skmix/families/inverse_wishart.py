"""The prior of a covariance that data give it: an inverse Wishart distribution scaled by their own covariance.

With S the covariance of all rows and Λ = S/K^(2/d), a share of their volume for each of K components,

    Σ ~ IW(d + 2, Λ):    log p(Σ) = −½ [(2d + 3) log |Σ| + tr(Λ Σ⁻¹)] + constant,

which has mean Λ; d + 2 are the fewest whole degrees of freedom with a mean. It acts as 2d + 3 rows of total scatter Λ
about the component's own mean. A single variance has by it the inverse-gamma marginal IW(3, Λ_jj), whatever d:
5 rows of scatter Λ_jj. The choice is Fraley and Raftery's, without their prior on means.

References
----------
Fraley, C. and Raftery, A. E. (2007). Bayesian regularization for normal mixture estimation and model-based clustering.
J. Classification 24, 155–181. doi:10.1007/s00357-007-0004-5
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_LEAST = 1e-10  # of a standardised variance: where data vary less, in some direction, the prior takes them to vary so


class InverseWishart(NamedTuple):
    """The prior −½ [ν log |Λ⁻¹Σ| + tr(Λ Σ⁻¹)] of a covariance in standardised units.

    Attributes
    ----------
    rows : float
        ν, the number of rows that it counts for.
    factor : ndarray of shape (d, d), or (d,) for variances
        A square root of Λ.
    log_det : float
        log |Λ|.
    """

    rows: float
    factor: np.ndarray
    log_det: float

    @classmethod
    def of_matrix(cls, covariance: np.ndarray, n_components: int) -> InverseWishart:
        """The prior of covariance matrices, from the data's (d, d)."""
        d = len(covariance)
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, _LEAST) / n_components ** (2.0 / d)
        return cls(2.0 * d + 3.0, vectors * np.sqrt(values), float(np.log(values).sum()))

    @classmethod
    def of_variances(cls, covariance: np.ndarray, n_components: int) -> InverseWishart:
        """The prior of variances, from the data's covariance matrix (d, d)."""
        d = len(covariance)
        values = np.maximum(np.diagonal(covariance), _LEAST) / n_components ** (2.0 / d)
        return cls(5.0, np.sqrt(values), float(np.log(values).sum()))

    @property
    def variances(self) -> np.ndarray:
        """The diagonal of Λ, of a prior of variances."""
        return self.factor**2
