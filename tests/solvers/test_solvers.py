"""Solvers: EM against scikit-learn step by step, known optima, monotone at every iterate, honest endings."""

import numpy as np
import pytest
import sklearn.mixture
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from problems import COVARIANCE_TYPES, DISCRETE, HOME, blobs, counts, mixture_of, rows_of, start_of
from problems import given as given_start
from problems import quietly as fit
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianMixture, PoissonMixture
from skmix.datasets import load_old_faithful
from skmix.solvers import (
    CG,
    EM,
    LBFGS,
    SOLVERS,
    Adam,
    Anderson,
    Auto,
    Constrained,
    DerivativeFree,
    GradientDescent,
    Newton,
    OnlineEM,
    Riemannian,
    Solver,
)
from skmix.solvers.auto import forecast
from skmix.solvers.stopping import remaining_of_linear, remaining_of_quasi_newton, remaining_of_superlinear, travelling

SOLVER_INSTANCES = [SOLVERS[name]() for name in SOLVERS] + [
    LBFGS(chart="log-cholesky"),
    LBFGS(chart="factor"),
    LBFGS(warmup=0, memory=3, reanchor=6),
    CG(chart="log-cholesky", warmup=0),
    GradientDescent(chart="factor"),
    Newton(subproblem="trust-krylov", warmup=0),
    Anderson(order=2, damping=0.0),
    OnlineEM(method="stepwise", n_blocks=3),
    Adam(batch_size=20, learning_rate=0.1),
    Constrained(method="trust-constr"),
]
TIGHT = ("em", "squarem", "anderson", "lbfgs", "newton", "cg", "auto")  # tol is what remains


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_em_equals_scikit_learn_iteration_by_iteration(covariance_type):
    X = blobs(n=300, separation=1.5)
    common = {"covariance_type": covariance_type, "reg_covar": 0.0, "tol": 0.0}
    common |= given_start(start_of(X, covariance_type))
    common.pop("prior")  # scikit-learn has none
    for max_iter in (1, 2, 3, 7, 15):
        ours = fit(GaussianMixture(3, solver="em", max_iter=max_iter, **common), X)
        theirs = fit(sklearn.mixture.GaussianMixture(3, max_iter=max_iter, **common), X)
        assert_allclose(ours.weights_, theirs.weights_, rtol=1e-9)
        assert_allclose(ours.means_, theirs.means_, rtol=1e-9)
        assert_allclose(ours.covariances_, theirs.covariances_, rtol=1e-9, atol=1e-9 * np.abs(ours.covariances_).max())
        assert_allclose(ours.precisions_cholesky_, theirs.precisions_cholesky_, rtol=1e-8, atol=1e-10)
        assert_allclose(ours.score(X), theirs.score(X), rtol=1e-9)
        # Theirs is the likelihood before each M-step: ours, start included, one iterate earlier.
        assert_allclose(ours.history_["objective"][:-1], theirs.lower_bounds_, rtol=1e-9)
        assert ours.n_iter_ == theirs.n_iter_ == max_iter


