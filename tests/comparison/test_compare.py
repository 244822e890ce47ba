import sys
import warnings

import numpy as np
import pytest
from problems import blobs, given, start_of
from sklearn.base import clone

import skmix.comparison.compare as compare_module
from skmix import GaussianMixture, compare_solvers
from skmix.comparison import Run, SolverComparison
from skmix.comparison.profiles import performance_profiles
from skmix.solvers import EM, LBFGS, SOLVERS

NAN, INF = float("nan"), float("inf")


class Refusing(EM):
    name = "refusing"

    def check(self, model):
        raise ValueError("solver='refusing' needs 'a great many things' of the family, which nobody has ever defined.")


def run(solver, start, objectives, passes=None, seconds=None, converged=True, **others):
    """A run with the given history."""
    passes = np.arange(1.0, len(objectives) + 1) if passes is None else np.array(passes, dtype=float)
    seconds = passes / 100 if seconds is None else np.array(seconds)
    history = {"objective": np.array(objectives), "n_passes": passes, "seconds": seconds}
    return Run(
        solver, start, objectives[-1], 100 * objectives[-1], converged, "why", passes[-1], seconds[-1], history, solver,
        **others,
    )  # fmt: skip


def refused(solver, start):
    nothing = {name: np.empty(0) for name in ("objective", "n_passes", "seconds")}
    return Run(solver, start, NAN, NAN, False, "too proud", NAN, NAN, nothing, "", refused=True)


@pytest.fixture
def by_hand():
    """Three solvers from two starts: c ends in a worse optimum from start 1, d refuses."""
    return SolverComparison(
        [
            run("a", 0, [-5.0, -3.0, -2.00001, -2.0], passes=[1, 2, 4, 8]),
            run("a", 1, [-5.0, -1.5, -1.0 - 3e-7, -1.0 - 1e-9], passes=[1, 10, 20, 30]),
            run("b", 0, [-5.0, -2.0 - 5e-9], passes=[1, 16], seconds=[0.001, 0.02]),
            run("b", 1, [-5.0, -1.0], passes=[1, 15], seconds=[0.001, 0.9]),
            run("c", 0, [-5.0, -2.0 - 1e-5], passes=[1, 3], converged=False),
            run("c", 1, [-5.0, -1.25], passes=[1, 2]),
            refused("d", 0),
            refused("d", 1),
        ],
        target=1e-8,
    )


# ---- what the runs say -------------------------------------------------------------------------------------------
def test_gaps_by_hand(by_hand):
    assert by_hand.solvers == ["a", "b", "c", "d"]
    assert by_hand.n_starts == 2
    assert by_hand.best == -1.0
    np.testing.assert_array_equal(by_hand.best_of_start, [-2.0, -1.0])
    np.testing.assert_allclose([one.gap for one in by_hand.runs], [1, 1e-9, 1 + 5e-9, 0, 1 + 1e-5, 0.25, NAN, NAN])
    np.testing.assert_allclose(
        [one.gap_of_start for one in by_hand.runs], [0, 1e-9, 5e-9, 0, 1e-5, 0.25, NAN, NAN], atol=1e-15
    )


def test_costs_by_hand(by_hand):
    passes = {gap: by_hand.passes_to(gap) for gap in (0.0, 1e-8, 1e-6, 2e-5, 10.0)}
    for label, at_gaps in {
        "a": [(8, INF), (8, 30), (8, 20), (4, 20), (1, 1)],
        "b": [(INF, 15), (16, 15), (16, 15), (16, 15), (1, 1)],
        "c": [(INF, INF), (INF, INF), (INF, INF), (3, INF), (1, 1)],
        "d": [(INF, INF)] * 5,
    }.items():
        for gap, expected in zip(passes, at_gaps, strict=True):
            np.testing.assert_array_equal(passes[gap][label], expected)
    seconds = by_hand.seconds_to(1e-8)
    np.testing.assert_array_equal(seconds["a"], [0.08, 0.30])
    np.testing.assert_array_equal(seconds["b"], [0.02, 0.90])


