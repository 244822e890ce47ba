"""Means (rates, probabilities) and weights that are known: kept by every solver, which all climb the same objective."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from chains import DISCRETE_HMMS, hmm_of, lasting
from chains import given as given_chain
from numpy.testing import assert_allclose, assert_array_equal
from problems import MODELS, adopt, charts_of, derivative, given, mixture_of, overlapping, quietly, repeats
from sklearn.base import clone

from skmix import GMMHMM, GaussianHMM, GaussianMixture, HiddenMarkovModel, PoissonHMM, PoissonMixture
from skmix.inference import standard_errors
from skmix.solvers import LBFGS, SOLVERS, Constrained

SOME = [name for name in SOLVERS if name not in ("derivative-free", "riemannian")]
PAIRS = [
    *((name, "full") for name in SOME),
    *product(["em", "lbfgs", "constrained"], ["tied", "poisson", "categorical"]),
]
FOR_CHAINS = [name for name in SOME if name != "constrained"]
LEFT = dict.fromkeys(("gradient-descent", "cg", "online-em", "adam"), 1e-6)  # as in test_agreement
ANALYTIC = [(model, chart) for model in MODELS for chart in charts_of(model) if chart != "factor"]


def location_of(model):
    """The stem of the names of a model's locations."""
    return {"poisson": "rates", "bernoulli": "probabilities", "categorical": "probabilities"}.get(model, "means")


@cache
def case(model):
    """Rows with NaN and weights, a mixture that starts near the optimum and holds a component's location, and a weight.

    What is held is beside the optimum.
    """
    X = overlapping(model, n=200, missing=0.1)
    weight = repeats(X, True)
    start = quietly(mixture_of(model, 3, solver="em", max_iter=20, tol=0, random_state=1), X, sample_weight=weight)
    settings = {
        **given(start),
        "weights_fixed": [True, False, False],
        f"{location_of(model)}_fixed": [False, True, False],
    }
    share = start.weights_ + np.array([0.03, -0.02, -0.01])
    settings["weights_init"] = share / share.sum()
    key = f"{location_of(model)}_init"
    settings[key] = settings[key].copy()
    shift = settings[key][[2]]  # a component in the middle of another and its own place
    settings[key][1] = 0.9 * settings[key][1] + 0.1 * shift[0]
    mixture = mixture_of(model, 3, max_iter=20_000, **settings)
    ends = [clone(mixture).set_params(solver=solver, tol=1e-11).fit(X, None, weight) for solver in ("em", "lbfgs")]
    assert ends[0].lower_bound_ == pytest.approx(ends[1].lower_bound_, abs=1e-9)
    return X, weight, mixture, max(end.lower_bound_ for end in ends)


def assert_held(mixture, model):
    stem = location_of(model)
    assert mixture.weights_[0] == mixture.weights_init[0]
    assert mixture.weights_.sum() == pytest.approx(1.0, rel=1e-14)
    held = getattr(mixture, f"{stem}_init")[1]
    assert_allclose(getattr(mixture, f"{stem}_")[1], held, rtol=1e-13, atol=1e-15)
    free = np.abs(getattr(mixture, f"{stem}_") - getattr(mixture, f"{stem}_init"))[[0, 2]]
    assert free.max() > 1e-6


@pytest.mark.parametrize(("solver", "model"), PAIRS)
def test_all_solvers_hold_the_same_and_end_at_the_same_optimum(solver, model):
    X, weight, mixture, best = case(model)
    mixture = clone(mixture).set_params(solver=solver, tol=1e-8)
    quietly(mixture, X, sample_weight=weight)
    assert_held(mixture, model)
    objective = mixture._objective(X, weight)
    reached = objective.at(adopt(mixture, objective)).value
    assert -1e-9 < best - reached < LEFT.get(solver, 1e-7)
    assert np.diff(mixture.history_["objective"]).min() >= 0.0


@pytest.mark.parametrize("solver", [Constrained(method="trust-constr"), LBFGS(chart="factor", warmup=0)], ids=str)
@pytest.mark.parametrize("model", ["full", "tied"])
def test_other_ways_hold_the_same(solver, model):
    X, weight, mixture, best = case(model)
    mixture = clone(mixture).set_params(solver=solver, tol=1e-8)
    quietly(mixture, X, sample_weight=weight)
    assert_held(mixture, model)
    assert -1e-9 < best - mixture.lower_bound_ < 1e-6


