"""Categorical mixtures: against plain NumPy, an independent optimiser, and codes rare, missing or undeclared."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import codes, objective_of, overlapping, quietly, start_of
from scipy.optimize import LinearConstraint, minimize
from scipy.special import log_softmax, logsumexp

from skmix import BernoulliMixture, CategoricalMixture
from skmix.initialize.starts import Distances
from skmix.solvers import Constrained

FRAME_SOLVERS = ["auto", "em", "squarem", "anderson", "lbfgs", "newton", "cg", "gradient-descent"]


def log_joint(X, weights, probabilities):
    """log p(x_n, k), (n, K), entry by entry; missing entries add nothing."""
    joint = np.tile(np.log(weights), (len(X), 1))
    for n, k, j in np.ndindex(len(X), *probabilities.shape[:2]):
        if not np.isnan(X[n, j]):
            joint[n, k] += np.log(probabilities[k, j, int(X[n, j])])
    return joint


# ---- the density ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_densities_and_responsibilities_are_those_of_plain_numpy(missing):
    X = codes(missing=missing, separation=1.0)
    X[3] = np.nan if missing else X[3]
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = CategoricalMixture(2, random_state=0).fit(X, sample_weight=weight)
    assert mixture.n_categories_.tolist() == [2, 3, 4, 2]
    assert mixture.probabilities_.shape == (2, 4, 4)
    assert_allclose(mixture.probabilities_.sum(axis=2), 1.0, rtol=1e-12)
    assert not mixture.probabilities_[:, [0, 0, 1, 3, 3], [2, 3, 3, 2, 3]].any()
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
    X = codes(n=120, missing=missing, separation=1.0)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = CategoricalMixture(2, random_state=0, tol=1e-11, max_iter=5000, init_params=init_params)
    probabilities, bound = mixture.fit(X, sample_weight=weight).probabilities_, mixture.lower_bound_
    mixture.fit(np.repeat(X, weight, axis=0))
    assert mixture.lower_bound_ == pytest.approx(bound, abs=1e-10)
    assert_allclose(mixture.probabilities_, probabilities, atol=1e-3)


def test_one_m_step_is_the_weighted_share_of_each_level():
    X = codes(missing=0.3)
    start = start_of(X, "categorical")
    R = start.predict_proba(X)
    stepped = quietly(start.set_params(max_iter=1, warm_start=True, solver="em"), X)
    for j in range(X.shape[1]):
        for level in range(4):
            expected = (R.T @ (X[:, j] == level)) / (R.T @ ~np.isnan(X[:, j]))
            assert_allclose(stepped.probabilities_[:, j, level], expected, rtol=1e-10)
    assert_allclose(stepped.weights_, R.mean(axis=0), rtol=1e-10)
    assert objective_of(start, X).n_parameters == 2 + 3 * (1 + 2 + 3 + 1)


def test_sample_has_the_shares_of_the_mixture():
    mixture = CategoricalMixture(2, random_state=0).fit(codes(K=2, separation=1.0))
    X, y = mixture.sample(40_000)
    assert np.all(X.max(axis=0) < mixture.n_categories_)
    assert_allclose(np.bincount(y) / len(y), mixture.weights_, atol=0.01)
    for k in range(2):
        found = np.mean(X[y == k][:, :, np.newaxis] == np.arange(4), axis=0)
        p = mixture.probabilities_[k]
        assert np.all(np.abs(found - p) <= 5 * np.sqrt(p * (1 - p) / np.sum(y == k)) + 1e-12)
        indicators = (X[y == k][:, :, np.newaxis] == 0).squeeze(2)
        assert np.abs(np.corrcoef(indicators.T) - np.eye(4)).max() < 5 / np.sqrt(np.sum(y == k))


def test_a_location_is_the_mean_code():
    X = codes(K=1)
    mixture = CategoricalMixture(1, solver="em").fit(X)
    objective = objective_of(mixture, X)
    mean, deviation = objective.model.family.location_scale(mixture._adopt(objective.model.family, None).components)
    assert_allclose(mean[0], X.mean(axis=0))
    assert_allclose(deviation[0], X.std(axis=0))


@pytest.mark.parametrize("solver", ["em", "lbfgs", "newton"])
def test_two_levels_are_bernoulli(solver):
    X = overlapping("bernoulli", missing=0.2)
    ones = np.array([[0.7, 0.7, 0.7, 0.3, 0.3, 0.3], [0.3, 0.3, 0.3, 0.7, 0.7, 0.7]])
    options = {"solver": solver, "tol": 1e-11, "max_iter": 10_000, "weights_init": [0.5, 0.5]}
    a = BernoulliMixture(2, probabilities_init=ones, **options).fit(X)
    b = CategoricalMixture(2, probabilities_init=np.stack([1 - ones, ones], axis=2), **options).fit(X)
    assert b.lower_bound_ == pytest.approx(a.lower_bound_, abs=1e-10)
    assert_allclose(b.probabilities_[..., 1], a.probabilities_, atol=1e-4)
    assert b.bic(X) == pytest.approx(a.bic(X), rel=1e-9)


# ---- the optimum, by other means ------------------------------------------------------------------------------------
def found_by_scipy(X, weights, probabilities):
    """Log-likelihood per row, weights and probabilities at the optimum that SciPy's BFGS finds in softmax."""
    (K, d, L), n = probabilities.shape, len(X)
    indicators = (X[:, :, np.newaxis] == np.arange(L)).reshape(n, -1).astype(float)  # NaN has none
    beyond = probabilities == 0

    def parts(z):
        logits = np.where(beyond, -np.inf, z[K:].reshape(K, d, L))
        return log_softmax(z[:K]), log_softmax(logits, axis=2)

    def loss(z):
        log_weights, logarithms = parts(z)
        each = indicators @ np.where(beyond, 0.0, logarithms).reshape(K, -1).T
        return -logsumexp(each + log_weights, axis=1).mean()

    begin = np.concatenate([np.log(weights), np.log(np.where(beyond, 1.0, probabilities)).ravel()])
    found = minimize(loss, begin, method="BFGS", options={"gtol": 1e-7, "maxiter": 2000})
    log_weights, logarithms = parts(found.x)
    return -found.fun, np.exp(log_weights), np.exp(logarithms)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_an_independent_optimiser_finds_the_same_optimum(missing):
    X = overlapping("categorical", n=600, missing=missing)
    first = [[0.6, 0.2, 0.2], [0.6, 0.4, 0.0], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]]
    second = [[0.2, 0.3, 0.5], [0.3, 0.7, 0.0], [0.2, 0.3, 0.5], [0.5, 0.3, 0.2]]
    start = {"weights_init": [0.5, 0.5], "probabilities_init": [first, second]}
    mixture = CategoricalMixture(2, tol=1e-11, max_iter=5000, **start).fit(X)
    assert mixture.n_categories_.tolist() == [3, 2, 3, 3]
    value, weights, probabilities = found_by_scipy(X, *map(np.array, start.values()))
    assert mixture.lower_bound_ == pytest.approx(value, abs=1e-9)
    assert mixture.lower_bound_ >= value - 1e-12
    assert_allclose(mixture.weights_, weights, atol=2e-4)
    assert_allclose(mixture.probabilities_, probabilities, atol=2e-4)