def test_profiles_by_hand(by_hand):
    # passes: a 8 and 30, b 16 and 15, so the ratios are a 1 and 2, b 2 and 1
    profiles = by_hand.profile()
    for label, expected in {
        "a": ([1, 2], [0.5, 1]),
        "b": ([1, 2], [0.5, 1]),
        "c": ([1], [0]),
        "d": ([1], [0]),
    }.items():
        np.testing.assert_array_equal(profiles[label], expected)
    # seconds: a 0.08 and 0.30, b 0.02 and 0.90
    in_seconds = by_hand.profile("seconds")
    np.testing.assert_allclose(in_seconds["a"], ([1, 4], [0.5, 1]))
    np.testing.assert_allclose(in_seconds["b"], ([1, 3], [0.5, 1]))
    # within 2e-5, c is the first from start 0 and never gets there from start 1; a takes 4 of its 3, b 16
    coarse = by_hand.profile(gap=2e-5)
    np.testing.assert_allclose(coarse["a"], ([1, 4 / 3], [0, 1]))
    np.testing.assert_allclose(coarse["b"], ([1, 16 / 3], [0.5, 1]))
    np.testing.assert_allclose(coarse["c"], ([1], [0.5]))


def test_profiles_by_brute_force():
    """The definition, ρ_s(τ) = |{p : t_ps ≤ τ min_s t_ps}| / |p|, at and between all corners."""
    rng = np.random.default_rng(0)
    table = rng.integers(1, 6, size=(4, 30)).astype(float)
    table[rng.random(table.shape) < 0.2] = INF
    table[:, 7] = INF  # a problem that nobody solves
    profiles = performance_profiles(dict(zip("abcd", table, strict=True)))
    corners = np.unique(np.concatenate([ratios for ratios, _ in profiles.values()]))
    asked = np.sort(np.concatenate([corners, (corners[1:] + corners[:-1]) / 2, [1e9]]))
    for name, row in zip("abcd", table, strict=True):
        ratios, shares = profiles[name]
        assert ratios[0] == 1
        assert (np.diff(ratios) > 0).all()
        for ratio in asked:
            solved = sum(t < INF and t <= ratio * min(table[:, p]) * (1 + 1e-12) for p, t in enumerate(row))
            assert shares[np.searchsorted(ratios, ratio * (1 + 1e-12), side="right") - 1] == solved / 30
    assert sum(shares[0] for _, shares in profiles.values()) > 1  # ties count for all who tie


def test_records_and_frame(by_hand):
    frame = by_hand.to_frame()
    assert list(frame.columns) == [
        "solver", "start", "passes_to_target", "passes_to_1e-06", "passes_to_1e-04", "seconds_to_target",
        "seconds_to_1e-06", "seconds_to_1e-04", "log_likelihood", "objective", "gap", "gap_of_start", "n_passes",
        "seconds", "converged", "finished_by", "reason",
    ]  # fmt: skip
    assert frame[["solver", "start"]].to_numpy().tolist() == [[s, i] for s in "abcd" for i in (0, 1)]
    assert frame["passes_to_target"].tolist() == [8, 30, 16, 15, INF, INF, INF, INF]
    assert frame["passes_to_1e-06"].tolist() == [8, 20, 16, 15, INF, INF, INF, INF]
    assert frame["passes_to_1e-04"].tolist() == [4, 20, 16, 15, 3, INF, INF, INF]
    assert frame["seconds_to_target"].tolist()[:4] == [0.08, 0.3, 0.02, 0.9]
    assert frame["converged"].tolist() == [True, True, True, True, False, True, False, False]
    assert frame["reason"].tolist() == ["why"] * 6 + ["too proud"] * 2
    assert frame.to_dict("records")[:6] == by_hand.records()[:6]


def test_frame_without_pandas(by_hand, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="to_frame needs pandas, install it by: pip install pandas"):
        by_hand.to_frame()


def test_table_by_hand(by_hand):
    lines = by_hand.table()
    assert str(by_hand) == "\n".join(lines)
    assert [line.split() for line in lines[:5]] == [
        ["solver", "passes", "seconds", "solved", "largest", "gap", "converged"],
        ["a", "19", "0.1900", "2/2", "1.0e-09", "2/2"],
        ["b", "15.5", "0.4600", "2/2", "5.0e-09", "2/2"],
        ["c", "-", "-", "0/2", "2.5e-01", "1/2"],
        ["d", "-", "-", "refused", "-", "-"],
    ]
    assert lines[5] == ""
    assert lines[-1] == "d refused: too proud"
    assert "no solver converged" not in str(by_hand)
    assert repr(by_hand) == "SolverComparison(4 solvers, 2 starts, target=1e-08)"