@pytest.mark.parametrize("model", MODELS)
def test_the_optimum_is_one_of_all_that_hold_the_same(model):
    """Without what is held the optimum is higher, and bic counts fewer parameters."""
    X, weight, mixture, best = case(model)
    free = clone(mixture).set_params(weights_fixed=False, tol=1e-9, **{f"{location_of(model)}_fixed": False})
    free.fit(X, None, weight)
    assert free.lower_bound_ > best + 1e-6
    own = quietly(clone(mixture).set_params(tol=1e-3), X, sample_weight=weight)
    of_one = np.sum(own.n_categories_ - 1) if model == "categorical" else X.shape[1]
    assert own._n_parameters() == free._n_parameters() - 1 - of_one
    objective = own._objective(X, weight)
    assert objective.n_parameters == own._n_parameters()


@pytest.mark.parametrize(("model", "chart_name"), ANALYTIC)
def test_gradients_in_the_coordinates_that_are_left(model, chart_name):
    X, weight, mixture, _ = case(model)
    start = quietly(clone(mixture).set_params(max_iter=1), X, sample_weight=weight)
    objective = start._objective(X, weight)
    chart = objective.chart(chart_name, objective.at(adopt(start, objective)))
    rng = np.random.default_rng(1)
    z = chart.start + 0.05 * rng.uniform(-1.0, 1.0, len(chart.start))
    v = rng.normal(size=len(z))
    assert len(z) - chart.idle(z).shape[1] == objective.n_parameters

    def gradient(at):
        return objective.gradient(chart, at, objective.at(chart.parameters(at)))

    assert gradient(z) @ v == pytest.approx(
        derivative(lambda at: objective.at(chart.parameters(at)).value, z, v), rel=1e-6, abs=1e-9
    )
    change = derivative(gradient, z, v, step=1e-4)
    product = objective.hessian_product(chart, z, objective.at(chart.parameters(z)), v)
    assert_allclose(product, change, rtol=0, atol=1e-6 * np.abs(change).max())
    assert_allclose(chart.coordinates(chart.parameters(chart.start)), chart.start, atol=1e-8)


@pytest.mark.parametrize(("covariance_type", "pool"), [("full", None), ("diag", np.diag), ("spherical", np.trace)])
def test_the_covariance_about_a_known_mean_is_the_second_moment_about_it(covariance_type, pool):
    X = np.random.default_rng(0).normal(size=(50, 2)) * [1.0, 3.0] + 7.0
    mean = np.array([[6.0, 8.5]])
    mixture = GaussianMixture(1, covariance_type=covariance_type, reg_covar=0.0, means_init=mean, means_fixed=True).fit(
        X
    )
    moment = (X - mean).T @ (X - mean) / len(X)
    expected = moment if pool is None else pool(moment) / (2 if covariance_type == "spherical" else 1)
    assert_allclose(mixture.covariances_[0], expected, rtol=1e-9)
    assert_allclose(mixture.means_, mean, rtol=1e-15)


def test_free_weights_share_what_the_fixed_ones_leave():
    """With all labels known: counts, rescaled."""
    truth = np.repeat([0, 1, 2], [10, 30, 60])
    X = np.random.default_rng(0).normal(size=(100, 1)) + 9.0 * truth[:, np.newaxis]
    mixture = GaussianMixture(3, weights_init=[0.3, 0.5, 0.2], weights_fixed=[False, True, False]).fit(X, labels=truth)
    assert_allclose(mixture.weights_, [0.5 / 7, 0.5, 3.0 / 7], rtol=1e-12)
    assert mixture._n_parameters() == 3 + 3 + 1


def test_all_known():
    rates, weights = np.array([[2.0], [9.0]]), np.array([0.25, 0.75])
    X = np.random.default_rng(0).poisson(4.0, size=(30, 1))
    for solver in ("auto", "newton", "constrained", "adam"):
        mixture = PoissonMixture(
            2, solver=solver, weights_init=weights, rates_init=rates, weights_fixed=True, rates_fixed=True
        ).fit(X)
        assert_array_equal(mixture.weights_, weights)
        assert_array_equal(mixture.rates_, rates)
        assert mixture.converged_
        assert mixture._n_parameters() == 0


