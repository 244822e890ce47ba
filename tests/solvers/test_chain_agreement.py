"""Hidden Markov models: one optimum for all solvers, never downhill, and the structure of the chain kept on the way."""

from functools import cache

import numpy as np
import pytest
from chains import given, hmm_of, lasting, objective_of, value_of, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from problems import quietly
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianHMM, PoissonHMM
from skmix.datasets import load_earthquakes
from skmix.solvers import LBFGS, SOLVERS, Adam, DerivativeFree, Newton, OnlineEM
from skmix.solvers.result import listening

TOL = 1e-8
FOR_CHAINS = [name for name in SOLVERS if name not in ("riemannian", "constrained")]
FAST = [name for name in FOR_CHAINS if name != "derivative-free"]
# What may be left to gain, nats per row, where `tol` is 1e-8 (see test_agreement).
LEFT = dict.fromkeys(("em", "squarem", "anderson", "lbfgs", "newton", "auto"), 1e-7)
LEFT |= dict.fromkeys(("gradient-descent", "cg", "online-em", "adam", "derivative-free"), 1e-6)
INSTANCES = [
    *(SOLVERS[name]() for name in FAST),
    LBFGS(chart="second", warmup=0),
    Newton(subproblem="trust-krylov", warmup=0),
    OnlineEM(n_blocks=2, random_state=1),
]
SETTINGS = {
    "free": {},
    "priors": {"startprob_prior": 2.0, "transmat_prior": 3.0},
    "stationary": {"start": "stationary"},
    "tied": {"transmat_tied": [[1, 2], [2, 1]]},
}
CASES = [
    ("poisson", "free", 0.0),
    ("full", "free", 0.0),
    *((model, "free", 0.15) for model in ("full", "diag", "bernoulli", "categorical", "mixture")),
    *(("poisson", name, 0.15) for name in SETTINGS),
]


def in_chart(solver, model):
    """The solver, its chart named as the model names its second one."""
    if getattr(solver, "chart", None) != "second":
        return solver
    family = hmm_of(model, 2)._family_class()
    return type(solver)(chart=tuple(family.charts)[1], warmup=0)


@cache
def case(model, name, missing):
    """Sequences, a start near the optimum, and the objective there: EM's and L-BFGS's."""
    X, lengths = lasting(model, (60, 1, 70, 40, 29), missing=missing)
    weight = weights_of(lengths, bool(missing))
    settings = {"reg_covar": 1e-3, **SETTINGS[name]}
    start = hmm_of(model, 2, solver="em", max_iter=1, tol=0.0, random_state=1, **settings)
    quietly(start, X, lengths=lengths, sample_weight=weight)
    settings |= {key: value for key, value in given(start).items() if name != "stationary" or key != "startprob_init"}
    values = []
    for solver in ("em", "lbfgs"):
        hmm = hmm_of(model, 2, solver=solver, tol=1e-12, max_iter=20_000, **settings)
        values.append(value_of(quietly(hmm, X, lengths=lengths, sample_weight=weight), X, lengths, weight))
    assert values[0] == pytest.approx(values[1], abs=1e-10)
    assert values[1] - value_of(start, X, lengths, weight) > 1e-4
    return X, lengths, weight, settings, max(values)


def assert_uphill(hmm):
    objective = hmm.history_["objective"]
    assert np.diff(objective).min(initial=0.0) >= 0.0
    assert objective[-1] > objective[0]


@pytest.mark.parametrize(("model", "name", "missing"), CASES)
@pytest.mark.parametrize("solver", INSTANCES, ids=str)
def test_all_solvers_end_at_the_same_optimum(solver, model, name, missing):
    X, lengths, weight, settings, best = case(model, name, missing)
    hmm = hmm_of(model, 2, solver=in_chart(solver, model), tol=TOL, max_iter=5000, **settings)
    hmm.fit(X, lengths=lengths, sample_weight=weight)
    reached = value_of(hmm, X, lengths, weight)
    assert hmm.converged_
    assert -1e-10 < best - reached < LEFT[solver.name]
    assert_uphill(hmm)
    assert hmm.lower_bound_ == pytest.approx(reached, abs=LEFT[solver.name] if solver.name == "online-em" else 1e-11)