# ---- probabilities of 0 ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", [*FRAME_SOLVERS, "constrained"])
def test_zeros_that_are_given_stay(solver):
    """A restricted latent class model: the first class never gives answer 2 to item 0."""
    X = overlapping("categorical", n=300)
    first = [[0.7, 0.3, 0.0], [0.6, 0.4, 0.0], [0.6, 0.2, 0.2], [0.2, 0.2, 0.6]]
    second = [[0.2, 0.3, 0.5], [0.3, 0.7, 0.0], [0.2, 0.3, 0.5], [0.5, 0.3, 0.2]]
    start = {"weights_init": [0.5, 0.5], "probabilities_init": [first, second]}
    mixture = CategoricalMixture(2, solver=solver, tol=1e-8, max_iter=5000, **start).fit(X)
    assert mixture.probabilities_[0, 0, 2] == 0.0
    assert np.all(mixture.predict(X[X[:, 0] == 2]) == 1)
    reference = CategoricalMixture(2, solver="em", tol=1e-10, max_iter=20_000, **start).fit(X)
    assert mixture.lower_bound_ == pytest.approx(reference.lower_bound_, abs=1e-6)
    free = CategoricalMixture(2, random_state=0, tol=1e-8).fit(X)
    assert free.lower_bound_ > mixture.lower_bound_ + 1e-4


def test_a_level_that_no_component_has_is_learnt():
    X = np.array([[0.0], [1.0], [2.0], [2.0]])
    start = {"weights_init": [0.4, 0.6], "probabilities_init": [[[0.5, 0.5, 0.0]], [[0.4, 0.6, 0.0]]]}
    mixture = CategoricalMixture(2, solver="em", max_iter=200, **start).fit(X)
    assert_allclose(mixture.weights_ @ mixture.probabilities_[:, 0], [0.25, 0.25, 0.5], atol=1e-3)


