"""Components that die or collapse: noticed, moved where that helps, reported; a spike wins over no sound optimum."""

import pickle
import warnings

import numpy as np
import pytest
from chains import given as given_chain
from numpy.testing import assert_allclose, assert_array_equal
from problems import given
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

from skmix import GMMHMM, GaussianHMM, GaussianMixture, PoissonMixture, VariationalGaussianMixture
from skmix.estimators.events import Event
from skmix.likelihood.model import Parameters
from skmix.solvers.result import listening

PAIR = [[1.5, 0.7], [1.5 + 1e-5, 0.7 - 1e-5]]


def rows(seed=3):
    """Two clouds that overlap, and in the middle two points that are almost the same."""
    rng = np.random.default_rng(seed)
    return np.r_[rng.normal(size=(60, 2)), rng.normal(size=(60, 2)) + np.array([3.0, 0.0]), PAIR]


def starting(cls, change):
    """The estimator, whose starts are changed by `change(public)`, public attributes by their names."""

    class Elsewhere(cls):
        def _begin(self, rng, objective, n_components=None):
            family, units = objective.model.family, objective.units
            public = self._public_of(super()._begin(rng, objective, n_components), family, units)
            change(public)
            return Parameters(self._adopt_latent(public), self._adopt_components(family, public, units))

    Elsewhere.__name__ = cls.__name__
    return Elsewhere


def far(public):
    public["means_"] = public["means_"].copy()
    public["means_"].reshape(-1, 2)[2] = 1e6


def on_the_pair(public):
    for name, value in (("means_", np.mean(PAIR, axis=0)), ("precisions_cholesky_", 1e4 * np.eye(2))):
        public[name] = public[name].copy()
        public[name][2] = value
    if "transmat_" in public:  # one row after the other in the component that they share
        public["transmat_"] = np.array([[0.9, 0.08, 0.02], [0.08, 0.9, 0.02], [0.1, 0.1, 0.8]])


SETTINGS = {"reg_covar": 1e-12, "random_state": 0, "max_iter": 2000}
HMM = {"covariance_type": "full", **SETTINGS}


@pytest.mark.parametrize("solver", ["em", "auto"])
@pytest.mark.parametrize(
    ("cls", "change", "kind", "settings"),
    [
        (GaussianMixture, far, "lost", SETTINGS),
        (GaussianMixture, on_the_pair, "collapsed", SETTINGS),
        (GaussianHMM, far, "lost", HMM),
        (GaussianHMM, on_the_pair, "collapsed", HMM),
    ],
)
def test_a_faulty_component_is_moved_to_where_it_helps(cls, change, kind, settings, solver):
    X = rows()
    mixture = starting(cls, change)(3, solver=solver, **settings).fit(X)
    event, *rest = mixture.events_
    assert event[:4] == (0, 2, kind, "re-seeded")
    assert not rest
    assert event.after == mixture.lower_bound_ == mixture.history_["objective"][-1]
    assert (event.after > event.before) == (kind == "lost")
    assert np.bincount(mixture.predict(X), minlength=3).min() > 2
    deviations = np.sqrt(np.linalg.eigvalsh(mixture.covariances_))
    assert deviations.min() > 0.01
    assert pickle.loads(pickle.dumps(mixture.events_)) == [event]


@pytest.mark.parametrize("cls", [GaussianMixture, GaussianHMM])
def test_where_starts_are_given_it_is_only_reported(cls):
    X = rows()
    settings = SETTINGS if cls is GaussianMixture else HMM
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start = starting(cls, on_the_pair)(3, **{**settings, "max_iter": 0}).fit(X)
    mixture = cls(3, **{**settings, **(given(start) if cls is GaussianMixture else given_chain(start))}).fit(X)
    assert mixture.events_ == [Event(0, 2, "collapsed", "kept", mixture.lower_bound_, mixture.lower_bound_)]
    assert mixture.lower_bound_ > starting(cls, on_the_pair)(3, **settings).fit(X).lower_bound_
    again = mixture.set_params(warm_start=True).fit(X)
    assert [event.action for event in again.events_] == ["kept"]


def test_an_interruption_while_a_component_is_moved_keeps_what_was_there():
    traces = []

    def interrupt(trace):
        traces.append(trace)
        if trace is not traces[0] and trace.n_iter == 2:
            raise KeyboardInterrupt

    with listening(interrupt), pytest.warns(ConvergenceWarning) as caught:
        mixture = starting(GaussianMixture, far)(3, **SETTINGS).fit(rows())
    assert any("Interrupted" in str(one.message) for one in caught)
    assert [event[:4] for event in mixture.events_] == [(0, 2, "lost", "kept")]
    assert mixture.converged_
    assert np.isfinite(mixture.score(rows()))


def test_events_do_not_depend_on_the_number_of_jobs():
    a, b = (
        starting(GaussianMixture, on_the_pair)(3, n_init=3, init_params="random", n_jobs=jobs, **SETTINGS).fit(rows())
        for jobs in (1, 2)
    )
    assert a.events_ == b.events_
    assert len(a.events_) >= 3
    assert_array_equal(a.means_, b.means_)


