"""One optimum for all solvers, whatever the family, the weights of rows and the missing entries; never downhill."""

from functools import cache

import numpy as np
import pytest
import scipy
from numpy.testing import assert_allclose
from problems import (
    COVARIANCE_TYPES,
    DISCRETE,
    GIVEN_ROWS,
    MODELS,
    blobs,
    charts_of,
    given,
    mixture_of,
    overlapping,
    prior_of,
    quietly,
    repeats,
    value_of,
)
from sklearn.base import clone
from sklearn.utils.fixes import parse_version

from skmix.solvers import (
    CG,
    LBFGS,
    SOLVERS,
    Adam,
    Anderson,
    Constrained,
    DerivativeFree,
    GradientDescent,
    Newton,
    OnlineEM,
)

TOL = 1e-8
# What may be left to gain, nats per row, where `tol` is 1e-8: about tol where a solver stops by what remains; more for
# first-order methods, whose estimates extrapolate few gains. (Adam's batches of 1024 are here all rows.)
LEFT = dict.fromkeys(("em", "squarem", "anderson", "lbfgs", "newton", "auto", "riemannian", "constrained"), 1e-7)
LEFT |= dict.fromkeys(("gradient-descent", "cg", "online-em", "adam", "derivative-free"), 1e-6)
# Their history is a lower bound of the objective, equal to it at an optimum.
BOUNDS = ("riemannian", "online-em")

DEFAULTS = [solver() for name, solver in SOLVERS.items() if name != "derivative-free"]
VARIANTS = [
    LBFGS(chart="second", warmup=0),
    LBFGS(chart="third"),
    LBFGS(memory=3, reanchor=6),
    LBFGS(finite_difference=True),
    CG(chart="second", warmup=0),
    GradientDescent(reanchor=5),
    Newton(subproblem="trust-krylov", warmup=0),
    Anderson(order=3, damping=1.0),
    OnlineEM(n_blocks=5, random_state=1),
    Constrained(method="trust-constr"),
]
PLACES = {"second": 1, "third": 2}  # of a chart, among those that a model has
SAMPLING = [Adam(batch_size=50), OnlineEM(method="stepwise", n_blocks=5)]


def combinations():
    """Every solver with every model that it takes, in a chart that the model has; variants on the hardest rows only."""
    for solver in [*DEFAULTS, *VARIANTS]:
        for model in MODELS:
            charts, place = charts_of(model), PLACES.get(getattr(solver, "chart", ""))
            if solver.name == "riemannian" and model != "full":
                continue
            if place is not None and place >= len(charts):
                continue
            one = solver if place is None else clone(solver).set_params(chart=charts[place])
            for missing, weighted in GIVEN_ROWS if solver in DEFAULTS else GIVEN_ROWS[-1:]:
                yield pytest.param(one, model, missing, weighted, id=f"{one}-{model}-{missing}-{weighted}")


@cache
def case(model, missing, weighted):
    """Rows, their weights, a start near the optimum, and the objective at the optimum: EM's and L-BFGS's."""
    X = overlapping(model, missing=missing)
    weight = repeats(X, weighted)
    settings = {"prior": prior_of(missing, weighted)}
    start = mixture_of(model, 2, solver="em", max_iter=2, tol=0, random_state=1, **settings)
    quietly(start, X, sample_weight=weight)
    settings |= {"tol": 1e-12, "max_iter": 20_000, **given(start)}
    ends = [mixture_of(model, 2, solver=solver, **settings).fit(X, sample_weight=weight) for solver in ("em", "lbfgs")]
    values = [value_of(end, X, weight) for end in ends]
    assert values[0] == pytest.approx(values[1], abs=1e-11)
    assert values[1] - value_of(start, X, weight) > 2e-4
    return X, weight, start, values[1]


def assert_uphill(mixture):
    objective = mixture.history_["objective"]
    assert np.diff(objective).min(initial=0.0) >= 0.0
    assert objective[-1] > objective[0]
    assert len(objective) == mixture.n_iter_ + 1


@pytest.mark.parametrize(("solver", "model", "missing", "weighted"), combinations())
def test_all_solvers_end_at_the_same_optimum(solver, model, missing, weighted):
    X, weight, start, best = case(model, missing, weighted)
    mixture = mixture_of(model, 2, solver=solver, tol=TOL, max_iter=5000, **given(start)).fit(X, sample_weight=weight)
    reached = value_of(mixture, X, weight)
    assert mixture.converged_
    assert -1e-10 < best - reached < LEFT[solver.name]
    assert_uphill(mixture)
    if solver.name in BOUNDS:
        assert -1e-12 < reached - mixture.lower_bound_ < LEFT[solver.name]
    else:
        assert mixture.lower_bound_ == pytest.approx(reached, abs=1e-12)


