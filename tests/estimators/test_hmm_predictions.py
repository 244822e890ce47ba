"""What hidden Markov models predict: all paths of tiny chains are the oracle, with entries and rows missing."""

import pickle

import numpy as np
import pytest
from chains import all_paths, hmm_of, lasting, log_densities
from numpy.testing import assert_allclose, assert_array_equal

from skmix import GMMHMM, BernoulliHMM, CategoricalHMM, GaussianHMM, PoissonHMM
from skmix.estimators.gaussian_components import factor_of

NAN = np.nan
MODELS = ("full", "tied", "diag", "spherical", "poisson", "bernoulli", "categorical", "mixture")
STARTS = {"even": [0.5, 0.3, 0.2], "certain": [0.0, 1.0, 0.0]}
MATRICES = {
    "full": [[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.25, 0.15, 0.6]],
    "left-right": [[0.5, 0.5, 0.0], [0.0, 0.6, 0.4], [0.0, 0.0, 1.0]],
}
LENGTHS = [5, 1, 4]


def written(model, matrix="full", start="even"):
    """A model that is written down, not fitted, and a few rows with missing ones among them."""
    hmm = hmm_of(model)
    hmm.startprob_, hmm.transmat_ = np.array(STARTS[start]), np.array(MATRICES[matrix])
    rng = np.random.default_rng(3)
    if model == "poisson":
        hmm.lambdas_ = [[1.0, 5.0], [4.0, 4.0], [8.0, 1.0]]
        X = rng.poisson(4.0, size=(10, 2)).astype(float)
    elif model == "bernoulli":
        hmm.probabilities_ = np.array([[0.2, 0.5], [0.7, 0.4], [0.6, 0.9]])
        X = rng.integers(2, size=(10, 2)).astype(float)
    elif model == "categorical":
        hmm.probabilities_ = np.array([[[0.2, 0.8, 0], [0.5, 0.2, 0.3]], [[0.7, 0.3, 0], [0.1, 0.3, 0.6]]] * 2)[:3]
        X = np.column_stack([rng.integers(2, size=10), rng.integers(3, size=10)]).astype(float)
    elif model == "mixture":
        hmm.weights_ = np.array([[0.3, 0.7], [0.5, 0.5], [0.9, 0.1]])
        hmm.means_ = rng.normal(size=(3, 2, 2)) * [1.0, 20.0]
        hmm.precisions_cholesky_ = rng.uniform(0.5, 2.0, size=(3, 2, 2)) / [1.0, 20.0]
        X = rng.normal(size=(10, 2)) * [1.0, 20.0]
    else:
        hmm.means_ = np.array([[0.0, 10.0], [1.0, -10.0], [-1.5, 5.0]])
        own = {
            "full": [[[1.0, 3.0], [3.0, 150.0]], [[0.5, -2.0], [-2.0, 90.0]], [[2.0, 0.0], [0.0, 60.0]]],
            "tied": [[1.0, 3.0], [3.0, 150.0]],
            "diag": [[1.0, 150.0], [0.5, 90.0], [2.0, 60.0]],
            "spherical": [30.0, 60.0, 90.0],
        }
        hmm.covars_ = own[model]
        X = rng.normal(size=(10, 2)) * [1.0, 12.0]
    X[1], X[3, 0], X[7, 1] = NAN, NAN, NAN
    return hmm, X


def pieces(X, lengths=LENGTHS):
    return np.split(X, np.cumsum(lengths)[:-1])


def brute(hmm, X, lengths=LENGTHS):
    return [all_paths(log_densities(hmm, part), hmm.startprob_, hmm.transmat_) for part in pieces(X, lengths)]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("model", MODELS)