def known_optimum(covariance_type, weighted):
    """Clouds so far apart that the labels are certain: the optimum is each cloud's own moments, in closed form."""
    rng = np.random.default_rng(3)
    sizes = (30, 50, 70)
    X = np.concatenate([rng.normal(200.0 * k, 1 + k, size=(m, 2)) for k, m in enumerate(sizes)])
    w = rng.integers(1, 4, size=len(X)).astype(float) if weighted else np.ones(len(X))
    label = np.repeat(np.arange(3), sizes)
    N = np.bincount(label, w)
    means = np.stack([np.average(X[label == k], axis=0, weights=w[label == k]) for k in range(3)])
    centred = X - means[label]
    scatter = np.stack([(centred[label == k].T * w[label == k]) @ centred[label == k] for k in range(3)])
    covariances = {
        "full": scatter / N[:, None, None],
        "tied": scatter.sum(axis=0) / N.sum(),
        "diag": np.diagonal(scatter, axis1=1, axis2=2) / N[:, None],
        "spherical": np.trace(scatter, axis1=1, axis2=2) / (2 * N),
    }[covariance_type]
    return X, w, N / N.sum(), means, covariances


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("solver", [*TIGHT, LBFGS(chart="log-cholesky"), LBFGS(chart="factor")], ids=str)
def test_all_solvers_find_the_known_optimum(solver, covariance_type, weighted):
    X, w, weights, means, covariances = known_optimum(covariance_type, weighted)
    common = {"covariance_type": covariance_type, "reg_covar": 0.0, "means_init": means}
    precisions = np.linalg.inv(covariances) if covariance_type in ("full", "tied") else 1 / covariances
    known = fit(GaussianMixture(3, max_iter=0, weights_init=weights, precisions_init=precisions, **common), X, None, w)
    common["means_init"] = means + np.array([[20.0, -20.0], [-30.0, 10.0], [25.0, 0.0]])
    common |= {"weights_init": np.full(3, 1 / 3), "precisions_init": precisions / 100}
    mixture = fit(GaussianMixture(3, solver=solver, tol=1e-12, **common), X, None, w)
    assert_allclose(mixture.lower_bound_, known.lower_bound_, rtol=0, atol=1e-11)
    # An objective within 1e-12 of the optimum leaves parameters within about sqrt(2e-12) standard deviations.
    order = np.argsort(mixture.means_[:, 0])
    assert_allclose(mixture.weights_[order], weights, rtol=5e-6)
    assert_allclose(mixture.means_[order], means, atol=2e-5)
    found = mixture.covariances_ if covariance_type == "tied" else mixture.covariances_[order]
    assert_allclose(found, covariances, atol=5e-6 * np.abs(covariances).max())


@pytest.mark.parametrize(
    ("data", "covariance_type", "K", "expected"),
    [
        ("iris", "full", 3, -180.1855),
        ("iris", "full", 2, -214.3547),
        ("faithful", "full", 2, -1130.2640),
        ("faithful", "tied", 3, -1126.3159),
    ],
)
@pytest.mark.parametrize("solver", [*TIGHT, "constrained"])
def test_published_optima(data, covariance_type, K, expected, solver):
    """Total log-likelihoods, nats, as mclust and others report them."""
    X = load_iris().data if data == "iris" else load_old_faithful().data
    mixture = GaussianMixture(
        K, covariance_type=covariance_type, solver=solver, reg_covar=0, n_init=10, random_state=0, tol=1e-9
    )
    assert_allclose(mixture.fit(X).score(X) * len(X), expected, atol=6e-5)


mixtures = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**31 - 1),
        "n": st.integers(5, 60),
        "d": st.integers(1, 4),
        "K": st.integers(1, 4),
        "missing": st.sampled_from([0.0, 0.2, 0.6]),
        "weighted": st.booleans(),
        "covariance_type": st.sampled_from(COVARIANCE_TYPES),
        "init_params": st.sampled_from(["kmeans", "k-means++", "random", "random_from_data"]),
        "reg_covar": st.sampled_from([0.0, 1e-6, 0.1]),
    }
)


@pytest.mark.parametrize("solver", SOLVER_INSTANCES, ids=str)
@settings(max_examples=15, deadline=None, derandomize=True, phases=[Phase.generate])
@given(case=mixtures)
def test_objective_never_falls(solver, case):
    """At every accepted iterate, whatever the data, weights, missing entries and start; parameters stay valid."""
    rng = np.random.default_rng(case["seed"])
    X = blobs(case["n"], case["d"], case["K"], case["seed"], separation=rng.choice([0.0, 1.0, 5.0]))
    X = np.where(rng.random(X.shape) < case["missing"], np.nan, X)
    weight = rng.integers(0, 4, size=len(X)) if case["weighted"] else None
    if weight is not None:
        weight[: case["K"]] = 1
    parameters = {k: case[k] for k in ("covariance_type", "init_params", "reg_covar")}
    if solver.name == "riemannian":
        parameters["covariance_type"] = "full"
    mixture = GaussianMixture(case["K"], solver=solver, max_iter=30, random_state=0, tol=1e-9, **parameters)
    fit(mixture, X, sample_weight=weight)
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
    assert "refused" not in mixture.stop_reason_
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        assert np.isfinite(getattr(mixture, name)).all(), name
    assert_allclose(mixture.weights_.sum(), 1.0)


