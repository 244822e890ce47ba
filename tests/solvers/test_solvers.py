"""Solvers: EM against scikit-learn step by step, one optimum for all, monotone at every iterate, honest endings."""

import warnings

import numpy as np
import pytest
import sklearn.mixture
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from problems import CHARTS, COVARIANCE_TYPES, blobs, start_of
from problems import given as given_start
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianMixture
from skmix.datasets import load_old_faithful
from skmix.solvers import EM, LBFGS, SOLVERS, Auto, Solver
from skmix.solvers.stopping import remaining_of_linear, steps_to

SOLVER_INSTANCES = [SOLVERS[name]() for name in SOLVERS] + [
    LBFGS(chart="log-cholesky"),
    LBFGS(chart="factor"),
    LBFGS(warmup=0, memory=3, reanchor=6),
]


def fit(mixture, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return mixture.fit(*args, **kwargs)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_em_equals_scikit_learn_iteration_by_iteration(covariance_type):
    X = blobs(n=300, separation=1.5)
    common = {"covariance_type": covariance_type, "reg_covar": 0.0, "tol": 0.0}
    common |= given_start(start_of(X, covariance_type))
    for max_iter in range(1, 16):
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
@pytest.mark.parametrize("solver", SOLVER_INSTANCES, ids=str)
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


@pytest.mark.parametrize("missing", [0.0, 0.15])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_all_solvers_end_at_the_same_optimum(covariance_type, missing):
    """Overlapping clouds, from a start near their own parameters so that one optimum is in reach."""
    X = blobs(n=400, separation=2.5, seed=5, missing=missing)
    start = fit(GaussianMixture(3, covariance_type=covariance_type, solver="em", max_iter=30, random_state=1), X)
    fits = [
        fit(
            GaussianMixture(
                3, covariance_type=covariance_type, solver=solver, tol=1e-11, max_iter=20_000, **given_start(start)
            ),
            X,
        )
        for solver in SOLVER_INSTANCES
    ]
    values = [mixture.history_["objective"][-1] for mixture in fits]
    assert all(mixture.converged_ for mixture in fits), [mixture.stop_reason_ for mixture in fits]
    assert_allclose(values, values[0], rtol=0, atol=1e-8)
    for mixture in fits[1:]:
        assert_allclose(mixture.score_samples(X), fits[0].score_samples(X), atol=2e-3)


@pytest.mark.parametrize(
    ("data", "covariance_type", "K", "expected"),
    [
        ("iris", "full", 3, -180.1855),
        ("iris", "full", 2, -214.3547),
        ("faithful", "full", 2, -1130.2640),
        ("faithful", "tied", 3, -1126.3159),
    ],
)
@pytest.mark.parametrize("solver", SOLVERS)
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


@settings(max_examples=150, deadline=None, derandomize=True)
@given(mixtures, st.sampled_from(SOLVER_INSTANCES))
def test_objective_never_falls(case, solver):
    """At every accepted iterate, whatever the data, weights, missing entries and start; parameters stay valid."""
    rng = np.random.default_rng(case["seed"])
    X = blobs(case["n"], case["d"], case["K"], case["seed"], separation=rng.choice([0.0, 1.0, 5.0]))
    X = np.where(rng.random(X.shape) < case["missing"], np.nan, X)
    weight = rng.integers(0, 4, size=len(X)) if case["weighted"] else None
    if weight is not None:
        weight[: case["K"]] = 1
    parameters = {k: case[k] for k in ("covariance_type", "init_params", "reg_covar")}
    mixture = GaussianMixture(case["K"], solver=solver, max_iter=30, random_state=0, tol=1e-9, **parameters)
    fit(mixture, X, sample_weight=weight)
    assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
    assert "refused" not in mixture.stop_reason_
    for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
        assert np.isfinite(getattr(mixture, name)).all(), name
    assert_allclose(mixture.weights_.sum(), 1.0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_tol_is_the_gain_that_remains(solver):
    X = blobs(n=500, separation=1.5, seed=2)
    start = start_of(X, "full", init_params="kmeans")
    common = {**given_start(start), "max_iter": 20_000, "solver": solver}
    best = fit(GaussianMixture(3, tol=1e-13, **common), X).lower_bound_
    for tol in (1e-4, 1e-6, 1e-8):
        mixture = fit(GaussianMixture(3, tol=tol, **common), X)
        assert mixture.converged_
        assert best - mixture.lower_bound_ < 3 * tol


def test_history_has_one_entry_per_accepted_iterate():
    X = blobs()
    mixture = GaussianMixture(3, random_state=0).fit(X)
    history = mixture.history_
    assert set(history) == {"objective", "n_passes", "seconds"}
    assert {len(values) for values in history.values()} == {mixture.n_iter_ + 1}
    assert history["n_passes"][0] == 1
    assert history["n_passes"][-1] == mixture.n_passes_
    assert np.all(np.diff(history["n_passes"]) >= 1)
    assert np.all(np.diff(history["seconds"]) >= 0)
    assert history["objective"][-1] == mixture.lower_bound_ == mixture.lower_bounds_[-1]


@pytest.mark.parametrize("solver", SOLVERS)
def test_max_iter_is_obeyed_and_reported(solver):
    X = blobs(separation=0.5)
    mixture = GaussianMixture(3, solver=solver, tol=0.0, max_iter=7, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"The fit did not converge.*max_iter=7.*Increase max_iter, raise tol"):
        mixture.fit(X)
    assert mixture.n_iter_ == 7
    assert not mixture.converged_


def test_auto_finishes_by_em_where_em_is_fast_and_by_lbfgs_where_it_is_slow():
    separated = blobs(separation=20.0, seed=1)
    assert GaussianMixture(3, random_state=0).fit(separated).solver_ == "em"
    overlapping = blobs(n=500, separation=0.5, seed=1)
    assert GaussianMixture(3, random_state=0).fit(overlapping).solver_ == "lbfgs"


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
    [LBFGS(memory=0), LBFGS(memory=2.5), LBFGS(warmup=-1), LBFGS(reanchor=0), Auto(probe=-1), Auto(patience="long")],
    ids=str,
)
def test_bad_solver_parameters_are_named(solver):
    (bad,) = (name for name, value in solver.get_params().items() if value != type(solver)().get_params()[name])
    with pytest.raises(ValueError, match=f"{bad!r} parameter of {type(solver).__name__} must be .* Got"):
        GaussianMixture(solver=solver).fit([[0.0], [1.0]])


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


def test_remaining_gain_of_a_geometric_sequence_is_exact():
    rate, limit = 0.9, 3.0
    values = [limit - rate**t for t in range(10)]
    assert_allclose(remaining_of_linear(values, 1e-15), limit - values[-1], rtol=1e-9)
    assert_allclose(steps_to(1e-6, values), np.log(1e-6 / (limit - values[-1])) / np.log(rate), rtol=1e-9)
    assert remaining_of_linear(values[:2], 1e-15) == np.inf
    assert remaining_of_linear([0.0, 1.0, 2.0, 4.0], 1e-15) == np.inf
    assert remaining_of_linear([*values, values[-1]], 1e-15) == 0.0


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_lbfgs_does_not_depend_on_units(covariance_type, chart):
    """Columns in other units: the same passes and objective, but for the Jacobian (spherical: one unit)."""
    X = blobs(n=200, separation=1.0, seed=3)
    factor = 1e3 if covariance_type == "spherical" else np.array([1e-6, 1.0, 1e7])
    a, b = (
        fit(
            GaussianMixture(3, covariance_type=covariance_type, reg_covar=0, solver=LBFGS(chart=chart), random_state=0),
            data,
        )
        for data in (X, X * factor - 3.0 * factor)
    )
    jacobian = np.log(factor * np.ones(3)).sum()
    assert_allclose(b.lower_bound_ + jacobian, a.lower_bound_, atol=1e-6)
    assert abs(a.n_passes_ - b.n_passes_) <= 0.1 * a.n_passes_
