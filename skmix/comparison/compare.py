"""Run several solvers on the same model and data from the same starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn import config_context
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, validate_parameter_constraints

from skmix.comparison.result import Run, SolverComparison
from skmix.estimators.base import LatentVariableModel
from skmix.estimators.hidden_markov import BaseHMM
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective
from skmix.solvers import SOLVERS, Solver, resolve
from skmix.solvers.result import Ending, Trace

_CONSTRAINTS: dict[str, list[Any]] = {
    "estimator": [LatentVariableModel],
    "solvers": [Mapping, list, tuple, None],
    "n_starts": [Interval(Integral, 1, None, closed="left")],
    "target": [Interval(Real, 0.0, None, closed="neither")],
    "random_state": ["random_state"],
    "n_jobs": [Integral, None],
}


def compare_solvers(
    estimator: LatentVariableModel,
    X: Any,
    solvers: Sequence[str | Solver] | Mapping[str, str | Solver] | None = None,
    n_starts: int = 5,
    target: float = 1e-8,
    random_state: Any = None,
    n_jobs: int | None = None,
    sample_weight: Any = None,
    sequence_id: Any = None,
    lengths: Any = None,
) -> SolverComparison:
    """Run several solvers on the same model and data from the same starts.

    All begin at the same parameters and climb the same objective, so that passes over the data, seconds and objectives
    can be compared. No run warns of non-convergence; the result tells.

    Parameters
    ----------
    estimator : mixture or hidden Markov model of this package
        The model, for example a :class:`GaussianMixture`. It is not changed. Its parameters are used but for `solver`,
        `n_init`, `warm_start` and `n_jobs`, and `tol` is made as small as it takes to get to the target,
        ``min(tol, target / 10)``. Its `max_iter` holds for every run: set it high enough for the slowest solver.
    X : array-like of shape (n_samples, n_features)
        The data. NaN marks a value that is missing at random.
    solvers : list of str or Solver, or dict of str to str or Solver, default=None
        Names or instances, or a dict with a label for each. An instance is labelled by its name, with the parameters
        that are not at their defaults if there are any, as in ``LBFGS(chart='factor')``. None takes all solvers of
        :mod:`skmix.solvers`. One that refuses the model stays in the result, with the refusal as its reason.
    n_starts : int, default=5
        Number of starts, the same that a fit with ``n_init=n_starts`` makes. There is one where the estimator is given
        the initial values of all parameters.
    target : float, default=1e-8
        A start is solved when a solver is within this of the best objective that any of them reached from that start,
        nats per row. Below the rounding of the objective, about 1e-7 for float32 data, it means nothing.
    random_state : int, RandomState instance or None, default=None
        Seed of the starts. None takes the estimator's.
    n_jobs : int, default=None
        Starts that a solver is run from at a time, in threads. Runs side by side slow each other down: seconds mean
        something only with None. Passes do not depend on it.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows.
    sequence_id : array-like of shape (n_samples,), default=None
        Which sequence each row belongs to, for a hidden Markov model.
    lengths : array-like of int of shape (n_sequences,), default=None
        Lengths of the sequences, in place of `sequence_id`.

    Returns
    -------
    comparison : SolverComparison
        The runs, with `to_frame`, `table`, `passes_to`, `seconds_to` and `profile`; print it for the table. Draw it
        by :class:`skmix.display.SolverComparisonDisplay`.

    Raises
    ------
    ValueError
        If an argument is out of range, a solver has no such name, every solver refuses the model, or the estimator
        would refuse to be fitted.

    Examples
    --------
    >>> from skmix import GaussianMixture, compare_solvers
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.solvers import LBFGS
    >>> X = load_old_faithful().data
    >>> mixture = GaussianMixture(n_components=3, max_iter=5000)
    >>> comparison = compare_solvers(mixture, X, ["em", "lbfgs", LBFGS(memory=5)], n_starts=2, random_state=0)
    >>> comparison.solvers
    ['em', 'lbfgs', 'LBFGS(memory=5)']
    >>> passes = comparison.passes_to(1e-8)
    >>> bool((passes["lbfgs"] < passes["em"] / 2).all())
    True
    """
    given = {
        "estimator": estimator,
        "solvers": solvers,
        "n_starts": n_starts,
        "target": target,
        "random_state": random_state,
        "n_jobs": n_jobs,
    }
    validate_parameter_constraints(_CONSTRAINTS, given, caller_name="compare_solvers")
    chosen = _labelled(solvers)
    mixture = clone(estimator)
    mixture._validate_params()
    mixture.set_params(n_init=n_starts, warm_start=False, n_jobs=n_jobs, tol=min(mixture.tol, target / 10))
    if random_state is not None:
        mixture.set_params(random_state=random_state)
    sequences = {"sequence_id": sequence_id, "lengths": lengths}
    given_sequences = {name: value for name, value in sequences.items() if value is not None}
    if given_sequences and not isinstance(mixture, BaseHMM):
        raise ValueError(f"{' and '.join(given_sequences)} is for hidden Markov models, got {type(mixture).__name__}.")
    _, objective = mixture._prepare(X, sample_weight, **given_sequences)
    refusals = {label: _refusal(solver, objective) for label, solver in chosen.items()}
    if all(refusals.values()):
        raise ValueError(f"All solvers refuse the model: {' '.join(dict.fromkeys(refusals.values()))}")
    starts = mixture._starts(objective)
    objective.at(starts[0])  # so that the first solver does not pay for what is made once
    runs: list[Run] = []
    for label, solver in chosen.items():
        if refusal := refusals[label]:
            runs += [_refused(label, index, refusal) for index in range(len(starts))]
        else:
            runs += _runs(label, mixture.set_params(solver=solver), objective, starts)
    return SolverComparison(runs, target)


def _labelled(solvers: Sequence[str | Solver] | Mapping[str, str | Solver] | None) -> dict[str, Solver]:
    """The solvers by their labels, all of them different."""
    if solvers is None:
        solvers = list(SOLVERS)
    if not solvers:
        raise ValueError(f"solvers must hold at least one of {list(SOLVERS)} or a Solver. Got {solvers!r} instead.")
    given = solvers.values() if isinstance(solvers, Mapping) else solvers
    for one in given:
        if not (isinstance(one, Solver) or (isinstance(one, str) and one in SOLVERS)):
            raise ValueError(
                f"solvers must hold names out of {list(SOLVERS)} or Solver instances. Got {one!r} instead."
            )
    if isinstance(solvers, Mapping):
        if not all(isinstance(label, str) for label in solvers):
            raise ValueError(f"solvers must have strings as keys. Got {list(solvers)} instead.")
        return {str(label): resolve(one) for label, one in solvers.items()}
    chosen: dict[str, Solver] = {}
    seen: Counter[str] = Counter()
    for solver in map(resolve, solvers):
        name = _label(solver)
        seen[name] += 1
        chosen[name if seen[name] == 1 else f"{name} ({seen[name]})"] = solver
    return chosen


def _label(solver: Solver) -> str:
    """The solver's name, or how it was made if not with all parameters at their defaults."""
    with config_context(print_changed_only=True):
        made = " ".join(repr(solver).split())  # scikit-learn breaks long lines
    return solver.name if made.endswith("()") else made


def _refusal(solver: Solver, objective: Objective) -> str:
    """Why the solver cannot fit the model; empty if it can."""
    try:
        solver.check(objective)
    except ValueError as error:
        return str(error)
    return ""


def _refused(label: str, start: int, refusal: str) -> Run:
    nan, nothing = float("nan"), {name: np.empty(0) for name in ("objective", "n_passes", "seconds")}
    return Run(label, start, nan, nan, False, refusal, nan, nan, nothing, "", refused=True)


def _runs(label: str, mixture: LatentVariableModel, objective: Objective, starts: list[Parameters]) -> list[Run]:
    """The mixture's solver from every start."""
    return [_run(label, start, *ended) for start, ended in enumerate(mixture._solve(objective, starts))]


def _run(label: str, start: int, trace: Trace, ending: Ending) -> Run:
    return Run(
        solver=label,
        start=start,
        objective=float(ending.point.value),
        log_likelihood=float(ending.point.log_likelihood),
        converged=bool(ending.converged),
        reason=ending.reason,
        n_passes=float(trace.total_passes),
        seconds=float(trace.seconds[-1]),
        history=trace.history(),
        finished_by=ending.solver,
    )
