"""GaussianMixture as a user meets it: a drop-in for scikit-learn's, with weights, missing values, and any input."""

import inspect
import pickle

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse
import sklearn.mixture
from numpy.testing import assert_allclose, assert_array_equal
from problems import COVARIANCE_TYPES, HOME, blobs, given, quietly
from reference import covariance_matrices, e_step
from sklearn import config_context
from sklearn.base import clone, is_clusterer
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from skmix import GaussianMixture
from skmix.solvers import LBFGS, SOLVERS
from skmix.solvers.result import listening

TIGHT = ("auto", "em", "squarem", "anderson", "lbfgs", "newton")  # tol is what remains
FITTED = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_")


def assert_same_fit(a, b, rtol=1e-6):
    for name in FITTED:
        expected = getattr(a, name)
        assert_allclose(getattr(b, name), expected, rtol=rtol, atol=rtol * np.abs(expected).max(), err_msg=name)


# ---- drop-in --------------------------------------------------------------------------------------------------------
def test_parameters_and_methods_of_scikit_learn_are_all_there():
    theirs, ours = sklearn.mixture.GaussianMixture, GaussianMixture
    assert set(inspect.signature(theirs).parameters) <= set(inspect.signature(ours).parameters)
    assert next(iter(inspect.signature(ours).parameters)) == "n_components"
    for name in ("fit", "fit_predict", "predict", "predict_proba", "score", "score_samples", "sample", "aic", "bic"):
        assert callable(getattr(ours, name))
    fitted = theirs(2, random_state=0).fit(blobs())
    public = {name for name in vars(fitted) if name.endswith("_") and not name.startswith("_")}
    assert public <= set(vars(ours(2, random_state=0).fit(blobs())))


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_predictions_equal_scikit_learn_at_equal_parameters(covariance_type):
    X = blobs()
    theirs = sklearn.mixture.GaussianMixture(3, covariance_type=covariance_type, random_state=0, tol=1e-6, max_iter=500)
    theirs.fit(X)
    ours = GaussianMixture(3, covariance_type=covariance_type, max_iter=0, **given(theirs)).fit(X)
    for name in FITTED:
        assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-7, err_msg=name)
    new = blobs(seed=1)
    assert_array_equal(ours.predict(new), theirs.predict(new))
    assert_allclose(ours.predict_proba(new), theirs.predict_proba(new), rtol=1e-6, atol=1e-12)
    assert_allclose(ours.score_samples(new), theirs.score_samples(new), rtol=1e-9)
    assert_allclose([ours.aic(new), ours.bic(new)], [theirs.aic(new), theirs.bic(new)], rtol=1e-10)


def test_parameters_set_by_hand_predict():
    mixture = GaussianMixture(2)
    mixture.weights_, mixture.means_ = np.array([0.25, 0.75]), np.array([[0.0], [5.0]])
    mixture.precisions_cholesky_, mixture.n_features_in_ = np.ones((2, 1, 1)), 1
    assert_array_equal(mixture.predict([[-1.0], [6.0]]), [0, 1])


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_sample_has_the_moments_of_the_mixture(covariance_type):
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(blobs(K=2))
    X, y = mixture.sample(40_000)
    assert X.shape == (40_000, 3)
    assert_allclose(np.bincount(y) / len(y), mixture.weights_, atol=0.01)
    covariances = covariance_matrices(mixture.covariances_, covariance_type, 2, 3)
    for k in range(2):
        deviation = np.sqrt(np.diag(covariances[k]))
        assert_allclose(X[y == k].mean(axis=0), mixture.means_[k], atol=0.05 * deviation.max())
        assert np.all(np.abs(np.cov(X[y == k].T) - covariances[k]) < 0.05 * np.outer(deviation, deviation))
    assert_array_equal(mixture.sample(5)[0], mixture.sample(5)[0])
    with pytest.raises(ValueError, match=r"n_samples.*0"):
        mixture.sample(0)


