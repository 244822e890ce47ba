"""Hidden Markov models against oracles: hmmlearn from the same start, published numbers, SciPy, mixtures."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from chains import hmm_of, lasting
from numpy.testing import assert_allclose, assert_array_equal
from problems import MODELS, mixture_of, quietly, rows_of
from scipy.optimize import minimize
from scipy.special import softmax
from scipy.stats import poisson

from skmix import GMMHMM, CategoricalHMM, GaussianHMM, HiddenMarkovModel, PoissonHMM
from skmix.datasets import load_earthquakes

# tests/data/make_hmmlearn.py has made it.
HMMLEARN = json.loads((Path(__file__).parents[1] / "data" / "hmmlearn.json").read_text())
STEPWISE = [name for name in HMMLEARN["cases"] if not name.startswith("mixture")]
LENGTHS = HMMLEARN["lengths"]
NAMES = {"emissionprob_": "probabilities_init", "lambdas_": "rates_init"}


def started(name, **kwargs):
    """Our model at hmmlearn's start, its rows, and what hmmlearn made of them."""
    case = HMMLEARN["cases"][name]
    kind, _, covariance_type = name.partition("-")
    start = {key: np.array(value) for key, value in case[kwargs.pop("at", "start")].items()}
    settings = {"startprob_init": start.pop("startprob_"), "transmat_init": start.pop("transmat_"), **kwargs}
    if "covars_" in start:
        covariances = start.pop("covars_")
        inverse = np.linalg.inv if covariance_type in ("full", "tied") else np.reciprocal
        settings |= {"precisions_init": inverse(covariances), "reg_covar": 0.0, "covariance_type": covariance_type}
    for key, value in start.items():
        settings[NAMES.get(key, f"{key}init")] = value[:, np.newaxis] if key == "emissionprob_" else value
    make = {"gaussian": GaussianHMM, "mixture": GMMHMM, "poisson": PoissonHMM, "categorical": CategoricalHMM}[kind]
    if kind == "mixture":
        settings["n_mix"] = 2
    return make(3, solver="em", tol=0.0, **settings), np.array(HMMLEARN["data"][case["data"]], dtype=float), case


@pytest.mark.parametrize("name", STEPWISE)
def test_each_iteration_is_that_of_hmmlearn(name):
    """Sums of a hundred rows in other orders: a few hundred roundings, as much again with each iteration."""
    hmm, X, case = started(name)
    n_iter = len(case["log_likelihood"])
    quietly(hmm.set_params(max_iter=n_iter), X, lengths=LENGTHS)
    assert_allclose(hmm.history_["objective"][:-1] * len(X), case["log_likelihood"], rtol=1e-11)
    for i, expected in case["after"].items():
        quietly(hmm.set_params(max_iter=int(i)), X, lengths=LENGTHS)
        for attribute, value in expected.items():
            found = getattr(hmm, "covariances_" if attribute == "covars_" else attribute)
            assert_allclose(found, value, rtol=1e-9, atol=1e-11, err_msg=attribute)


@pytest.mark.parametrize("algorithm", ["viterbi", "posterior"])
@pytest.mark.parametrize("name", STEPWISE)
def test_decoded_states_are_those_of_hmmlearn(name, algorithm):
    hmm, X, case = started(name, max_iter=12, algorithm=algorithm)
    quietly(hmm, X, lengths=LENGTHS)
    log_probability, states = hmm.decode(X, lengths=LENGTHS)
    assert log_probability == pytest.approx(case[algorithm][0], rel=1e-9)
    assert_array_equal(states, case[algorithm][1])
    assert_array_equal(hmm.predict(X, lengths=LENGTHS), states)


@pytest.mark.parametrize("covariance_type", ["full", "diag", "spherical"])
def test_mixtures_end_where_those_of_hmmlearn_do(covariance_type):
    """Its steps are not EM's, but where they end, EM stands still."""
    hmm, X, case = started(f"mixture-{covariance_type}", at="end", max_iter=50)
    quietly(hmm, X, lengths=LENGTHS)
    values = hmm.history_["objective"] * len(X)
    assert_allclose(values[0], case["log_likelihood"][0], rtol=1e-11)
    assert 0.0 <= values[-1] - values[0] < 1e-5
    assert_allclose(hmm.covariances_, case["end"]["covars_"], atol=1e-3)