@pytest.mark.parametrize("search", ["random-swap", "split-merge", "annealing"])
def test_searches_and_restarts_hold_the_same(search):
    X = overlapping("full", n=150)
    means = np.array([[2.0, 1.0], [0.0, 0.0], [5.0, 5.0]])
    mixture = GaussianMixture(3, means_init=means, means_fixed=[False, False, True], search=search, n_init=2)
    quietly(mixture.set_params(random_state=0, max_iter=30, warm_start=True), X)
    assert_allclose(mixture.means_[2], means[2], rtol=1e-14)
    quietly(mixture.set_params(max_iter=5), X)  # goes on from its own
    assert_allclose(mixture.means_[2], means[2], rtol=1e-14)
    assert mixture.marginal([0]).means_.shape == (3, 1)


@pytest.mark.parametrize("cls", [GaussianMixture, GaussianHMM])
def test_a_start_has_clusters_where_the_means_are_held(cls):
    """Whichever their order: the covariances, weights and transitions of a start belong to its means."""
    rng = np.random.default_rng(0)
    spread, centres = np.array([0.1, 1.0, 3.0]), np.array([0.0, 10.0, 30.0])
    truth = np.repeat([0, 1, 2], [20, 60, 100])
    X = (centres[truth] + spread[truth] * rng.normal(size=180))[:, np.newaxis]
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        given = {"means_init": centres[order][:, np.newaxis], "means_fixed": [True, True, False]}
        model = cls(3, covariance_type="diag", max_iter=0, random_state=0, **given).fit(X)
        assert_allclose(np.sqrt(model.covariances_.ravel()), spread[order], rtol=0.5)
        assert_array_equal(model.predict(X), np.argsort(order)[truth])


def test_standard_errors_of_what_is_held_are_zero():
    X, weight, mixture, _ = case("full")
    errors = standard_errors(clone(mixture).set_params(tol=1e-10).fit(X, None, weight), X, weight)
    assert_array_equal(errors.standard_errors["means_"][1], 0.0)
    assert errors.standard_errors["weights_"][0] == 0.0
    assert (errors.standard_errors["means_"][[0, 2]] > 0).all()
    assert len(errors.eigenvalues) == clone(mixture).fit(X, None, weight)._n_parameters()


# ---- hidden Markov models -------------------------------------------------------------------------------------------
@cache
def chain_case(model):
    X, lengths = lasting(model, (60, 1, 70, 40, 29), missing=0.1)
    start = quietly(hmm_of(model, 2, solver="em", max_iter=3, tol=0.0, random_state=1), X, lengths=lengths)
    stem, settings = location_of(model), given_chain(start)
    if model != "categorical":
        settings[f"{stem}_init"] = settings[f"{stem}_init"].round(1)
    mask = np.array([False, True]) if model != "mixture" else np.array([[False, True], [False, False]])
    hmm = hmm_of(model, 2, max_iter=20_000, **settings, **{f"{stem}_fixed": mask})
    if model == "mixture":
        hmm.set_params(weights_init=[[0.4, 0.6], [0.5, 0.5]], weights_fixed=[[True, True], [False, False]])
    best = clone(hmm).set_params(solver="lbfgs", tol=1e-11).fit(X, lengths=lengths)
    return X, lengths, hmm, best


@pytest.mark.parametrize("solver", FOR_CHAINS)
def test_all_solvers_of_chains_hold_the_same(solver):
    check_chain(solver, "full")


@pytest.mark.parametrize("model", ["mixture", "poisson", "bernoulli", "categorical"])
@pytest.mark.parametrize("solver", ["em", "lbfgs"])
def test_all_chains_hold(solver, model):
    check_chain(solver, model)


def check_chain(solver, model):
    X, lengths, hmm, best = chain_case(model)
    hmm = quietly(clone(hmm).set_params(solver=solver, tol=1e-8), X, lengths=lengths)
    stem = location_of(model)
    held, initial = getattr(hmm, f"{stem}_fixed"), getattr(hmm, f"{stem}_init")
    assert_allclose(getattr(hmm, f"{stem}_")[held], initial[held], rtol=1e-13, atol=1e-15)
    assert np.abs(getattr(hmm, f"{stem}_") - initial)[~held].max() > 1e-6
    assert abs(best.lower_bound_ - hmm.lower_bound_) < 1e-6
    if model == "mixture":
        assert_array_equal(hmm.weights_[0], [0.4, 0.6])
    assert hmm._n_parameters() < hmm_of(model, 2, random_state=0, tol=0.1).fit(X, lengths=lengths)._n_parameters()