def test_warm_start_goes_on_from_the_last_fit():
    X = blobs(separation=1.0)
    mixture = GaussianMixture(3, solver="em", max_iter=5, warm_start=True, random_state=0, tol=0.0)
    with pytest.warns(ConvergenceWarning):
        first = mixture.fit(X).lower_bound_
    with pytest.warns(ConvergenceWarning):
        mixture.fit(X)
    assert mixture.history_["objective"][0] == pytest.approx(first, abs=1e-10)
    ten = GaussianMixture(3, solver="em", max_iter=10, random_state=0, tol=0.0)
    with pytest.warns(ConvergenceWarning):
        ten.fit(X)
    assert_same_fit(ten, mixture)
    assert mixture.set_params(n_components=2).predict_proba(X).shape == (len(X), 3)  # the fit is what counts
    with pytest.raises(ValueError, match=r"warm_start=True .* \('gaussian-full', 3, 3\), but now they are .*, 2, 3\)"):
        mixture.fit(X)


def test_verbose_prints_progress(capsys):
    GaussianMixture(2, verbose=2, verbose_interval=1, n_init=2, random_state=0).fit(blobs(K=2))
    printed = capsys.readouterr().out
    assert "Start 0" in printed
    assert "Start 1" in printed
    assert "Iteration 1\t objective" in printed


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_predictions_are_those_of_the_fit_whatever_the_parameters_say_by_now(covariance_type):
    X = blobs(d=2, K=2)
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    expected = mixture.predict_proba(X), mixture.score(X), mixture.bic(X)
    for other in COVARIANCE_TYPES:
        mixture.set_params(n_components=5, covariance_type=other)
        assert_array_equal(mixture.predict_proba(X), expected[0])
        assert (mixture.score(X), mixture.bic(X)) == expected[1:]


def test_criteria_accept_data_frames_without_a_warning():
    X = pd.DataFrame(blobs(), columns=list("abc"))
    mixture = GaussianMixture(2, random_state=0).fit(X)
    assert mixture.bic(X) > mixture.aic(X)


@pytest.mark.parametrize("solver", [solver for solver in SOLVERS if solver != "constrained"])
def test_a_weight_of_zero_stays_zero(solver):
    """Even at rows that are so far from all other components that their densities underflow.

    (Bounds keep the weights that "constrained" finds above 0.)
    """
    X = blobs(d=2, K=2, n=100)
    start = {"weights_init": [0.5, 0.5, 0.0], "means_init": [X[0], X[1], [1e4, 1e4]]}
    mixture = GaussianMixture(3, solver=solver, random_state=0, max_iter=20, tol=0, **start)
    with pytest.warns(ConvergenceWarning):
        mixture.fit(np.r_[X, [[1e4, 1e4]]])
    assert mixture.weights_[2] == 0.0
    assert mixture.predict([[1e8, 1e8]])[0] != 2
    assert mixture.predict_proba([[1e4, 1e4]])[0, 2] == 0.0


def test_a_start_that_cannot_be_evaluated_is_refused():
    with pytest.raises(ValueError, match="cannot be computed at the start: means_init"):
        GaussianMixture(2, means_init=[[1e160, 0.0], [0.0, 1e160]], random_state=0).fit(blobs(d=2, K=2))


# ---- weights --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("solver", TIGHT)
def test_weights_are_repeats_and_zero_removes(solver, covariance_type, missing):
    X = blobs(n=120, missing=missing)
    weight = np.random.default_rng(0).integers(0, 4, size=len(X))
    mixture = GaussianMixture(3, covariance_type=covariance_type, solver=solver, tol=1e-10, random_state=0)
    weighted = clone(mixture).fit(X, sample_weight=weight)
    repeated = clone(mixture).fit(np.repeat(X, weight, axis=0))
    assert_same_fit(repeated, weighted, rtol=1e-4)  # parameters move by sqrt(tol) at no cost
    assert weighted.lower_bound_ == pytest.approx(repeated.lower_bound_, abs=1e-9)
    assert len(weighted.labels_) == len(X)
    assert weighted.score(X, sample_weight=weight) == pytest.approx(repeated.score(np.repeat(X, weight, axis=0)))