def test_a_model_written_down_predicts_what_all_paths_add_up_to(model, matrix, start):
    """SciPy's densities of what is observed, and every path there is: some hundred roundings."""
    hmm, X = written(model, matrix, start)
    expected = brute(hmm, X)
    predictive = np.concatenate([one.predictive for one in expected])
    assert_allclose(hmm.score_samples(X, lengths=LENGTHS), predictive, rtol=1e-10, atol=1e-11)
    assert hmm.log_likelihood(X, lengths=LENGTHS) == pytest.approx(predictive.sum(), rel=1e-11)
    assert hmm.score(X, lengths=LENGTHS) == pytest.approx(predictive.mean(), rel=1e-11)
    for method, name in ((hmm.predict_proba, "smoothed"), (hmm.filter, "filtered")):
        found = np.concatenate([getattr(one, name) for one in expected])
        assert_allclose(method(X, lengths=LENGTHS), found, atol=1e-11)
    log_probability, path = hmm.decode(X, lengths=LENGTHS)
    assert log_probability == pytest.approx(sum(one.log_best for one in expected), rel=1e-11)
    assert_array_equal(path, np.concatenate([one.best for one in expected]))
    assert_array_equal(hmm.predict(X, lengths=LENGTHS), path)
    assert_allclose(hmm.emission_log_density(X), log_densities(hmm, X), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("model", MODELS)
def test_the_posterior_algorithm_gives_the_most_probable_state_of_each_row(model):
    hmm, X = written(model)
    smoothed = np.concatenate([one.smoothed for one in brute(hmm, X)])
    score, states = hmm.decode(X, lengths=LENGTHS, algorithm="posterior")
    assert score == pytest.approx(smoothed.max(axis=1).sum(), rel=1e-11)
    assert_array_equal(states, smoothed.argmax(axis=1))
    hmm.algorithm = "posterior"
    assert_array_equal(hmm.predict(X, lengths=LENGTHS), states)


# ---- forecasts and imputed values -----------------------------------------------------------------------------------
def state_moments(hmm, model):
    """Means and variances of each state by hand, (3, 2) each."""
    if model == "poisson":
        return hmm.rates_, hmm.rates_
    if model == "bernoulli":
        return hmm.probabilities_, hmm.probabilities_ * (1 - hmm.probabilities_)
    if model == "categorical":
        levels, p = np.arange(3), hmm.probabilities_
        return p @ levels, p @ levels**2 - (p @ levels) ** 2
    if model == "mixture":
        w, means, variances = hmm.weights_[..., np.newaxis], hmm.means_, hmm.precisions_cholesky_**-2.0
        mean = (w * means).sum(axis=1)
        return mean, (w * (variances + means**2)).sum(axis=1) - mean**2
    return hmm.means_, np.diagonal(hmm.covars_, axis1=1, axis2=2)


@pytest.mark.parametrize("model", [model for model in MODELS if model != "categorical"])
def test_a_forecast_is_the_filtered_state_times_powers_of_the_matrix(model):
    hmm, X = written(model)
    forecast = hmm.forecast(X, 4, lengths=LENGTHS)
    means, variances = state_moments(hmm, model)
    for s, one in enumerate(brute(hmm, X)):
        for step in range(4):
            states = one.filtered[-1] @ np.linalg.matrix_power(hmm.transmat_, step + 1)
            assert_allclose(forecast.states[s, step], states, atol=1e-11)
            assert_allclose(forecast.mean[s, step], states @ means, rtol=1e-10)
            spread = states @ (variances + (means - states @ means) ** 2)
            assert_allclose(forecast.variance[s, step], spread, rtol=1e-9)
    assert forecast.states.shape == (3, 4, 3)
    density = hmm.emission_log_density(X[:1]) + np.log(forecast.states[0, 0])
    longer = hmm.score_samples(np.vstack([X[:5], X[:1]]))[5]
    assert np.logaddexp.reduce(density, axis=1)[0] == pytest.approx(longer, rel=1e-10)


@pytest.mark.parametrize("model", ["full", "tied", "diag", "spherical", "poisson", "mixture"])
def test_imputed_values_are_the_expected_ones_given_the_whole_sequence(model):
    """By brute force: the conditional mean in each state (Gaussian: its regression), weighted by smoothed states."""
    hmm, X = written(model)
    completed = hmm.impute(X, lengths=LENGTHS)
    missing = np.isnan(X)
    assert_array_equal(completed[~missing], X[~missing])
    smoothed = np.concatenate([one.smoothed for one in brute(hmm, X)])
    for n, j in np.argwhere(missing):
        assert completed[n, j] == pytest.approx(smoothed[n] @ conditional_means(hmm, model, X[n], j), rel=1e-9)


def conditional_means(hmm, model, row, j):
    """E[row_j | its observed values, state] for each state."""
    if model == "poisson":
        return hmm.rates_[:, j]
    seen = np.flatnonzero(~np.isnan(row))
    if model == "mixture":
        means, variances = hmm.means_, hmm.precisions_cholesky_**-2.0
        log_w = np.log(hmm.weights_)
        for i in seen:
            log_w = log_w - 0.5 * (np.log(variances[:, :, i]) + (row[i] - means[:, :, i]) ** 2 / variances[:, :, i])
        w = np.exp(log_w - log_w.max(axis=1, keepdims=True))
        return (w * means[:, :, j]).sum(axis=1) / w.sum(axis=1)
    found = []
    for mean, covariance in zip(hmm.means_, hmm.covars_, strict=True):
        slope = covariance[j, seen] @ np.linalg.inv(covariance[np.ix_(seen, seen)]) if len(seen) else np.zeros(0)
        found.append(mean[j] + slope @ (row[seen] - mean[seen]))
    return np.array(found)


@pytest.mark.parametrize("model", MODELS)
def test_fitted_models_impute_without_touching_what_was_observed(model):
    X, lengths = lasting(model, missing=0.2)
    hmm = hmm_of(model, 2, random_state=0).fit(X, lengths=lengths)
    completed = hmm.impute(X, lengths=lengths)
    seen = ~np.isnan(X)
    assert completed[seen].tobytes() == X[seen].tobytes()
    assert np.isfinite(completed).all()
    assert (~seen).sum() > 50


# ---- samples --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", MODELS)
def test_samples_have_the_frequencies_and_moments_of_the_model(model):
    """Within five standard errors; those of a state's variance with the fourth moments of the sample."""
    hmm, _ = written(model)
    hmm.random_state = 0
    lengths = [30] * 1000
    X, states = hmm.sample(lengths=lengths)
    assert X.shape == (30_000, 2)
    paths = states.reshape(1000, 30)
    moves = np.zeros((3, 3))
    np.add.at(moves, (paths[:, :-1], paths[:, 1:]), 1)
    for count, p in [(np.bincount(paths[:, 0], minlength=3), hmm.startprob_), *zip(moves, hmm.transmat_, strict=True)]:
        n = count.sum()
        assert (np.abs(count - n * p) <= 5 * np.sqrt(n * p * (1 - p))).all()
    means, variances = state_moments(hmm, model)
    for k in range(3):
        rows = X[states == k]
        assert (np.abs(rows.mean(axis=0) - means[k]) <= 5 * np.sqrt(variances[k] / len(rows))).all()
        squares = (rows - means[k]) ** 2
        assert (np.abs(squares.mean(axis=0) - variances[k]) <= 5 * squares.std(axis=0) / np.sqrt(len(rows))).all()


@pytest.mark.parametrize("model", MODELS)
def test_samples_depend_on_the_seed_alone(model):
    hmm, _ = written(model)
    hmm.random_state = 7
    X, states = hmm.sample(20)
    assert X.shape == (20, 2)
    assert states.shape == (20,)
    assert_array_equal(hmm.sample(20)[0], X)
    assert (hmm.set_params(random_state=8).sample(20)[0] != X).any()


@pytest.mark.parametrize("model", ["diag", "mixture"])
def test_variances_of_a_forecast_do_not_depend_on_where_zero_is(model):
    hmm, X = written(model)
    far, _ = written(model)
    far.means_ = far.means_ + 2.0**30  # exact: the means are rounded to whole multiples of 2^-22
    hmm.means_ = far.means_ - 2.0**30
    one, other = hmm.forecast(X[:1], 3), far.forecast(X[:1] + 2.0**30, 3)
    assert_allclose(other.states, one.states, rtol=1e-5)
    assert_allclose(other.variance, one.variance, rtol=1e-5)


# ---- the long run ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", ["diag", "poisson"])
def test_the_stationary_distribution_is_left_alone_by_the_matrix(model):
    X, lengths = lasting(model)
    hmm = hmm_of(model, 2, random_state=0).fit(X, lengths=lengths)
    share = hmm.stationary_distribution_
    assert_allclose(share @ hmm.transmat_, share, rtol=1e-12)
    assert share.sum() == pytest.approx(1.0, rel=1e-14)
    assert_allclose(share, np.linalg.matrix_power(hmm.transmat_, 10_000)[0], rtol=1e-9)


# ---- models of hand, and hmmlearn's names---------------------------------------------------------------------------
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_covars_are_matrices_and_can_be_set_as_such(covariance_type):
    hmm, X = written(covariance_type)
    matrices = hmm.covars_
    assert matrices.shape == (3, 2, 2)
    other, _ = written(covariance_type)
    other.covars_ = matrices
    assert_allclose(other.precisions_cholesky_, hmm.precisions_cholesky_, rtol=1e-14)
    assert_allclose(other.score_samples(X), hmm.score_samples(X), rtol=1e-13, atol=1e-14)
    with pytest.raises(ValueError, match=r"should have the shape of .*, but got \(7,\)"):
        hmm.covars_ = np.ones(7)
    fitted = GaussianHMM(2, covariance_type, random_state=0).fit(lasting("diag")[0])
    expected = factor_of(fitted._family_at_hand(), fitted.covars_, 2, 2)
    assert_allclose(expected, fitted.precisions_cholesky_, rtol=1e-12)


@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_covars_of_mixtures_are_the_covariances_and_can_be_set(covariance_type):
    X, lengths = lasting("mixture")
    hmm = GMMHMM(2, 2, covariance_type=covariance_type, random_state=0).fit(X, lengths=lengths)
    assert_allclose(hmm.covars_, hmm.covariances_, rtol=1e-12)
    other = GMMHMM(2, 2, covariance_type=covariance_type)
    for name in ("startprob_", "transmat_", "weights_", "means_", "covars_"):
        setattr(other, name, getattr(hmm, name))
    assert_allclose(other.covars_, hmm.covars_, rtol=1e-12)
    assert_allclose(other.score_samples(X, lengths=lengths), hmm.score_samples(X, lengths=lengths), rtol=1e-9)
    with pytest.raises(ValueError, match=r"should have the shape of .*, but got \(7,\)"):
        other.covars_ = np.ones(7)


def test_covars_that_are_no_covariances_are_refused():
    hmm, _ = written("full")
    with pytest.raises(ValueError, match="symmetric, positive-definite"):
        hmm.covars_ = -np.tile(np.eye(2), (3, 1, 1))


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"startprob_": [0.5, 0.4, 0.2]}, r"'startprob_' should have rows that add up to 1, but one adds up to 1.1"),
        ({"startprob_": [0.5, 0.5]}, r"'startprob_' should have the shape of \(3,\), but got \(2,\)"),
        ({"transmat_": np.eye(2)}, r"'transmat_' has the shape of \(2, 2\), but n_components=3; make them fit"),
        ({"transmat_": np.eye(3) - 0.1}, r"'transmat_' should be in the range \[0, 1\]"),
    ],
)
def test_chains_of_hand_that_are_none_are_refused(attributes, message):
    hmm, X = written("poisson")
    for name, value in attributes.items():
        setattr(hmm, name, value)
    for call in (hmm.predict, hmm.score, hmm.bic, lambda X: hmm.sample(3)):
        with pytest.raises(ValueError, match=message):
            call(X)