@pytest.mark.parametrize("solver", FRAME_SOLVERS)
def test_a_cluster_may_lack_a_level(solver):
    rng = np.random.default_rng(0)
    X = np.r_[rng.choice(3, size=(80, 6), p=[0.8, 0.2, 0.0]), rng.choice(3, size=(80, 6), p=[0.1, 0.2, 0.7])]
    mixture = CategoricalMixture(2, solver=solver, random_state=0, tol=1e-8, max_iter=2000).fit(X)
    k = np.argmax(mixture.probabilities_[:, 0, 0])
    assert mixture.probabilities_[k, :, 2].max() < 0.05
    assert np.isfinite(mixture.score_samples([[2, 0, 0, 0, 0, 0], [2, 2, 2, 0, 0, 0]])).all()
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0


CASES = {
    "all one level": np.zeros((20, 2)),
    "one level but not the lowest": np.full((20, 2), 3.0),
    "n = K": np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 5.0]]),
    "column without values": np.c_[np.arange(20.0) % 3, np.full(20, np.nan)],
    "no values": np.full((20, 2), np.nan),
    "an exception": np.r_[np.zeros((40, 3)), [[9.0, 1.0, 2.0]]],
    "half missing": codes(n=60, missing=0.5),
    "two distinct rows": np.repeat([[1.0, 1.0, 0.0], [0.0, 1.0, 2.0]], 10, axis=0),
    "a level for every row": np.c_[np.arange(20.0), np.arange(20.0) % 2],
}


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("solver", [*FRAME_SOLVERS, "constrained"])
@pytest.mark.parametrize("case", CASES)
def test_never_raises_never_nan(case, solver, init_params):
    X = CASES[case]
    mixture = quietly(CategoricalMixture(3, solver=solver, init_params=init_params, random_state=0, max_iter=40), X)
    assert np.all((mixture.probabilities_ >= 0) & (mixture.probabilities_ <= 1))
    assert_allclose(mixture.probabilities_.sum(axis=2), 1.0)
    assert_allclose(mixture.weights_.sum(), 1.0)
    assert_allclose(mixture.predict_proba(X).sum(axis=1), 1.0)
    assert np.isfinite(mixture.score_samples(X)).all()
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
    assert "refused" not in mixture.stop_reason_


# ---- levels ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("declared", [5, [2, 3, 5, 4], np.array([2, 3, 4, 2])])
def test_levels_may_be_declared(declared):
    X = codes()
    mixture = CategoricalMixture(2, n_categories=declared, random_state=0, init_params="random", solver="em").fit(X)
    expected = np.broadcast_to(declared, 4)
    assert mixture.n_categories_.tolist() == expected.tolist()
    assert mixture.probabilities_.shape == (2, 4, expected.max())
    inferred = CategoricalMixture(2, random_state=0, init_params="random", solver="em").fit(X)
    assert_allclose(mixture.probabilities_[:, :, :4], inferred.probabilities_, atol=1e-12)
    assert not mixture.probabilities_[:, :, 4:].any()
    highest = (expected - 1.0)[np.newaxis]
    assert np.isfinite(mixture.score_samples(highest)).all()
    with pytest.raises(ValueError, match="got code 2 in feature 0" if expected[0] == 2 else "got code 5 in feature 0"):
        mixture.predict(highest + np.eye(1, 4))


def test_rows_of_weight_zero_declare_levels():
    X = np.array([[0.0], [1.0], [3.0]])
    mixture = CategoricalMixture(1, solver="em").fit(X, sample_weight=[1, 1, 0])
    assert_allclose(mixture.probabilities_, [[[0.5, 0.5, 0.0, 0.0]]])
    assert mixture.labels_.tolist() == [0, 0, 0]


def test_a_warm_start_goes_on_with_more_levels_and_with_fewer():
    X = codes(n=200)
    mixture = CategoricalMixture(2, random_state=0, warm_start=True).fit(X)
    mixture.fit(np.minimum(X, 1.0))
    assert mixture.n_categories_.tolist() == [2, 3, 4, 2]
    more = X.copy()
    more[:20, 0] = 2.0
    mixture.fit(more)
    assert mixture.n_categories_.tolist() == [3, 3, 4, 2]
    assert mixture.weights_ @ mixture.probabilities_[:, 0, 2] == pytest.approx(0.1, abs=1e-3)