def test_all_zero_or_negative_weights_are_refused():
    with pytest.raises(ValueError, match=r"[Ss]ample weights must contain at least one non-zero number"):
        GaussianMixture().fit([[0.0], [1.0]], sample_weight=[0, 0])
    with pytest.raises(ValueError, match="Negative values"):
        GaussianMixture().fit([[0.0], [1.0]], sample_weight=[1, -1])
    with pytest.raises(ValueError, match="n_components = 2, n_samples = 1 of positive weight"):
        GaussianMixture(2).fit([[0.0], [1.0]], sample_weight=[1, 0])


# ---- missing values -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_predictions_with_missing_values_are_those_of_the_marginals(covariance_type):
    X = blobs(missing=0.3)
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0).fit(X)
    new = np.r_[blobs(seed=1, n=60, missing=0.5), np.full((1, 3), np.nan)]
    covariances = covariance_matrices(mixture.covariances_, covariance_type, 3, 3)
    log_likelihood, responsibilities = e_step(new, mixture.weights_, mixture.means_, covariances)
    assert_allclose(mixture.score_samples(new), log_likelihood, rtol=1e-9, atol=1e-9)
    assert_allclose(mixture.predict_proba(new), responsibilities, rtol=1e-6, atol=1e-9)
    assert_array_equal(mixture.predict(new), responsibilities.argmax(axis=1))
    assert_allclose(mixture.predict_proba(new)[-1], mixture.weights_, rtol=1e-9)
    assert mixture.score(new) == pytest.approx(log_likelihood.mean())


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_every_start_accepts_missing_values(covariance_type, init_params):
    """Clouds that are easy to tell apart are found, a tenth of the entries missing."""
    complete = blobs(n=300, separation=8.0, seed=1) / 10.0 ** np.linspace(-1, 2, 3)  # one unit for all columns
    X = np.where(np.random.default_rng(0).random(complete.shape) < 0.1, np.nan, complete)
    mixture = GaussianMixture(
        3, covariance_type=covariance_type, init_params=init_params, n_init=8, random_state=0, max_iter=2000
    )
    agreement = mixture.fit(X).labels_
    reference = clone(mixture).fit(complete).labels_
    table = np.array([[np.sum((agreement == i) & (reference == j)) for j in range(3)] for i in range(3)])
    assert table.max(axis=1).sum() > 0.9 * len(X)


def test_a_column_without_values_is_carried_along():
    X = np.c_[blobs(K=2), np.full(240, np.nan)]
    mixture = GaussianMixture(2, random_state=0).fit(X)
    assert np.isfinite(mixture.means_).all()
    assert_allclose(mixture.score(X), mixture.score(X))


# ---- transformer, clusterer, pipelines ------------------------------------------------------------------------------
def test_transform_gives_responsibilities_with_names():
    X = pd.DataFrame(blobs(), columns=["a", "b", "c"])
    mixture = GaussianMixture(3, random_state=0).set_output(transform="pandas").fit(X)
    out = mixture.transform(X)
    assert list(out.columns) == ["gaussianmixture0", "gaussianmixture1", "gaussianmixture2"]
    assert_allclose(out.to_numpy(), mixture.predict_proba(X))
    assert_array_equal(mixture.feature_names_in_, ["a", "b", "c"])


def test_labels_are_predictions_on_the_training_data():
    X = blobs(missing=0.1)
    mixture = GaussianMixture(3, random_state=0)
    labels = mixture.fit_predict(X)
    assert_array_equal(labels, mixture.labels_)
    assert_array_equal(labels, mixture.predict(X))


def test_kind_of_estimator():
    tags = get_tags(GaussianMixture())
    assert tags.estimator_type == "density_estimator"
    assert tags.input_tags.allow_nan
    assert not is_clusterer(GaussianMixture())