@pytest.mark.parametrize("solver", TIGHT)
def test_tol_is_the_gain_that_remains(solver):
    X = blobs(n=500, separation=1.5, seed=2)
    start = start_of(X, "full", init_params="kmeans")
    common = {**given_start(start), "max_iter": 20_000, "solver": solver}
    best = fit(GaussianMixture(3, tol=1e-13, **common), X).lower_bound_
    for tol in (1e-4, 1e-6, 1e-8):
        mixture = fit(GaussianMixture(3, tol=tol, **common), X)
        assert mixture.converged_
        assert best - mixture.lower_bound_ < 3 * tol


@pytest.mark.parametrize("solver", SOLVERS)
def test_history_has_one_entry_per_accepted_iterate(solver):
    X = blobs(d=2)
    mixture = GaussianMixture(3, solver=solver, covariance_type=HOME.get(solver, "full"), max_iter=30, random_state=0)
    history = fit(mixture, X).history_
    assert {"objective", "n_passes", "seconds"} <= set(history)
    assert {len(values) for values in history.values()} == {mixture.n_iter_ + 1}
    assert history["n_passes"][0] == 1
    assert history["n_passes"][-1] <= mixture.n_passes_
    assert np.all(np.diff(history["n_passes"]) >= 0)
    assert np.all(np.diff(history["seconds"]) >= 0)
    assert history["objective"][-1] == mixture.lower_bound_ == mixture.lower_bounds_[-1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_max_iter_is_obeyed_and_reported(solver):
    X = blobs(separation=0.5)
    mixture = GaussianMixture(
        3, covariance_type=HOME.get(solver, "full"), solver=solver, tol=0.0, max_iter=7, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match=r"The fit did not converge.*max_iter=7.*Increase max_iter, raise tol"):
        mixture.fit(X)
    assert mixture.n_iter_ == 7 or (solver == "constrained" and mixture.n_iter_ < 7)  # some iterates are not feasible
    assert not mixture.converged_


@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_is_fitted_in_closed_form(solver):
    X = blobs(K=1, d=2, n=60)
    mixture = GaussianMixture(1, covariance_type=HOME.get(solver, "full"), reg_covar=0, solver=solver, max_iter=2000)
    assert_allclose(mixture.fit(X).means_[0], X.mean(axis=0), atol=1e-3 * X.std(axis=0).min())
    assert_allclose(PoissonMixture(1, solver="em").fit(counts(n=50)).rates_[0], counts(n=50).mean(axis=0), rtol=1e-12)


# ---- auto -----------------------------------------------------------------------------------------------------------
def test_auto_finishes_by_em_where_em_is_fast_and_by_another_where_it_is_slow():
    separated = blobs(separation=20.0, seed=1)
    assert GaussianMixture(3, random_state=0).fit(separated).solver_ == "em"
    overlapping = blobs(n=500, separation=0.5, seed=1)
    assert GaussianMixture(3, random_state=0).fit(overlapping).solver_ in ("lbfgs", "newton", "squarem")


@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-10])
@pytest.mark.parametrize("model", ["full", "diag", *DISCRETE])
@pytest.mark.parametrize("separation", [0.5, 1.0, 2.0])
def test_auto_goes_on_with_the_solver_of_the_least_forecast(separation, model, tol):
    """The forecasts are in the history, NaN but where one was made; the last of them chose."""
    X = rows_of(model, n=400, separation=separation, seed=1)
    mixture = fit(mixture_of(model, random_state=0, tol=tol, max_iter=3000), X)
    passes = {name.removeprefix("passes_"): values for name, values in mixture.history_.items() if "passes_" in name}
    passes.pop("n_passes", None)
    if not passes:
        assert mixture.solver_ in ("em", "squarem")
        return
    assert set(passes) == {"em", "squarem", "lbfgs", "newton"}
    last = np.flatnonzero(~np.isnan(mixture.history_["rate"]))[-1]
    assert all(np.isfinite(values[last]) for values in passes.values())
    assert all((np.isnan(values) == np.isnan(mixture.history_["rate"])).all() for values in passes.values())
    assert 0.0 <= mixture.history_["rate"][last] < 1.0
    best = min(passes, key=lambda name: passes[name][last])
    assert mixture.solver_ in ({"em", "squarem"} if best in ("em", "squarem") else {best, "em"})


