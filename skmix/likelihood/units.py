"""Units of measurement: the affine map ``z = (x − centre) / scale`` in which all passes are made.

Features such as z_i·z_j cancel badly when the data lie far from the origin, and over- or underflow when columns have
extreme scales. In standardised units neither can happen, and a start or a solver cannot depend on the user's units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

_SMALLEST_SCALE = 1e-153  # the square of its reciprocal is finite
_FARTHEST = 1e70  # of standardised values whose squares are summed
_BLOCK = 16384  # rows; keeps the temporaries of one block in the cache


class Units(NamedTuple):
    """Location and scale of each column.

    Attributes
    ----------
    centre, scale : ndarray of shape (n_features,)
        float64, but exactly representable in the data's own type; `scale` is positive.
    """

    centre: np.ndarray
    scale: np.ndarray

    @classmethod
    def identity(cls, n_features: int) -> Units:
        return cls(np.zeros(n_features), np.ones(n_features))

    @classmethod
    def of_mixture(
        cls, weights: np.ndarray, means: np.ndarray, deviations: np.ndarray, *, common_scale: bool = False
    ) -> Units:
        """Units in which a mixture of components with these moments has mean 0 and standard deviation 1."""
        weights = weights / weights.sum()
        centre = weights @ means
        reach = np.maximum(deviations, np.abs(means - centre))
        largest = np.maximum(reach.max(axis=0), _SMALLEST_SCALE)  # so that squares do not overflow
        scale = largest * np.sqrt(weights @ ((deviations / largest) ** 2 + ((means - centre) / largest) ** 2))
        if common_scale:
            scale = np.full_like(scale, np.sqrt(np.mean(scale**2)))
        return cls(centre, np.where(scale > 0, scale, 1.0))

    def rounded(self, dtype) -> Units:
        """These units, exactly representable in `dtype`, so that data and parameters use one and the same map."""
        tiny = float(np.finfo(dtype).tiny)
        scale = np.clip(self.scale, tiny, 1.0 / tiny)  # its reciprocal must be finite, and keep its digits
        return Units(self.centre.astype(dtype).astype(np.float64), scale.astype(dtype).astype(np.float64))


def column_range(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest observed value of each column (0, 0 where nothing is observed)."""
    low, high = (_over_rows(reduce, X).astype(np.float64) for reduce in (np.fmin.reduce, np.fmax.reduce))
    return np.nan_to_num(low), np.nan_to_num(high)


def _over_rows(reduce: Callable[..., np.ndarray], X: np.ndarray) -> np.ndarray:
    """``reduce(X, axis=0)``, over long rows first: eight times faster where there are few columns."""
    n, d = X.shape
    fold = max(1, 512 // d)
    if not X.flags.c_contiguous or n < 2 * fold:
        return reduce(X, axis=0)
    whole = n - n % fold
    folded = reduce(X[:whole].reshape(-1, fold * d), axis=0).reshape(fold, d)
    return reduce(np.concatenate([folded, X[whole:]]), axis=0)


def _moments(
    X: np.ndarray, weight: np.ndarray | None, middle: np.ndarray, half: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean and variance of ``(x − middle) / half``, which lies in [−1, 1], over the observed entries."""
    count, first, second = np.zeros((3, X.shape[1]))
    for start in range(0, len(X), _BLOCK):
        u = (X[start : start + _BLOCK] - middle) / half
        w = np.ones(len(u)) if weight is None else weight[start : start + _BLOCK]
        observed = ~np.isnan(u)
        if observed.all():
            count += w.sum()
        else:
            count += w @ observed
            u[~observed] = 0.0
        first += w @ u
        second += w @ np.square(u, out=u)
    count = np.where(count > 0, count, 1.0)
    mean = first / count
    return mean, np.maximum(second / count - mean**2, 0.0)


def covariance(X: np.ndarray, weight: np.ndarray | None, units: Units) -> np.ndarray:
    """Covariance matrix of the rows in `units`, (d, d), positive semidefinite whatever is missing.

    A missing entry takes part in no product, and each column is divided by the root of the weight that is observed of
    it: variances are those of the observed entries, correlations shrink where two columns are seldom observed together.
    """
    centre, weights = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for z, w in _standardised(X, weight, units):
        weights += w @ ~np.isnan(z)
        centre += w @ np.nan_to_num(z)  # 0 but for the rounding of the units
    weights = np.where(weights > 0, weights, 1.0)
    centre, products = centre / weights, np.zeros((X.shape[1], X.shape[1]))
    for z, w in _standardised(X, weight, units):
        half = np.nan_to_num(z - centre) * np.sqrt(w)[:, np.newaxis]
        products += half.T @ half
    root = np.sqrt(weights)
    return products / root / root[:, np.newaxis]


def _standardised(X: np.ndarray, weight: np.ndarray | None, units: Units) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows in `units` and their weights, block by block."""
    for start in range(0, len(X), _BLOCK):
        z = (X[start : start + _BLOCK] - units.centre) / units.scale
        np.clip(z, -_FARTHEST, _FARTHEST, out=z)  # a row of next to no weight may lie that far
        yield z, np.ones(len(z)) if weight is None else weight[start : start + _BLOCK]


def measure(
    X: np.ndarray, weight: np.ndarray | None = None, *, common_scale: bool = False, smallest: float = 0.0
) -> Units:
    """Units in which the observed entries of `X` have mean 0 and standard deviation 1.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        NaN entries are passed over.
    weight : ndarray of shape (n_samples,), optional
        Weights of the rows.
    common_scale : bool
        Give all columns the root mean square of their standard deviations.
    smallest : float
        The least scale worth telling apart (the standard deviation that `reg_covar` adds).
    """
    low, high = column_range(X)
    middle, half = low / 2 + high / 2, high / 2 - low / 2
    magnitude = np.maximum(np.abs(low), np.abs(high))
    # A spread of a few roundings is no spread: such a column counts as constant.
    constant = half <= 8 * np.finfo(X.dtype).eps * magnitude
    half = np.where(constant, np.where(magnitude > 0, magnitude, 1.0), half)
    mean, variance = _moments(X, weight, middle, half)
    centre = middle + half * mean
    deviation = np.where(constant, 0.0, half * np.sqrt(variance))
    if common_scale and (largest := deviation.max(initial=0.0)) > 0:
        deviation = np.full_like(deviation, largest * np.sqrt(np.mean((deviation / largest) ** 2)))
    elif common_scale:
        deviation = np.zeros_like(deviation)
        magnitude = np.full_like(magnitude, magnitude.max(initial=0.0))
    scale = np.maximum(deviation, smallest)
    scale = np.where(scale > 0, scale, np.where(magnitude > 0, magnitude, 1.0))
    return Units(centre, np.maximum(scale, _SMALLEST_SCALE)).rounded(X.dtype)