def test_attributes_set_by_hand_say_what_the_levels_are():
    fitted = CategoricalMixture(2, random_state=0).fit(codes(separation=1.0))
    byhand = CategoricalMixture(2)
    for name in ("weights_", "probabilities_", "n_features_in_"):
        setattr(byhand, name, getattr(fitted, name))
    assert_allclose(byhand.predict_proba(codes(seed=1)), fitted.predict_proba(codes(seed=1)))
    with pytest.raises(ValueError, match="got code 2 in feature 0, which has 2 levels"):
        byhand.predict([[2.0, 0.0, 0.0, 0.0]])


# ---- starts ---------------------------------------------------------------------------------------------------------
def test_starts_see_indicators_and_missing_ones_at_their_means():
    X = codes(missing=0.3, n=100)
    mixture = CategoricalMixture(2, max_iter=0, random_state=0).fit(X)
    objective = objective_of(mixture, X)
    seen, _ = Distances(objective.model.family, objective.rows).sample(np.random.RandomState(0))
    columns = []
    for j, size in enumerate(mixture.n_categories_):
        for level in range(size):
            indicator = np.where(np.isnan(X[:, j]), np.nan, X[:, j] == level)
            columns.append(np.where(np.isnan(indicator), np.nanmean(indicator), indicator))
    assert_allclose(np.sort(seen, axis=0), np.sort(np.stack(columns, axis=1), axis=0), rtol=1e-12)


def test_the_order_of_codes_means_nothing():
    """Renamed levels give the same fit."""
    X = codes(n=200, separation=3.0)
    renamed = np.stack([size - 1 - x for x, size in zip(X.T, (2, 3, 4, 2), strict=True)], axis=1)
    a, b = (CategoricalMixture(3, random_state=0, init_params="random", tol=1e-9).fit(data) for data in (X, renamed))
    assert a.lower_bound_ == pytest.approx(b.lower_bound_, abs=1e-7)


# ---- what is refused ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "Negative values in data passed to CategoricalMixture, such as -1; codes are 0, 1, 2"),
        (0.5, r"CategoricalMixture takes codes 0, 1, 2, … \(NaN where missing\), got 0\.5\. .*KBinsDiscretizer"),
        (1e6, r"CategoricalMixture takes codes up to 65535, got 1e\+06: .*OrdinalEncoder"),
        (3.0, r"got code 3 in feature 0, which has 3 levels, 0 to 2\. If that code can occur, fit with 'n_categories'"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "predict", "score", "predict_proba"])
def test_values_that_are_no_codes_are_refused(method, value, message):
    mixture = CategoricalMixture(1, n_categories=3).fit([[1.0], [2.0], [np.nan]])
    with pytest.raises(ValueError, match=message):
        getattr(mixture, method)([[1.0], [value], [np.nan]])


def test_fractions_are_cut_off_with_a_warning_where_levels_are_not_declared():
    with pytest.warns(UserWarning, match=r"values that are no codes, such as 1\.5: they are rounded down"):
        mixture = CategoricalMixture(1, solver="em").fit([[0.0], [1.5], [np.nan]])
    assert_allclose(mixture.probabilities_, [[[0.5, 0.5]]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_categories": 0}, "'n_categories' parameter of CategoricalMixture must be .*Got 0"),
        ({"n_categories": [2, 3, 4]}, "'n_categories' should be a positive integer, or one for each of the 2 features"),
        ({"n_categories": [2, 0]}, "'n_categories' should be a positive integer, or one for each of the 2 features"),
        ({"n_categories": [2.5, 3]}, "'n_categories' should be a positive integer, or one for each of the 2 features"),
        ({"n_categories": 2}, "got code 2 in feature 1, which has 2 levels"),
        ({"probabilities_init": [[[0.5, 0.5, 0], [0.5, 0.5, 0]]]}, r"should have the shape of \(2, 2, 3\)"),
        (
            {"probabilities_init": [[[1.5, -0.5, 0], [0.5, 0.5, 0]]] * 2},
            "should not be negative, .* min value -0.5",
        ),
        (
            {"probabilities_init": [[[0.5, 0.4, 0.1], [0.5, 0.5, 0]]] * 2},
            "0 beyond a feature's levels, .* feature 0",
        ),
        ({"probabilities_init": [[[0.5, 0.4, 0], [0.5, 0.5, 0]]] * 2}, r"rows should add up to 1, but got 0\.90000"),
        ({"solver": Constrained(increasing=0)}, "means or rates, which Categorical does not have"),
        ({"solver": Constrained(means=LinearConstraint(np.ones((1, 4)), 0, 1))}, "which Categorical does not have"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        CategoricalMixture(2, **parameters).fit([[0.0, 2.0], [1.0, 1.0], [1.0, 0.0]])
