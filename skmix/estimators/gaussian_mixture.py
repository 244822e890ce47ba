"""Mixtures of Gaussians."""

from __future__ import annotations

from typing import ClassVar

from skmix.estimators.base import Constraints
from skmix.estimators.gaussian_components import GaussianComponents
from skmix.estimators.mixture import BaseMixture


class GaussianMixture(GaussianComponents, BaseMixture):
    """Gaussian mixture, fitted by the solver of your choice.

    A drop-in for :class:`sklearn.mixture.GaussianMixture` with missing values, sample weights, `solver`, parallel
    restarts, and responsibilities as a transformer.

    All solvers maximise the same objective, the penalised log-likelihood per row

        (1/W) [ Σ_n w_n log p(x_n) − (reg_covar·W / 2K) Σ_k tr Σ_k⁻¹ ],    W = Σ_n w_n.

    Parameters
    ----------
    n_components : int, default=1
        The number K of components.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        Each component has its own covariance matrix, all share one, each has its own diagonal one, or each has a
        single variance.
    solver : str or Solver instance, default="auto"
        The optimiser: "em", "squarem", "lbfgs", "newton", … or an instance of one, see :mod:`skmix.solvers`. "auto"
        makes extrapolated EM steps and goes on with the solver that should need the fewest passes.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained. In scikit-learn
        `tol` is the gain of the last step, which is far smaller than what remains where EM is slow.
    reg_covar : float, default=1e-6
        Strength of the penalty on small covariances, in squared units of the data: a component with the average
        share of the rows has `reg_covar` added to the diagonal of its covariance. It is never less than 3e-19 (float32:
        2e-7) of the columns' variances, so that degenerate data can be fitted.
    prior : {"data"} or None, default=None
        "data" gives each covariance an inverse Wishart prior scaled by the covariance of the data (Fraley and Raftery,
        2007), and the weights a Dirichlet prior of one row a component: no component can shrink to few rows. Fits are
        maxima of the posterior density, the same in any affine coordinates of the data if ``reg_covar=0``. See the
        guide, "Safe fits".
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept, but what a collapsed component gains by its
        narrowness does not count.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans" (clusters of k-means; merged small ones where they are elongated), "k-means++" (rows
        nearest to seeds), "hierarchical" (agglomeration, the same for any seed), "random" (responsibilities) or
        "random_from_data" (rows nearest to random rows); distances are between standardised features. Or labels of the
        rows, (n_samples,), -1 for any component; or responsibilities, (n_samples, n_components); or a fitted mixture
        or clusterer, see :mod:`skmix.initialize.starts`.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge", "annealing",
        "overfit-merge" or an instance of one, see :mod:`skmix.initialize`; None for nothing.
    weights_init : array-like of shape (n_components,), default=None
        Initial weights, in place of those that `init_params` gives.
    means_init : array-like of shape (n_components, n_features), default=None
        Initial means.
    precisions_init : array-like, default=None
        Initial precisions (inverse covariances), of shape (n_components, n_features, n_features) if full,
        (n_features, n_features) if tied, (n_components, n_features) if diag, (n_components,) if spherical.
    weights_fixed : bool or array-like of bool of shape (n_components,), default=False
        Weights that stay as `weights_init` has them; True for all. The others share the rest.
    means_fixed : bool or array-like of bool of shape (n_components,), default=False
        Components whose means stay as `means_init` has them; True for all.
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
    means_ : ndarray of shape (n_components, n_features)
        The means of the components.
    covariances_ : ndarray
        The covariances, shaped as `precisions_init`.
    precisions_ : ndarray
        The inverse covariances, shaped likewise.
    precisions_cholesky_ : ndarray
        Upper-triangular U with precision = U Uᵀ (diag, spherical: inverse standard deviations), shaped likewise.
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
    McLachlan, G. J. and Peel, D. (2000). Finite Mixture Models. Wiley. doi:10.1002/0471721182

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianMixture
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, np.nan], [10, 0]])
    >>> mixture = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> np.sort(mixture.means_[:, 0])
    array([ 1., 10.])
    >>> mixture.predict([[0, np.nan]]) == mixture.labels_[0]
    array([ True])
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BaseMixture._parameter_constraints,
        **GaussianComponents._own_constraints,
    }

    def __init__(
        self,
        n_components=1,
        *,
        covariance_type="full",
        solver="auto",
        tol=1e-6,
        reg_covar=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        weights_init=None,
        means_init=None,
        precisions_init=None,
        weights_fixed=False,
        means_fixed=False,
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.solver = solver
        self.tol = tol
        self.reg_covar = reg_covar
        self.prior = prior
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.search = search
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.weights_fixed = weights_fixed
        self.means_fixed = means_fixed
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval
