"""Full Gaussians as centred Gaussians of one more dimension: the manifold of Hosseini and Sra.

With y = [1; x] and a positive-definite S of size d + 1,

    log q(y; S) = −(d/2) log 2π − ½ log |S| − ½ yᵀS⁻¹y + ½ = log N(x; μ, Σ) − ½ (log s + 1/s − 1)

where S = s [1; μ][1; μ]ᵀ + [0 0; 0 Σ]. The last term is 0 at s = 1 and negative elsewhere, so maxima are those of the
mixture of Gaussians; and log q is concave along geodesics of the manifold of S, which log N is not in (μ, Σ).

References
----------
Hosseini, R. and Sra, S. (2015). Matrix manifold optimization for Gaussian mixtures. NeurIPS 28, 910–918.
"""

from __future__ import annotations

import numpy as np

from skmix.families.gaussian import MatrixParameters, Moments, diagonal, invert_triangular, outer, transpose


class AugmentedGaussians:
    """A point of the manifold: S_k = F_k F_kᵀ. Tangents at S are F_k a_k F_kᵀ, with symmetric coordinates a_k.

    In these coordinates the metric tr(S⁻¹A S⁻¹B) is tr(ab), the geodesic is F exp(ta/2), and parallel transport along
    it leaves coordinates as they are.

    Parameters
    ----------
    factors : ndarray of shape (K, d + 1, d + 1)
        F.
    """

    def __init__(self, factors: np.ndarray):
        self.factors = factors
        Q, R = np.linalg.qr(transpose(factors))
        sign = np.where(diagonal(R) < 0, -1.0, 1.0)
        T = transpose(R * sign[..., None])  # F = T Qᵀ, S = T Tᵀ, T = [√s 0; √s μ L] = [1 0; μ L] diag(√s, 1)
        self.turn = Q * sign[:, None, :]
        self.root, L = T[:, 0, 0], T[:, 1:, 1:]
        self.components = MatrixParameters(T[:, 1:, 0] / self.root[:, None], L, invert_triangular(L))
        self.excess = -0.5 * (2.0 * np.log(self.root) + 1.0 / self.root**2 - 1.0)  # (K,), added to the log-densities

    @classmethod
    def of(cls, components: MatrixParameters) -> AugmentedGaussians:
        """The point with s = 1."""
        K, d = components.means.shape
        factors = np.zeros((K, d + 1, d + 1))
        factors[:, 0, 0] = 1.0
        factors[:, 1:, 0] = components.means
        factors[:, 1:, 1:] = components.cholesky
        return cls(factors)

    def gradient(self, statistics: Moments, labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Coordinates of the Riemannian gradient, ½ (F⁻¹ D F⁻ᵀ − N I) with D = Σ_n r_nk y yᵀ.

        Priors add pseudo-counts: `labels` (K,), those of labels included, have a part in log s alone, through the term
        that is 0 at s = 1; `rows` (K,), those of covariances included, in log |Σ| = log |S| − log s.
        """
        N = labels[:, None, None]
        inner = np.concatenate([N, statistics.first[:, None, :]], axis=2)
        inner = np.concatenate(
            [inner, np.concatenate([statistics.first[..., None], statistics.second], axis=2)], axis=1
        )
        # D = [1 0; μ L] inner [1 0; μ L]ᵀ, and F⁻¹ [1 0; μ L] = Q diag(1/√s, 1): nothing need be solved.
        A = self.turn.copy()
        A[:, :, 0] /= self.root[:, None]
        first = self.turn[:, :, 0]
        of_size = rows[:, None, None] * np.eye(A.shape[-1]) - (rows - labels)[:, None, None] * outer(first, first)
        return 0.5 * (A @ inner @ transpose(A) - of_size)

    def move(self, tangent: np.ndarray) -> AugmentedGaussians:
        """The end of the geodesic that begins with the `tangent` of coordinates a, shape (K, d + 1, d + 1)."""
        values, vectors = np.linalg.eigh(tangent)
        stretch = (vectors * np.exp(0.5 * values)[:, None, :]) @ transpose(vectors)
        return AugmentedGaussians(self.factors @ stretch)
