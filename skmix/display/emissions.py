"""What displays see of a fitted model: its component densities over some features, in the data's units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skmix.estimators.base import LatentVariableModel
from skmix.estimators.gaussian_components import COVARIANCE_TYPES
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.hidden_markov import BaseHMM
from skmix.estimators.mixture import BaseMixture
from skmix.families.base import Family
from skmix.latent.weights import Weights
from skmix.likelihood.blocks import Block
from skmix.likelihood.model import Model, Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads
from skmix.likelihood.units import Units


@dataclass(frozen=True)
class Emissions:
    """The densities of a fitted mixture or hidden Markov model, as if rows were independent.

    Attributes
    ----------
    estimator : LatentVariableModel
    family : Family
    components : Any
        Parameters of C densities, in `units`.
    units : Units
    weights : ndarray of shape (C,)
        Part of the rows that each makes up.
    group : ndarray of int of shape (C,)
        The component or state, of K, that each belongs to.
    noun : str
        "component" or "state".
    """

    estimator: Any
    family: Family
    components: Any
    units: Units
    weights: np.ndarray
    group: np.ndarray
    noun: str

    @classmethod
    def of(cls, estimator: Any, X: Any, sequences: dict[str, Any]) -> Emissions:
        """Those of a fitted estimator; the states of a hidden Markov model are as frequent as they are in `X`."""
        if isinstance(estimator, BaseMixture):
            estimator = estimator.marginal(slice(None))  # of posteriors, the mixture that they mean
        family = estimator._family_at_hand()
        units = estimator._fitted_units(family)
        weights = estimator._shares()
        if isinstance(estimator, BaseHMM):
            weights = estimator._responsibilities(X, **sequences).mean(axis=0)
        n_groups = len(np.atleast_1d(getattr(estimator, estimator._latent_attributes[0])))
        return cls(
            estimator,
            family,
            estimator._adopt(family, units).components,
            units,
            weights,
            np.repeat(np.arange(n_groups), len(weights) // n_groups),
            estimator._component_kind.lower(),
        )

    @property
    def n_groups(self) -> int:
        return int(self.group[-1]) + 1

    @property
    def whole(self) -> bool:
        """Whether values are whole numbers."""
        return self.family.measurement != "continuous"

    @property
    def ordered(self) -> bool:
        """Whether values are more and less, and not categories."""
        return self.family.measurement != "categories"

    def moments(self, columns: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Means (C, m) and covariances (C, m, m) of m features."""
        means, _ = self.family.location_scale(self.components)
        centre, scale = self.units.centre[columns], self.units.scale[columns]
        covariances = self.family.covariances(self.components)[:, columns][:, :, columns]
        return centre + scale * means[:, columns], np.multiply.outer(scale, scale) * covariances

    def densities(self, columns: list[int], rows: np.ndarray) -> np.ndarray:
        """Weighted densities (K, n) of m features at `rows` (n, m), those of a component or state added up."""
        family, components = self.family.narrow(self.components, np.asarray(columns))
        units = Units(self.units.centre[columns], self.units.scale[columns])
        own = self.estimator._rows(rows, family, units, None)
        objective = Objective(Model(family, Weights()), own, Threads(1))
        found = np.zeros((self.n_groups, len(rows)))

        def consume(block: Block, log_joint: np.ndarray) -> None:
            with np.errstate(over="ignore", under="ignore"):
                density = np.exp(log_joint + objective.row_constant(block))
            np.add.at(found[:, block.rows], self.group, density)

        objective.each_block(Parameters(self.weights, components), consume)
        return found


def model_of(estimator: Any, caller: str) -> Any:
    """A model of skmix that is drawn in the place of `estimator`: itself, the best of a search, or scikit-learn's twin.

    Raises
    ------
    TypeError
        If it is no mixture and no hidden Markov model.
    """
    estimator = getattr(estimator, "best_estimator_", estimator)
    if isinstance(estimator, LatentVariableModel):
        check_is_fitted(estimator, estimator._latent_attributes)
        return estimator
    if getattr(estimator, "covariance_type", None) not in COVARIANCE_TYPES:
        raise TypeError(f"{caller} needs a mixture or hidden Markov model, but got {type(estimator).__name__}.")
    check_is_fitted(estimator)
    twin = GaussianMixture(estimator.n_components, covariance_type=estimator.covariance_type)
    for name in ("weights_", "means_", "precisions_cholesky_", "n_features_in_", "feature_names_in_"):
        if hasattr(estimator, name):
            setattr(twin, name, getattr(estimator, name))
    return twin
