"""Bernoulli mixtures: against scipy.stats, an independent optimiser, and data constant, missing or not 0 and 1."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import answers, overlapping, quietly, start_of
from scipy.optimize import minimize
from scipy.special import expit, log_softmax, logit, logsumexp
from scipy.stats import bernoulli

from skmix import BernoulliMixture
from skmix.families.bernoulli import AngleFrame, Bernoulli, Outcomes, Probabilities

FRAME_SOLVERS = ["auto", "em", "squarem", "anderson", "lbfgs", "newton", "cg", "gradient-descent"]


def log_joint(X, weights, probabilities):
    """log p(x_n, k) by SciPy, (n, K); missing entries add nothing."""
    return np.nansum(bernoulli.logpmf(X[:, np.newaxis], probabilities), axis=2) + np.log(weights)


# ---- the density ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_densities_and_responsibilities_are_those_of_scipy(missing):
    X = answers(missing=missing, separation=1.0)
    X[3] = np.nan if missing else X[3]
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = BernoulliMixture(2, random_state=0).fit(X, sample_weight=weight)
    joint = log_joint(X, mixture.weights_, mixture.probabilities_)
    expected = logsumexp(joint, axis=1)
    assert_allclose(mixture.score_samples(X), expected, rtol=1e-11, atol=1e-11)
    assert_allclose(mixture.predict_proba(X), np.exp(joint - expected[:, np.newaxis]), atol=1e-10)
    assert mixture.lower_bound_ == pytest.approx(np.average(expected, weights=weight), rel=1e-11)
    if missing:
        assert mixture.score_samples(X)[3] == pytest.approx(0.0, abs=1e-12)
        assert_allclose(mixture.predict_proba(X)[3], mixture.weights_)


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random_from_data"])
def test_a_weight_counts_as_so_many_rows(init_params, missing):
    X = answers(n=120, missing=missing)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = BernoulliMixture(3, random_state=0, tol=1e-11, max_iter=5000, init_params=init_params)
    probabilities, bound = mixture.fit(X, sample_weight=weight).probabilities_, mixture.lower_bound_
    mixture.fit(np.repeat(X, weight, axis=0))
    assert mixture.lower_bound_ == pytest.approx(bound, abs=1e-10)
    assert_allclose(mixture.probabilities_, probabilities, atol=1e-4)


def test_one_m_step_is_the_weighted_mean_of_observed_values():
    X = answers(missing=0.3)
    start = start_of(X, "bernoulli")
    responsibilities = start.predict_proba(X)
    stepped = quietly(start.set_params(max_iter=1, warm_start=True, solver="em"), X)
    expected = (responsibilities.T @ np.nan_to_num(X)) / (responsibilities.T @ ~np.isnan(X))
    assert_allclose(stepped.probabilities_, expected, rtol=1e-10)
    assert_allclose(stepped.weights_, responsibilities.mean(axis=0), rtol=1e-10)


def test_sample_has_the_moments_of_the_mixture():
    mixture = BernoulliMixture(2, random_state=0).fit(answers(K=2, separation=1.0))
    X, y = mixture.sample(40_000)
    assert set(np.unique(X)) == {0.0, 1.0}
    assert_allclose(np.bincount(y) / len(y), mixture.weights_, atol=0.01)
    for k, p in enumerate(mixture.probabilities_):
        error = 5 * np.sqrt(p * (1 - p) / np.sum(y == k)) + 1e-12
        assert np.all(np.abs(X[y == k].mean(axis=0) - p) < error)
        assert_allclose(np.cov(X[y == k].T), np.diag(p * (1 - p)), atol=0.02)


# ---- the optimum, by other means ------------------------------------------------------------------------------------
def found_by_scipy(X, weights, probabilities):
    """Log-likelihood per row, weights and probabilities at the optimum that SciPy's BFGS finds in plain logits."""
    K, d = probabilities.shape
    observed, known = ~np.isnan(X), np.nan_to_num(X)

    def loss(z):
        log_weights, slope = log_softmax(z[:K]), z[K:].reshape(K, d)
        each = known @ slope.T - observed @ np.logaddexp(0.0, slope).T  # x·logit p + log(1 − p)
        return -logsumexp(each + log_weights, axis=1).mean()

    begin = np.concatenate([np.log(weights), logit(probabilities).ravel()])
    found = minimize(loss, begin, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    return -found.fun, np.exp(log_softmax(found.x[:K])), expit(found.x[K:]).reshape(K, d)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_an_independent_optimiser_finds_the_same_optimum(missing):
    X = overlapping("bernoulli", n=400, missing=missing)
    start = {"weights_init": [0.5, 0.5], "probabilities_init": [[0.7, 0.7, 0.7, 0.3, 0.3, 0.3], [0.3] * 3 + [0.7] * 3]}
    mixture = BernoulliMixture(2, tol=1e-11, **start).fit(X)
    value, weights, probabilities = found_by_scipy(X, *map(np.array, start.values()))
    assert mixture.lower_bound_ == pytest.approx(value, abs=1e-9)
    assert mixture.lower_bound_ >= value - 1e-12
    assert_allclose(mixture.weights_, weights, atol=1e-4)
    assert_allclose(mixture.probabilities_, probabilities, atol=1e-4)


# ---- probabilities of 0 and 1 ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("one", [0.0, 1.0])
@pytest.mark.parametrize("solver", FRAME_SOLVERS)
def test_a_feature_may_be_constant_in_a_whole_cluster(solver, one):
    """p = 0 and p = 1 are alike: the log-likelihood stays finite, also for rows that contradict it."""
    rng = np.random.default_rng(0)
    often, seldom = rng.random((60, 5)) < 0.9, rng.random((60, 5)) < 0.1
    X = np.r_[np.c_[np.full(60, one), often], np.c_[rng.random(60) < 0.5, seldom]]
    mixture = BernoulliMixture(2, solver=solver, random_state=0).fit(X.astype(float))
    k = np.argmax(mixture.probabilities_[:, 1])
    assert mixture.probabilities_[k, 0] == pytest.approx(one, abs=1e-6)
    contrary = np.r_[1.0 - one, np.ones(5)][np.newaxis]
    assert np.isfinite(mixture.score_samples(contrary)).all()
    assert_allclose(mixture.predict_proba(contrary).sum(), 1.0)
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0


@pytest.mark.parametrize("solver", FRAME_SOLVERS)
def test_zeros_and_ones_are_alike(solver):
    """Exchanged, they give the same objective at every iterate."""
    X = answers(n=150, separation=3.0, seed=2)
    mixture = BernoulliMixture(3, solver=solver, random_state=0, init_params="random", max_iter=60)
    direct = quietly(mixture, X)
    objective, probabilities = direct.history_["objective"], direct.probabilities_
    exchanged = quietly(mixture, 1.0 - X)
    assert_allclose(exchanged.history_["objective"][:5], objective[:5], rtol=1e-10)
    assert_allclose(exchanged.lower_bound_, objective[-1], atol=1e-5)
    assert_allclose(1.0 - exchanged.probabilities_, probabilities, atol=0.02)


@pytest.mark.parametrize("tiny", [1e-30, 1e-12, 0.3])
def test_the_frame_keeps_the_digits_of_a_tiny_probability_on_either_side(tiny):
    """θ/2 = arcsin √p turned by δ: to first order in √p and δ, √p grows by δ; by the same where 1 − p is tiny."""
    left = Probabilities(np.array([[tiny]]), np.array([[1.0 - tiny]]))
    statistics = Outcomes(np.array([[3.0]]), np.array([[5.0]]))
    near_zero = AngleFrame(Bernoulli(), left, statistics)
    near_one = AngleFrame(Bernoulli(), Probabilities(*left[::-1]), statistics)
    z = np.array([2.0 * 0.25 * np.sqrt(tiny)])  # unit is 1/2: one component has all rows
    moved, mirrored = near_zero.parameters(z), near_one.parameters(-z)
    assert_allclose(moved.ones, mirrored.zeros, rtol=1e-14)
    if tiny < 0.1:
        assert_allclose(moved.ones, 1.25**2 * tiny, rtol=1e-9)
    assert_allclose(near_zero.coordinates(moved), z, rtol=1e-12)
    assert_allclose(near_one.coordinates(mirrored), -z, rtol=1e-12)


CASES = {
    "all zero": np.zeros((20, 2)),
    "all one": np.ones((20, 2)),
    "one constant column": np.c_[np.arange(20.0) % 2, np.ones(20)],
    "n = K": np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]),
    "column without values": np.c_[np.arange(20.0) % 2, np.full(20, np.nan)],
    "no values": np.full((20, 2), np.nan),
    "an exception": np.r_[np.zeros((40, 3)), [[1.0, 1.0, 1.0]]],
    "half missing": answers(n=60, missing=0.5),
    "two distinct rows": np.repeat([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], 10, axis=0),
}


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("solver", [*FRAME_SOLVERS, "constrained"])
@pytest.mark.parametrize("case", CASES)
def test_never_raises_never_nan(case, solver, init_params):
    X = CASES[case]
    mixture = quietly(BernoulliMixture(3, solver=solver, init_params=init_params, random_state=0, max_iter=40), X)
    assert np.all((mixture.probabilities_ >= 0) & (mixture.probabilities_ <= 1))
    assert_allclose(mixture.weights_.sum(), 1.0)
    assert_allclose(mixture.predict_proba(X).sum(axis=1), 1.0)
    assert np.isfinite(mixture.score_samples(X)).all()
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
    assert "refused" not in mixture.stop_reason_


