"""Hidden Markov models with Gaussian emissions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from skmix.estimators.base import Constraints
from skmix.estimators.gaussian_components import GaussianComponents, factor_of
from skmix.estimators.hidden_markov import BaseHMM


class GaussianHMM(GaussianComponents, BaseHMM):
    """Hidden Markov model with Gaussian emissions, fitted by the solver of your choice.

    Parameters
    ----------
    n_components : int, default=1
        The number K of states.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="diag"
        Each state has its own covariance matrix, all share one, each has its own diagonal one, or each has a single
        variance.
    solver : str or Solver instance, default="auto"
        The optimiser: "em" (Baum and Welch's), "squarem", "lbfgs", "newton", … or an instance of one, see
        :mod:`skmix.solvers`.
    tol : float, default=1e-6
        A solver stops when it estimates that no more than this, in nats per row, can still be gained.
    reg_covar : float, default=1e-6
        Strength of the penalty on small covariances, in squared units of the data, as for
        :class:`~skmix.GaussianMixture`.
    prior : {"data"} or None, default=None
        "data" gives each covariance an inverse Wishart prior scaled by the covariance of the data (Fraley and Raftery,
        2007): no state can shrink to few rows. Transitions have priors of their own. See the guide, "Safe fits".
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept, but what a collapsed component gains by its
        narrowness does not count.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans", "k-means++", "hierarchical", "random" or "random_from_data", as those of mixtures, or
        "mixture" (fitted without regard to the order of the rows), each with transitions counted between neighbouring
        rows; "sticky" has the clusters of k-means and states that last. Or labels of the rows, (n_samples,), -1 for
        any component; or probabilities, (n_samples, n_components); or a fitted model or clusterer.
    search : str, Search instance or None, default=None
        What is done to each start before the solver climbs: "short-runs", "random-swap", "split-merge" or an
        instance of one, see :mod:`skmix.initialize`; None for nothing.
    start : {"free", "stationary", "fixed"}, default="free"
        How sequences start: with probabilities of their own, with the stationary distribution of the transition matrix,
        or with `startprob_init` as it is.
    startprob_init : array-like of shape (n_components,), default=None
        Initial start probabilities; those of 0 stay 0.
    transmat_init : array-like of shape (n_components, n_components), default=None
        Initial transition matrix; entries of 0 stay 0 (an upper triangle makes a left–right model).
    startprob_prior : float or array-like of shape (n_components,), default=1.0
        Concentrations, 1 or more, of a Dirichlet prior on the start probabilities; 1 for maximum likelihood.
    transmat_prior : float or array-like of shape (n_components, n_components), default=1.0
        The same for the rows of the transition matrix.
    transmat_fixed : bool or array-like of bool of shape (n_components, n_components), default=None
        Entries that stay as `transmat_init` has them; True for all.
    transmat_tied : array-like of int of shape (n_components, n_components), default=None
        Entries with the same positive number are kept equal, 0 is for entries on their own. Rows that share a number
        must have the same numbers, each as often.
    means_init : array-like of shape (n_components, n_features), default=None
        Initial means.
    precisions_init : array-like, default=None
        Initial precisions (inverse covariances), shaped as `covariances_`.
    means_fixed : bool or array-like of bool of shape (n_components,), default=False
        States whose means stay as `means_init` has them; True for all.
    algorithm : {"viterbi", "posterior"}, default="viterbi"
        What :meth:`predict` gives: the most probable path, or the most probable state of each row.
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
    startprob_ : ndarray of shape (n_components,)
        Start probabilities.
    transmat_ : ndarray of shape (n_components, n_components)
        Transition matrix: the probabilities of the next state, a row for each state.
    stationary_distribution_ : ndarray of shape (n_components,)
        The part of the time that the chain spends in each state in the long run.
    means_ : ndarray of shape (n_components, n_features)
        Means of the observations in each state.
    covariances_ : ndarray
        Covariances, of shape (n_components, n_features, n_features) if full, (n_features, n_features) if tied,
        (n_components, n_features) if diag, (n_components,) if spherical.
    precisions_ : ndarray
        The inverse covariances, shaped likewise.
    precisions_cholesky_ : ndarray
        Upper-triangular U with precision = U Uᵀ (diag, spherical: inverse standard deviations), shaped likewise.
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
        "objective" (nats per row), "n_passes" and "seconds" at each accepted iterate, the start included.
    solver_ : str
        Name of the solver that finished the fit.
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
    Rabiner, L. R. (1989). A tutorial on hidden Markov models and selected applications in speech recognition. Proc.
    IEEE 77, 257–286. doi:10.1109/5.18626

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import GaussianHMM
    >>> X = np.array([[0.1], [0.0], [-0.2], [5.1], [np.nan], [4.9], [5.0], [0.2], [0.1]])
    >>> model = GaussianHMM(n_components=2, random_state=0).fit(X)
    >>> model.predict(X) == model.predict([[0.0]])[0]
    array([ True,  True,  True, False, False, False, False,  True,  True])
    """

    _parameter_constraints: ClassVar[Constraints] = {
        **BaseHMM._parameter_constraints,
        **GaussianComponents._own_constraints,
    }

    def __init__(
        self,
        n_components=1,
        covariance_type="diag",
        *,
        solver="auto",
        tol=1e-6,
        reg_covar=1e-6,
        prior=None,
        max_iter=500,
        n_init=1,
        init_params="kmeans",
        search=None,
        start="free",
        startprob_init=None,
        transmat_init=None,
        startprob_prior=1.0,
        transmat_prior=1.0,
        transmat_fixed=None,
        transmat_tied=None,
        means_init=None,
        precisions_init=None,
        means_fixed=False,
        algorithm="viterbi",
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
        self.start = start
        self.startprob_init = startprob_init
        self.transmat_init = transmat_init
        self.startprob_prior = startprob_prior
        self.transmat_prior = transmat_prior
        self.transmat_fixed = transmat_fixed
        self.transmat_tied = transmat_tied
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.means_fixed = means_fixed
        self.algorithm = algorithm
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    @property
    def covars_(self) -> np.ndarray:
        """Covariance matrices, (n_components, n_features, n_features), whatever the type: hmmlearn's name and shape.

        It can be set, by matrices or in the shape of `covariances_`, for a model that is written down, not fitted.
        """
        family: Any = self._family_at_hand()
        W = np.asarray(self.precisions_cholesky_, dtype=np.float64)
        return family.covariance_matrices(family.covariances_of(W), *np.shape(self.means_))

    @covars_.setter
    def covars_(self, value: Any) -> None:
        self.precisions_cholesky_ = factor_of(self._family_at_hand(), value, *np.shape(self.means_))
