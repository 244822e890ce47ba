"""Derivatives along a direction by a complex step: f(z + ihv) = f(z) + ih·f′(z)v for analytic f, exactly at tiny h.

No difference is taken, so nothing cancels: the derivative has the accuracy of f itself. Parameter algebra that is
written in analytic operations thereby gives its own derivatives, and no family or chart has to state second ones.

References
----------
Squire, W. and Trapp, G. (1998). Using complex variables to estimate derivatives of real functions. SIAM Review 40,
110–112. doi:10.1137/S003614459631241X
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

_STEP = 1e-100


def along(function: Callable[..., Any], *pairs: tuple[Any, Any]) -> Any:
    """The derivative of ``function(*values)`` along tangents, both given as (value, tangent) pairs.

    Values, tangents and the result are arrays, or tuples and dataclasses of such.
    """
    stepped = (_combine(lambda x, dx: x + 1j * _STEP * dx, value, tangent) for value, tangent in pairs)
    return _combine(lambda x: np.imag(x) / _STEP, function(*stepped))


def _combine(function: Callable[..., np.ndarray], *trees: Any) -> Any:
    """Apply `function` to corresponding arrays."""
    first = trees[0]
    if isinstance(first, tuple):
        return type(first)(*(_combine(function, *parts) for parts in zip(*trees, strict=True)))
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        kind: Any = type(first)
        return kind(*(_combine(function, *(getattr(tree, n) for tree in trees)) for n in names))
    return function(*trees)