@pytest.mark.parametrize("solver", FOR_CHAINS)
@pytest.mark.parametrize(("start", "minus_log_likelihood"), [("free", 341.8787), ("stationary", 342.3183)])
def test_every_solver_finds_the_published_earthquakes(solver, start, minus_log_likelihood):
    """One sequence, the longest way round for solvers that draw sequences. 1e-6 nats per row are 1e-4 in all."""
    X = load_earthquakes().data
    hmm = PoissonHMM(2, solver=solver, start=start, tol=1e-8, max_iter=20_000, random_state=0).fit(X)
    assert -hmm.log_likelihood(X) == pytest.approx(minus_log_likelihood, abs=1.5e-4)
    assert hmm.solver_ == solver or solver == "auto"


@pytest.mark.parametrize("method", ["nelder-mead", "powell"])
def test_solvers_without_gradients_end_at_the_same_optimum(method):
    X, lengths, weight, settings, best = case("poisson", "priors", 0.0)
    hmm = hmm_of("poisson", 2, solver=DerivativeFree(method=method), tol=TOL, max_iter=5000, **settings)
    hmm.fit(X, lengths=lengths, sample_weight=weight)
    assert -1e-10 < best - value_of(hmm, X, lengths, weight) < LEFT["derivative-free"]
    assert_uphill(hmm)


@pytest.mark.parametrize("solver", [Adam(batch_size=50), OnlineEM(method="stepwise", n_blocks=5)], ids=str)
@pytest.mark.parametrize("model", ["full", "poisson"])
def test_solvers_on_samples_of_sequences_come_as_near_as_samples_differ(solver, model):
    """The likelihood at the optimum exceeds that at the truth by p/2n nats per row on average (Wilks)."""
    X, lengths = lasting(model, [20] * 20)
    start = quietly(hmm_of(model, 2, solver="em", max_iter=3, tol=0.0, random_state=1), X, lengths=lengths)
    best = value_of(hmm_of(model, 2, tol=1e-10, **given(start)).fit(X, lengths=lengths), X, lengths)
    hmm = hmm_of(model, 2, solver=solver, max_iter=60, **given(start))
    quietly(hmm, X, lengths=lengths)
    assert_uphill(hmm)
    assert -1e-10 < best - value_of(hmm, X, lengths) < hmm._n_parameters() / (2 * len(X))


# ---- structure ------------------------------------------------------------------------------------------------------
_LEFT_RIGHT = np.array([[0.6, 0.3, 0.1], [0.0, 0.8, 0.2], [0.0, 0.0, 1.0]])
_START = np.array([0.7, 0.3, 0.0])
_EVEN = np.full((3, 3), 1 / 3)
_HELD = np.array([[True, False, False], [False, False, False], [False, False, True]])


@pytest.mark.parametrize("solver", FOR_CHAINS)
class TestStructure:
    """Few iterations of every solver, on sequences that do not suit the structure."""

    lengths = np.array([40, 25, 1, 34])

    def fit(self, solver, **settings):
        X = np.random.default_rng(0).poisson(np.repeat([2.0, 6.0, 12.0, 3.0], 25))[:, np.newaxis]
        n_iter = 300 if solver == "derivative-free" else 12
        hmm = PoissonHMM(3, solver=solver, max_iter=n_iter, random_state=0, **settings)
        quietly(hmm, X, lengths=self.lengths)
        assert hmm.n_iter_ > 0
        assert_allclose(hmm.transmat_.sum(axis=1), 1.0, rtol=1e-14)
        assert hmm.startprob_.sum() == pytest.approx(1.0, rel=1e-13)
        return hmm

    def test_zeros_stay(self, solver):
        hmm = self.fit(solver, transmat_init=_LEFT_RIGHT, startprob_init=_START)
        assert_array_equal(hmm.transmat_[_LEFT_RIGHT == 0], 0.0)
        assert hmm.startprob_[2] == 0.0
        assert np.abs(hmm.transmat_ - _LEFT_RIGHT).max() > 1e-2

    def test_fixed_entries_stay(self, solver):
        A = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]])
        hmm = self.fit(solver, transmat_init=A, transmat_fixed=_HELD)
        assert_array_equal(hmm.transmat_[_HELD], A[_HELD])
        assert (np.abs(hmm.transmat_ - A)[~_HELD] > 1e-4).all()

    def test_a_fixed_matrix_and_start_stay(self, solver):
        A = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.2, 0.2, 0.6]])
        hmm = self.fit(solver, transmat_init=A, transmat_fixed=True, start="fixed", startprob_init=_START)
        assert_array_equal(hmm.transmat_, A)
        assert_array_equal(hmm.startprob_, _START)
        assert hmm._n_parameters() == 3

    def test_tied_entries_are_equal(self, solver):
        tied = np.array([[1, 2, 2], [2, 1, 2], [0, 0, 0]])
        hmm = self.fit(solver, transmat_tied=tied)
        for number in (1, 2):
            entries = hmm.transmat_[tied == number]
            assert_allclose(entries, entries[0], rtol=1e-14)
        assert np.abs(hmm.transmat_ - _EVEN).max() > 1e-2
        assert np.ptp(hmm.transmat_[2]) > 1e-3
        assert hmm._n_parameters() == 3 + 2 + 1 + 2

    @pytest.mark.parametrize("tied", [None, [[1, 2, 2], [2, 1, 2], [2, 2, 1]]])
    def test_a_stationary_start_is_stationary(self, solver, tied):
        hmm = self.fit(solver, start="stationary", transmat_tied=tied)
        assert_allclose(hmm.startprob_ @ hmm.transmat_, hmm.startprob_, rtol=1e-10)
        assert_allclose(hmm.startprob_, hmm.stationary_distribution_, rtol=1e-9)
        assert tied is None or np.allclose(hmm.startprob_, 1 / 3)

    def test_a_stationary_start_is_not_in_states_that_are_left_for_good(self, solver):
        A = np.array([[0.5, 0.25, 0.25], [0.0, 0.6, 0.4], [0.0, 0.3, 0.7]])
        hmm = self.fit(solver, start="stationary", transmat_init=A)
        assert 0.0 <= hmm.startprob_[0] < 1e-14
        assert (hmm.startprob_[1:] > 1e-3).all()
        assert_allclose(hmm.startprob_ @ hmm.transmat_, hmm.startprob_, rtol=1e-10, atol=1e-14)


