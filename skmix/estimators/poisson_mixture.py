"""Mixtures of independent Poisson counts."""

from __future__ import annotations

from typing import ClassVar

from skmix.estimators.base import Constraints
from skmix.estimators.mixture import BaseMixture
from skmix.estimators.poisson_components import PoissonComponents


class PoissonMixture(PoissonComponents, BaseMixture):
    """Poisson mixture for counts, fitted by the solver of your choice.

    Within a component the features are independent Poisson counts with rates λ of their own. All solvers maximise the
    log-likelihood per row. NaN marks a missing count.

    Parameters
    ----------
    n_components : int, default=1
        The number K of components.
    solver : str or Solver instance, default="auto"
        The optimiser: "em", "squarem", "lbfgs", "newton", … or an instance of one, see :mod:`skmix.solvers`.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained.
    prior : {"data"} or None, default=None
        "data" gives the rates a gamma prior, which acts as one more row of average counts in each component,
        and the weights a Dirichlet prior of one row a component, so that no rate can be 0. See the guide, "Safe
        fits".
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans" (clusters of k-means), "k-means++" (rows nearest to seeds), "hierarchical" (agglomeration,
        the same for any seed), "random" (responsibilities) or "random_from_data" (rows nearest to random rows);
        distances are between square roots of counts. Or labels of the rows, (n_samples,), -1 for any component; or
        responsibilities, (n_samples, n_components); or a fitted mixture or clusterer, see
        :mod:`skmix.initialize.starts`.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge", "annealing",
        "overfit-merge" or an instance of one, see :mod:`skmix.initialize`; None for nothing.
    weights_init : array-like of shape (n_components,), default=None
        Initial weights, in place of those that `init_params` gives.
    rates_init : array-like of shape (n_components, n_features), default=None
        Initial rates, positive.
    weights_fixed : bool or array-like of bool of shape (n_components,), default=False
        Weights that stay as `weights_init` has them; True for all. The others share the rest.
    rates_fixed : bool or array-like of bool of shape (n_components,), default=False
        Components whose rates stay as `rates_init` has them; True for all.
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
    rates_ : ndarray of shape (n_components, n_features)
        The rates of the components: expected counts.
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
    Hasselblad, V. (1969). Estimation of finite mixtures of distributions from the exponential family. J. Amer. Statist.
    Assoc. 64, 1459–1471. doi:10.1080/01621459.1969.10501071

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import PoissonMixture
    >>> deaths = np.arange(10.0)[:, np.newaxis]  # a day, of women over 80, in The Times of 1910 to 1912
    >>> days = [162, 267, 271, 185, 111, 61, 27, 8, 3, 1]
    >>> mixture = PoissonMixture(n_components=2, tol=1e-9, random_state=0).fit(deaths, sample_weight=days)
    >>> np.sort(mixture.rates_.ravel()).round(2)
    array([1.26, 2.66])
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BaseMixture._parameter_constraints,
        **PoissonComponents._own_constraints,
    }

    def __init__(
        self,
        n_components=1,
        *,
        solver="auto",
        tol=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        weights_init=None,
        rates_init=None,
        weights_fixed=False,
        rates_fixed=False,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.solver = solver
        self.tol = tol
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.search = search
        self.weights_init = weights_init
        self.rates_init = rates_init
        self.weights_fixed = weights_fixed
        self.rates_fixed = rates_fixed
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval
