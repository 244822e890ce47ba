"""2000 degenerate data sets for all estimators and solvers: no exception but our ValueError, no NaN, no warning."""

import re
import warnings

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning

from skmix import (
    GMMHMM,
    BernoulliHMM,
    BernoulliMixture,
    CategoricalHMM,
    CategoricalMixture,
    GaussianHMM,
    GaussianMixture,
    PoissonHMM,
    PoissonMixture,
    VariationalGaussianMixture,
)
from skmix.solvers import SOLVERS

OURS = re.compile(  # what a user may be told: that data are too few, too wide or no counts
    r"Expected n_samples >= n_components|values whose squares overflow|takes counts up to"
    r"|Sample weights (must contain at least one|are numbers of rows)"
)
SLOW = {"derivative-free", "constrained"}  # hundreds of passes an iterate; they have a case of their own
QUICK = sorted(set(SOLVERS) - SLOW)
FIXED_POINT = ["em", "squarem", "anderson", "auto"]
_WIDEST = {np.float64: 1e305, np.float32: 1e36}
FITTED = ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_", "rates_", "probabilities_")
FITTED += ("startprob_", "transmat_")

MEASURED = {
    "normal": lambda rng, n: rng.normal(size=n),
    "constant": lambda rng, n: np.full(n, 7.3),
    "zeros": lambda rng, n: np.zeros(n),
    "two values": lambda rng, n: rng.integers(0, 2, size=n) * 3.0,
    "integers": lambda rng, n: rng.integers(-3, 4, size=n).astype(float),
    "tiny": lambda rng, n: 1e-150 * rng.normal(size=n),
    "huge": lambda rng, n: 1e150 * rng.normal(size=n),
    "subnormal": lambda rng, n: 5e-324 * rng.integers(0, 9, size=n),
    "far": lambda rng, n: 1e12 + rng.normal(size=n),
    "rounding": lambda rng, n: 0.1 + 1e-17 * rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_cauchy(size=n) ** 3,
    "outlier": lambda rng, n: np.where(np.arange(n) == 0, 1e100, rng.normal(size=n)),
    "too wide": lambda rng, n: 1e300 * rng.normal(size=n),
    "unseen": lambda rng, n: np.full(n, np.nan),
}
COUNTED = {
    "counts": lambda rng, n: rng.poisson(4.0, size=n).astype(float),
    "zeros": lambda rng, n: np.zeros(n),
    "constant": lambda rng, n: np.full(n, 3.0),
    "rare": lambda rng, n: (rng.random(n) < 0.1).astype(float),
    "large": lambda rng, n: rng.integers(0, 10**10, size=n).astype(float),
    "too large": lambda rng, n: np.full(n, 1e11),
    "fractions": lambda rng, n: rng.random(n) * 1e-300,
    "unseen": lambda rng, n: np.full(n, np.nan),
}
ANSWERED = {
    "even": lambda rng, n: rng.integers(0, 2, size=n).astype(float),
    "zeros": lambda rng, n: np.zeros(n),
    "ones": lambda rng, n: np.ones(n),
    "rare": lambda rng, n: (rng.random(n) < 0.1).astype(float),
    "unseen": lambda rng, n: np.full(n, np.nan),
}
CODED = {
    **ANSWERED,
    "codes": lambda rng, n: rng.integers(0, 4, size=n).astype(float),
    "fives": lambda rng, n: 5.0 + 0 * np.ones(n),
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "ones": lambda rng, n: np.ones(n),
    "some zero": lambda rng, n: rng.integers(0, 2, size=n).astype(float),
    "tiny": lambda rng, n: 1e-250 * rng.random(n),
    "huge": lambda rng, n: 1e250 * rng.random(n),
    "uneven": lambda rng, n: 10.0 ** rng.integers(-20, 20, size=n),
}


def rows(case, columns):
    """Rows of drawn columns, and what else may be wrong with them."""
    rng = np.random.default_rng(case["seed"])
    n = case["n"]
    kinds = sorted(columns)
    X = np.stack([columns[kinds[kind % len(kinds)]](rng, n) for kind in case["columns"]], axis=1)
    if "copied column" in case["wrong"]:
        X[:, -1] = X[:, 0]
    if "equal rows" in case["wrong"]:
        X = X[rng.integers(0, max(1, n // 3), size=n)]
    if "missing entries" in case["wrong"]:
        X[rng.random(X.shape) < 0.4] = np.nan
    if "missing row" in case["wrong"]:
        X[n // 2] = np.nan
    return np.clip(X, -_WIDEST[case["dtype"]], _WIDEST[case["dtype"]]).astype(case["dtype"])


def cases(solvers):
    """Arguments of fits, and what the data are made from."""
    return st.fixed_dictionaries(
        {
            "seed": st.integers(0, 2**31 - 1),
            "n": st.integers(1, 12),
            "columns": st.lists(st.integers(0, 100), min_size=1, max_size=4),
            "wrong": st.sets(st.sampled_from(["copied column", "equal rows", "missing entries", "missing row"])),
            "dtype": st.sampled_from([np.float64, np.float64, np.float32]),
            "weights": st.sampled_from(sorted(WEIGHTS)),
            "K": st.integers(1, 4),
            "solver": st.sampled_from(solvers),
            "init_params": st.sampled_from(["kmeans", "k-means++", "random", "random_from_data"]),
            "reg_covar": st.sampled_from([0.0, 1e-6]),
            "prior": st.sampled_from([None, "data"]),
        }
    )


def chosen(case, *names):
    """Arguments of an estimator."""
    return {"max_iter": 8, "random_state": 0, **{name: case[name] for name in ("solver", "init_params", *names)}}


def fitted(estimator, X, **kwargs):
    """The estimator, or None where it refuses the data in words of ours."""
    try:
        return estimator.fit(X, **kwargs)
    except ValueError as error:
        if OURS.search(str(error)):
            return None
        raise


def check(model, X, **kwargs):
    """That nothing is NaN, and that nothing fell."""
    for name in FITTED:
        assert np.isfinite(getattr(model, name, 0.0)).all(), name
    assert_allclose(model.predict_proba(X, **kwargs).sum(axis=1), 1.0, rtol=1e-5)
    assert np.isfinite(model.score(X, **kwargs))
    assert np.diff(model.history_["objective"]).min(initial=0.0) >= 0.0
    # In float32 rows that are equal have equal errors, of which the estimate of rounding says that they average out.
    assert X.dtype == np.float32 or "refused" not in model.stop_reason_


def mixture_case(make, columns, solvers=QUICK):
    def run(case):
        X = rows(case, columns)
        weight = WEIGHTS[case["weights"]](np.random.default_rng(case["seed"]), len(X))
        model = fitted(make(case), X, sample_weight=weight)
        if model is not None:
            check(model, X)

    return run, cases(solvers)


def chain_case(make, columns, solvers=QUICK):
    def run(case):
        X, rng = rows(case, columns), np.random.default_rng(case["seed"])
        identity = np.sort(rng.integers(0, 3, size=len(X)))
        weight = WEIGHTS[case["weights"]](rng, 3)
        weight = weight if weight is None else weight[identity]
        model = fitted(make(case), X, sequence_id=identity, sample_weight=weight)
        if model is not None:
            check(model, X, sequence_id=identity)

    return run, cases(solvers)


def gaussian(covariance_type, solvers=QUICK):
    def make(case):
        return GaussianMixture(case["K"], covariance_type=covariance_type, **chosen(case, "reg_covar", "prior"))

    return mixture_case(make, MEASURED, solvers)


NOT_FULL = [name for name in QUICK if name != "riemannian"]
IN_CHAINS = NOT_FULL
ESTIMATORS = {
    "full": (gaussian("full"), 300),
    "tied": (gaussian("tied", NOT_FULL), 200),
    "diag": (gaussian("diag", NOT_FULL), 200),
    "spherical": (gaussian("spherical", NOT_FULL), 200),
    "variational": (
        mixture_case(
            lambda case: VariationalGaussianMixture(case["K"], **chosen(case, "reg_covar")), MEASURED, FIXED_POINT
        ),
        150,
    ),
    "poisson": (mixture_case(lambda case: PoissonMixture(case["K"], **chosen(case, "prior")), COUNTED, NOT_FULL), 150),
    "bernoulli": (
        mixture_case(lambda case: BernoulliMixture(case["K"], **chosen(case, "prior")), ANSWERED, NOT_FULL),
        120,
    ),
    "categorical": (
        mixture_case(lambda case: CategoricalMixture(case["K"], **chosen(case, "prior")), CODED, NOT_FULL),
        120,
    ),
    "full HMM": (
        chain_case(
            lambda case: GaussianHMM(case["K"], "full", **chosen(case, "reg_covar", "prior")), MEASURED, IN_CHAINS
        ),
        120,
    ),
    "diag HMM": (
        chain_case(
            lambda case: GaussianHMM(case["K"], "diag", **chosen(case, "reg_covar", "prior")), MEASURED, IN_CHAINS
        ),
        120,
    ),
    "mixture HMM": (
        chain_case(lambda case: GMMHMM(case["K"], 2, **chosen(case, "reg_covar", "prior")), MEASURED, IN_CHAINS),
        100,
    ),
    "poisson HMM": (chain_case(lambda case: PoissonHMM(case["K"], **chosen(case, "prior")), COUNTED, IN_CHAINS), 80),
    "bernoulli HMM": (
        chain_case(lambda case: BernoulliHMM(case["K"], **chosen(case, "prior")), ANSWERED, IN_CHAINS),
        60,
    ),
    "categorical HMM": (
        chain_case(lambda case: CategoricalHMM(case["K"], **chosen(case, "prior")), CODED, IN_CHAINS),
        60,
    ),
    "slow solvers": (gaussian("diag", sorted(SLOW)), 20),
}


def test_there_are_2000():
    assert sum(n for _, n in ESTIMATORS.values()) == 2000


@pytest.mark.parametrize("name", ESTIMATORS)
def test_no_exception_no_nan(name):
    (run, strategy), n = ESTIMATORS[name]

    @settings(max_examples=n, deadline=None, derandomize=True, phases=[Phase.generate], database=None)
    @given(case=strategy)
    def each(case):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "X has values that are no", UserWarning)
            run(case)

    each()
