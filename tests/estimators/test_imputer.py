"""The imputer, against scikit-learn's, and in pipelines."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import blobs, quietly
from sklearn.exceptions import ConvergenceWarning
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skmix import BernoulliMixture, GaussianMixture, MixtureImputer


def error(imputer, complete, X):
    """Root mean square error of the missing values, in units of each feature's standard deviation."""
    missing = np.isnan(X)
    away = (imputer.fit_transform(X) - complete) / complete.std(axis=0)
    return np.sqrt(np.mean(away[missing] ** 2))


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_worse_than_chained_regressions(seed):
    complete = blobs(n=600, d=4, seed=seed, separation=3.0)
    X = blobs(n=600, d=4, seed=seed, separation=3.0, missing=0.2)
    ours = error(MixtureImputer(GaussianMixture(3, n_init=3, random_state=0)), complete, X)
    assert ours < 1.02 * error(IterativeImputer(random_state=0), complete, X)
    assert ours < error(SimpleImputer(), complete, X)


def test_one_gaussian_is_the_regression_of_the_missing_values():
    rng = np.random.default_rng(0)
    X = blobs(n=300, K=1)
    holes = rng.random(300) < 0.3
    X[holes, 1] = np.nan
    filled = MixtureImputer(GaussianMixture(reg_covar=0.0, tol=1e-12)).fit_transform(X)
    seen = X[:, [0, 2]]  # maximum likelihood under this pattern: least squares among the complete rows
    expected = LinearRegression().fit(seen[~holes], X[~holes, 1]).predict(seen[holes])
    assert_allclose(filled[holes, 1], expected, rtol=1e-4)


def test_it_is_impute_of_the_mixture():
    X = blobs(missing=0.2)
    for method in ("mean", "draw"):
        imputer = quietly(MixtureImputer(GaussianMixture(2, random_state=0), method=method), X)
        mixture = quietly(GaussianMixture(2, random_state=0), X)
        assert_array_equal(imputer.transform(X), mixture.impute(X, method=method))


def test_in_a_pipeline_with_names():
    X = pd.DataFrame(blobs(missing=0.2), columns=["a", "b", "c"])
    y = np.arange(len(X))
    pipeline = make_pipeline(MixtureImputer(GaussianMixture(2, random_state=0)), LinearRegression()).fit(X, y)
    assert pipeline.predict(X).shape == (len(X),)
    imputer = pipeline[0].set_output(transform="pandas")
    filled = imputer.transform(X)
    assert list(filled.columns) == ["a", "b", "c"]
    assert not filled.isna().any(axis=None)


@pytest.mark.parametrize("keep", [False, True])
def test_features_without_values(keep):
    X = blobs(missing=0.2)
    empty = np.insert(X, 1, np.nan, axis=1)
    imputer = MixtureImputer(GaussianMixture(random_state=0), keep_empty_features=keep)
    if keep:
        imputer.fit(empty)
    else:
        with pytest.warns(UserWarning, match=r"Feature\(s\) 1 have no observed value and are dropped"):
            imputer.fit(empty)
    expected = MixtureImputer().fit_transform(X)
    names = ["x0", "x2", "x3"]
    if keep:
        expected, names = np.insert(expected, 1, 0.0, axis=1), ["x0", "x1", "x2", "x3"]
    assert_array_equal(imputer.transform(empty), expected)
    assert list(imputer.get_feature_names_out()) == names
    assert_array_equal(imputer.empty_features_, [False, True, False, False])
    theirs = SimpleImputer(keep_empty_features=keep)
    if keep:
        assert theirs.fit_transform(empty).shape == expected.shape
        empty[3, 1] = 7.0
        assert imputer.transform(empty)[3, 1] == theirs.transform(empty)[3, 1] == 7.0


def test_rows_of_weight_0_do_not_make_a_feature():
    X = blobs()
    X[1:, 1] = np.nan
    weight = np.ones(len(X))
    weight[0] = 0.0
    with pytest.warns(UserWarning, match=r"Feature\(s\) 1"):
        imputer = MixtureImputer().fit(X, sample_weight=weight)
    assert imputer.transform(X).shape == (len(X), 2)


def test_weights_are_repeats():
    X = blobs(missing=0.2)
    weight = np.random.default_rng(0).integers(0, 3, size=len(X))
    weighted = MixtureImputer().fit(X, sample_weight=weight).transform(X)
    assert_allclose(weighted, MixtureImputer().fit(np.repeat(X, weight, axis=0)).transform(X), rtol=1e-4)


def test_float32_and_other_families():
    X = blobs(missing=0.2).astype(np.float32)
    assert MixtureImputer().fit_transform(X).dtype == np.float32
    zeros_and_ones = np.array([[0, 1], [1, 0], [1, 0], [0, 1], [np.nan, 0]], dtype=np.float32)
    filled = MixtureImputer(BernoulliMixture(2, random_state=0)).fit_transform(zeros_and_ones)
    assert filled.dtype == np.float32
    assert filled[4, 0] > 0.9


def test_what_cannot_be_is_named():
    with pytest.raises(ValueError, match="X has no observed value"):
        MixtureImputer().fit(np.full((5, 2), np.nan))
    with pytest.raises(ValueError, match="'method' parameter of MixtureImputer must be a str among"):
        MixtureImputer(method="median").fit(blobs())
