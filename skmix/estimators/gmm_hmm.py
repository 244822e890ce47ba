"""Hidden Markov models whose states emit from Gaussian mixtures."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from skmix.estimators.base import Constraints
from skmix.estimators.checks import check_shape
from skmix.estimators.fixed import weight_structure
from skmix.estimators.gaussian_components import GaussianComponents, checked_factor, factor_of
from skmix.estimators.hidden_markov import BaseHMM
from skmix.estimators.transitions import check_probabilities
from skmix.families.base import Family
from skmix.latent.chain import Chain
from skmix.latent.emission_mixture import MixtureChain, MixtureParameters
from skmix.likelihood.units import Units


class GMMHMM(GaussianComponents, BaseHMM):
    """Hidden Markov model whose states emit from Gaussian mixtures, fitted by the solver of your choice.

    Parameters
    ----------
    n_components : int, default=1
        The number K of states.
    n_mix : int, default=1
        The number M of components of each state's mixture.
    covariance_type : {"full", "tied", "diag", "spherical"}, default="diag"
        Each component has its own covariance matrix, all share one, each has its own diagonal one, or each has a single
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
        2007), and the weights of each mixture a Dirichlet prior of one row a component: no component can shrink to few
        rows. Transitions have priors of their own. See the guide, "Safe fits".
    max_iter : int, default=500
        Most iterations, counted in accepted iterates.
    n_init : int, default=1
        Number of starts; the fit with the highest objective is kept, but what a collapsed component gains by its
        narrowness does not count.
    init_params : str, array-like or fitted estimator, default="kmeans"
        The start: "kmeans", "k-means++", "hierarchical", "random" or "random_from_data", as those of mixtures, or
        "mixture" (fitted without regard to the order of the rows), each with transitions counted between neighbouring
        rows; "sticky" has the clusters of k-means and states that last. Or labels of the rows, (n_samples,), -1 for
        any component, those within a state next to each other; or probabilities, (n_samples, n_components · n_mix); or
        a fitted model or clusterer.
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
    weights_init : array-like of shape (n_components, n_mix), default=None
        Initial weights of the mixtures.
    means_init : array-like of shape (n_components, n_mix, n_features), default=None
        Initial means.
    precisions_init : array-like, default=None
        Initial precisions (inverse covariances), shaped as `covariances_`.
    weights_fixed : bool or array-like of bool of shape (n_components, n_mix), default=False
        Weights that stay as `weights_init` has them; True for all. The others of a state share its rest.
    means_fixed : bool or array-like of bool of shape (n_components, n_mix), default=False
        Components whose means stay as `means_init` has them; True for all.
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
    weights_ : ndarray of shape (n_components, n_mix)
        Weights of each state's mixture.
    means_ : ndarray of shape (n_components, n_mix, n_features)
        Means of the components.
    covariances_ : ndarray
        Covariances, of shape (n_components, n_mix, n_features, n_features) if full, (n_features, n_features) if tied
        (one for all), (n_components, n_mix, n_features) if diag, (n_components, n_mix) if spherical.
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
    >>> from skmix import GMMHMM
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1)) + np.repeat([0.0, 9.0, 0.0, 9.0], 50)[:, np.newaxis]
    >>> X[100:] += 4 * (rng.random((100, 1)) < 0.5)
    >>> GMMHMM(n_components=2, n_mix=2, random_state=0).fit(X).means_.shape
    (2, 2, 1)
    """

    _latent_attributes: ClassVar[tuple[str, ...]] = ("startprob_", "transmat_", "weights_")
    _parameter_constraints: ClassVar[Constraints] = {
        **BaseHMM._parameter_constraints,
        **GaussianComponents._own_constraints,
        "n_mix": [Interval(Integral, 1, None, closed="left")],
        "weights_init": ["array-like", None],
        "weights_fixed": ["boolean", "array-like"],
    }

    def __init__(
        self,
        n_components=1,
        n_mix=1,
        *,
        covariance_type="diag",
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
        weights_init=None,
        means_init=None,
        precisions_init=None,
        weights_fixed=False,
        means_fixed=False,
        algorithm="viterbi",
        random_state=None,
        warm_start=False,
        n_jobs=None,
        verbose=0,
        verbose_interval=10,
    ):
        self.n_components = n_components
        self.n_mix = n_mix
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
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.weights_fixed = weights_fixed
        self.means_fixed = means_fixed
        self.algorithm = algorithm
        self.random_state = random_state
        self.warm_start = warm_start
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    def _n_family_components(self) -> int:
        return self.n_components * self.n_mix

    def _check_enough(self, n_kept: int, n_samples: int) -> None:
        super()._check_enough(n_kept, n_samples)
        needed = self._n_family_components()
        if n_kept < needed:
            raise ValueError(
                f"Expected n_samples >= n_components * n_mix = {needed}, but got n_samples = {n_kept}"
                f"{' of positive weight' if n_kept < n_samples else ''}"
            )

    def _make_latent(self) -> MixtureChain:
        structure = weight_structure(self._initial_weights(), self.weights_fixed, self._component_shape())
        return MixtureChain(self._make_chain(), self.n_mix, self._pseudo_count(), structure)

    def _component_shape(self) -> tuple[int, int]:
        return self.n_components, self.n_mix

    def _initial_weights(self) -> np.ndarray | None:
        """Checked initial weights of the mixtures."""
        if self.weights_init is None:
            return None
        return check_probabilities("weights_init", self.weights_init, self._component_shape())

    def _latent_at_hand(self) -> MixtureChain:
        K, M = np.shape(self.weights_)
        return MixtureChain(Chain.free(K), M)

    def _shares(self) -> np.ndarray:
        weights = np.asarray(self.weights_, dtype=np.float64)
        return weights.ravel() / len(weights)

    # ---- public attributes have an axis for states and one for the components of their mixtures -------------------
    def _publish_latent(self, latent: MixtureParameters) -> dict[str, np.ndarray]:
        return {**super()._publish_latent(latent.chain), "weights_": latent.weights}

    def _adopt_latent(self, public: dict[str, np.ndarray]) -> MixtureParameters:
        return MixtureParameters(super()._adopt_latent(public), np.asarray(public["weights_"], dtype=np.float64))

    def _latent_in_order(self, name: str, value: np.ndarray, states: np.ndarray, within: np.ndarray) -> np.ndarray:
        ordered = super()._latent_in_order(name, value, states, within)
        return np.take_along_axis(ordered, within, axis=1) if name == "weights_" else ordered

    def _publish_components(self, family: Family, components: Any, units: Units) -> dict[str, np.ndarray]:
        K, M = self.n_components, self.n_mix
        public = family.publish(components, units)
        apart = ("means_",) if _shared(family) else public.keys()
        return {**public, **{name: public[name].reshape(K, M, *public[name].shape[1:]) for name in apart}}

    def _adopt_components(self, family: Family, public: dict[str, np.ndarray], units: Units) -> Any:
        means, factor = (public[name] for name in self._component_attributes)
        flat = {
            "means_": means.reshape(-1, means.shape[-1]),
            "precisions_cholesky_": factor if _shared(family) else factor.reshape(-1, *factor.shape[2:]),
        }
        return family.adopt(flat, units)

    @property
    def covars_(self) -> np.ndarray:
        """`covariances_` by hmmlearn's name; it can be set, for a model that is written down, not fitted."""
        family: Any = self._family_at_hand()
        factor = np.asarray(self.precisions_cholesky_, dtype=np.float64)
        if _shared(family):
            return family.covariances_of(factor)
        return family.covariances_of(factor.reshape(-1, *factor.shape[2:])).reshape(factor.shape)

    @covars_.setter
    def covars_(self, value: Any) -> None:
        K, M, d = np.shape(self.means_)
        family: Any = self._family_at_hand()
        own = family.precisions_shape(K * M, d)
        shape = own if _shared(family) else (K, M, *own[1:])
        if np.shape(value) != shape:
            raise ValueError(f"Covariances should have the shape of {shape}, but got {np.shape(value)}")
        factor = factor_of(family, np.reshape(value, own), K * M, d)
        self.precisions_cholesky_ = factor.reshape(shape)

    def _n_features(self) -> int:
        return np.shape(self.means_)[-1]

    def _given(self, n_features: int) -> dict[str, np.ndarray]:
        weights, given = self._initial_weights(), super()._given(n_features)
        return given if weights is None else {**given, "weights_": weights}

    def _given_components(self, n_features: int) -> dict[str, np.ndarray]:
        K, M, given = self.n_components, self.n_mix, {}
        family: Any = self._family_class()()
        if self.means_init is not None:
            given["means_"] = check_shape("means_init", self.means_init, (K, M, n_features))
        if self.precisions_init is not None:
            shape = family.precisions_shape(K * M, n_features)
            public = shape if _shared(family) else (K, M, *shape[1:])
            precisions = check_shape("precisions_init", self.precisions_init, public)
            given["precisions_cholesky_"] = checked_factor(family, precisions.reshape(shape)).reshape(public)
        return given


def _shared(family: Any) -> bool:
    """Whether all components have one covariance: its shape does not depend on their number."""
    return family.precisions_shape(1, 1) == family.precisions_shape(2, 1)