# ---- published ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("K", "start", "minus_log_likelihood"),
    [(1, "free", 391.9189), (2, "free", 341.8787), (2, "stationary", 342.3183), (3, "stationary", 329.4603)],
)
def test_earthquakes_have_the_published_likelihood(K, start, minus_log_likelihood):
    """Zucchini and MacDonald (2009); that of a free start by their R code."""
    X = load_earthquakes().data
    hmm = PoissonHMM(K, start=start, n_init=5, tol=1e-10, random_state=0).fit(X)
    assert -hmm.log_likelihood(X) == pytest.approx(minus_log_likelihood, abs=5e-5)
    assert hmm.bic(X) == pytest.approx(2 * minus_log_likelihood + hmm._n_parameters() * np.log(107), abs=1e-3)
    assert hmm._n_parameters() == K + K * (K - 1) + (K - 1) * (start == "free")


def test_earthquakes_of_a_stationary_start_have_the_published_parameters():
    hmm = PoissonHMM(2, start="stationary", n_init=3, tol=1e-12, random_state=0).fit(load_earthquakes().data)
    order = hmm.rates_[:, 0].argsort()
    assert_allclose(hmm.rates_[order, 0], [15.472, 26.125], atol=5e-4)
    assert_allclose(hmm.transmat_[np.ix_(order, order)], [[0.9340, 0.0660], [0.1285, 0.8715]], atol=5e-4)
    assert_allclose(hmm.startprob_[order], [0.661, 0.339], atol=1e-3)
    assert_allclose(hmm.stationary_distribution_, hmm.startprob_, rtol=1e-9)


# ---- SciPy ----------------------------------------------------------------------------------------------------------
OF_START, OF_A = np.array([1.5, 3.0]), np.array([[4.0, 2.0], [1.0, 2.5]])
COUNTS = np.array([2, 1, 9, 7, 8, 3, 2, 1, 6, 10, 1, 0, 2, 9.0])[:, np.newaxis]


@cache
def mode(start, lengths):
    """The posterior's mode, by SciPy in plain softmax coordinates and from values alone."""

    def parameters(theta):
        A = softmax(np.column_stack([theta[1:3], [0.0, 0.0]]), axis=1)
        first = softmax([theta[0], 0.0])
        if start == "stationary":
            first = np.array([A[1, 0], A[0, 1]]) / (A[1, 0] + A[0, 1])
        return first, A, np.exp(theta[3:])

    def loss(theta):
        first, A, rates = parameters(theta)
        log_likelihood = 0.0
        for densities in np.split(poisson.pmf(COUNTS, rates), np.cumsum(lengths)[:-1]):
            joint = first * densities[0]
            for density in densities[1:]:
                joint = (joint @ A) * density
            log_likelihood += np.log(joint.sum())
        prior = ((OF_A - 1.0) * np.log(A)).sum()
        return -(log_likelihood + prior + (((OF_START - 1.0) * np.log(first)).sum() if start == "free" else 0.0))

    begin = np.array([0.0, 0.5, -0.5, np.log(2.0), np.log(8.0)])
    options = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000, "maxfev": 5000}
    return parameters(minimize(loss, begin, method="Nelder-Mead", options=options).x)


@pytest.mark.parametrize("solver", ["em", "lbfgs", "newton"])
@pytest.mark.parametrize("start", ["free", "stationary"])
def test_priors_give_the_posterior_mode_that_scipy_finds(solver, start):
    """Values right to 1e-12 nats or so give parameters to its root, times what little curvature makes of it."""
    lengths = (7, 4, 3)
    settings = {"startprob_prior": OF_START} if start == "free" else {}
    hmm = PoissonHMM(2, start=start, transmat_prior=OF_A, rates_init=[[2.0], [8.0]], **settings)
    alone = PoissonHMM(2, start=start, rates_init=[[2.0], [8.0]]).fit(COUNTS, lengths=lengths)
    quietly(hmm.set_params(solver=solver, tol=1e-14, max_iter=5000), COUNTS, lengths=lengths)
    for found, value in zip((hmm.startprob_, hmm.transmat_, hmm.rates_[:, 0]), mode(start, lengths), strict=True):
        assert_allclose(found, value, rtol=1e-4)
    assert np.abs(alone.transmat_ - hmm.transmat_).max() > 1e-2


