"""Solvers side by side: the same model on the same data, from the same starts."""

from skmix.comparison.result import Run, SolverComparison

__all__ = ["Run", "SolverComparison"]
