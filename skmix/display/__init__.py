"""Pictures of fitted models, in the manner of scikit-learn's Displays. matplotlib is imported when one is drawn."""

from skmix.display.comparison import SolverComparisonDisplay
from skmix.display.convergence import ConvergenceDisplay
from skmix.display.criterion import CriterionDisplay
from skmix.display.mixture import MixtureDisplay
from skmix.display.states import StateDisplay

__all__ = ["ConvergenceDisplay", "CriterionDisplay", "MixtureDisplay", "SolverComparisonDisplay", "StateDisplay"]
