"""skmix: mixture models and hidden Markov models for scikit-learn, with the optimiser as a parameter."""

from skmix.comparison.compare import compare_solvers
from skmix.estimators.gaussian_hmm import GaussianHMM
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.gmm_hmm import GMMHMM
from skmix.estimators.poisson_hmm import PoissonHMM
from skmix.estimators.poisson_mixture import PoissonMixture
from skmix.estimators.variational_mixture import VariationalGaussianMixture

__version__ = "0.1.0"

__all__ = [
    "GMMHMM",
    "GaussianHMM",
    "GaussianMixture",
    "PoissonHMM",
    "PoissonMixture",
    "VariationalGaussianMixture",
    "__version__",
    "compare_solvers",
]
