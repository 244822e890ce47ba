"""Ctrl-C: what a fit has reached is kept, said, and gone on from."""

import numpy as np
import pytest
from problems import HOME, blobs, mixture_of, quietly, rows_of
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianMixture
from skmix.solvers import SOLVERS
from skmix.solvers.result import listening

SEPARATION = 0.5  # so little that no solver converges in three iterates


def after(n_iter):
    """A listener that interrupts as a trace reaches `n_iter`."""

    def listen(trace):
        if trace.n_iter == n_iter:
            raise KeyboardInterrupt

    return listen


def interrupted(mixture, X, n_iter=3):
    with listening(after(n_iter)), pytest.warns(ConvergenceWarning, match=f"was interrupted after {n_iter} iterations"):
        return mixture.fit(X)


def assert_usable(mixture, X, n_iter=3):
    assert not mixture.converged_
    assert mixture.n_iter_ == n_iter
    assert mixture.stop_reason_.startswith("was interrupted")
    assert {len(values) for values in mixture.history_.values()} == {n_iter + 1}
    assert mixture.lower_bound_ == mixture.history_["objective"][-1]
    assert np.isfinite(mixture.score(X))
    np.testing.assert_array_equal(mixture.predict(X), mixture.labels_)
    assert mixture.sample(3)[0].shape == (3, X.shape[1])


@pytest.mark.parametrize("solver", SOLVERS)
def test_an_interrupted_fit_is_usable_and_a_warm_start_goes_on(solver):
    X = blobs(separation=SEPARATION, n=150, d=2)
    mixture = GaussianMixture(
        2, covariance_type=HOME.get(solver, "full"), solver=solver, tol=0.0, random_state=0, warm_start=True
    )
    interrupted(mixture, X)
    assert_usable(mixture, X)
    assert mixture.solver_ == solver
    reached = mixture.lower_bound_
    quietly(mixture.set_params(max_iter=5), X)
    # A lower bound of the objective may begin above itself.
    assert mixture.history_["objective"][0] >= reached - 1e-10
    assert mixture.lower_bound_ > reached


@pytest.mark.parametrize("model", ["diag", "poisson", "bernoulli", "categorical"])
@pytest.mark.parametrize("n_jobs", [None, 2])
@pytest.mark.parametrize("n_init", [1, 3])
def test_the_best_of_the_starts_that_have_begun_is_kept(n_init, n_jobs, model):
    X = rows_of(model, separation=SEPARATION)
    mixture = mixture_of(model, solver="em", tol=0.0, n_init=n_init, n_jobs=n_jobs, random_state=0)
    with listening(after(3)), pytest.warns(ConvergenceWarning, match=r"was interrupted after \d+ iterations"):
        mixture.fit(X)
    assert mixture.n_iter_ <= 3 or n_jobs == 2
    assert mixture.stop_reason_.startswith("was interrupted")
    assert np.isfinite(mixture.score(X))
    np.testing.assert_array_equal(mixture.predict(X), mixture.labels_)


def test_starts_that_were_finished_before_count_too():
    """The second of two starts is interrupted: the first, which got farther, is what is kept."""
    X = blobs(separation=SEPARATION)
    mixture = GaussianMixture(3, solver="em", tol=1e-4, n_init=2, random_state=0, max_iter=1000)
    ends, seen = [], []

    def second(trace):
        seen.append(trace)
        if trace is not seen[0]:
            ends.append(seen[0].values[-1])
            raise KeyboardInterrupt

    with listening(second), pytest.warns(ConvergenceWarning, match="Interrupted: of 2 starts the best of the 2"):
        mixture.fit(X)
    assert mixture.lower_bound_ == ends[0]
    assert mixture.n_iter_ == seen[0].n_iter > 3


def test_the_warning_says_how_to_go_on():
    X = blobs(separation=SEPARATION)
    with listening(after(3)), pytest.warns(ConvergenceWarning) as caught:
        GaussianMixture(3, solver="em", random_state=0).fit(X)
    (message,) = (str(warning.message) for warning in caught)
    assert message == (
        "The fit did not converge: solver 'em' was interrupted after 3 iterations. The parameters are those "
        "of the last iterate; warm_start=True goes on from them."
    )


def test_what_is_kept_is_what_fewer_iterations_give():
    X = blobs(separation=SEPARATION)
    mixture = GaussianMixture(3, solver="em", tol=0.0, random_state=0)
    expected = quietly(clone(mixture).set_params(max_iter=3), X)
    found = interrupted(mixture, X)
    np.testing.assert_array_equal(found.means_, expected.means_)
    np.testing.assert_array_equal(found.history_["objective"], expected.history_["objective"])


def test_interrupted_at_the_start_keeps_the_start():
    X = blobs(separation=SEPARATION)
    mixture = interrupted(GaussianMixture(3, solver="em", random_state=0), X, n_iter=0)
    assert_usable(mixture, X, n_iter=0)
    start = GaussianMixture(3, max_iter=0, random_state=0).fit(X)
    np.testing.assert_array_equal(mixture.means_, start.means_)


def test_interrupted_before_the_first_pass_raises(monkeypatch):
    def pressed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("skmix.likelihood.objective.Objective.at", pressed)
    mixture = GaussianMixture(2, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        mixture.fit(blobs())
    assert not hasattr(mixture, "weights_")


def test_other_exceptions_of_listeners_are_not_swallowed():
    def broken(trace):
        raise ZeroDivisionError

    with listening(broken), pytest.raises(ZeroDivisionError):
        GaussianMixture(2, random_state=0, n_init=2, n_jobs=2).fit(blobs())
