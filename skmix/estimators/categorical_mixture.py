"""Mixtures of independent categorical features: latent class analysis."""

from __future__ import annotations

from typing import ClassVar

from skmix.estimators.base import Constraints
from skmix.estimators.categorical_components import CategoricalComponents
from skmix.estimators.mixture import BaseMixture


class CategoricalMixture(CategoricalComponents, BaseMixture):
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
    prior : {"data"} or None, default=None
        "data" gives the probabilities a Dirichlet prior, which acts as one more row of average content in each
        component, and the weights a Dirichlet prior of one row a component, so that no level that the data have
        can get probability 0. See the guide, "Safe fits".
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans" (clusters of k-means), "k-means++" (rows nearest to seeds), "hierarchical" (agglomeration,
        the same for any seed), "random" (responsibilities) or "random_from_data" (rows nearest to random rows);
        distances are between indicators of the levels. Or labels of the rows, (n_samples,), -1 for any component; or
        responsibilities, (n_samples, n_components); or a fitted mixture or clusterer, see
        :mod:`skmix.initialize.starts`.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge", "annealing",
        "overfit-merge" or an instance of one, see :mod:`skmix.initialize`; None for nothing.
    weights_init : array-like of shape (n_components,), default=None
        Initial weights, in place of those that `init_params` gives.
    probabilities_init : array-like of shape (n_components, n_features, max(n_categories)), default=None
        Initial probabilities of the levels: rows that add up to 1, with zeros beyond a feature's levels. A probability
        of 0 stays 0, if another component can have the level.
    weights_fixed : bool or array-like of bool of shape (n_components,), default=False
        Weights that stay as `weights_init` has them; True for all. The others share the rest.
    probabilities_fixed : bool or array-like of bool of shape (n_components,), default=False
        Components whose probabilities stay as `probabilities_init` has them; True for all.
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
    probabilities_ : ndarray of shape (n_components, n_features, max(`n_categories_`))
        The probabilities of the levels, 0 beyond a feature's levels.
    n_categories_ : ndarray of shape (n_features,)
        The number of levels of each feature.
    labels_ : ndarray of shape (n_samples,)
        The most probable component of each row of the training data, or its label where one was given.
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
    events_ : list of Event
        Components that lost all rows or collapsed onto a few of them, in all starts, and what was done: see
        :class:`~skmix.estimators.events.Event`. In the best fit they are moved, in at most two trials, to where another
        component's split gains most, unless that is no better or all initial values are given. Empty if there are none.
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

    _parameter_constraints: ClassVar[Constraints] = {
        **BaseMixture._parameter_constraints,
        **CategoricalComponents._own_constraints,
    }

    def __init__(
        self,
        n_components=1,
        *,
        n_categories=None,
        solver="auto",
        tol=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        weights_init=None,
        probabilities_init=None,
        weights_fixed=False,
        probabilities_fixed=False,
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
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.search = search
        self.weights_init = weights_init
        self.probabilities_init = probabilities_init
        self.weights_fixed = weights_fixed
        self.probabilities_fixed = probabilities_fixed
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval
