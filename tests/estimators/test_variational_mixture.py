"""Variational Bayes against scikit-learn, exact evidence, a plain reference with missing values, and stationarity."""

import warnings

import numpy as np
import pytest
from problems import COVARIANCE_TYPES, blobs
from reference import conditional, covariance_matrices, log_densities
from scipy.special import betaln, digamma, logsumexp
from scipy.stats import multivariate_t
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import BayesianGaussianMixture
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmix import VariationalGaussianMixture
from skmix.initialize.starts import STARTS
from skmix.likelihood.model import Parameters
from skmix.solvers import SOLVERS

WEIGHT_PRIORS = ("dirichlet_process", "dirichlet_distribution")
K, D = 4, 3
ATTRIBUTES = (
    "weights_",
    "means_",
    "covariances_",
    "precisions_",
    "precisions_cholesky_",
    "weight_concentration_",
    "mean_precision_",
    "degrees_of_freedom_",
    "mean_prior_",
    "covariance_prior_",
    "mean_precision_prior_",
    "degrees_of_freedom_prior_",
    "weight_concentration_prior_",
)
types = pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
priors = pytest.mark.parametrize("prior", WEIGHT_PRIORS)


def responsibilities(X, K=K, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(K, 0.3), size=len(X))


def objective_and_start(mixture, X, R, weight=None):
    """The objective of a fit, and the M-step from given responsibilities."""
    objective = mixture._objective(X, weight)
    begin = Parameters(np.full(K, 1 / K), objective.model.family.reference(K, X.shape[1]))

    def assign(block, out):
        out[...] = R[block.rows].T

    return objective, objective.m_step_from(assign, begin)


def climb(objective, parameters, steps):
    for _ in range(steps):
        parameters = objective.m_step(objective.at(parameters))
    return parameters


def close(ours, theirs, rtol):
    for a, b in zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.max(np.abs(b)))


def start_both_at(monkeypatch, R):
    """Make both libraries begin where one M-step from R leads, for init_params='random'."""

    def assign(block, out):
        out[...] = R[block.rows].T

    monkeypatch.setitem(STARTS, "random", lambda *args: assign)
    monkeypatch.setattr(
        BayesianGaussianMixture, "_initialize_parameters", lambda self, X, *args, **kwargs: self._initialize(X, R)
    )


# ---- scikit-learn -------------------------------------------------------------------------------------------------
@types
@priors
def test_each_step_is_scikit_learns(covariance_type, prior):
    X = blobs()
    R = responsibilities(X)
    arguments = {
        "n_components": K,
        "covariance_type": covariance_type,
        "reg_covar": 0.0,
        "weight_concentration_prior_type": prior,
    }
    sk = BayesianGaussianMixture(**arguments)
    sk._check_parameters(X)
    sk._initialize(X, R)
    objective, parameters = objective_and_start(VariationalGaussianMixture(**arguments), X, R)
    (family, latent), units = (objective.model.family, objective.model.latent), objective.rows.units
    for _ in range(15):
        public = family.publish(parameters.components, units)
        for name in ("means_", "covariances_", "precisions_cholesky_", "mean_precision_", "degrees_of_freedom_"):
            close(public[name], getattr(sk, name), 1e-9)
        close(latent.publish(parameters.latent), sk.weight_concentration_, 1e-9)
        sk._m_step(X, sk._e_step(X)[1])
        parameters = objective.m_step(objective.at(parameters))


@types
@priors
def test_a_fit_ends_where_scikit_learns_does(covariance_type, prior, monkeypatch):
    X = blobs(separation=6.0, n=150)
    start_both_at(monkeypatch, responsibilities(X, 3))
    arguments = {
        "n_components": 3,
        "covariance_type": covariance_type,
        "weight_concentration_prior_type": prior,
        "reg_covar": 0.0,
        "init_params": "random",
        "max_iter": 2000,
    }
    sk = BayesianGaussianMixture(tol=1e-11, **arguments).fit(X)
    ours = VariationalGaussianMixture(tol=1e-13, **arguments).fit(X)
    assert ours.lower_bound_ == pytest.approx(float(np.squeeze(sk.lower_bound_)), rel=1e-9)
    for name in ATTRIBUTES:
        close(getattr(ours, name), getattr(sk, name), 1e-6)
    # Theirs is taken between our M-step and our next E-step.
    n = min(len(sk.lower_bounds_), len(ours.lower_bounds_))
    theirs, bounds = np.ravel(sk.lower_bounds_)[1:n], np.array(ours.lower_bounds_[:n])
    room = 1e-11 * np.abs(theirs)
    assert np.all(bounds[:-1] <= theirs + room)
    assert np.all(theirs <= bounds[1:] + room)


@types
def test_a_step_is_scikit_learns_for_any_reg_covar_and_priors(covariance_type):
    X, A = blobs(), np.random.default_rng(1).normal(size=(D, D))
    R, full = responsibilities(X), A @ A.T + np.eye(D)
    arguments = {
        "n_components": K,
        "covariance_type": covariance_type,
        "reg_covar": 0.3,
        "mean_prior": X[7],
        "mean_precision_prior": 2.5,
        "degrees_of_freedom_prior": 4.25,
        "weight_concentration_prior": 0.7,
        "covariance_prior": {"full": full, "tied": full, "diag": np.diag(full), "spherical": 2.3}[covariance_type],
    }
    sk = BayesianGaussianMixture(**arguments)
    sk._check_parameters(X)
    sk._initialize(X, R)
    objective, parameters = objective_and_start(VariationalGaussianMixture(**arguments), X, R)
    public = objective.model.family.publish(parameters.components, objective.rows.units)
    for name in ("means_", "covariances_", "mean_precision_", "degrees_of_freedom_"):
        close(public[name], getattr(sk, name), 1e-10)


@types
def test_reg_covar_moves_the_end_of_a_fit_little(covariance_type, monkeypatch):
    X = (blobs(separation=6.0, n=150) - 3.0) / blobs(separation=6.0, n=150).std(axis=0)
    start_both_at(monkeypatch, responsibilities(X, 3))
    arguments = {"n_components": 3, "covariance_type": covariance_type, "init_params": "random", "max_iter": 2000}
    sk = BayesianGaussianMixture(tol=1e-11, **arguments).fit(X)
    ours = VariationalGaussianMixture(tol=1e-13, **arguments).fit(X)
    reach = 1e-6 * np.max(np.linalg.eigvalsh(covariance_inverse(ours)))  # reg_covar times the largest precision
    assert ours.lower_bound_ == pytest.approx(float(np.squeeze(sk.lower_bound_)), rel=1e-6)
    for name in ("weights_", "means_", "covariances_"):
        close(getattr(ours, name), getattr(sk, name), max(1e-6, 10 * reach))


def covariance_inverse(mixture):
    shape = (mixture.covariance_type, len(mixture.weights_), mixture.means_.shape[1])
    return np.linalg.inv(covariance_matrices(mixture.covariances_, *shape))


@types
@priors
def test_predictions_are_scikit_learns(covariance_type, prior):
    X = blobs()
    arguments = {"n_components": K, "covariance_type": covariance_type, "weight_concentration_prior_type": prior}
    ours = VariationalGaussianMixture(max_iter=20, tol=0, random_state=0, **arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        ours.fit(X)
    sk = BayesianGaussianMixture(**arguments)
    sk.n_features_in_ = D
    for name in ATTRIBUTES:
        setattr(sk, name, getattr(ours, name))
    close(ours.score_samples(X), sk.score_samples(X), 1e-9)
    np.testing.assert_allclose(ours.predict_proba(X), sk.predict_proba(X), atol=1e-9)
    assert ours.score(X) == pytest.approx(sk.score(X))
    np.testing.assert_array_equal(ours.predict(X), sk.predict(X))
    np.testing.assert_array_equal(ours.labels_, ours.predict(X))


# ---- the bound ----------------------------------------------------------------------------------------------------
@priors
def test_of_one_component_the_bound_is_the_evidence(prior):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(30, 2)) @ np.array([[2.0, 0.5], [0.0, 30.0]]) + [5.0, -100.0]
    m0, beta, nu, V = np.array([4.0, -90.0]), 0.7, 3.5, np.array([[3.0, 1.0], [1.0, 400.0]])
    mixture = VariationalGaussianMixture(
        reg_covar=0.0,
        mean_prior=m0,
        mean_precision_prior=beta,
        degrees_of_freedom_prior=nu,
        covariance_prior=V,
        weight_concentration_prior=1.3,
        weight_concentration_prior_type=prior,
    ).fit(X)
    log_evidence = 0.0
    for x in X:  # the chain of predictive distributions
        df = nu - 1
        log_evidence += multivariate_t(m0, V * (beta + 1) / (beta * df), df).logpdf(x)
        V = V + beta / (beta + 1) * np.outer(x - m0, x - m0)
        m0, beta, nu = (beta * m0 + x) / (beta + 1), beta + 1, nu + 1
    if prior == "dirichlet_process":  # all rows from the first stick
        log_evidence += betaln(1 + len(X), 1.3) - betaln(1.0, 1.3)
    assert mixture.elbo_ == pytest.approx(log_evidence, rel=1e-12)
    assert mixture.history_["objective"][-1] * len(X) == pytest.approx(mixture.elbo_)


@types
@priors
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_the_bound_never_falls_and_ends_stationary(covariance_type, prior, missing):
    X, weight = blobs(missing=missing, n=90, separation=4.0), np.random.default_rng(0).integers(1, 4, size=90) * 1.0
    mixture = VariationalGaussianMixture(
        K, covariance_type=covariance_type, weight_concentration_prior_type=prior, reg_covar=1e-3
    )
    objective, parameters = objective_and_start(mixture, X, responsibilities(X), weight)
    values = []
    for _ in range(30):
        point = objective.at(parameters)
        values.append(point.value)
        parameters = objective.m_step(point)
    assert np.diff(values).min() >= -1e-12
    assert values[-1] - values[0] > 1e-3
    # What a step maximises is the bound itself: where steps end, it is flat in every direction.
    point = objective.at(climb(objective, parameters, 500))
    chart = objective.chart("frame", point)
    for direction in np.random.default_rng(1).normal(size=(6, len(chart.start))):
        direction[:K][point.parameters.latent < 0.1] = 0.0  # counts are on the boundary there
        up, down = (objective.at(chart.parameters(h * direction)).value for h in (1e-4, -1e-4))
        curvature = (up + down - 2 * point.value) / 1e-8
        assert abs(up - down) / 2e-4 < 1e-5 * max(1.0, abs(curvature))
        assert curvature < 0


# ---- missing values, by the textbook -------------------------------------------------------------------------------
def plain_step(X, w, mixture, alpha, family_prior):
    """One round of variational Bayes under a Dirichlet prior, row by row; entries of rows are completed."""
    means, d = mixture["means"], X.shape[1]
    m0, beta0, _, P = family_prior
    C, beta, nu = mixture["covariances"], mixture["beta"], mixture["nu"]
    constant = 0.5 * (digamma(0.5 * (nu[:, None] - np.arange(d))).sum(axis=1) - d * np.log(nu / 2)) - d / (2 * beta)
    log_r = log_densities(X, means, C) + constant + digamma(alpha) - digamma(alpha.sum())
    r = np.exp(log_r - logsumexp(log_r, axis=1, keepdims=True)) * w[:, None]
    N = r.sum(axis=0)
    new_means, V = np.empty_like(means), np.empty_like(C)
    for k in range(len(means)):
        rows = [conditional(x, means[k], C[k]) for x in X]
        filled, spread = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
        mean = r[:, k] @ filled / N[k]
        scatter = ((filled - mean).T * r[:, k]) @ (filled - mean) + np.einsum("n,nij->ij", r[:, k], spread)
        new_means[k] = (beta0 * m0 + N[k] * mean) / (beta0 + N[k])
        V[k] = P + scatter + N[k] * beta0 / (beta0 + N[k]) * np.outer(mean - m0, mean - m0)
    return N, new_means, V, r


@types
def test_missing_entries_are_completed_under_the_posterior(covariance_type):
    X, weight = blobs(missing=0.3, n=60), np.random.default_rng(0).integers(1, 4, size=60).astype(float)
    mixture = VariationalGaussianMixture(
        K, covariance_type=covariance_type, reg_covar=0.0, weight_concentration_prior_type="dirichlet_distribution"
    )
    objective, parameters = objective_and_start(mixture, X, responsibilities(X), weight)
    (family, latent), units = (objective.model.family, objective.model.latent), objective.rows.units

    def public(parameters):
        published = family.publish(parameters.components, units)
        C = covariance_matrices(published["covariances_"], covariance_type, K, D)
        nu = np.broadcast_to(published["degrees_of_freedom_"], K)
        return {"means": published["means_"], "covariances": C, "beta": published["mean_precision_"], "nu": nu}

    prior = family.prior
    P = covariance_matrices(
        (prior.covariance * family.unit(units))[None],
        "full" if prior.covariance.ndim > 1 else "diag" if prior.covariance.ndim else "spherical",
        1,
        D,
    )[0]
    given = (units.centre + units.scale * prior.mean, prior.mean_precision, prior.degrees_of_freedom, P)
    N, means, V, _ = plain_step(X, weight, public(parameters), latent.publish(parameters.latent), given)
    after = objective.m_step(objective.at(parameters))
    ours = public(after)
    np.testing.assert_allclose(after.latent, N, rtol=1e-10)
    np.testing.assert_allclose(ours["means"], means, rtol=1e-8)
    np.testing.assert_allclose(ours["beta"], given[1] + N, rtol=1e-10)
    nu = given[2] + N
    if covariance_type == "tied":
        V, nu = np.repeat(V.mean(axis=0)[None], K, axis=0), np.full(K, nu.mean())
    np.testing.assert_allclose(ours["nu"], nu, rtol=1e-10)
    expected = V / nu[:, None, None]
    if covariance_type in ("diag", "spherical"):
        variances = np.diagonal(expected, axis1=1, axis2=2)
        expected = np.stack([np.diag(v if covariance_type == "diag" else np.full(D, v.mean())) for v in variances])
    np.testing.assert_allclose(ours["covariances"], expected, rtol=1e-8, atol=1e-8 * np.abs(expected).max())


# ---- the estimator ------------------------------------------------------------------------------------------------
@types
@priors
def test_a_weight_counts_as_so_many_rows(covariance_type, prior):
    X, weight = blobs(n=90, missing=0.1), np.random.default_rng(0).integers(0, 4, size=90)
    arguments = {"covariance_type": covariance_type, "weight_concentration_prior_type": prior, "random_state": 0}
    weighted = VariationalGaussianMixture(3, **arguments).fit(X, sample_weight=weight)
    repeated = VariationalGaussianMixture(3, **arguments).fit(np.repeat(X, weight, axis=0))
    assert weighted.elbo_ == pytest.approx(repeated.elbo_, rel=1e-9)
    for name in ATTRIBUTES:
        close(getattr(weighted, name), getattr(repeated, name), 1e-6)


@types
@pytest.mark.parametrize(
    "X",
    [
        np.array([[1.0, 2.0]]),
        np.c_[np.random.default_rng(0).normal(size=40), np.full(40, 7.0)],
        np.full((10, 2), 3.0),
        np.repeat(np.random.default_rng(0).normal(size=(3, 2)), 5, axis=0),
        np.random.default_rng(0).normal(size=(3, 6)),
        np.c_[np.random.default_rng(0).normal(size=40), np.full(40, np.nan)],
        np.random.default_rng(0).normal(size=(40, 1)) * np.array([[1e-150, 1.0, 1e150]]),
    ],
    ids=["one-row", "constant-column", "constant", "duplicates", "wide", "missing-column", "collinear-extreme-scales"],
)
def test_degenerate_data_are_fitted_uphill(covariance_type, X):
    for n_components in {1, min(2, len(X))}:
        mixture = VariationalGaussianMixture(n_components, covariance_type=covariance_type, random_state=0).fit(X)
        assert mixture.converged_
        assert np.isfinite([mixture.elbo_, mixture.lower_bound_]).all()
        assert np.isfinite(mixture.precisions_cholesky_).all()
        assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= -1e-9


