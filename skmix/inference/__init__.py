"""What a fit knows about its own inference: the evidence lower bound, criteria as scorers, a likelihood-ratio test."""

from __future__ import annotations

from skmix.inference.elbo import Elbo, elbo
from skmix.inference.ratio_test import LikelihoodRatioTest, likelihood_ratio_test
from skmix.inference.scorers import CriterionScorer, aic_scorer, bic_scorer, icl_scorer

__all__ = [
    "CriterionScorer",
    "Elbo",
    "LikelihoodRatioTest",
    "aic_scorer",
    "bic_scorer",
    "elbo",
    "icl_scorer",
    "likelihood_ratio_test",
]