def test_in_a_pipeline_and_searched_over_solver_and_components():
    X = blobs(d=4, n=200)
    pipeline = make_pipeline(StandardScaler(), PCA(2), GaussianMixture(random_state=0))
    search = GridSearchCV(
        pipeline, {"gaussianmixture__solver": ["em", "lbfgs"], "gaussianmixture__n_components": [1, 2, 3]}, cv=3
    )
    search.fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["gaussianmixture__n_components"] > 1
    nested = GridSearchCV(GaussianMixture(2, solver=LBFGS(), random_state=0), {"solver__memory": [5, 30]}, cv=3).fit(X)
    assert set(nested.cv_results_["param_solver__memory"]) == {5, 30}
    folds = list(KFold(3).split(X))
    expected = [clone(pipeline).fit(X[train]).score(X[test]) for train, test in folds]
    assert_allclose(cross_val_score(pipeline, X, cv=3), expected)


def test_sample_weight_is_routed_through_pipeline_and_search():
    X = blobs(K=2, n=90)
    weight = np.where(np.arange(90) < 60, 1.0, 0.0)
    with config_context(enable_metadata_routing=True):
        mixture = GaussianMixture(2, random_state=0)
        mixture.set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), mixture)
        routed = pipeline.fit(X, sample_weight=weight)[-1]
        scaled = StandardScaler().fit(X, sample_weight=weight).transform(X)
        assert_same_fit(GaussianMixture(2, random_state=0).fit(scaled[:60]), routed)
        # (scikit-learn 1.7's Pipeline.score wants a request of its own: the search is over the mixture.)
        search = GridSearchCV(mixture, {"n_components": [1, 2]}, cv=2)
        search.fit(X, sample_weight=weight + 1)
        assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("solver", SOLVERS)
def test_jobs_do_not_change_the_result(solver):
    X = blobs(separation=1.0)
    common = {"n_init": 4, "random_state": 0, "init_params": "random_from_data", "solver": solver}
    common |= {"covariance_type": HOME.get(solver, "full"), "max_iter": 20}
    one, two = (quietly(GaussianMixture(3, n_jobs=jobs, **common), X) for jobs in (1, 2))
    for name in FITTED:
        assert_array_equal(getattr(one, name), getattr(two, name))
    with joblib.parallel_backend("threading", n_jobs=2):
        three = quietly(GaussianMixture(3, n_jobs=2, **common), X)
    assert_array_equal(one.means_, three.means_)


def test_listeners_hear_fits_in_other_threads():
    heard = []
    with listening(lambda trace: heard.append(trace.n_iter)):
        GaussianMixture(3, n_init=3, n_jobs=2, random_state=0).fit(blobs())
    assert heard.count(0) == 3


# ---- input ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "convert",
    [
        np.ndarray.tolist,
        np.asfortranarray,
        lambda X: pd.DataFrame(X, columns=list("abc")),
        lambda X: pl.DataFrame(X, schema=list("abc")),
        lambda X: X.astype(object),
    ],
    ids=["list", "F-order", "pandas", "polars", "object"],
)
def test_containers(convert):
    X = blobs()
    expected = GaussianMixture(3, random_state=0).fit(X)
    mixture = GaussianMixture(3, random_state=0).fit(convert(X))
    assert_same_fit(expected, mixture)
    assert_array_equal(mixture.predict(convert(X)), expected.labels_)


def test_read_only_memory_map(tmp_path):
    X = blobs(missing=0.1)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert_same_fit(GaussianMixture(3, random_state=0).fit(X), GaussianMixture(3, random_state=0).fit(mapped))


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_float32_is_kept(covariance_type):
    X = blobs(n=400).astype(np.float32)
    mixture = GaussianMixture(3, covariance_type=covariance_type, random_state=0, tol=1e-4).fit(X)
    for name in FITTED:
        assert getattr(mixture, name).dtype == np.float32, name
    assert mixture.predict_proba(X).dtype == mixture.transform(X).dtype == mixture.score_samples(X).dtype == np.float32
    double = GaussianMixture(3, covariance_type=covariance_type, random_state=0, tol=1e-4).fit(X.astype(float))
    assert mixture.score(X) == pytest.approx(double.score(X.astype(float)), abs=2e-3)


