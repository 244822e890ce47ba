"""Features that users name: by number, by name or by a mask."""

from __future__ import annotations

from typing import Any

import numpy as np


def column_numbers(columns: Any, n_features: int, names: np.ndarray | None) -> np.ndarray:
    """Numbers of the features that `columns` stands for, in its order.

    Parameters
    ----------
    columns : int, str, slice, array-like of int or str, or boolean mask of shape (n_features,)
    n_features : int
    names : ndarray of str, or None
        Names of the features, where they have some.

    Raises
    ------
    ValueError
        If there is no such feature, none at all, or one twice.
    """
    asked: Any = np.arange(n_features)[columns] if isinstance(columns, slice) else np.atleast_1d(np.asarray(columns))
    if asked.dtype.kind in "UT":
        asked = asked.astype(object)
    found: Any = None
    if asked.dtype.kind == "O":
        found = _named(asked, names)
    elif asked.dtype.kind == "b" and asked.shape == (n_features,):
        found = np.flatnonzero(asked)
    elif asked.dtype.kind in "iu" or asked.size == 0:
        found = asked
    if found is None or found.ndim != 1:
        raise ValueError(
            "The parameter 'columns' should be numbers or names of features, or a boolean mask of shape "
            f"({n_features},), but got {columns!r}."
        )
    if not len(found):
        raise ValueError(f"The parameter 'columns' names no feature: {columns!r}; name at least one.")
    beyond = (found < -n_features) | (found >= n_features)
    if beyond.any():
        raise ValueError(
            f"The parameter 'columns' names feature {found[beyond][0]}, but there are {n_features}, numbered from 0."
        )
    found = found.astype(np.intp) % n_features
    if len(np.unique(found)) < len(found):
        raise ValueError(f"The parameter 'columns' names a feature twice: {columns!r}; name each once.")
    return found


def _named(asked: np.ndarray, names: np.ndarray | None) -> np.ndarray:
    if names is None:
        raise ValueError(
            f"The parameter 'columns' has names, such as {asked.flat[0]!r}, but the mixture was fitted to data without "
            "names; give numbers, or fit a data frame."
        )
    numbers = {name: number for number, name in enumerate(names)}
    unknown = [name for name in asked.flat if name not in numbers]
    if unknown:
        raise ValueError(f"The parameter 'columns' names {unknown[0]!r}, which is none of {list(names)}.")
    return np.array([numbers[name] for name in asked.flat], dtype=np.intp).reshape(asked.shape)