@pytest.mark.parametrize(("missing", "weighted"), [GIVEN_ROWS[0], GIVEN_ROWS[-1]])
@pytest.mark.parametrize("model", ["full", *DISCRETE])
@pytest.mark.parametrize("solver", SAMPLING, ids=str)
def test_solvers_on_samples_come_as_near_as_samples_differ(solver, model, missing, weighted):
    """The likelihood at the optimum exceeds that at the truth by p/2n nats per row on average (Wilks)."""
    X, weight, start, best = case(model, missing, weighted)
    mixture = mixture_of(model, 2, solver=solver, tol=1e-6, max_iter=60, **given(start))
    quietly(mixture, X, sample_weight=weight)
    assert_uphill(mixture)
    assert -1e-10 < best - value_of(mixture, X, weight) < mixture._n_parameters() / (2 * len(X))


METHODS = ["nelder-mead", "powell", "cobyqa"]


@pytest.mark.parametrize("model", ["full", "poisson"])
@pytest.mark.parametrize("method", METHODS)
def test_solvers_without_gradients_end_at_the_same_optimum_of_a_tiny_problem(method, model):
    if method == "cobyqa" and parse_version(scipy.__version__) < parse_version("1.14"):
        pytest.skip("needs SciPy 1.14")
    X = overlapping(model, n=60)[:, :1]
    start = quietly(mixture_of(model, 2, solver="em", max_iter=3, tol=0, random_state=1), X)
    best = value_of(mixture_of(model, 2, solver="em", tol=1e-12, max_iter=50_000, **given(start)).fit(X), X)
    mixture = mixture_of(model, 2, solver=DerivativeFree(method=method), tol=TOL, max_iter=5000, **given(start)).fit(X)
    assert mixture.converged_
    assert -1e-10 < best - value_of(mixture, X) < LEFT["derivative-free"]
    assert_uphill(mixture)


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", MODELS)
def test_an_optimum_is_the_end_for_all(model, missing, weighted):
    """Started at the optimum, no solver goes away from it, nor does any go on for long."""
    X, weight, start, best = case(model, missing, weighted)
    optimum = mixture_of(model, 2, solver="lbfgs", tol=1e-13, max_iter=5000, **given(start)).fit(X, None, weight)
    for name in SOLVERS:
        if name == "derivative-free" or (name == "riemannian" and model != "full"):
            continue
        mixture = mixture_of(model, 2, solver=name, tol=1e-9, **given(optimum))
        quietly(mixture, X, sample_weight=weight)
        assert value_of(mixture, X, weight) == pytest.approx(best, abs=1e-10), name
        assert mixture.n_passes_ < 100, name
        assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0, name


FRAME_SOLVERS = ["em", "squarem", "anderson", "lbfgs", "newton", "gradient-descent", "cg", "auto"]


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", COVARIANCE_TYPES)
@pytest.mark.parametrize("solver", FRAME_SOLVERS)
def test_solvers_do_not_depend_on_units(solver, model, missing):
    """Columns in other units: the same passes and objective, but for the Jacobian (spherical: one unit)."""
    X = overlapping(model, missing=missing)
    factor = 1024.0 if model == "spherical" else np.array([2.0**-20, 2.0**23])
    mixture = mixture_of(model, 2, solver=solver, reg_covar=0.0, random_state=1, tol=1e-6, max_iter=5000)
    a, b = (clone(mixture).fit(data) for data in (X, X * factor + 3.0 * factor))
    jacobian = np.log(factor * np.ones(2)) @ (~np.isnan(X)).mean(axis=0)
    assert_allclose(b.history_["objective"] + jacobian, a.history_["objective"], rtol=0, atol=1e-9)
    assert b.n_passes_ == a.n_passes_
    assert_allclose(b.means_, (a.means_ + 3.0) * factor, rtol=1e-6)


@pytest.mark.parametrize("chart", ["frame", "log-cholesky", "factor"])
@pytest.mark.parametrize("model", COVARIANCE_TYPES)
def test_standardising_makes_every_chart_independent_of_units(model, chart):
    X = blobs(n=200, separation=1.0, seed=3)
    factor = 1e3 if model == "spherical" else np.array([1e-6, 1.0, 1e7])
    mixture = mixture_of(model, reg_covar=0, solver=LBFGS(chart=chart), random_state=0)
    a, b = (quietly(clone(mixture), data) for data in (X, X * factor - 3.0 * factor))
    jacobian = np.log(factor * np.ones(3)).sum()
    assert_allclose(b.lower_bound_ + jacobian, a.lower_bound_, atol=1e-6)
    assert abs(a.n_passes_ - b.n_passes_) <= 0.1 * a.n_passes_


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name not in ("derivative-free", "adam")])
def test_weights_are_repeats_for_solvers(solver):
    """A row of weight 3 is three rows, in the objective and in the optimum (adam draws batches of rows)."""
    X, weight, start, best = case("full", 0.2, True)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    mixture = mixture_of("full", 2, solver=solver, tol=TOL, max_iter=5000, **given(start)).fit(repeated)
    assert best == pytest.approx(value_of(mixture, repeated), abs=LEFT[solver])
