"""What a solver is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point
from skmix.solvers.result import Ending, Trace


class Solver(BaseEstimator, ABC):
    """Climbs an :class:`~skmix.likelihood.objective.Objective` from a start.

    A new solver is one file: subclass this, and name it in ``skmix.solvers``. Its parameters are its own constructor's;
    `tol` and `max_iter` are the estimator's and come with the trace. Only iterates whose objective does not fall are
    accepted into the trace.

    Attributes
    ----------
    name : str
        The name in the registry.
    requires : tuple of str
        Methods of the family that the solver cannot do without.
    takes : str
        A sentence for the user that says which models it takes, where that is not all.
    needs_gradient : bool
        Whether it climbs by gradients.
    needs_independent_labels : bool
        Whether it takes mixtures only, no chains.
    needs_all_free : bool
        Whether it cannot hold weights or locations of components.
    """

    name: ClassVar[str]
    requires: ClassVar[tuple[str, ...]] = ()
    takes: ClassVar[str] = ""
    needs_gradient: ClassVar[bool] = False
    needs_independent_labels: ClassVar[bool] = False
    needs_all_free: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def check(self, objective: Objective) -> None:
        """Refuse, before any pass, parameters out of range and a model that lacks what the solver needs."""
        self._validate_params()
        model = objective.model
        if self.needs_gradient and not model.family.has_gradient:
            raise ValueError(
                f"solver={self.name!r} needs a gradient, which {type(model.family).__name__} does not give; choose "
                "solver='em', 'squarem' or 'anderson'."
            )
        if self.needs_independent_labels and not model.latent.independent:
            raise ValueError(
                f"solver={self.name!r} needs independent labels, but the states of a hidden Markov model depend "
                "on each other; choose solver='auto', 'em' or 'lbfgs'."
            )
        if self.needs_all_free and model.restricted:
            raise ValueError(
                f"solver={self.name!r} moves all components and weights together and cannot hold any of them fixed; "
                "choose solver='auto', 'em' or 'lbfgs'."
            )
        missing = [method for method in self.requires if not getattr(model.family, method, None)]
        if missing:
            raise ValueError(
                f"solver={self.name!r} needs {' and '.join(map(repr, missing))} of the family, which "
                f"{type(model.family).__name__} does not define. {self.takes or 'Choose another solver.'}"
            )

    def refuse_more_than(self, most: int, objective: Objective, why: str) -> None:
        """Raise ValueError for a model with more than `most` parameters."""
        if objective.n_parameters > most:
            raise ValueError(
                f"solver={self.name!r} takes up to {most} parameters, this model has {objective.n_parameters}: {why}. "
                "Use solver='auto' or 'lbfgs'."
            )

    def solve(self, objective: Objective, start: Parameters, trace: Trace) -> Ending:
        """Evaluate the start and climb from it."""
        # What overflows far from the data gives values of −inf, which are refused.
        with objective.threads.open(), np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            trace.begin()
            point = self.first(objective, start)
            if not np.isfinite(point.value):
                raise ValueError(
                    "The objective cannot be computed at the start: means_init, precisions_init or the weights are too "
                    "far from the data's own scale, or labels are known that the weights or transitions of 0 rule out. "
                    "Change them, or let init_params find a start."
                )
            trace.accept(point)
            if trace.exhausted:
                ending = self.unfinished(point, trace)
            elif objective.n_parameters == 0:  # all is known
                ending = self.converged(point, 0.0, trace)
            else:
                ending = self.run(objective, point, trace)
            if trace.n_iter == 0 and ending.converged:  # the start is the optimum: an iterate of its own
                trace.accept(ending.point)
            trace.ending = ending
            return ending

    def first(self, objective: Objective, start: Parameters) -> Point:
        """The point to climb from: the start, unless the solver has a reason to change it."""
        return objective.at(start)

    @abstractmethod
    def run(self, objective: Objective, point: Point, trace: Trace) -> Ending:
        """Climb from an accepted point until `trace.tol` is reached or `trace.exhausted`."""

    def unfinished(self, point: Point, trace: Trace) -> Ending:
        """The ending of a solver that neither converged nor failed: out of iterations, or of the steps it was given."""
        return self.out_of_iterations(point, trace) if trace.exhausted else Ending(point, False, "", self.name)

    def out_of_iterations(self, point: Point, trace: Trace) -> Ending:
        """The ending of a solver that made `max_iter` iterations, whether all of them were accepted or not."""
        reason = f"stopped after max_iter={trace.max_iter} iterations, before the estimated remaining gain fell to tol"
        return Ending(point, False, reason, self.name)

    def converged(self, point: Point, remaining: float, trace: Trace) -> Ending:
        """The ending of a solver that estimates that no more than `tol` remains."""
        if remaining == 0.0:
            reason = "converged: the last step gained nothing at working precision"
        else:
            reason = f"converged: estimated remaining gain {remaining:.1e} <= tol={trace.tol:.1e} nats per row"
        return Ending(point, True, reason, self.name)