# ---- data and parameters that are refused, or made to fit -----------------------------------------------------------
@pytest.mark.parametrize(("value", "shown"), [(-1.0, "-1"), (2.0, "2"), (0.25, "0.25")])
@pytest.mark.parametrize("method", ["fit", "predict", "score", "predict_proba"])
def test_other_values_are_refused_where_they_are_not_to_be_binarized(method, value, shown):
    mixture = BernoulliMixture(1, binarize=None).fit([[1.0], [0.0], [np.nan]])
    with pytest.raises(ValueError, match=rf"BernoulliMixture takes data of 0 and 1 .*, got {shown}\. Set 'binarize'"):
        getattr(mixture, method)([[1.0], [value], [np.nan]])


def test_other_values_are_binarized_with_a_warning_or_at_a_threshold_without():
    X = np.array([[0.2, 3.0], [-1.0, 1.0], [0.0, np.nan], [0.7, 0.4]])
    with pytest.warns(UserWarning, match=r"values other than 0 and 1, such as 0\.2: those above 0 count as 1"):
        automatic = BernoulliMixture(1, solver="em").fit(X)
    assert_allclose(automatic.probabilities_, [[0.5, 1.0]])
    assert_allclose(BernoulliMixture(1, solver="em", binarize=0.5).fit(X).probabilities_, [[0.25, 2 / 3]])
    with pytest.warns(UserWarning, match="values other than 0 and 1"):
        automatic.predict([[2.0, 0.0]])
    BernoulliMixture(1).fit([[0.0], [1.0], [np.nan]])  # no warning


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"probabilities_init": [[0.5], [0.0]]}, "'probabilities_init' should be above 0 and below 1, .* min value 0,"),
        ({"probabilities_init": [[0.5], [1.0]]}, "'probabilities_init' should be above 0 and below 1, .* max value 1"),
        ({"probabilities_init": [[0.5]]}, r"'probabilities_init' should have the shape of \(2, 1\), but got \(1, 1\)"),
        ({"probabilities_init": [[0.5], [np.nan]]}, "probabilities_init contains NaN"),
        ({"binarize": "median"}, "'binarize' parameter of BernoulliMixture must be .*Got 'median'"),
        ({"solver": "riemannian"}, "'riemannian' needs 'manifold' of the family, which Bernoulli does not define"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        BernoulliMixture(2, **parameters).fit([[0.0], [1.0], [1.0]])
