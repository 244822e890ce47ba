"""scikit-learn's estimator checks for what is built on mixtures: default parameters, and instances of each kind."""

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmix import (
    BernoulliMixture,
    GaussianMixture,
    MixtureClassifier,
    MixtureImputer,
    MixtureOutlierDetector,
    MixtureRegressor,
    PoissonMixture,
    VariationalGaussianMixture,
)

THREE = GaussianMixture(3, covariance_type="tied", random_state=0)

INSTANCES = [
    MixtureRegressor(),
    MixtureRegressor(THREE),
    MixtureRegressor(VariationalGaussianMixture(2, random_state=0)),
    MixtureClassifier(),
    MixtureClassifier(GaussianMixture(covariance_type="diag"), n_jobs=2),
    MixtureClassifier(PoissonMixture()),
    MixtureImputer(),
    MixtureImputer(THREE, method="draw", keep_empty_features=True),
    MixtureImputer(BernoulliMixture(2, binarize=0.5, random_state=0)),
    MixtureOutlierDetector(),
    MixtureOutlierDetector(THREE, contamination=0.1),
]


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
@pytest.mark.filterwarnings("ignore:X has values (other than 0 and 1|that are no codes):UserWarning")
@parametrize_with_checks(INSTANCES)
def test_estimator(estimator, check):
    check(estimator)
