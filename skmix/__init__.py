"""skmix: mixture models for scikit-learn, with the optimiser as a parameter."""

from skmix.comparison.compare import compare_solvers
from skmix.estimators.gaussian_mixture import GaussianMixture

__version__ = "0.1.0"

__all__ = ["GaussianMixture", "__version__", "compare_solvers"]
