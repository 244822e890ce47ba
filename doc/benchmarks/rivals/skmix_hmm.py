"""skmix's hidden Markov models."""

from __future__ import annotations

from typing import Any

from hmm_problems import Series
from timing import Task

from skmix import GaussianHMM


class SkmixHMM:
    """skmix.GaussianHMM."""

    name = "skmix"

    def start(self, problem: Series) -> dict[str, Any]:
        """Arguments that make a fit begin at the problem's start."""
        return {
            "n_components": len(problem.start),
            "startprob_init": problem.start,
            "transmat_init": problem.transitions,
            "means_init": problem.means,
            "precisions_init": 1.0 / problem.variances,
            "reg_covar": 0.0,
        }

    def iteration(self, problem: Series) -> Task:
        """One pass over the data and the M-step it gives, from the problem's start."""
        estimator = GaussianHMM(**self.start(problem))
        _, objective = estimator._prepare(problem.X, lengths=problem.lengths)
        (parameters,) = estimator._starts(objective)
        return Task(lambda: objective.m_step(objective.at(parameters)), objective.threads.open)

    def viterbi(self, problem: Series) -> Task:
        """The most probable paths at the problem's start."""
        model = GaussianHMM(**self.start(problem), max_iter=0).fit(problem.X, lengths=problem.lengths)
        return Task(lambda: model.decode(problem.X, lengths=problem.lengths))
