"""What a fit tells besides its parameters: lower bounds, standard errors, criteria as scorers, tests."""

from __future__ import annotations

from skmix.inference.bootstrap import Bootstrap, bootstrap
from skmix.inference.elbo import Elbo, elbo
from skmix.inference.ratio_test import LikelihoodRatioTest, likelihood_ratio_test
from skmix.inference.scorers import CriterionScorer, aic_scorer, bic_scorer, icl_scorer
from skmix.inference.standard_errors import StandardErrors, standard_errors

__all__ = [
    "Bootstrap",
    "CriterionScorer",
    "Elbo",
    "LikelihoodRatioTest",
    "StandardErrors",
    "aic_scorer",
    "bic_scorer",
    "bootstrap",
    "elbo",
    "icl_scorer",
    "likelihood_ratio_test",
    "standard_errors",
]
