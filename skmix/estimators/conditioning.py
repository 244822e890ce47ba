"""What a fitted mixture says of some features given others: completed rows, marginals and conditionals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skmix.estimators.columns import column_numbers
from skmix.families import Family
from skmix.latent.weights import normalise
from skmix.likelihood.blocks import Block
from skmix.likelihood.model import Model
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads
from skmix.likelihood.units import Units

METHODS = ("mean", "draw")


class Conditioning:
    """`impute`, `marginal` and `conditional`, for mixtures."""

    random_state: Any
    weights_: Any
    n_features_in_: int
    _adopt: Callable
    _check_array: Callable
    _check_values: Callable
    _family_at_hand: Callable
    _family_name: Callable
    _fitted_units: Callable
    _latent_at_hand: Callable
    _over: Callable

    def impute(self, X, method="mean"):
        """Rows with their missing values filled in, given the observed ones.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        method : {"mean", "draw"}, default="mean"
            "mean" fills in conditional means: those of the components, mixed by the row's responsibilities. They are
            the best guess in mean square, but less spread than data are. "draw" draws each row's missing values, all
            together, from their conditional distribution, for multiple imputation; `random_state` is the seed.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            A copy in which no value is missing; observed values are those of `X`, bit for bit. The mean of zeros and
            ones is a probability; that of codes, which have none, is the most probable level.

        Raises
        ------
        ValueError
            If `method` is neither, or X is no data for this mixture.

        References
        ----------
        Ghahramani, Z. and Jordan, M. I. (1994). Supervised learning from incomplete data via an EM approach. NeurIPS 6,
        120–127.

        Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley. doi:10.1002/9780470316696

        Examples
        --------
        >>> import numpy as np
        >>> from skmix import GaussianMixture
        >>> X = np.array([[0.0, 0.1], [1.0, 0.9], [2.0, 2.1], [3.0, 2.9]])
        >>> GaussianMixture().fit(X).impute([[1.5, np.nan], [4.0, 5.0]]).round(3)
        array([[1.5, 1.5],
               [4. , 5. ]])
        """
        check_is_fitted(self, "weights_")
        if method not in METHODS:
            raise ValueError(f"The parameter 'method' should be 'mean' or 'draw', but got {method!r}.")
        given = self._check_array(X, reset=False)
        X = self._check_values(given, reset=False)
        filled, holes = given.copy(), np.isnan(given)
        incomplete = holes.any(axis=1)
        if incomplete.any():
            draws = method == "draw"
            fill = _draws(check_random_state(self.random_state)) if draws else _means
            rows = _fill(self, X[incomplete], fill, in_order=draws)  # draws are the same with any number of threads
            filled[holes] = rows[holes[incomplete]]
        return filled

    def marginal(self, columns):
        """The distribution of some features, the others integrated out.

        Parameters
        ----------
        columns : int, str, slice or array-like
            The features to keep, by number, name or mask, in the order in which the result has them.

        Returns
        -------
        mixture : estimator
            A fitted mixture of these features, of the same kind; what says how a fit went (`history_`, `converged_`, …)
            it does not have. Initial values for features are dropped from its parameters.
            :class:`VariationalGaussianMixture` gives a :class:`GaussianMixture`.

        Raises
        ------
        ValueError
            If a column does not exist or is named twice, or there is none.

        Examples
        --------
        >>> from skmix import GaussianMixture
        >>> from skmix.datasets import load_old_faithful
        >>> mixture = GaussianMixture(2, random_state=0).fit(load_old_faithful().data)
        >>> waiting = mixture.marginal([1])
        >>> waiting.means_.round(1).tolist() == mixture.means_[:, [1]].round(1).tolist()
        True
        """
        check_is_fitted(self, "weights_")
        keep = column_numbers(columns, self.n_features_in_, getattr(self, "feature_names_in_", None))
        family = self._family_at_hand()
        units = self._fitted_units(family)
        narrowed, components = family.narrow(self._adopt(family, units).components, keep)
        weights = np.asarray(self.weights_, dtype=np.float64)
        return self._fitted_for(keep, weights, narrowed, components, units)

    def conditional(self, columns, values):
        """The distribution of the other features, given the values of some.

        Parameters
        ----------
        columns : int, str, slice or array-like
            The features that are given, by number, name or mask; not all of them.
        values : float or array-like of shape (n_columns,)
            Their values.

        Returns
        -------
        mixture : estimator
            A fitted mixture of the other features, in their order, of the same kind: see :meth:`marginal`. Its weights
            are the responsibilities for `values`. `covariance_type` is kept, as the conditional of a full, tied,
            diagonal or spherical covariance is one, too.

        Raises
        ------
        ValueError
            If a column does not exist or is named twice, none is named or none is left, or `values` are not one for
            each column, not finite, or such as the features cannot have.

        Examples
        --------
        >>> from skmix import GaussianMixture
        >>> from skmix.datasets import load_old_faithful
        >>> mixture = GaussianMixture(2, random_state=0).fit(load_old_faithful().data)
        >>> long = mixture.conditional(1, 80.0)             # eruptions after a wait of 80 minutes
        >>> long.means_.shape, bool(long.weights_.max() > 0.99)
        ((2, 1), True)
        """
        check_is_fitted(self, "weights_")
        d = self.n_features_in_
        known = column_numbers(columns, d, getattr(self, "feature_names_in_", None))
        rest = np.setdiff1d(np.arange(d), known)
        if not len(rest):
            raise ValueError(f"The parameter 'columns' names all {d} features, which leaves none; name fewer.")
        row = np.full((1, d), np.nan)
        row[0, known] = _check_given(values, len(known))
        row = self._check_values(row, reset=False)
        family = self._family_at_hand()
        units = self._fitted_units(family)
        z = (row[0, known] - units.centre[known]) / units.scale[known]
        narrowed, components = family.given(self._adopt(family, units).components, known, z, rest)
        return self._fitted_for(rest, responsibilities(self, row)[0], narrowed, components, units)

    def _fitted_for(
        self, columns: np.ndarray, weights: np.ndarray, family: Family, components: Any, units: Units
    ) -> Any:
        """A mixture of the features `columns` with these parameters, held in `units` of all features."""
        mixture = self._for_features(columns)
        own = Units(units.centre[columns], units.scale[columns])
        public = {**mixture._publish_latent(weights), **mixture._publish_components(family, components, own)}
        mixture._set_fitted(public, np.asarray(self.weights_).dtype)
        mixture.n_features_in_ = len(columns)
        if hasattr(self, "feature_names_in_"):
            mixture.feature_names_in_ = self.feature_names_in_[columns]
        mixture._n_features_out = len(weights)
        mixture._fitted_model = (self._fitted_kind(), len(weights), len(columns))
        return mixture

    def _fitted_kind(self) -> str:
        """The name of the fitted family, whatever the parameters say by now."""
        fitted = getattr(self, "_fitted_model", None)
        return fitted[0] if fitted else self._family_name()

    def _for_features(self, columns: np.ndarray) -> Any:
        """An unfitted mixture of the features `columns`, of the fitted kind and with this one's parameters."""
        return clone(self).set_params(**self._parameters_for(columns))

    def _parameters_for(self, columns: np.ndarray) -> dict[str, Any]:
        """Parameters that are another's where it has the features `columns` alone."""
        return {}

    def _parameters_for_parts(self, X: np.ndarray) -> dict[str, Any]:
        """Parameters by which fits to parts of the rows `X` are comparable."""
        return {}


