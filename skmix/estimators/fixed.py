"""What users know beforehand of a model's parameters: those that are to stay at their initial values."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmix.families.simplex import Simplexes


def fixed_mask(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """Which components keep something, as a mask of the given shape; None where none does."""
    if value is None:
        return None
    mask = np.asarray(value)
    mask = np.full(shape, mask) if mask.shape == () else mask
    if mask.shape != shape or mask.dtype != bool:
        raise ValueError(f"{name!r} should be True, False or an array of booleans of shape {shape}, but got {value!r}")
    return mask if mask.any() else None


def weight_structure(initial: np.ndarray | None, fixed: Any, shape: tuple[int, ...]) -> Simplexes | None:
    """Which weights are free and which stay as they are initially; None where all are free.

    Parameters
    ----------
    initial : ndarray of the given shape, or None
        Checked initial weights, rows of which add up to 1.
    fixed : bool or array-like of bool of the given shape
    shape : tuple of int
        (K,), or (K, M) where each state has weights of its own.
    """
    held = fixed_mask("weights_fixed", fixed, shape)
    if held is None:
        return None
    if initial is None:
        raise ValueError("'weights_fixed' holds weights at their initial values; give them as 'weights_init'.")
    free = ~held & (initial > 0)
    free &= free.sum(axis=-1, keepdims=True) > 1  # a single free one has nothing left to choose
    return Simplexes(Simplexes.of(free).group, np.where(free, 0.0, initial))
