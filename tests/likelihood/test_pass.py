"""A pass against the plain reference, however it is cut, threaded, typed and laid out in memory."""

import time
from threading import Event, Thread

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import COVARIANCE_TYPES, adopt, blobs, exact_kernels, objective_of, problem, start_of
from reference import covariance_matrices, e_step, log_prior, m_step, prior_scale
from scipy.stats import multivariate_normal
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianMixture
from skmix.likelihood.threads import available_threads, one_blas_thread
from skmix.solvers.result import listening


def public(p, parameters):
    published = p.objective.model.family.publish(parameters.components, p.objective.rows.units)
    return {"weights_": parameters.latent, **published}


@pytest.mark.parametrize("kernels", [lambda objective: objective, exact_kernels], ids=["default", "residual"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_pass_equals_reference(covariance_type, missing, weighted, kernels):
    p = problem(covariance_type, missing, weighted)
    objective = kernels(p.objective)
    g = p.mixture
    covariances = covariance_matrices(g.covariances_, covariance_type, *g.means_.shape)
    log_likelihood, responsibilities = e_step(p.X, g.weights_, g.means_, covariances)
    prior = -0.5 * g.reg_covar * p.weight.sum() / 3 * sum(np.trace(np.linalg.inv(c)) for c in covariances)
    scale = None
    if g.prior == "data":
        scale = prior_scale(p.X, p.weight, 3)
        prior += log_prior(g.weights_, covariances, covariance_type, scale)

    point = objective.at(p.parameters)
    assert_allclose(point.log_likelihood, p.weight @ log_likelihood, rtol=1e-10)
    assert_allclose(point.value, (p.weight @ log_likelihood + prior) / p.weight.sum(), rtol=1e-10)

    stepped = public(p, objective.m_step(point))
    weights, means, new_covariances = m_step(
        p.X, p.weight, responsibilities, g.means_, covariances, covariance_type, g.reg_covar, scale
    )
    assert_allclose(stepped["weights_"], weights, rtol=1e-9)
    assert_allclose(stepped["means_"], means, rtol=1e-9)
    assert_allclose(stepped["covariances_"], new_covariances, rtol=1e-7, atol=1e-9 * np.abs(new_covariances).max())


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_statistics_add_and_do_not_depend_on_blocks_or_threads(covariance_type, missing):
    X = blobs(missing=missing)
    mixture = start_of(X, covariance_type)
    whole = objective_of(mixture, X)
    expected = whole.at(adopt(mixture, whole))
    cut = [objective_of(mixture, X, n_threads=n, block_rows=7) for n in (1, 2)]
    one, two = (objective.at(adopt(mixture, objective)) for objective in cut)
    # The order of the sums is fixed: threads change nothing at all.
    assert one.value == two.value
    for field in ("counts", "first", "second"):
        sums = [getattr(point.statistics.components, field) for point in (expected, one, two)]
        assert_allclose(sums[1], sums[0], rtol=1e-9, atol=1e-9 * np.abs(sums[0]).max())
        np.testing.assert_array_equal(sums[1], sums[2])


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_memory_layout_does_not_matter(covariance_type, missing, tmp_path):
    X = blobs(missing=missing)
    mixture = start_of(X, covariance_type)
    np.save(tmp_path / "X.npy", X)
    layouts = [X, np.asfortranarray(X), np.load(tmp_path / "X.npy", mmap_mode="r"), np.repeat(X, 2, axis=0)[::2]]
    values = []
    for layout in layouts:
        objective = objective_of(mixture, layout)
        values.append(objective.at(adopt(mixture, objective)).value)
    assert_allclose(values, values[0], rtol=1e-13)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_float32_agrees_to_its_precision(covariance_type, missing):
    X = blobs(missing=missing, n=2000)
    mixture = start_of(X, covariance_type)
    double, single = objective_of(mixture, X), objective_of(mixture, X.astype(np.float32))
    assert single.rows.dtype == np.float32
    a, b = double.at(adopt(mixture, double)), single.at(adopt(mixture, single))
    assert_allclose(b.value, a.value, rtol=2e-4)
    assert_allclose(b.statistics.components.counts, a.statistics.components.counts, rtol=2e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_residual_kernel_is_chosen_where_features_round_too_much(covariance_type, dtype):
    """Two tight clouds far apart: log-densities made of features would lose half their digits."""
    rng = np.random.default_rng(0)
    tight = np.r_[rng.normal(0, 1, size=(50, 2)), rng.normal(1e7, 1, size=(50, 2))]
    X = tight.astype(dtype)
    mixture = start_of(X, covariance_type, K=2, reg_covar=0.0, init_params="kmeans")
    mixture.set_params(max_iter=9, warm_start=True).fit(X)
    objective = objective_of(mixture, X)
    kernel = objective.kernel(adopt(mixture, objective))
    assert type(kernel).__name__ in ("ResidualKernel", "ScaleKernel")


def test_accuracy_with_tight_components():
    rng = np.random.default_rng(0)
    X = np.r_[rng.normal(0, 1, size=(50, 2)), rng.normal(1e7, 1, size=(50, 2))]
    mixture = start_of(X, "full", K=2, reg_covar=0.0, init_params="kmeans")
    mixture.set_params(max_iter=50, warm_start=True).fit(X)
    order = np.argsort(mixture.means_[:, 0])
    expected = [
        multivariate_normal(part.mean(axis=0), np.cov(part.T, bias=True)).logpdf(part) for part in (X[:50], X[50:])
    ]
    assert_allclose(mixture.weights_[order], 0.5, rtol=1e-12)
    # The penalty that keeps standardised variances above 3e-19 is 8e-6 of the 4e-14 that the clouds have.
    assert_allclose(mixture.score_samples(X), np.concatenate(expected) - np.log(2), rtol=1e-5)


def test_complete_rows_are_a_special_case_of_missing_ones():
    """One row without values changes nothing but the number of rows."""
    X = blobs()
    mixture = start_of(X, "full")
    with_empty = np.r_[X, np.full((1, X.shape[1]), np.nan)]
    values = [
        objective_of(mixture, data).at(adopt(mixture, objective_of(mixture, data))).log_likelihood
        for data in (X, with_empty)
    ]
    assert_allclose(values[1], values[0], rtol=1e-12)


def test_available_threads_obeys_limits(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_threads() == 1
    monkeypatch.delenv("OMP_NUM_THREADS")
    with one_blas_thread():
        assert available_threads() == 1


def test_blas_limit_is_restored_by_the_last_user_whichever_thread_that_is():
    before = available_threads()
    inside, leave = Event(), Event()

    def hold():
        with one_blas_thread():
            inside.set()
            leave.wait(timeout=10)

    with one_blas_thread():
        other = Thread(target=hold)
        other.start()
        assert inside.wait(timeout=10)
    assert available_threads() == 1
    leave.set()
    other.join()
    assert available_threads() == before


def test_an_interrupted_fit_leaves_no_threads_and_no_limit_behind():
    before = available_threads()

    def interrupt(trace):
        if trace.n_iter == 3:
            raise KeyboardInterrupt

    mixture = GaussianMixture(3, solver="em", tol=0.0, n_init=4, n_jobs=2, random_state=0, max_iter=10**6)
    with listening(interrupt), pytest.warns(ConvergenceWarning, match="was interrupted"):
        mixture.fit(blobs(separation=0.5))
    deadline = time.monotonic() + 10
    while available_threads() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert available_threads() == before