# ---- rows that are completed ----------------------------------------------------------------------------------------
Fill = Callable[[Family, Any, Block, np.ndarray], np.ndarray]  # a block's rows (d, n), completed; (K, n) probabilities


def _means(family: Family, components: Any, block: Block, R: np.ndarray) -> np.ndarray:
    return family.complete(components, block, R)


def _draws(rng: np.random.RandomState) -> Fill:
    def fill(family: Family, components: Any, block: Block, R: np.ndarray) -> np.ndarray:
        cumulated = np.cumsum(R, axis=0, dtype=np.float64)
        labels = (rng.uniform(size=R.shape[1]) * cumulated[-1] >= cumulated).sum(axis=0)
        return family.draw(components, block, labels, rng)

    return fill


def _fill(mixture: Any, X: np.ndarray, fill: Fill, in_order: bool) -> np.ndarray:
    """Rows `X` as `fill` completes them."""
    filled = np.empty_like(X)

    def visit(objective: Objective, components: Any, block: Block, R: np.ndarray) -> None:
        units = objective.units
        filled[block.rows] = units.centre + units.scale * fill(objective.model.family, components, block, R).T

    _visit(mixture, X, visit, in_order)
    return filled


def responsibilities(mixture: Any, X: np.ndarray) -> np.ndarray:
    """Probabilities of the components, (n, K), for rows that were checked."""
    found = np.empty((len(X), len(mixture.weights_)), dtype=X.dtype)

    def visit(objective: Objective, components: Any, block: Block, R: np.ndarray) -> None:
        found[block.rows] = R.T

    _visit(mixture, X, visit)
    return found


