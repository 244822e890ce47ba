"""skmix: mixture models and hidden Markov models for scikit-learn, with the optimiser as a parameter."""

from skmix.comparison.compare import compare_solvers
from skmix.estimators.bernoulli_hmm import BernoulliHMM
from skmix.estimators.bernoulli_mixture import BernoulliMixture
from skmix.estimators.categorical_hmm import CategoricalHMM
from skmix.estimators.categorical_mixture import CategoricalMixture
from skmix.estimators.classifier import MixtureClassifier
from skmix.estimators.gaussian_hmm import GaussianHMM
from skmix.estimators.gaussian_mixture import GaussianMixture
from skmix.estimators.gmm_hmm import GMMHMM
from skmix.estimators.hidden_markov_model import HiddenMarkovModel
from skmix.estimators.imputer import MixtureImputer
from skmix.estimators.mixture_clustering import MixtureClustering
from skmix.estimators.outlier_detector import MixtureOutlierDetector
from skmix.estimators.poisson_hmm import PoissonHMM
from skmix.estimators.poisson_mixture import PoissonMixture
from skmix.estimators.regressor import MixtureRegressor
from skmix.estimators.variational_mixture import VariationalGaussianMixture

__version__ = "0.1.0"

__all__ = [
    "GMMHMM",
    "BernoulliHMM",
    "BernoulliMixture",
    "CategoricalHMM",
    "CategoricalMixture",
    "GaussianHMM",
    "GaussianMixture",
    "HiddenMarkovModel",
    "MixtureClassifier",
    "MixtureClustering",
    "MixtureImputer",
    "MixtureOutlierDetector",
    "MixtureRegressor",
    "PoissonHMM",
    "PoissonMixture",
    "VariationalGaussianMixture",
    "__version__",
    "compare_solvers",
]
