"""Checks of the initial values and of the weights that users give."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import _check_sample_weight, check_consistent_length

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
    rounding = abs(weights.sum() - 1) <= 1e-14  # then what was given stays as it is, to the last bit
    return weights if rounding else weights / weights.sum()


def check_labels(labels: Any, X: np.ndarray, n_labels: int) -> np.ndarray | None:
    """Known labels of the rows of `X`, −1 where unknown, as an array of integers; None where none is known."""
    if labels is None:
        return None
    labels = column_or_1d(labels)
    check_consistent_length(X, labels)
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"'labels' should be integers from 0 to {n_labels - 1}, and -1 where a label is unknown, but got an array "
            f"of {labels.dtype}. sklearn.preprocessing.LabelEncoder numbers names."
        )
    if labels.min(initial=-1) < -1 or labels.max(initial=-1) >= n_labels:
        wrong = labels[(labels < -1) | (labels >= n_labels)][0]
        raise ValueError(
            f"'labels' should be from 0 to n_components - 1 = {n_labels - 1}, and -1 where a label is unknown, but got "
            f"{wrong}."
        )
    return labels.astype(np.intp) if (labels >= 0).any() else None