def test_table_is_narrow_whatever_the_labels():
    long, reason = "LBFGS(" + ", ".join(f"parameter_{i}={i}" for i in range(9)) + ")", "because " * 40
    nothing = {name: np.empty(0) for name in ("objective", "n_passes", "seconds")}
    proud = Run("x" * 100, 0, NAN, NAN, False, reason, NAN, NAN, nothing, "", refused=True)
    lines = SolverComparison([run(long, 0, [-1.0], converged=False), proud]).table()
    assert max(map(len, lines)) <= 80
    assert "parameter_8=8)" in "\n".join(lines)
    assert "".join(lines).count("x") >= 200
    assert "From 1 of 1 start no solver converged" in " ".join(lines)


def test_refusals_of_the_result(by_hand):
    with pytest.raises(ValueError, match=r"measure must be one of \['passes', 'seconds'\]. Got 'iterations' instead"):
        by_hand.profile("iterations")
    for gap in (-1e-9, NAN):
        with pytest.raises(ValueError, match=f"gap must be a number of at least 0.*Got {gap!r}"):
            by_hand.passes_to(gap)
    for runs in ([], [refused("d", 0)], [run("a", 1, [-1.0])]):
        with pytest.raises(ValueError, match="runs must hold, for every start"):
            SolverComparison(runs)


# ---- the runs themselves -----------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def X():
    return blobs(n=200, d=2, separation=3.0, missing=0.05)


@pytest.fixture(scope="module")
def mixture():
    return GaussianMixture(3, max_iter=3000, init_params="random_from_data")


def test_runs_are_the_fits_of_the_same_starts(X, mixture):
    """The oracle: fits by the estimator itself, given the start."""
    before = mixture.get_params()
    comparison = compare_solvers(mixture, X, ["em", LBFGS(memory=3)], n_starts=2, target=1e-7, random_state=4)
    assert mixture.get_params() == before
    assert not hasattr(mixture, "n_features_in_")
    assert [(one.solver, one.start) for one in comparison.runs] == [
        (solver, start) for solver in ("em", "LBFGS(memory=3)") for start in (0, 1)
    ]
    own = clone(mixture).set_params(n_init=2, random_state=4)
    objective = own._objective(X, None)
    begins = own._starts(objective)
    public = [objective.model.family.publish(one.components, objective.rows.units) for one in begins]
    assert not np.array_equal(public[0]["means_"], public[1]["means_"])
    for one in comparison.runs:
        begin = public[one.start]
        fit = clone(mixture).set_params(
            solver="em" if one.solver == "em" else LBFGS(memory=3),
            tol=1e-8,
            weights_init=begins[one.start].latent,
            means_init=begin["means_"],
            precisions_init=np.linalg.inv(begin["covariances_"]),
        )
        fit.fit(X)
        # the start went through an inverse: rounding moves a step or two of L-BFGS
        assert one.objective == pytest.approx(fit.lower_bound_, abs=1e-7)
        assert one.history["objective"][0] == pytest.approx(fit.history_["objective"][0], abs=1e-11)
        assert abs(one.n_passes - fit.n_passes_) <= 3
        assert one.log_likelihood == pytest.approx(fit.score_samples(X).sum(), abs=1e-4)
        assert one.converged
        assert one.finished_by == fit.solver_
        assert one.reason.split(":")[0] == "converged"
        assert one.seconds == one.history["seconds"][-1] > 0
        assert one.history.keys() == fit.history_.keys()
    for start in (0, 1):
        assert len({one.history["objective"][0] for one in comparison.runs if one.start == start}) == 1


def test_all_solvers_by_default_and_the_same_whatever_n_jobs(X, mixture):
    short = clone(mixture).set_params(max_iter=20)
    comparison = compare_solvers(short, X, n_starts=2, random_state=0)
    assert comparison.solvers == list(SOLVERS)
    assert comparison.target == 1e-8
    again = compare_solvers(clone(short).set_params(random_state=0), X, n_starts=2, n_jobs=2)
    for one, other in zip(comparison.runs, again.runs, strict=True):
        np.testing.assert_array_equal(one.history["n_passes"], other.history["n_passes"])
        np.testing.assert_array_equal(one.history["objective"], other.history["objective"])


def test_labels():
    X = np.arange(12.0)[:, None]
    solvers = ["em", LBFGS(), LBFGS(memory=5), LBFGS(memory=5), EM()]
    labels = compare_solvers(GaussianMixture(1), X, solvers, n_starts=1).solvers
    assert labels == ["em", "lbfgs", "LBFGS(memory=5)", "LBFGS(memory=5) (2)", "em (2)"]
    named = compare_solvers(GaussianMixture(1), X, {"mine": LBFGS(memory=5), "plain": "em"}, n_starts=1)
    assert [(one.solver, one.finished_by) for one in named.runs] == [("mine", "em"), ("plain", "em")]