def test_forecasts_of_passes():
    """EM's gains shrink by ρ² a pass: from 1 to 1e-6 at ρ = 0.9 (stretch 10), log(1e6)/−2 log 0.9 passes."""
    passes = forecast(10.0, 1.0, 1e-6)
    assert passes["em"] == pytest.approx(np.log(1e6) / (-2 * np.log(0.9)))
    assert forecast(100.0, 1.0, 1e-6)["em"] > passes["em"] > forecast(2.0, 1.0, 1e-6)["em"]
    assert {passes[name] for name in ("squarem", "lbfgs", "newton")} == {
        forecast(100.0, 1.0, 1e-6)[name] for name in ("squarem", "lbfgs", "newton")
    }
    assert set(forecast(10.0, 1e-7, 1e-6).values()) == {0.0}
    assert forecast(1.0, 1.0, 1e-6)["em"] == 0.0
    assert all(np.isfinite(value) for value in forecast(1e9, 1e9, 0.0).values())


def test_frame_needs_far_fewer_passes_than_em_where_clouds_overlap():
    X = blobs(n=1000, d=2, separation=1.0, seed=4)
    start = start_of(X, "full", init_params="kmeans")
    passes = {}
    for solver in ("em", "lbfgs", "auto"):
        mixture = GaussianMixture(3, solver=solver, tol=1e-9, max_iter=20_000, **given_start(start))
        passes[solver] = fit(mixture, X).n_passes_
    assert passes["lbfgs"] < passes["em"] / 5
    assert passes["auto"] < passes["em"] / 5


def test_solvers_are_estimators_whose_parameters_can_be_searched():
    for solver in SOLVER_INSTANCES:
        assert clone(solver).get_params() == solver.get_params()
    mixture = GaussianMixture(solver=LBFGS()).set_params(solver__memory=7)
    assert mixture.solver.memory == 7


@pytest.mark.parametrize(
    "solver",
    [
        LBFGS(memory=0),
        LBFGS(memory=2.5),
        LBFGS(warmup=-1),
        LBFGS(reanchor=4),
        LBFGS(finite_difference="no"),
        Auto(probe=0),
        CG(warmup=-1),
        GradientDescent(reanchor=0),
        Newton(subproblem="trust-me"),
        Newton(warmup=0.5),
        Anderson(order=0),
        Anderson(damping=-1.0),
        Riemannian(memory=0),
        OnlineEM(method="random"),
        OnlineEM(n_blocks=1),
        OnlineEM(exponent=0.4),
        Adam(learning_rate=0.0),
        Adam(batch_size=0),
        Constrained(method="simplex"),
        Constrained(increasing=-1),
        DerivativeFree(method="guess"),
    ],
    ids=str,
)
def test_bad_solver_parameters_are_named(solver):
    (bad,) = (name for name, value in solver.get_params().items() if value != type(solver)().get_params()[name])
    with pytest.raises(ValueError, match=f"{bad!r} parameter of {type(solver).__name__} must be .* Got"):
        GaussianMixture(solver=solver).fit([[0.0], [1.0]])