@pytest.mark.parametrize("model", MODELS)
def test_models_of_hand_take_rows_of_their_features_alone(model):
    hmm, X = written(model)
    with pytest.raises(ValueError, match=r"X has 1 features, but \w+ is expecting 2 features as input"):
        hmm.predict(X[:, :1])


def test_emissionprob_is_the_table_of_the_only_feature():
    hmm = CategoricalHMM(2)
    hmm.startprob_, hmm.transmat_ = [0.5, 0.5], [[0.9, 0.1], [0.2, 0.8]]
    hmm.emissionprob_ = [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]
    assert hmm.probabilities_.shape == (2, 1, 3)
    assert_array_equal(hmm.emissionprob_, [[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
    expected = np.log(0.5 * 0.1 * 1.0 + 0.5 * 0.8)
    assert hmm.log_likelihood([[2.0]]) == pytest.approx(expected, rel=1e-14)
    assert_array_equal(hmm.predict([[0], [0], [2], [2]]), [0, 0, 1, 1])
    several, _ = written("categorical")
    with pytest.raises(AttributeError, match="emissionprob_ is for one feature"):
        several.emissionprob_  # noqa: B018


def test_lambdas_are_the_rates():
    hmm, _ = written("poisson")
    assert hmm.lambdas_ is hmm.rates_
    fitted = PoissonHMM(2, random_state=0).fit(lasting("poisson")[0])
    assert_array_equal(fitted.lambdas_, fitted.rates_)


@pytest.mark.parametrize("model", MODELS)
def test_pickled_models_predict_the_same(model):
    X, lengths = lasting(model, missing=0.1)
    hmm = hmm_of(model, 2, random_state=0).fit(X, lengths=lengths)
    copy = pickle.loads(pickle.dumps(hmm))
    assert_array_equal(copy.predict_proba(X, lengths=lengths), hmm.predict_proba(X, lengths=lengths))
    assert_array_equal(copy.sample(5)[0], hmm.sample(5)[0])


@pytest.mark.parametrize("make", [GaussianHMM, GMMHMM, PoissonHMM, BernoulliHMM])
@pytest.mark.parametrize("T", [1, 2])
def test_sequences_of_one_row_can_be_fitted_and_predicted(make, T):
    rng = np.random.default_rng(0)
    X = rng.integers(2, size=(30, 2)).astype(float)
    hmm = make(2, solver="em", random_state=0, max_iter=2000, tol=1e-4).fit(X, lengths=[T] * (30 // T))
    assert_allclose(hmm.predict_proba(X[:1]).sum(), 1.0)
    assert hmm.predict(X[:1]).shape == (1,)
    assert np.isfinite(hmm.score(X, lengths=[1] * 30))


@pytest.mark.parametrize("model", MODELS)
def test_long_sequences_do_not_underflow(model):
    hmm, _ = written(model)
    hmm.random_state = 0
    X, states = hmm.sample(20_000)
    density = hmm.score_samples(X)
    assert np.isfinite(density).all()
    assert density.sum() < -1e4
    assert_allclose(hmm.predict_proba(X).sum(axis=1), 1.0, rtol=1e-12)
    # The most probable path is no less probable than the one that was drawn.
    log_joint = np.log(hmm.startprob_[states[0]]) + np.log(hmm.transmat_[states[:-1], states[1:]]).sum()
    log_joint += hmm.emission_log_density(X)[np.arange(20_000), states].sum()
    assert hmm.decode(X)[0] >= log_joint


@pytest.mark.parametrize("call", ["decode", "filter", "score_samples", "predict_proba"])
def test_predictions_do_not_depend_on_the_number_of_threads(call, monkeypatch):
    hmm, _ = written("diag")
    lengths = np.random.default_rng(0).integers(1, 900, 20)  # several chunks of sequences
    X, _ = hmm.sample(lengths=lengths)
    found = []
    for number in (1, 3):
        monkeypatch.setattr("skmix.estimators.base.available_threads", lambda number=number: number)
        one = getattr(hmm, call)(X, lengths=lengths)
        found.append(one if call != "decode" else np.r_[one])
    assert_array_equal(found[0], found[1])
