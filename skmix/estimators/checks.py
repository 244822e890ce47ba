"""Checks of the initial values and of the weights that users give."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

_LARGEST_WEIGHT = 1e20  # and its reciprocal the least largest: sums in float32 neither overflow nor vanish


def check_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An initial value as a float64 array of the given shape."""
    value = check_array(value, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    if value.shape != shape:
        raise ValueError(f"The parameter {name!r} should have the shape of {shape}, but got {value.shape}")
    return value


def check_sample_weight(sample_weight: Any, X: np.ndarray) -> np.ndarray:
    """Weights of rows as a float64 array (n,): not negative, and not all zero."""
    weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    largest = weight.max()
    if not 1.0 / _LARGEST_WEIGHT <= largest <= _LARGEST_WEIGHT:
        raise ValueError(
            f"Sample weights are numbers of rows: the largest should be between {1.0 / _LARGEST_WEIGHT:.0e} and "
            f"{_LARGEST_WEIGHT:.0e}, but is {largest:.1e}. Multiply them all by one number."
        )
    return weight


def check_weights(weights: np.ndarray) -> np.ndarray:
    """Initial weights, which must lie on the simplex."""
    if weights.min() < 0 or weights.max() > 1:
        raise ValueError(
            "The parameter 'weights_init' should be in the range [0, 1], but got "
            f"min value {weights.min():.5f}, max value {weights.max():.5f}"
        )
    if abs(weights.sum() - 1) > 1e-6:
        raise ValueError(
            f"The parameter 'weights_init' should be normalized, but got sum(weights_init) = {weights.sum():.5f}"
        )
    return weights / weights.sum()