# ---- mixtures -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", MODELS)
def test_one_state_is_one_component(model, missing):
    X = rows_of(model, n=60, missing=missing)
    kwargs = {"tol": 1e-12, "max_iter": 3000, "random_state": 0, "solver": "em"}
    weight = np.random.default_rng(0).integers(1, 4, size=len(X))
    hmm = hmm_of(model, 1, **kwargs).fit(X, sample_weight=weight, lengths=[25, 35])
    mixture = mixture_of(model, 1, **kwargs).fit(X, sample_weight=weight)
    assert_allclose(hmm.score_samples(X, lengths=[1, 59]), mixture.score_samples(X), rtol=1e-9)
    assert_array_equal(hmm.predict_proba(X), 1.0)
    for name in (*hmm._component_attributes,):
        assert_allclose(getattr(hmm, name), getattr(mixture, name), rtol=1e-8)
    assert_array_equal(hmm.transmat_, [[1.0]])


@pytest.mark.parametrize("model", MODELS)
def test_sequences_of_one_row_are_a_mixture(model):
    X = rows_of(model, n=150, K=2)
    mixture = mixture_of(model, 2, solver="em", tol=0.0, max_iter=20, random_state=0)
    lone = np.ones(len(X), dtype=int)
    hmm = hmm_of(model, 2, solver="em", tol=0.0, max_iter=20, random_state=0)
    quietly(mixture, X)
    hmm.set_params(startprob_init=[0.5, 0.5], max_iter=0).fit(X, lengths=lone)
    hmm.set_params(warm_start=True, max_iter=20)
    names = hmm._component_attributes
    start = mixture_of(model, 2, max_iter=0, random_state=0).fit(X)
    for name in names:
        setattr(hmm, name, getattr(start, name))
    hmm.startprob_ = start.weights_
    before = hmm.transmat_
    quietly(hmm, X, lengths=lone)
    assert_allclose(hmm.history_["objective"], mixture.history_["objective"], rtol=1e-10)
    assert_allclose(hmm.startprob_, mixture.weights_, rtol=1e-8)
    assert_allclose(hmm.transmat_, before, rtol=1e-15)
    assert_allclose(hmm.score_samples(X, lengths=lone), mixture.score_samples(X), rtol=1e-8)
    assert_allclose(hmm.predict_proba(X, lengths=lone), mixture.predict_proba(X), atol=1e-8)


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_one_component_to_a_state_is_a_gaussian_hmm(missing):
    X, lengths = lasting("diag", missing=missing)
    kwargs = {"tol": 1e-9, "random_state": 0, "solver": "lbfgs", "max_iter": 1000}
    one, other = GaussianHMM(2, **kwargs).fit(X, lengths=lengths), GMMHMM(2, 1, **kwargs).fit(X, lengths=lengths)
    assert_allclose(other.lower_bound_, one.lower_bound_, rtol=1e-9)
    order = other.means_[:, 0, 0].argsort()
    assert_allclose(other.means_[order, 0], one.means_[one.means_[:, 0].argsort()], atol=1e-3)
    assert_array_equal(other.weights_, 1.0)


@pytest.mark.parametrize("model", MODELS)
def test_the_general_model_is_the_named_one(model):
    X, lengths = lasting(model)
    family = model if model in ("poisson", "bernoulli", "categorical") else f"gaussian-{model}"
    named = hmm_of(model, 2, random_state=0, tol=1e-8).fit(X, lengths=lengths)
    general = HiddenMarkovModel(2, family=family, random_state=0, tol=1e-8).fit(X, lengths=lengths)
    assert_array_equal(general.history_["objective"], named.history_["objective"])
    for name in named._component_attributes:
        assert_array_equal(getattr(general, name), getattr(named, name))
    assert_array_equal(general.predict(X, lengths=lengths), named.predict(X, lengths=lengths))