# ---- refusals, warnings, interruption -------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", ["riemannian", "constrained"])
def test_solvers_for_mixtures_alone_are_refused(solver):
    X, lengths = lasting("full")
    with pytest.raises(ValueError, match=f"solver='{solver}' needs independent labels, but the states of a hidden"):
        GaussianHMM(2, "full", solver=solver).fit(X, lengths=lengths)


@pytest.mark.parametrize("solver", ["em", "lbfgs", "squarem"])
def test_too_few_iterations_are_warned_of(solver):
    X, lengths = lasting("diag", stay=0.6)
    with pytest.warns(ConvergenceWarning, match="did not converge: solver '(em|squarem)' stopped after max_iter=2"):
        GaussianHMM(2, solver=solver, max_iter=2, random_state=0).fit(X, lengths=lengths)


def after(n_iter):
    def listen(trace):
        if trace.n_iter == n_iter:
            raise KeyboardInterrupt

    return listen


@pytest.mark.parametrize("solver", FOR_CHAINS)
def test_an_interrupted_fit_is_usable_and_a_warm_start_goes_on(solver):
    X, lengths = lasting("poisson", [20] * 15, stay=0.7)
    hmm = PoissonHMM(2, solver=solver, tol=0.0, random_state=0, warm_start=True)
    with listening(after(2)), pytest.warns(ConvergenceWarning, match="was interrupted after 2 iterations"):
        hmm.fit(X, lengths=lengths)
    assert not hmm.converged_
    assert hmm.n_iter_ == 2
    assert hmm.predict(X, lengths=lengths).shape == (300,)
    assert np.isfinite(hmm.score(X, lengths=lengths))
    assert_allclose(hmm.stationary_distribution_ @ hmm.transmat_, hmm.stationary_distribution_, rtol=1e-12)
    reached = hmm.lower_bound_
    quietly(hmm.set_params(max_iter=4), X, lengths=lengths)
    assert hmm.history_["objective"][0] >= reached - 1e-10
    assert hmm.lower_bound_ > reached


@pytest.mark.parametrize("solver", ["em", "lbfgs"])
def test_an_optimum_is_the_end(solver):
    X, lengths, weight, settings, best = case("poisson", "stationary", 0.15)
    hmm = hmm_of("poisson", 2, solver="lbfgs", tol=1e-13, max_iter=5000, warm_start=True, **settings)
    quietly(hmm, X, lengths=lengths, sample_weight=weight)
    hmm.set_params(solver=solver, tol=1e-9).fit(X, lengths=lengths, sample_weight=weight)
    assert hmm.n_passes_ < 20
    assert value_of(hmm, X, lengths, weight) == pytest.approx(best, abs=1e-10)
    objective = objective_of(hmm, X, lengths, weight)
    assert objective.n_parameters == hmm._n_parameters()