def test_the_prior_is_the_datas_mean_and_covariance():
    X = blobs(missing=0.02)
    mixture = VariationalGaussianMixture(2, random_state=0).fit(X)
    np.testing.assert_allclose(mixture.mean_prior_, np.nanmean(X, axis=0))
    np.testing.assert_allclose(np.diag(mixture.covariance_prior_), np.nanvar(X, axis=0, ddof=1))
    both = ~np.isnan(X[:, 0]) & ~np.isnan(X[:, 2])
    centred = X - np.nanmean(X, axis=0)
    expected = centred[both, 0] @ centred[both, 2] / (both.sum() - 1)
    assert mixture.covariance_prior_[0, 2] == pytest.approx(expected, rel=1e-3)


def test_pairs_that_contradict_each_other_give_a_diagonal_prior():
    X = np.array([[1, 1, np.nan], [-1, -1, np.nan], [np.nan, 1, 1], [np.nan, -1, -1], [1, np.nan, -1], [-1, np.nan, 1]])
    prior = VariationalGaussianMixture(random_state=0).fit(X).covariance_prior_
    np.testing.assert_allclose(prior, np.diag(np.nanvar(X, axis=0, ddof=1)))


@types
def test_single_precision_ends_close(covariance_type):
    X = blobs(separation=6.0)
    double, single = (
        VariationalGaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X.astype(dtype))
        for dtype in (np.float64, np.float32)
    )
    assert (
        single.means_.dtype == single.weights_.dtype == single.predict_proba(X.astype(np.float32)).dtype == np.float32
    )
    assert single.elbo_ == pytest.approx(double.elbo_, rel=1e-4)
    close(single.means_, double.means_, 1e-2)