def test_a_solver_that_refuses_stays(X, mixture):
    comparison = compare_solvers(mixture, X, ["em", Refusing(), LBFGS(chart="round")], n_starts=2, random_state=0)
    assert [one.refused for one in comparison.runs] == [False, False, True, True, True, True]
    proud = comparison.runs[2]
    assert "a great many things" in proud.reason
    assert not proud.converged
    assert np.isnan([proud.objective, proud.gap, proud.gap_of_start, proud.log_likelihood, proud.n_passes]).all()
    assert all(len(values) == 0 for values in proud.history.values())
    assert "Got 'round' instead" in comparison.runs[4].reason
    with pytest.raises(ValueError, match=r"All solvers refuse the model: .*a great many things.*Got 'round' instead"):
        compare_solvers(mixture, X, {"a": Refusing(), "b": LBFGS(chart="round")}, n_starts=2)


def test_given_starts_are_the_only_one(X):
    begin = start_of(X, "full")
    mixture = GaussianMixture(3, max_iter=3000, **given(begin))
    comparison = compare_solvers(mixture, X, ["em", "lbfgs"], n_starts=5)
    assert comparison.n_starts == 1
    assert [one.start for one in comparison.runs] == [0, 0]
    for one in comparison.runs:
        assert one.history["objective"][0] == pytest.approx(begin.lower_bound_, abs=1e-11)


def test_weights_count_as_rows(X):
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = GaussianMixture(3, max_iter=3000)
    weighted = compare_solvers(mixture, X, ["em"], n_starts=1, random_state=0, sample_weight=weight).runs[0]
    repeated = compare_solvers(mixture, np.repeat(X, weight, axis=0), ["em"], n_starts=1, random_state=0).runs[0]
    plain = compare_solvers(mixture, X, ["em"], n_starts=1, random_state=0).runs[0]
    assert weighted.objective == pytest.approx(repeated.objective, abs=1e-8)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, abs=1e-5)
    assert abs(plain.objective - weighted.objective) > 1e-4


def test_iterations_run_out_without_a_warning(X, mixture):
    short = clone(mixture).set_params(max_iter=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        comparison = compare_solvers(short, X, ["em"], n_starts=2, random_state=0)
    assert [one.converged for one in comparison.runs] == [False, False]
    assert [len(one.history["objective"]) for one in comparison.runs] == [3, 3]
    assert "max_iter=2" in comparison.runs[0].reason


def test_tolerance_follows_the_target(X, mixture, monkeypatch):
    seen = []
    kept = compare_module._runs
    monkeypatch.setattr(
        compare_module, "_runs", lambda label, own, *others: seen.append(own.tol) or kept(label, own, *others)
    )
    for tol, target in ((1e-3, 1e-4), (1e-9, 1e-4)):
        compare_solvers(clone(mixture).set_params(tol=tol), X, ["em"], n_starts=1, target=target, random_state=0)
    assert seen == pytest.approx([1e-5, 1e-9])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solvers": ["em", "magic"]}, r"solvers must hold names out of \['em', .*Got 'magic' instead"),
        ({"solvers": [EM]}, "solvers must hold names .*Got <class"),
        ({"solvers": {"em": 3}}, "solvers must hold names .*Got 3 instead"),
        ({"solvers": []}, r"solvers must hold at least one .*Got \[\] instead"),
        ({"solvers": "em"}, "The 'solvers' parameter of compare_solvers must be .*Got 'em' instead"),
        ({"n_starts": 0}, "The 'n_starts' parameter .*Got 0 instead"),
        ({"target": 0.0}, "The 'target' parameter .*Got 0.0 instead"),
        ({"target": INF}, "The 'target' parameter .*Got inf instead"),
        ({"estimator": GaussianMixture}, "The 'estimator' parameter .*LatentVariableModel"),
        ({"estimator": GaussianMixture(tol="a")}, "The 'tol' parameter of GaussianMixture .*Got 'a' instead"),
        ({"estimator": GaussianMixture(99)}, "Expected n_samples >= n_components but got n_components = 99"),
    ],
)
def test_bad_arguments(arguments, message):
    arguments = {"estimator": GaussianMixture(2), "X": np.arange(12.0)[:, None], **arguments}
    with pytest.raises(ValueError, match=message):
        compare_solvers(**arguments)
