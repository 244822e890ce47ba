"""The bootstrap: near asymptotic standard errors, labels matched, repeatable, and what is drawn is what should be."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import MODELS, mixture_of, overlapping, repeats
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture as SklearnMixture

from skmix import GMMHMM, CategoricalMixture, GaussianMixture, HiddenMarkovModel, PoissonHMM, PoissonMixture
from skmix.inference import bootstrap, standard_errors
from skmix.inference.fitted import look_again
from skmix.inference.labels import match, reordered

KINDS = pytest.mark.parametrize("kind", ["nonparametric", "parametric"])


def sequences(n_sequences=60, length=8, seed=0):
    rng = np.random.default_rng(seed)
    state = np.repeat(rng.integers(2, size=n_sequences * length // 4), 4)
    return rng.poisson(np.where(state, 9.0, 2.0)).astype(float)[:, np.newaxis], np.full(n_sequences, length)


# ---- against asymptotic standard errors: of 100 draws they scatter by 1/√200 = 7 % -----------------------------------
@KINDS
def test_standard_errors_of_a_poisson_mixture(kind):
    rng = np.random.default_rng(0)
    X = rng.poisson(np.where(rng.random((500, 1)) < 0.4, [2.0, 8.0], [9.0, 3.0])).astype(float)
    mixture = PoissonMixture(2, random_state=0, tol=1e-8).fit(X)
    result = bootstrap(mixture, X, 100, kind=kind, random_state=0)
    for name, errors in standard_errors(mixture, X, kind="observed").standard_errors.items():
        assert_allclose(result.standard_errors[name], errors, rtol=0.3)  # four of those
        assert result.estimates[name].shape == (100, *errors.shape)
        low, high = result.confidence_intervals(0.9)[name]
        assert_allclose((low + high) / 2, getattr(mixture, name), atol=2 * errors.max())
        assert_allclose(high - low, 2 * 1.645 * errors, rtol=0.5)
    assert result.converged.all()


@KINDS
def test_standard_errors_of_a_hidden_markov_model(kind):
    X, lengths = sequences()
    model = PoissonHMM(2, random_state=0, tol=1e-8).fit(X, lengths=lengths)
    result = bootstrap(model, X, 100, kind=kind, lengths=lengths, random_state=0)
    asymptotic = standard_errors(
        model, X, lengths=lengths, kind="sandwich" if kind == "nonparametric" else "observed"
    ).standard_errors
    for name in ("startprob_", "transmat_", "rates_"):
        assert_allclose(result.standard_errors[name], asymptotic[name], rtol=0.3)


@KINDS
@pytest.mark.parametrize("model", MODELS)
def test_all_mixtures_with_missing_values_and_weights(model, kind):
    X = overlapping(model, n=150, missing=0.1)
    weight = repeats(X, True) - 1.0
    mixture = mixture_of(model, 2, random_state=0).fit(X, sample_weight=weight)
    result = bootstrap(mixture, X, 3, kind=kind, sample_weight=weight, random_state=0)
    for name, values in result.estimates.items():
        assert values.shape == (3, *getattr(mixture, name).shape)
        assert np.isfinite(values).all()
        assert_allclose(result.fitted[name], getattr(mixture, name), atol=1e-12)
    assert result.standard_errors["weights_"].min() > 0


# ---- labels ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("covariance_type", ["full", "tied"])
def test_components_that_come_out_permuted_are_put_back(covariance_type):
    """K = d: axes cannot be told from their lengths."""
    X = np.random.default_rng(0).normal(size=(90, 3)) + 3.0 * np.repeat(np.eye(3), 30, axis=0)
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    fitted, turn = look_again(mixture, X, None, None, None, "test"), np.array([2, 0, 1])
    permuted = {
        name: value[turn] if name in ("weights_", "means_") or covariance_type == "full" else value
        for name, value in fitted.public.items()
    }
    R = mixture.predict_proba(X)
    order = match(R, R[:, turn], np.ones(90))
    assert_allclose(turn[order[:, 0]], np.arange(3))
    back = reordered(mixture, fitted.objective.model.family, 3, permuted, order)
    for name, value in fitted.public.items():
        np.testing.assert_array_equal(back[name], value)


@pytest.mark.parametrize("covariance_type", ["diag", "tied"])
def test_states_and_their_components_are_put_back(covariance_type):
    rng = np.random.default_rng(0)
    X, lengths = sequences()
    X = np.c_[X + np.where(rng.random(X.shape) < 0.4, 12.0, 0.0), X] + 0.5 * rng.normal(size=(len(X), 2))
    model = GMMHMM(2, n_mix=2, covariance_type=covariance_type, random_state=0, tol=1e-8).fit(X, lengths=lengths)
    fitted = look_again(model, X, None, None, lengths, "test")
    states, within = np.array([1, 0]), np.array([[1, 0], [0, 1]])
    flat = (2 * states[:, np.newaxis] + within).ravel()
    permuted = {
        name: value if name not in ("means_", "weights_") and covariance_type == "tied"
        else value.reshape(4, -1)[flat].reshape(value.shape)
        for name, value in fitted.public.items() if name not in ("startprob_", "transmat_", "stationary_distribution_")
    }  # fmt: skip
    permuted["startprob_"] = model.startprob_[states]
    permuted["stationary_distribution_"] = model.stationary_distribution_[states]
    permuted["transmat_"] = model.transmat_[np.ix_(states, states)]
    R = model._responsibilities(X, lengths=lengths)
    order = match(R, R[:, flat], np.ones(len(X)), 2)
    assert_allclose(flat[order.ravel()], np.arange(4))
    back = reordered(model, fitted.objective.model.family, 2, permuted, order)
    for name, value in fitted.public.items():
        assert_allclose(back[name], value, rtol=1e-14)


def test_matching_does_not_depend_on_units_or_empty_components():
    R = np.random.default_rng(0).dirichlet([0.3, 0.3, 0.3], size=50)
    R[:, 1] = 0.0
    order = match(R, R[:, [1, 2, 0]], np.ones(50))
    assert order[:, 0].tolist() == [2, 0, 1]


# ---- what is drawn --------------------------------------------------------------------------------------------------
def test_whole_sequences_are_drawn(monkeypatch):
    X, lengths = sequences(n_sequences=5)
    lengths = np.array([4, 8, 12, 6, 10])
    X[:, 0] = np.repeat(np.arange(1.0, 6.0), lengths)  # rows tell their sequence
    model = HiddenMarkovModel(1, family="poisson").fit(X, lengths=lengths)
    drawn, fit = [], HiddenMarkovModel.fit

    def spy(self, X, **kwargs):
        drawn.append((X, kwargs))
        return fit(self, X, **kwargs)

    monkeypatch.setattr(HiddenMarkovModel, "fit", spy)
    order = np.random.default_rng(0).permutation(len(X))
    bootstrap(model, X[order], 5, sequence_id=np.repeat(np.arange(5), lengths)[order], random_state=0)
    for rows, kwargs in drawn:
        first = np.cumsum(kwargs["lengths"]) - kwargs["lengths"]
        which = rows[first, 0].astype(int) - 1
        assert_allclose(rows[:, 0], np.repeat(which + 1.0, lengths[which]))
        assert kwargs["sample_weight"][first].sum() == 5


def test_missing_values_are_missing_again(monkeypatch):
    X = overlapping("poisson", n=100, missing=0.3)
    mixture, drawn, fit = PoissonMixture(2, random_state=0).fit(X), [], PoissonMixture.fit
    monkeypatch.setattr(PoissonMixture, "fit", lambda self, X: drawn.append(X) or fit(self, X))
    bootstrap(mixture, X, 2, kind="parametric", random_state=0)
    for rows in drawn:
        np.testing.assert_array_equal(np.isnan(rows), np.isnan(X))
        assert np.nanmax(np.abs(rows - X)) > 0


@pytest.mark.parametrize("estimator", [CategoricalMixture(2), HiddenMarkovModel(2, family="categorical")])
def test_a_level_may_be_missing_from_what_is_drawn(estimator):
    X = (np.random.default_rng(0).random((80, 2)) < 0.5).astype(float)
    X[3, 0] = 2.0
    told = {} if isinstance(estimator, CategoricalMixture) else {"lengths": np.full(20, 4)}
    model = estimator.set_params(random_state=0).fit(X, **told)
    result = bootstrap(model, X, 10, random_state=0, **told)
    assert result.estimates["probabilities_"].shape == (10, 2, 2, 3)
    assert np.any(result.estimates["probabilities_"][..., 2].max(axis=(1, 2)) < 1e-6)


def test_the_seed_decides_not_the_number_of_jobs():
    X = overlapping("full", n=100)
    mixture = GaussianMixture(2, random_state=0).fit(X)
    one, two, other = (bootstrap(mixture, X, 4, random_state=s, n_jobs=j) for s, j in ((1, None), (1, 2), (2, None)))
    for name, values in one.estimates.items():
        np.testing.assert_array_equal(values, two.estimates[name])
    assert np.any(one.estimates["means_"] != other.estimates["means_"])
    assert mixture.random_state == 0


# ---- what is refused or told ----------------------------------------------------------------------------------------
def test_fits_that_do_not_converge_are_told_and_kept():
    X = overlapping("full", n=100)
    mixture = GaussianMixture(2, random_state=0, solver="em").fit(X).set_params(max_iter=1, tol=1e-12)
    with pytest.warns(ConvergenceWarning, match=r"3 of 3 fits to data drawn anew did not converge") as told:
        result = bootstrap(mixture, X, 3, random_state=0)
    assert len(told) == 1
    assert not result.converged.any()


def test_what_is_refused():
    X, lengths = sequences()
    model = PoissonHMM(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"draws independent sequences, and there is only one.*kind='parametric'"):
        bootstrap(model, X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert bootstrap(model, X, 2, kind="parametric", random_state=0).estimates["transmat_"].shape == (2, 2, 2)
    with pytest.raises(ValueError, match="'kind' should be one of"):
        bootstrap(model, X, kind="jackknife")
    with pytest.raises(ValueError, match="'n_bootstrap' should be an integer of at least 2, but got 1"):
        bootstrap(model, X, 1, lengths=lengths)
    with pytest.raises(TypeError, match="bootstrap needs a fitted mixture"):
        bootstrap(SklearnMixture().fit(X), X)