def moments(mixture: Any, X: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means (n, q) and covariances (n, q, q) of the features `columns` given the observed values of checked rows.

    The covariance is what is left within components, on average, and that of their means: 0 where a value is observed.
    """
    mean, covariance = np.empty((len(X), len(columns))), np.empty((len(X), len(columns), len(columns)))

    def visit(objective: Objective, components: Any, block: Block, R: np.ndarray) -> None:
        centre, scale = objective.units.centre[columns], objective.units.scale[columns]
        numbers = np.arange(len(X))[block.rows]
        for part, means, within in objective.model.family.conditionals(components, block, columns):
            r = R[:, part].astype(np.float64)
            expected = np.einsum("kn,kqn->nq", r, means)
            away = means - expected.T
            spread = np.einsum("kn,kpn,kqn->npq", r, away, away, optimize=True)
            spread += _averaged(r, within)
            mean[numbers[part]] = centre + scale * expected
            covariance[numbers[part]] = np.multiply.outer(scale, scale) * spread

    _visit(mixture, X, visit)
    return mean, covariance


def _averaged(r: np.ndarray, within: np.ndarray) -> np.ndarray:
    """Σ_k r_kn within_k, (n, q, q); `within` (K or 1, q, q, n or 1)."""
    total = r if len(within) == len(r) else r.sum(axis=0, keepdims=True)
    return np.einsum("kn,kpqn->npq", total, np.broadcast_to(within, (*within.shape[:3], r.shape[1])))


def _visit(mixture: Any, X: np.ndarray, visit: Callable, in_order: bool = False) -> None:
    """``visit(objective, components, block, R)`` for each block of checked rows, with responsibilities R (K, n)."""
    family = mixture._family_at_hand()
    units = mixture._fitted_units(family).rounded(X.dtype)
    objective = mixture._over(X, Model(family, mixture._latent_at_hand()), units)
    if in_order:
        objective = Objective(objective.model, objective.rows, Threads(1))
    parameters = mixture._adopt(family, units)

    def consume(block: Block, log_joint: np.ndarray) -> None:
        normalise(log_joint)
        visit(objective, parameters.components, block, log_joint)

    objective.each_block(parameters, consume)


def _check_given(values: Any, n_columns: int) -> np.ndarray:
    """`values` as an array (n_columns,) of finite numbers."""
    given = np.asarray(values, dtype=np.float64)
    if given.size != n_columns or given.ndim > 1:
        raise ValueError(
            f"The parameter 'values' should be {n_columns} value(s), one for each of 'columns', but got shape "
            f"{given.shape}; for many rows at once use impute, or MixtureRegressor."
        )
    given = given.reshape(n_columns)
    if not np.isfinite(given).all():
        raise ValueError(
            f"The parameter 'values' should be finite, but got {values!r}; leave missing values out, and their columns."
        )
    return given
