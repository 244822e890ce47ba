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

from skmix.families.gaussian import MatrixParameters, Moments, invert_triangular, lower_factor, transpose


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
        T = lower_factor(factors)  # S = T Tᵀ with T = [√s 0; √s μ L]
        root, L = T[:, 0, 0], T[:, 1:, 1:]
        self.components = MatrixParameters(T[:, 1:, 0] / root[:, None], L, invert_triangular(L))
        self.excess = -0.5 * (2.0 * np.log(root) + 1.0 / root**2 - 1.0)  # (K,), added to the log-densities

    @classmethod
    def of(cls, components: MatrixParameters) -> AugmentedGaussians:
        """The point with s = 1."""
        return cls(_embed(components))

    def gradient(self, statistics: Moments) -> np.ndarray:
        """Coordinates of the Riemannian gradient, ½ (F⁻¹ D F⁻ᵀ − N I) with D = Σ_n r_nk y yᵀ."""
        N = statistics.counts[:, None, None]
        inner = np.concatenate([N, statistics.first[:, None, :]], axis=2)
        inner = np.concatenate(
            [inner, np.concatenate([statistics.first[..., None], statistics.second], axis=2)], axis=1
        )
        A = np.linalg.solve(self.factors, _embed(self.components))
        return 0.5 * (A @ inner @ transpose(A) - N * np.eye(A.shape[-1]))

    def move(self, tangent: np.ndarray) -> AugmentedGaussians:
        """The end of the geodesic that begins with the `tangent` of coordinates a, shape (K, d + 1, d + 1)."""
        values, vectors = np.linalg.eigh(tangent)
        stretch = (vectors * np.exp(0.5 * values)[:, None, :]) @ transpose(vectors)
        return AugmentedGaussians(self.factors @ stretch)


def _embed(components: MatrixParameters) -> np.ndarray:
    """[1 0; μ L], which takes [1; y] with y white to [1; x]."""
    K, d = components.means.shape
    B = np.zeros((K, d + 1, d + 1))
    B[:, 0, 0] = 1.0
    B[:, 1:, 0] = components.means
    B[:, 1:, 1:] = components.cholesky
    return B
