"""Features as users name them, and their names."""

from __future__ import annotations

from typing import Any


def names_of(given: Any, model: Any, n_features: int) -> list[str]:
    """Names of all features: those given, those that the model was fitted to, or numbers.

    Raises
    ------
    ValueError
        If there are more or fewer than features.
    """
    if given is None:
        return list(getattr(model, "feature_names_in_", [f"feature {i}" for i in range(n_features)]))
    if len(given) != n_features:
        raise ValueError(f"feature_names must be {n_features} names, one for each feature. Got {len(given)} instead.")
    return list(given)


def number_of(feature: Any, names: list[str]) -> int:
    """The number of a feature given by number or name; ValueError, IndexError or TypeError where there is none."""
    return names.index(feature) if isinstance(feature, str) else range(len(names))[feature]