@pytest.mark.parametrize(
    ("solver", "covariance_type", "d", "message"),
    [
        (
            "riemannian",
            "diag",
            2,
            "'riemannian' needs 'manifold' of the family.*DiagonalGaussian.*covariance_type='full'",
        ),
        ("derivative-free", "full", 6, "'derivative-free' takes up to 60 parameters, this model has 83: .*Use.*'auto'"),
        ("constrained", "full", 18, "'constrained' takes up to 500 parameters, this model has 569: .*Use.*'auto'"),
    ],
)
def test_models_that_a_solver_does_not_take_are_refused_with_the_reason(solver, covariance_type, d, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(3, covariance_type=covariance_type, solver=solver).fit(blobs(d=d, n=50))


def test_what_a_solver_needs_is_refused_early():
    class Impossible(EM):
        name = "impossible"
        requires = ("m_step", "crystal_ball")

    with pytest.raises(ValueError, match=r"'impossible' needs 'crystal_ball' of the family.*FullGaussian"):
        GaussianMixture(solver=Impossible()).fit([[0.0], [1.0]])


def test_a_refused_step_is_reported():
    """An M-step that goes the wrong way is caught by EM's own check."""

    class Backwards(EM):
        name = "backwards"

        def run(self, objective, point, trace, steps=None):
            worse = point.parameters._replace(latent=point.parameters.latent[::-1] * [0.001, 0.5, 1.0])
            objective.m_step = lambda at: worse
            return super().run(objective, point, trace, steps)

    X = blobs(separation=10.0)
    with pytest.warns(ConvergenceWarning, match="refused, it lowered the objective"):
        mixture = GaussianMixture(3, solver=Backwards(), random_state=0).fit(X)
    assert not mixture.converged_
    assert mixture.n_iter_ == 0


def test_solver_base_is_abstract():
    with pytest.raises(TypeError, match="abstract"):
        Solver()


# ---- stopping -------------------------------------------------------------------------------------------------------
def test_remaining_gain_of_a_geometric_sequence_is_exact():
    rate, limit = 0.9, 3.0
    values = [limit - rate**t for t in range(10)]
    assert_allclose(remaining_of_linear(values, 1e-15), limit - values[-1], rtol=1e-9)
    assert remaining_of_linear(values[:2], 1e-15) == np.inf
    assert remaining_of_linear([0.0, 1.0, 2.0, 4.0], 1e-15) == np.inf
    assert remaining_of_linear([*values, values[-1]], 1e-15) == 0.0


def test_remaining_gain_of_a_superlinear_sequence_is_an_upper_bound():
    values = [1.0 - 10.0 ** -(2.0**t) for t in range(4)]
    assert 1.0 - values[-1] <= remaining_of_superlinear(values) < 0.02 * (values[-1] - values[-2])
    assert remaining_of_superlinear(values[:2]) == np.inf
    assert remaining_of_superlinear([0.0, 1.0, 3.0]) == np.inf


def test_remaining_gain_of_accelerated_sequences():
    """The last four gains plus twice what the model promises, once those gains are below tol."""
    values = [0.0, 1.0, 1.1, 1.11, 1.111, 1.1111]
    assert remaining_of_quasi_newton(values, 1.0, 1e-15, lambda: 0.01) == pytest.approx(0.1111 + 0.02)
    assert remaining_of_quasi_newton(values, 1e-3, 1e-15, lambda: 0.01) == np.inf
    assert remaining_of_quasi_newton(values[:4], 1.0, 1e-15, lambda: 0.01) == np.inf
    assert remaining_of_quasi_newton([1.0] * 5, 1e-3, 1e-15, lambda: 0.01) == 0.0


def test_travelling_is_a_gain_a_pass_beyond_the_threshold():
    assert travelling([1.0])
    assert travelling([0.0, 0.0031])
    assert not travelling([0.0, 0.0029])
    assert not travelling([0.0, 0.0059], passes=2)