@pytest.mark.parametrize(("family", "model"), [("gaussian-diag", "diag"), ("poisson", "poisson")])
def test_any_family_holds(family, model):
    X, lengths, hmm, best = chain_case(model)
    stem = location_of(model)
    initial = {"startprob_init": hmm.startprob_init, "transmat_init": hmm.transmat_init}
    components = {stem: getattr(hmm, f"{stem}_init")}
    if model == "diag":
        components["precisions_cholesky"] = np.sqrt(hmm.precisions_init)
    other = HiddenMarkovModel(
        2, family=family, components_init=components, components_fixed=[False, True], tol=1e-9, **initial
    ).fit(X, lengths=lengths)
    assert other.lower_bound_ == pytest.approx(best.lower_bound_, abs=1e-7)
    assert_allclose(getattr(other, f"{stem}_")[1], components[stem][1], rtol=1e-14)


# ---- refusals -------------------------------------------------------------------------------------------------------
def test_what_is_held_must_be_given():
    X = overlapping("full", n=60)
    with pytest.raises(ValueError, match="'means_fixed' holds components at their initial values; give them as"):
        GaussianMixture(2, means_fixed=True).fit(X)
    with pytest.raises(ValueError, match="'weights_fixed' holds weights at their initial values; give them as"):
        GaussianMixture(2, weights_fixed=[True, False]).fit(X)
    with pytest.raises(ValueError, match=r"'means_fixed' should be True, False or an array of booleans of shape"):
        GaussianMixture(2, means_init=X[:2], means_fixed=[1, 0]).fit(X)
    with pytest.raises(ValueError, match=r"array of booleans of shape \(2, 2\)"):
        GMMHMM(2, 2, means_init=X[:4].reshape(2, 2, 2), means_fixed=[True, False]).fit(X)
    with pytest.raises(ValueError, match=r"'components_fixed' holds components.*as 'components_init'"):
        HiddenMarkovModel(2, family="poisson", components_fixed=True).fit(np.abs(X).round())
    with pytest.raises(ValueError, match="'rates_fixed' holds"):
        DISCRETE_HMMS["poisson"](2, rates_fixed=[True, False]).fit(np.abs(X).round())


def test_what_cannot_hold_says_so():
    X = overlapping("full", n=60)
    for fixed in ({"means_init": X[:2], "means_fixed": True}, {"weights_init": [0.5, 0.5], "weights_fixed": True}):
        with pytest.raises(ValueError, match="solver='riemannian' moves all components and weights together"):
            GaussianMixture(2, solver="riemannian", **fixed).fit(X)
        with pytest.raises(ValueError, match="search='overfit-merge' changes the number of components"):
            GaussianMixture(2, search="overfit-merge", **fixed).fit(X)


def test_nothing_fixed_changes_nothing():
    X = overlapping("full", n=60)
    plain = GaussianMixture(2, random_state=0).fit(X)
    none = GaussianMixture(2, random_state=0, means_fixed=[False, False], weights_fixed=np.zeros(2, bool)).fit(X)
    assert_array_equal(plain.means_, none.means_)
    assert_array_equal(plain.weights_, none.weights_)
    hmm = GaussianHMM(2, random_state=0, means_fixed=False).fit(X)
    assert hmm._n_parameters() == 1 + 2 + 8


def test_predictions_do_not_depend_on_parameters_that_are_set_later():
    X = np.random.default_rng(0).poisson(4.0, size=(30, 1))
    mixture = PoissonMixture(2, rates_init=[[2.0], [6.0]], rates_fixed=True).fit(X)
    before = mixture.predict_proba(X)
    mixture.set_params(rates_init=None, weights_fixed=True)
    assert_array_equal(mixture.predict_proba(X), before)
    assert PoissonHMM(1, rates_init=[[3.0]], rates_fixed=True).fit(X).rates_ == 3.0