@pytest.mark.parametrize("unit", [1.0, 1e15, 1e-15])
@pytest.mark.parametrize("init_params", ["kmeans", "random"])
@pytest.mark.parametrize("solver", TIGHT)
def test_float32_goes_as_far_as_float64(solver, init_params, unit):
    """Its rounding, far larger than float64's, is not taken for the end, in whatever units."""
    X = blobs(n=5000, d=5, K=3, separation=3.0, seed=2)
    mixture = GaussianMixture(3, solver=solver, init_params=init_params, random_state=0, reg_covar=0, max_iter=1000)
    double = clone(mixture).fit(X * unit).lower_bound_
    single = mixture.fit((X * unit).astype(np.float32)).lower_bound_
    assert single == pytest.approx(double, abs=2e-5)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (scipy.sparse.csr_array(np.eye(4)), TypeError, "[Ss]parse"),
        (np.array([[1 + 1j], [2.0]]), ValueError, "Complex data not supported"),
        ([[np.inf], [1.0]], ValueError, "infinity"),
        ([["a"], ["b"]], ValueError, "could not convert string"),
        (np.zeros((1, 2)), ValueError, "n_components = 2, n_samples = 1"),
        (np.zeros(5), ValueError, "Expected 2D array"),
        (np.empty((0, 2)), ValueError, "0 sample"),
        ([[1e200], [-1e200], [0.0]], ValueError, "squares overflow: feature 0"),
    ],
)
def test_bad_data_is_refused(X, error, message):
    with pytest.raises(error, match=message):
        GaussianMixture(2).fit(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weights_init": [0.5, 0.6]}, "'weights_init' should be normalized, but got sum.* = 1.1"),
        ({"weights_init": [1.5, -0.5]}, r"'weights_init' should be in the range \[0, 1\].*-0.5.*1.5"),
        ({"weights_init": [1.0]}, r"'weights_init' should have the shape of \(2,\), but got \(1,\)"),
        ({"means_init": [[0.0], [1.0], [2.0]]}, r"'means_init' should have the shape of \(2, 1\), but got \(3, 1\)"),
        ({"means_init": [[0.0], [np.nan]]}, "means_init contains NaN"),
        ({"precisions_init": [[[1.0]], [[-1.0]]]}, "'precisions_init' should be symmetric, positive-definite"),
        ({"precisions_init": [1.0, 0.0], "covariance_type": "spherical"}, "'precisions_init' should be positive"),
        ({"covariance_type": "round"}, "'covariance_type' parameter .* must be a str among.*Got 'round'"),
        ({"solver": "magic"}, "'solver' parameter .*Got 'magic'"),
        ({"solver": LBFGS}, "'solver' parameter"),
        ({"tol": -1.0}, "'tol' parameter .*Got -1.0"),
        ({"n_components": 0}, "'n_components' parameter .*Got 0"),
        ({"init_params": "guess"}, "'init_params' parameter .*Got 'guess'"),
    ],
)
def test_bad_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**{"n_components": 2, **parameters}).fit([[0.0], [1.0], [2.0]])


def test_unfitted_and_wrong_number_of_features():
    with pytest.raises(NotFittedError):
        GaussianMixture().predict([[0.0]])
    with pytest.raises(ValueError, match="2 features, but GaussianMixture is expecting 1"):
        GaussianMixture().fit([[0.0], [1.0]]).predict([[0.0, 1.0]])


# ---- persistence ----------------------------------------------------------------------------------------------------
def test_fitted_state_is_plain_and_survives_pickling(tmp_path):
    X = blobs()
    mixture = GaussianMixture(3, random_state=0).fit(X)
    plain = (np.ndarray, float, int, str, bool, np.generic)
    for name, value in vars(mixture).items():
        if name.endswith("_"):
            items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
            assert all(isinstance(item, plain) for item in items), name
    joblib.dump(mixture, tmp_path / "mixture.joblib")
    for copy in (pickle.loads(pickle.dumps(mixture)), joblib.load(tmp_path / "mixture.joblib")):
        assert_array_equal(copy.predict_proba(X), mixture.predict_proba(X))


def test_clone_and_set_params():
    mixture = GaussianMixture(3, solver=LBFGS(memory=7), covariance_type="diag")
    copy = clone(mixture)
    assert copy.solver is not mixture.solver
    assert copy.get_params()["solver__memory"] == 7
    assert copy.set_params(solver="em").solver == "em"
