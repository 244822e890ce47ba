"""Degenerate data: no exception, no NaN, and results that do not depend on units."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from problems import COVARIANCE_TYPES, blobs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skmix import GaussianHMM, GaussianMixture
from skmix.solvers import SOLVERS

RNG = np.random.default_rng(0)
BASE = RNG.normal(size=(60, 3))
CASES = {
    "duplicate rows": np.repeat(BASE[:4], 10, axis=0),
    "fewer distinct rows than components": np.repeat(BASE[:2], 10, axis=0),
    "constant column": np.c_[BASE, np.full(60, 7.0)],
    "column of zeros": np.c_[BASE, np.zeros(60)],
    "column that is constant but for rounding": np.c_[BASE, 0.1 + 1e-17 * RNG.normal(size=60)],
    "all rows equal": np.full((30, 3), 3.0),
    "n = K": BASE[:3],
    "n < d": RNG.normal(size=(5, 20)),
    "collinear": np.c_[BASE, BASE @ [1.0, 2.0, 3.0]],
    "integers": RNG.integers(0, 2, size=(50, 2)).astype(float),
    "columns of scale 1e-150 and 1e150": BASE * [1e-150, 1.0, 1e150],
    "scale 1e150": BASE * 1e150,
    "scale 1e-150": BASE * 1e-150,
    "far from the origin": BASE + 1e12,
    "outlier in all columns": np.r_[BASE, [[1e8, 1e8, 1e8]]],
    "outlier in one column": np.r_[BASE, [[1e8, 0.0, 0.0]]],
    "half of the entries missing": np.where(RNG.random(BASE.shape) < 0.5, np.nan, BASE),
    "column without values": np.c_[BASE, np.full(60, np.nan)],
    "no values at all": np.full((10, 2), np.nan),
}


# Solvers that the estimator chooses by itself, with everything; each other one, where it is at home.
FITS = [(solver, type_, reg) for solver in ("auto", "em") for type_ in COVARIANCE_TYPES for reg in (0.0, 1e-6)]
FITS += [(solver, type_, 0.0) for solver in ("lbfgs", "newton", "squarem") for type_ in ("full", "diag")]
FITS += [(solver, "full", 0.0) for solver in SOLVERS if solver not in {"derivative-free", *(fit[0] for fit in FITS)}]


@pytest.mark.parametrize(("solver", "covariance_type", "reg_covar"), FITS)
@pytest.mark.parametrize("case", CASES)
def test_never_raises_never_nan(case, covariance_type, solver, reg_covar):
    X = CASES[case]
    X = X[:, :8] if solver == "constrained" else X  # it takes 500 parameters, and its time grows with their cube
    for init_params in ("kmeans", "random"):
        mixture = GaussianMixture(
            3,
            covariance_type=covariance_type,
            solver=solver,
            reg_covar=reg_covar,
            init_params=init_params,
            random_state=0,
            max_iter=10 if solver in ("online-em", "adam") else 40,  # epochs are many steps
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(X)
        for name in ("weights_", "means_", "covariances_", "precisions_cholesky_"):
            assert np.isfinite(getattr(mixture, name)).all(), name
        assert_allclose(mixture.weights_.sum(), 1.0)
        assert_allclose(mixture.predict_proba(X).sum(axis=1), 1.0)
        assert np.isfinite(mixture.score_samples(X)).all()
        assert np.diff(mixture.history_["objective"]).min(initial=0.0) >= 0.0
        assert "refused" not in mixture.stop_reason_


def test_an_outlier_does_not_blur_the_rest():
    """The rest of the data keeps its structure although it spans 1e-8 of the range."""
    X = np.r_[blobs(n=200, d=2, K=2, separation=6.0), [[1e9, 1e9]]]
    mixture = GaussianMixture(3, random_state=0, n_init=10, init_params="random_from_data", max_iter=2000).fit(X)
    rest = GaussianMixture(2, random_state=0, n_init=10).fit(X[:-1])
    labels, expected = mixture.labels_[:-1], rest.labels_
    assert mixture.labels_[-1] not in labels
    assert max(np.mean(labels == expected), np.mean(labels == expected[::-1])) > 0.95 or len(set(labels)) == 2


def test_a_component_that_loses_all_its_rows_is_reported():
    X = blobs(n=100, d=2, K=2, separation=8.0)
    mixture = GaussianMixture(
        3,
        solver="em",
        reg_covar=0.0,
        weights_init=[0.4, 0.4, 0.2],
        means_init=[X[:50].mean(axis=0), X[50:].mean(axis=0), [1e8, 1e8]],
        precisions_init=np.stack([np.linalg.inv(np.cov(X.T))] * 3),
        covariance_type="full",
    )
    with pytest.warns(ConvergenceWarning, match=r"Component\(s\) 2 lost all rows: the weight is all but 0.*Use fewer"):
        mixture.fit(X)
    assert mixture.weights_[2] < 1e-100
    assert_allclose(mixture.means_[2], [1e8, 1e8])
    assert 2 not in mixture.labels_


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**31 - 1),
    exponents=st.lists(st.integers(-20, 20), min_size=3, max_size=3),
    shift=st.floats(-1e3, 1e3),
    missing=st.sampled_from([0.0, 0.2]),
    covariance_type=st.sampled_from(COVARIANCE_TYPES),
    init_params=st.sampled_from(["kmeans", "k-means++", "random", "random_from_data"]),
    solver=st.sampled_from(sorted(set(SOLVERS) - {"derivative-free"})),
)
def test_equivariance(seed, exponents, shift, missing, covariance_type, init_params, solver):
    """Other units and another origin: the same mixture in those units (spherical ones: one unit for all columns)."""
    X = blobs(n=80, seed=seed, missing=missing)
    X = X[~np.isnan(X).all(axis=1)]  # k-means sees a row without values at the centre of all: a tie, for two clusters
    covariance_type = "full" if solver == "riemannian" else covariance_type
    factor = 2.0 ** np.array(exponents if covariance_type != "spherical" else exponents[:1] * 3)
    # Powers of two, and a shift that is small in the new units, so that the data themselves are not rounded much.
    moved = X * factor + shift * factor
    fits = []
    for data in (X, moved):
        mixture = GaussianMixture(
            2,
            covariance_type=covariance_type,
            init_params=init_params,
            solver=solver,
            reg_covar=0.0,
            max_iter=15,
            tol=0.0,
            random_state=0,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            fits.append(mixture.fit(data))
    a, b = fits
    jacobian = np.log(factor)
    observed = (~np.isnan(X)).mean(axis=0)
    assert_allclose(b.lower_bound_ + jacobian @ observed, a.lower_bound_, atol=1e-5)
    deviation = np.nanstd(X, axis=0)
    assert_allclose((b.means_ / factor - shift - a.means_) / deviation, 0.0, atol=1e-3)
    assert_allclose(b.weights_, a.weights_, atol=1e-3)


@pytest.mark.parametrize("estimator", [GaussianMixture(), GaussianHMM()], ids=["mixture", "HMM"])
@pytest.mark.parametrize("weight", [1e250, 1e-250])
def test_weights_whose_sums_would_overflow_are_refused(weight, estimator):
    with pytest.raises(ValueError, match=r"largest should be between 1e-20 and 1e\+20, but is 1.0e.*Multiply them all"):
        clone(estimator).fit(BASE, sample_weight=np.full(60, weight))


@pytest.mark.parametrize("prior", [None, "data"])
@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_precisions_of_subnormal_columns_are_finite(covariance_type, prior):
    X = 5e-324 * RNG.integers(0, 9, size=(20, 2))
    mixture = GaussianMixture(covariance_type=covariance_type, prior=prior, reg_covar=0.0).fit(X)
    assert np.isfinite(mixture.precisions_).all()
    assert np.isfinite(mixture.score(X))
