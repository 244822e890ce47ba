"""hmmlearn, with its priors off (maximum likelihood, as skmix by default)."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from hmm_problems import Series
from hmmlearn.hmm import GaussianHMM
from timing import Task

logging.getLogger("hmmlearn").setLevel(logging.CRITICAL)  # of iterations that gain less than nothing


class Hmmlearn:
    """hmmlearn.hmm.GaussianHMM by one of its implementations, "log" (its default) or "scaling"."""

    def __init__(self, implementation: str):
        self.name = self.implementation = implementation

    def model(self, problem: Series, **options: Any) -> GaussianHMM:
        """A model at the problem's start, which its fits begin from."""
        model = GaussianHMM(
            len(problem.start),
            covariance_type="diag",
            implementation=self.implementation,
            init_params="",
            means_weight=0,
            covars_prior=0,
            covars_weight=1,
            min_covar=0,
            **options,
        )
        model.startprob_, model.transmat_ = problem.start.copy(), problem.transitions.copy()
        model.means_, model.covars_ = problem.means.copy(), problem.variances.copy()
        model.n_features = problem.X.shape[1]
        return model

    def iteration(self, problem: Series) -> Task:
        """What the loop of `fit` does once, from the problem's start."""
        model = self.model(problem)
        model._check()

        def step() -> None:
            model.startprob_, model.transmat_ = problem.start.copy(), problem.transitions.copy()
            model.means_, model._covars_ = problem.means.copy(), problem.variances.copy()
            statistics, _ = model._do_estep(problem.X, problem.lengths)
            model._do_mstep(statistics)

        return Task(step)

    def viterbi(self, problem: Series) -> Task:
        """The most probable paths at the problem's start."""
        model = self.model(problem)
        return Task(lambda: model.decode(problem.X, problem.lengths))

    def fit(self, problem: Series, iterations: int) -> GaussianHMM:
        """A fit of so many EM iterations."""
        return self.model(problem, n_iter=iterations, tol=-np.inf).fit(problem.X, problem.lengths)
