"""Checks of the initial values that users give."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array


def check_shape(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """An initial value as a float64 array of the given shape."""
    value = check_array(value, dtype=np.float64, ensure_2d=False, allow_nd=True, input_name=name)
    if value.shape != shape:
        raise ValueError(f"The parameter {name!r} should have the shape of {shape}, but got {value.shape}")
    return value


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