@pytest.mark.parametrize("cls", [GaussianMixture, GaussianHMM])
def test_without_iterations_it_is_only_reported(cls):
    with pytest.warns(ConvergenceWarning, match="2 lost all rows"):
        start = starting(cls, far)(3, max_iter=0, random_state=0).fit(rows())
    assert [event[:4] for event in start.events_] == [(0, 2, "lost", "kept")]


def test_a_component_that_cannot_be_mended_stays_and_is_warned_of():
    """Its mean is fixed where there are no rows."""
    X = rows()
    means = np.r_[X[:1], X[60:61], [[1e6, 1e6]]]
    mixture = GaussianMixture(3, means_init=means, means_fixed=[False, False, True], **SETTINGS)
    with pytest.warns(ConvergenceWarning, match=r"Component\(s\) 2 lost all rows"):
        mixture.fit(X)
    assert [event[:4] for event in mixture.events_] == [(0, 2, "lost", "kept")]
    assert_allclose(mixture.means_[2], means[2], rtol=1e-14)


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_a_spike_wins_over_no_sound_optimum(covariance_type):
    """The highest objective of all starts is that of a collapsed component, the fit is the best of the others."""
    X, spiky = rows(), starting(GaussianMixture, on_the_pair if covariance_type == "full" else on_the_pair_of_scales)

    class Mixed(spiky):
        """Every other start has a spike."""

        turn = 0

        def _begin(self, rng, objective, n_components=None):
            Mixed.turn += 1
            owner = spiky if Mixed.turn % 2 else GaussianMixture
            return owner._begin(self, rng, objective, n_components)

    settings = {**SETTINGS, "covariance_type": covariance_type, "init_params": "random_from_data", "n_init": 6}
    mixture = Mixed(3, **settings).fit(X)
    spikes = [event for event in mixture.events_ if event.kind == "collapsed"]
    assert {event.start for event in spikes} >= {0, 2, 4}
    assert all(event.action == "set aside" for event in spikes)
    assert max(event.before for event in spikes) > mixture.lower_bound_ + 1e-3
    assert mixture.covariances_.min() > 1e-4 or covariance_type == "full"


def on_the_pair_of_scales(public):
    public["means_"] = public["means_"].copy()
    public["means_"][2] = np.mean(PAIR, axis=0)
    public["precisions_cholesky_"] = public["precisions_cholesky_"].copy()
    public["precisions_cholesky_"][2] = 1e4


def test_components_of_states_are_told_apart():
    X = rows()
    mixture = starting(GMMHMM, far)(2, 2, reg_covar=1e-9, random_state=0, max_iter=2000).fit(X)
    assert mixture.events_[0][:4] == (0, 2, "lost", "re-seeded")
    assert mixture.weights_.min() > 1e-3


@pytest.mark.parametrize(
    "X",
    [rows()[:3], np.c_[rows()[:120, 0], np.full(120, 7.0)], np.repeat(rows()[:2], 10, axis=0), np.full((30, 2), 3.0)],
)
def test_where_the_data_are_to_blame_nothing_is_tried(X):
    for cls in (GaussianMixture, GaussianHMM):
        model = cls(3, max_iter=30, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X)
        assert all(event.action == "kept" for event in model.events_)


def test_nothing_happened():
    X = rows()[:120] + np.repeat([[0.0, 0.0], [9.0, 9.0]], 60, axis=0)
    assert GaussianMixture(2, random_state=0, n_init=3).fit(X).events_ == []
    assert GaussianHMM(2, random_state=0).fit(X).events_ == []
    assert VariationalGaussianMixture(20, random_state=0).fit(X).events_ == []  # the prior empties components
    assert PoissonMixture(2, random_state=0).fit(np.abs(X).round()).events_ == []


def test_a_weight_of_zero_that_was_given_stays():
    X = rows()
    mixture = GaussianMixture(3, weights_init=[0.5, 0.5, 0.0], **SETTINGS)
    with pytest.warns(ConvergenceWarning, match="lost all rows"):
        mixture.fit(X)
    assert mixture.weights_[2] == 0.0
    assert [event[:4] for event in mixture.events_] == [(0, 2, "lost", "kept")]


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_what_a_spike_gains_is_its_density_over_that_of_the_others(covariance_type):
    X = rows()
    mixture = GaussianMixture(3, covariance_type=covariance_type, reg_covar=1e-12, max_iter=0, random_state=0).fit(X)
    objective = mixture._objective(X, None)
    deviations, counts = np.array([1e-5, 2.0, 0.5]), np.array([2.0, 60.0, 20.0])
    factors = {"full": deviations[:, None, None] ** -1 * np.eye(2), "diag": np.outer(1 / deviations, [1, 1])}
    factors |= {"spherical": 1 / deviations, "tied": 1e5 * np.eye(2)}
    public = {"means_": np.zeros((3, 2)), "precisions_cholesky_": factors[covariance_type]}
    family = objective.model.family
    found = family.spikes(family.adopt(public, objective.units), counts)
    if covariance_type == "tied":  # the covariance is that of all rows
        assert_array_equal(found, 0.0)
        return
    peaks = np.array([multivariate_normal(np.zeros(2), s**2 * np.eye(2)).logpdf(np.zeros(2)) for s in deviations])
    assert found[0] == pytest.approx(peaks[0] - np.average(peaks[1:], weights=counts[1:]), rel=1e-12)
    assert_array_equal(found[1:], 0.0)
