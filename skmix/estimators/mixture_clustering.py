"""Clustering by the Gaussian mixture whose number of components and covariance type a criterion prefers."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_sample_weight
from skmix.estimators.criteria import CRITERIA
from skmix.estimators.gaussian_components import COVARIANCE_TYPES
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.model_grid import Cell, Grid, table_of
from skmix.initialize.starts import STARTS

_SHARED = ("solver", "tol", "reg_covar", "prior", "max_iter", "n_init", "init_params")  # with GaussianMixture


class MixtureClustering(ClusterMixin, BaseEstimator):
    """Clusters by a Gaussian mixture whose size and shape are chosen for you.

    Mixtures of every number of components and covariance type are fitted to the same rows, and the one with the least
    criterion is kept: the posterior-probability clustering that R's mclust made popular.

    Each mixture starts from `init_params` and, with ``cross_starts=True``, from its neighbours in the grid: the one of
    the same covariance type with one component less, in which the component is split whose split gains most, and the
    best of another covariance type with as many components. The fit with the highest objective is kept.

    The likelihood of a component that collapses, onto rows that share a rounded value for example, is as high as
    `reg_covar` lets it be. Such a model is marked as degenerate, and chosen only if all are.

    Parameters
    ----------
    n_components : int or iterable of int, default=(1, 2, 3, 4, 5, 6, 7, 8, 9)
        Numbers K of components to try, for example ``range(1, 10)``. Those above the number of different rows are
        skipped.
    covariance_type : str or list of str, default=("full", "tied", "diag", "spherical")
        Covariance types to try: see :class:`GaussianMixture`.
    criterion : {"bic", "aic", "icl"}, default="bic"
        What is to be least: see :meth:`GaussianMixture.bic`, :meth:`GaussianMixture.aic` and
        :meth:`GaussianMixture.icl`. BIC finds how many Gaussians there are, ICL how many separate clusters, AIC what
        predicts best and with many rows too many components.
    solver : str or Solver instance, default="auto"
        The optimiser: see :class:`GaussianMixture`. Models that it refuses are skipped.
    tol : float, default=1e-6
        Gain that may remain, in nats per row.
    reg_covar : float, default=1e-6
        Strength of the penalty on small covariances, in squared units of the data.
    prior : {"data"} or None, default=None
        "data" gives covariances and weights priors scaled by the data, so that no component collapses: see
        :class:`GaussianMixture`. Criteria are then those of the likelihood at the posterior mode.
    max_iter : int, default=500
        Most iterations of a fit.
    n_init : int, default=1
        Starts by `init_params` for each model.
    init_params : {"kmeans", "k-means++", "hierarchical", "random", "random_from_data"}, default="kmeans"
        How they are made, see :class:`GaussianMixture`.
    cross_starts : bool, default=True
        Whether to start models from their neighbours in the grid, too. It takes three to five times as long, and spares
        many a local optimum: k-means cuts elongated clusters, for example.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts. Every model has the same: an int gives each the start that :class:`GaussianMixture` has
        with it.
    n_jobs : int, default=None
        Models that are fitted at the same time, by threads. The result does not depend on it.

    Attributes
    ----------
    best_estimator_ : GaussianMixture
        The chosen mixture, fitted.
    best_params_ : dict
        Its `n_components` and `covariance_type`.
    best_index_ : int
        Its place in `results_`. Criteria are equal if they differ by no more than what `tol` leaves open; then the
        model with fewest parameters is chosen.
    results_ : dict of ndarray
        A table with an entry for each model, which :class:`pandas.DataFrame` takes as it is: "n_components",
        "covariance_type", "bic", "aic", "icl", "log_likelihood" (nats, total; NaN where skipped), "n_parameters",
        "converged", "solver" (that finished the fit), "start" ("init_params", "split" or "other type": which was
        best), "seconds" and "n_passes" (of all starts together), "degenerate" (whether `reg_covar` makes up more than
        a tenth of a component's variance in some direction), "warnings" (what the fit complained of, or why it was
        skipped; empty if nothing).
    labels_ : ndarray of shape (n_samples,)
        The most probable component of each row.
    n_clusters_ : int
        The chosen number of components.
    n_iter_ : int
        Iterations of the chosen fit.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    References
    ----------
    Fraley, C. and Raftery, A. E. (2002). Model-based clustering, discriminant analysis, and density estimation. J.
    Amer. Statist. Assoc. 97, 611–631. doi:10.1198/016214502760047131

    Ueda, N., Nakano, R., Ghahramani, Z. and Hinton, G. E. (2000). SMEM algorithm for mixture models. Neural Comput. 12,
    2109–2128. doi:10.1162/089976600300015088

    Examples
    --------
    >>> from skmix import MixtureClustering
    >>> from skmix.datasets import load_old_faithful
    >>> X = load_old_faithful().data
    >>> clustering = MixtureClustering(n_components=range(1, 4), random_state=0).fit(X)
    >>> clustering.best_params_
    {'n_components': 3, 'covariance_type': 'tied'}
    >>> clustering.predict([[2.0, 50.0]]).shape
    (1,)
    >>> clustering.results_["bic"].shape
    (12,)
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **{name: GaussianMixture._parameter_constraints[name] for name in _SHARED},
        "n_components": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "covariance_type": [StrOptions(COVARIANCE_TYPES), list, tuple],
        "init_params": [StrOptions(set(STARTS))],
        "criterion": [StrOptions(set(CRITERIA))],
        "cross_starts": ["boolean"],
        "random_state": ["random_state"],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_components=(1, 2, 3, 4, 5, 6, 7, 8, 9),
        covariance_type=("full", "tied", "diag", "spherical"),
        *,
        criterion="bic",
        solver="auto",
        tol=1e-6,
        reg_covar=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        cross_starts=True,
        random_state=None,
        n_jobs=None,
    ):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.criterion = criterion
        self.solver = solver
        self.tol = tol
        self.reg_covar = reg_covar
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.cross_starts = cross_starts
        self.random_state = random_state
        self.n_jobs = n_jobs

    # ---- fitting --------------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Fit all models and choose one.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The data. NaN marks a value that is missing at random.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows: an integer weight counts as that many equal rows, in the criteria, too.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If an argument is out of range, all models have to be skipped, or all weights are zero.

        Warns
        -----
        ConvergenceWarning
            If the chosen fit did not converge; what others complained of is in `results_`.
        """
        types, numbers = self._types(), self._numbers()
        X = validate_data(self, X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan")
        kept, weight = _positive(X, sample_weight)
        cells = self._search(types, numbers, kept, weight)
        self.results_ = table_of(cells)
        self.best_index_ = self._choose(float(len(kept) if weight is None else weight.sum()))
        best = cells[self.best_index_].fit
        assert best is not None
        self.best_estimator_ = best.mixture
        if hasattr(self, "feature_names_in_"):
            self.best_estimator_.feature_names_in_ = self.feature_names_in_
        self.best_params_ = {name: getattr(best.mixture, name) for name in ("n_components", "covariance_type")}
        self.n_clusters_ = best.mixture.n_components
        self.n_iter_ = best.mixture.n_iter_
        self.labels_ = best.mixture.labels_ = best.mixture._labels(X)
        for complaint in best.complaints:
            warnings.warn(complaint, ConvergenceWarning, stacklevel=3)  # fit, scikit-learn's wrapper, the user
        return self

    def _types(self) -> list[str]:
        given = [self.covariance_type] if isinstance(self.covariance_type, str) else list(self.covariance_type)
        if not given or not COVARIANCE_TYPES.issuperset(given):
            raise ValueError(
                f"covariance_type must be one of {sorted(COVARIANCE_TYPES)}, or a list of them. "
                f"Got {self.covariance_type!r} instead."
            )
        return list(dict.fromkeys(given))

    def _numbers(self) -> list[int]:
        given = [self.n_components] if isinstance(self.n_components, Integral) else list(self.n_components)
        if not given or not all(isinstance(K, Integral) and int(K) >= 1 for K in given):
            raise ValueError(
                "n_components must be an integer of at least 1, or some of them, such as range(1, 10). "
                f"Got {self.n_components!r} instead."
            )
        return sorted({int(K) for K in given})

    def _search(self, types: list[str], numbers: list[int], X: np.ndarray, weight: np.ndarray | None) -> list[Cell]:
        """All models, by covariance type and then by number of components."""
        seed = self.random_state
        if not isinstance(seed, Integral):
            seed = int(check_random_state(seed).randint(np.iinfo(np.int32).max))
        shared = {name: getattr(self, name) for name in _SHARED}

        def make(covariance_type: str, K: int) -> GaussianMixture:
            return GaussianMixture(K, covariance_type=covariance_type, random_state=seed, **shared)

        grid = Grid(make, types, numbers, X, weight, seed, self.n_jobs)
        grid.fit()
        if self.cross_starts:
            grid.cross(self.criterion)
        return [grid.cells[one, K] for one in types for K in numbers]

    def _choose(self, total_weight: float) -> int:
        values, n_parameters = self.results_[self.criterion], self.results_["n_parameters"]
        eligible = np.isfinite(values) & ~self.results_["degenerate"]
        if eligible.any():
            values = np.where(eligible, values, np.nan)
        equal = np.flatnonzero(values <= np.nanmin(values) + 2 * self.tol * total_weight)
        return int(equal[np.argmin(n_parameters[equal])])

    # ---- the chosen mixture ---------------------------------------------------------------------------------------
    def predict(self, X):
        """The most probable component of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        return self.best_estimator_.predict(X)

    def predict_proba(self, X):
        """Responsibilities: the probability of each component given the observed values of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        responsibilities : ndarray of shape (n_samples, n_clusters)
        """
        check_is_fitted(self)
        return self.best_estimator_.predict_proba(X)

    def score_samples(self, X):
        """Log-likelihood of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.
        """
        check_is_fitted(self)
        return self.best_estimator_.score_samples(X)

    def score(self, X, y=None, sample_weight=None):
        """Mean log-likelihood of the rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; NaN marks a missing value.
        y : Ignored
            Not used, present for API consistency by convention.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        log_likelihood : float
            In nats per row.
        """
        check_is_fitted(self)
        return self.best_estimator_.score(X, sample_weight=sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def _positive(X: np.ndarray, sample_weight: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """The rows of positive weight, and their weights."""
    if sample_weight is None:
        return X, None
    weight = check_sample_weight(sample_weight, X)
    return X[weight > 0], weight[weight > 0]
