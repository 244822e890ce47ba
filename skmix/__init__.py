"""skmix: mixture models for scikit-learn, with the optimiser as a parameter."""

from skmix.comparison.compare import compare_solvers
from skmix.estimators.bernoulli_mixture import BernoulliMixture
from skmix.estimators.categorical_mixture import CategoricalMixture
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.poisson_mixture import PoissonMixture
from skmix.estimators.variational_mixture import VariationalGaussianMixture

__version__ = "0.1.0"

__all__ = [
    "BernoulliMixture",
    "CategoricalMixture",
    "GaussianMixture",
    "PoissonMixture",
    "VariationalGaussianMixture",
    "__version__",
    "compare_solvers",
]
