"""Mixtures of independent categorical features: latent class analysis."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import validate_data

from skmix.estimators.base import BaseMixture
from skmix.estimators.checks import check_shape
from skmix.families.categorical import Categorical
from skmix.likelihood.units import Units, column_range


class CategoricalMixture(BaseMixture):
    """Categorical mixture (latent class analysis), fitted by the solver of your choice.

    Within a component the features are independent, each with a probability of its own for each of its levels. All
    solvers maximise the log-likelihood per row. Data are codes 0, 1, 2, …, as
    :class:`~sklearn.preprocessing.OrdinalEncoder` makes them of any categories; NaN marks a missing code.

    Parameters
    ----------
    n_components : int, default=1
        The number K of components.
    n_categories : int, array-like of shape (n_features,) or None, default=None
        The number of levels of all features, or of each: codes are below it. None: one more than a feature's highest
        code in the training data, in which fractions are then cut off, with a warning.
    solver : str or Solver instance, default="auto"
        The optimiser: "em", "squarem", "lbfgs", "newton", … or an instance of one, see :mod:`skmix.solvers`.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained.
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        The start: clusters of k-means, rows nearest to the seeds of k-means++, random responsibilities, or rows nearest
        to random rows. Distances are between indicators of the levels.
    weights_init : array-like of shape (n_components,), default=None
        Initial weights, in place of those that `init_params` gives.
    probabilities_init : array-like of shape (n_components, n_features, max(n_categories)), default=None
        Initial probabilities of the levels: rows that add up to 1, with zeros beyond a feature's levels. A probability
        of 0 stays 0, if another component can have the level.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts and of :meth:`sample`.
    warm_start : bool, default=False
        Start from the parameters of the last fit. `n_init` is then ignored.
    n_jobs : int, default=None
        Starts that are fitted at the same time, by threads. The result does not depend on it.
    verbose : int, default=0
        1 prints iteration numbers, 2 also the objective, its gain and times.
    verbose_interval : int, default=10
        Iterations between two lines.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        The weights of the components.
    probabilities_ : ndarray of shape (n_components, n_features, max(n_categories_))
        The probabilities of the levels, 0 beyond a feature's levels.
    n_categories_ : ndarray of shape (n_features,)
        The number of levels of each feature.
    labels_ : ndarray of shape (n_samples,)
        The most probable component of each row of the training data.
    converged_ : bool
        Whether the solver estimates that no more than `tol` remains to be gained.
    n_iter_ : int
        Accepted iterates of the best fit, the start not counted.
    n_passes_ : float
        Passes over the data that the best fit made.
    lower_bound_ : float
        The objective at the end, nats per row.
    lower_bounds_ : list of float
        The objective at each iterate after the start, nats per row.
    history_ : dict of ndarray
        "objective" (nats per row), "n_passes" and "seconds" at each accepted iterate, the start included; what a
        solver notes besides, such as the forecasts of "auto".
    solver_ : str
        Name of the solver that finished the fit: what "auto" chose.
    stop_reason_ : str
        Why it stopped.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of the features, where the data had names that are all strings.

    References
    ----------
    Goodman, L. A. (1974). Exploratory latent structure analysis using both identifiable and unidentifiable models.
    Biometrika 61, 215–231. doi:10.1093/biomet/61.2.215

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import CategoricalMixture
    >>> answers = [[0, 2, 1], [0, 2, 0], [0, 1, 1], [1, 0, 1], [1, 0, 0], [1, 1, 0]]
    >>> mixture = CategoricalMixture(n_components=2, random_state=0).fit(answers)
    >>> mixture.n_categories_
    array([2, 3, 2])
    >>> mixture.predict([[0, np.nan, 1], [1, 0, np.nan]]) == mixture.labels_[[0, 3]]
    array([ True,  True])
    """

    _component_attributes = ("probabilities_",)
    _dtypes = (np.float64,)
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMixture._parameter_constraints,
        "n_categories": [Interval(Integral, 1, None, closed="left"), "array-like", None],
        "probabilities_init": ["array-like", None],
    }

    def __init__(
        self,
        n_components=1,
        *,
        n_categories=None,
        solver="auto",
        tol=1e-6,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        weights_init=None,
        probabilities_init=None,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.n_categories = n_categories
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.probabilities_init = probabilities_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    def _family_name(self) -> str:
        return "categorical"

    def _make_family(self, units: Units, total_weight: float, eps: float) -> Categorical:
        return Categorical(self.n_categories_)

    def _family_at_hand(self) -> Categorical:
        if hasattr(self, "n_categories_"):
            return Categorical(np.asarray(self.n_categories_))
        # Attributes were set by hand: a feature's levels end where no component has a probability.
        largest = np.max(self.probabilities_, axis=0)
        return Categorical(largest.shape[1] - np.argmax(largest[:, ::-1] > 0, axis=1))

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        if self.probabilities_init is None:
            return {}
        shape = (self.n_components, n_features, int(self.n_categories_.max()))
        given = check_shape("probabilities_init", self.probabilities_init, shape)
        if given.min() < 0:
            raise ValueError(
                f"The parameter 'probabilities_init' should not be negative, but got min value {given.min():g}"
            )
        beyond = np.arange(shape[2]) >= self.n_categories_[:, np.newaxis]
        if given[:, beyond].any():
            feature = int(np.nonzero(beyond & given.any(axis=0))[0][0])
            raise ValueError(
                "The parameter 'probabilities_init' should be 0 beyond a feature's levels, but is not for feature "
                f"{feature}, which has {self.n_categories_[feature]}; 'n_categories' declares more."
            )
        sums = given.sum(axis=2, keepdims=True)
        if np.abs(sums - 1.0).max() > 1e-6:
            worst = sums.ravel()[np.abs(sums - 1.0).argmax()]
            raise ValueError(
                "The parameter 'probabilities_init' should be normalized: its rows should add up to 1, but got "
                f"{worst:.5f}"
            )
        return {"probabilities_": given / sums}

    def _check_data(self, X, reset: bool) -> np.ndarray:
        X = validate_data(self, X, dtype=list(self._dtypes), ensure_all_finite="allow-nan", reset=reset)
        if self.n_categories is None:
            X = _whole(X)
        self._family_class().check_data(X, type(self).__name__)
        highest = column_range(X)[1].astype(int)
        if reset:
            self.n_categories_ = self._declared(highest)
        levels = self._family_at_hand().n_categories
        if (highest >= levels).any():
            feature = int(np.argmax(highest >= levels))
            raise ValueError(
                f"{type(self).__name__} got code {highest[feature]} in feature {feature}, which has {levels[feature]} "
                f"levels, 0 to {levels[feature] - 1}. If that code can occur, fit with 'n_categories' above it."
            )
        return X

    def _declared(self, highest: np.ndarray) -> np.ndarray:
        """The number of levels of each feature, from `n_categories` or the highest codes."""
        if self.n_categories is None:
            fitted = getattr(self, "n_categories_", highest) if self.warm_start else highest
            # The parameters to go on from may have levels that these data lack.
            return np.maximum(highest + 1, fitted) if len(fitted) == len(highest) else highest + 1
        declared = np.asarray(self.n_categories)
        if declared.dtype.kind not in "iu" or declared.min(initial=1) < 1 or declared.shape not in ((), highest.shape):
            raise ValueError(
                f"The parameter 'n_categories' should be a positive integer, or one for each of the {len(highest)} "
                f"features, but got {self.n_categories!r}"
            )
        return np.broadcast_to(declared, highest.shape).astype(int)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.categorical = True
        return tags


def _whole(X: np.ndarray) -> np.ndarray:
    """X without fractions: where levels are not declared, scikit-learn's own CategoricalNB cuts them off as well."""
    whole = np.floor(X)
    if np.array_equal(whole, X, equal_nan=True):
        return X
    fraction = X[~np.isnan(X) & (whole != X)][0]
    warnings.warn(
        f"X has values that are no codes, such as {fraction:g}: they are rounded down. Cut measurements into levels "
        "with sklearn.preprocessing.KBinsDiscretizer; 'n_categories' makes anything but declared codes an error.",
        UserWarning,
        stacklevel=4,
    )
    return whole