@types
@pytest.mark.parametrize("solver", ["squarem", "anderson"])
def test_accelerated_solvers_end_at_the_same_bound_in_fewer_passes(covariance_type, solver):
    X = blobs(n=200, separation=1.0, missing=0.1)
    start = VariationalGaussianMixture(3, covariance_type=covariance_type, random_state=0, max_iter=10, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        start.fit(X)
    start.set_params(warm_start=True, max_iter=20_000, tol=1e-9)
    before = start.__dict__.copy()
    start.fit(X)
    ours = VariationalGaussianMixture()
    ours.__dict__.update(before)
    ours.set_params(solver=solver).fit(X)
    assert ours.converged_
    assert ours.elbo_ == pytest.approx(start.elbo_, abs=1e-5)
    assert ours.n_passes_ < start.n_passes_
    assert np.diff(ours.history_["objective"]).min() >= 0.0


@types
def test_the_frame_is_one_to_one_and_valid_everywhere(covariance_type):
    X = blobs()
    mixture = VariationalGaussianMixture(K, covariance_type=covariance_type)
    objective, parameters = objective_and_start(mixture, X, responsibilities(X))
    point = objective.at(climb(objective, parameters, 5))
    chart = objective.chart("frame", point)
    z = 0.03 * np.random.default_rng(0).normal(size=len(chart.start))
    np.testing.assert_allclose(chart.coordinates(chart.parameters(z)), z, atol=1e-10)
    np.testing.assert_allclose(chart.coordinates(point.parameters), chart.start, atol=1e-10)
    other = objective.m_step(point)
    again = chart.parameters(chart.coordinates(other))
    assert objective.at(again).value == pytest.approx(objective.at(other).value, abs=1e-10)
    for size in (10.0, 1e4):
        extreme = chart.parameters(size * np.random.default_rng(1).normal(size=len(z)))
        assert np.all(extreme.latent >= 0)
        assert np.all(extreme.components.mean_precision > 0)
        assert np.all(extreme.components.degrees_of_freedom >= D - 1)
    assert not hasattr(chart, "gradient")


@pytest.mark.parametrize("solver", [name for name, solver in SOLVERS.items() if solver.needs_gradient])
def test_solvers_that_need_gradients_are_refused(solver):
    with pytest.raises(ValueError, match=f"solver='{solver}' needs .*choose"):
        VariationalGaussianMixture(solver=solver).fit(blobs(n=20))


def test_a_dirichlet_prior_empties_components_without_a_warning():
    X = blobs(separation=6.0)
    prior = {"weight_concentration_prior_type": "dirichlet_distribution", "weight_concentration_prior": 1e-3}
    mixture = VariationalGaussianMixture(8, random_state=0, max_iter=5000, **prior).fit(X)
    assert np.sum(mixture.weights_ > 1e-3) == 3
    np.testing.assert_allclose(mixture.mean_precision_[mixture.weights_ < 1e-3], 1.0, rtol=1e-3)


@priors
def test_a_warm_start_goes_on_where_the_last_fit_ended(prior):
    X = blobs()
    arguments = {"weight_concentration_prior_type": prior, "random_state": 0}
    once = VariationalGaussianMixture(3, **arguments).fit(X)
    twice = VariationalGaussianMixture(3, warm_start=True, **arguments).fit(X)
    bound = twice.elbo_
    twice.fit(X)
    assert twice.history_["objective"][0] * len(X) == pytest.approx(bound, rel=1e-12)
    assert twice.n_iter_ < once.n_iter_
    # The posterior outlives its prior: N is what is carried over.
    other = {"dirichlet_process": "dirichlet_distribution", "dirichlet_distribution": "dirichlet_process"}[prior]
    twice.set_params(weight_concentration_prior_type=other, weight_concentration_prior=2.0)
    probabilities = once.predict_proba(X)
    np.testing.assert_allclose(twice.predict_proba(X), probabilities, atol=2e-2)  # that of the fit, not of set_params
    twice.fit(X)
    assert isinstance(twice.weight_concentration_, tuple) is (other == "dirichlet_process")
    assert twice.n_iter_ < once.n_iter_


@types
def test_samples_have_the_mixtures_moments(covariance_type):
    X = blobs(separation=6.0)
    mixture = VariationalGaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    drawn, labels = mixture.sample(40_000)
    assert drawn.shape == (40_000, D)
    np.testing.assert_allclose(np.bincount(labels) / len(labels), mixture.weights_, atol=0.02)
    C = covariance_matrices(mixture.covariances_, covariance_type, 3, D)
    for k in range(3):
        rows, deviation = drawn[labels == k], np.sqrt(np.diag(C[k]))
        np.testing.assert_allclose((rows.mean(axis=0) - mixture.means_[k]) / deviation, 0.0, atol=0.05)
        np.testing.assert_allclose(
            np.cov(rows.T) / np.outer(deviation, deviation), C[k] / np.outer(deviation, deviation), atol=0.1
        )
    with pytest.raises(ValueError, match="n_samples"):
        mixture.sample(0)


def test_criteria_that_count_parameters_do_not_exist():
    mixture = VariationalGaussianMixture().fit(blobs(n=20))
    assert not hasattr(mixture, "bic")
    assert not hasattr(mixture, "aic")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"degrees_of_freedom_prior": 2.0}, "degrees_of_freedom_prior.*greater than n_features - 1 = 2"),
        ({"mean_prior": [0.0, 1.0]}, "mean_prior.*shape"),
        ({"covariance_prior": np.diag([1.0, 1.0, -1.0])}, "covariance_prior.*positive-definite"),
        ({"covariance_prior": np.array([[1.0, 0.5, 0], [0, 1, 0], [0, 0, 1]])}, "covariance_prior.*symmetric"),
        ({"covariance_prior": np.ones(3)}, "covariance_prior.*shape"),
        ({"covariance_prior": np.ones(3), "covariance_type": "spherical"}, "covariance_prior.*number"),
        ({"covariance_prior": np.array([1.0, 0.0, 1.0]), "covariance_type": "diag"}, "covariance_prior.*positive"),
        ({"weight_concentration_prior": 0.0}, "weight_concentration_prior"),
    ],
)
def test_priors_out_of_range_are_refused(arguments, match):
    with pytest.raises(ValueError, match=match):
        VariationalGaussianMixture(**arguments).fit(blobs(n=20))


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@parametrize_with_checks(
    [
        VariationalGaussianMixture(n_components=3),
        VariationalGaussianMixture(
            n_components=2,
            covariance_type="diag",
            solver="squarem",
            n_init=2,
            weight_concentration_prior_type="dirichlet_distribution",
        ),
    ]
)
def test_estimator(estimator, check):
    check(estimator)
