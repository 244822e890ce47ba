"""Fits that do not warn, from the usual starts or from those of other models."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

import numpy as np
from sklearn.base import clone

from skmix.initialize.starts import given, start_from
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Threads
from skmix.solvers import resolve
from skmix.solvers.result import INTERRUPTED

USUAL, SPLIT, OTHER = "init_params", "split", "other type"  # where a fit began
_LEAST_SHARE = 1e-3  # rows of which a component has less take no part in its split
_LOOK = {"solver": "em", "max_iter": 20, "tol": 1e-3, "n_init": 1, "warm_start": False, "n_jobs": None, "verbose": 0}


@dataclass
class Fit:
    """A model that has been fitted, and how.

    Attributes
    ----------
    mixture : mixture or hidden Markov model
    complaints : list of str
        What the user should be warned of.
    start : str
        `USUAL`, `SPLIT` or `OTHER`.
    seconds, n_passes : float
        What it took, all starts of the model together.
    degenerate : bool
        Whether a component is what the prior makes of it: then likelihoods cannot be compared.
    """

    mixture: Any
    complaints: list[str]
    start: str
    seconds: float
    n_passes: float
    degenerate: bool = False

    def better(self, other: Fit) -> Fit:
        """The one that is not degenerate, or has the higher objective; time and passes are added."""
        sound, others = (not self.degenerate, not other.degenerate)
        higher = (others, other.mixture.lower_bound_) > (sound, self.mixture.lower_bound_)
        kept = other if higher else self
        return replace(kept, seconds=self.seconds + other.seconds, n_passes=self.n_passes + other.n_passes)


class Fitter:
    """Fits mixtures, or hidden Markov models, to the same rows.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Validated rows.
    weight : ndarray of shape (n_samples,) or None
        Their weights, all positive.
    alone : bool, default=False
        Whether each fit has one thread, because others go on beside it.
    cancelled : threading.Event, optional
        Once it is set, passes raise KeyboardInterrupt.
    sequences : dict, optional
        What methods of hidden Markov models are told besides rows: lengths. Empty for mixtures.
    """

    def __init__(
        self,
        X: np.ndarray,
        weight: np.ndarray | None,
        alone: bool = False,
        cancelled: Event | None = None,
        sequences: dict[str, Any] | None = None,
    ):
        self.X, self.weight, self.alone = X, weight, alone
        self.cancelled = Event() if cancelled is None else cancelled
        self.sequences = sequences or {}

    def log_likelihood(self, mixture: Any) -> float:
        """That of the rows, without weights, nats."""
        return float(mixture.score_samples(self.X, **self.sequences).sum())

    def fit(self, mixture: Any) -> Fit:
        """Fit from the mixture's own starts.

        Raises
        ------
        ValueError
            If the solver refuses the model.
        """
        begin = time.perf_counter()
        objective = self._objective(mixture, self.X, self.weight, self.sequences)
        resolve(mixture.solver).check(objective)
        return self._climb(mixture, objective, mixture._starts(objective), USUAL, begin)

    def grow(self, mixture: Any, fewer: Any, seed: int) -> Fit | None:
        """Fit from `fewer`, fitted with one component less, by splitting the one that gains most; None if none can."""
        begin = time.perf_counter()
        objective = self._objective(mixture, self.X, self.weight, self.sequences)
        start = self._split(objective, fewer, seed)
        return None if start is None else self._climb(mixture, objective, [start], SPLIT, begin)

    def follow(self, mixture: Any, other: Any) -> Fit:
        """Fit from the responsibilities of another mixture with as many components."""
        begin = time.perf_counter()
        objective = self._objective(mixture, self.X, self.weight, self.sequences)
        start = start_from(given(other._responsibilities(self.X, **self.sequences)), objective)
        return self._climb(mixture, objective, [start], OTHER, begin)

    def _objective(
        self, mixture: Any, X: np.ndarray, weight: np.ndarray | None, sequences: dict[str, Any]
    ) -> Objective:
        _, objective = mixture._prepare(X, weight, **sequences)
        return objective.fork(Threads(1) if self.alone else objective.threads, self.cancelled)

    def _climb(self, mixture: Any, objective: Objective, starts: list[Parameters], name: str, begin: float) -> Fit:
        complaints = mixture._climb(objective, starts)
        if INTERRUPTED in mixture.stop_reason_:
            raise KeyboardInterrupt
        degenerate = _is_degenerate(mixture, objective)
        return Fit(mixture, complaints, name, time.perf_counter() - begin, mixture.n_passes_, degenerate)

    def _split(self, objective: Objective, fewer: Any, seed: int) -> Parameters | None:
        """A start with one component of `fewer` in two.

        A component's rows, weighted by their responsibilities r, gain Σ r (log p₂ − log p₁) by two components in place
        of one, and the log-likelihood of all rows gains at least as much (Jensen's inequality). The rows of a state of
        a hidden Markov model are taken as independent, whose order is the whole's to tell; where it emits from a
        mixture, either half does.
        """
        R = fewer._responsibilities(self.X, **self.sequences)
        R = R.reshape(len(R), fewer.n_components, -1)
        shares = R.sum(axis=2)
        halves = [self._halve(fewer, share, seed) for share in shares.T]
        best = max(range(len(halves)), key=lambda k: halves[k][0])
        gain, parts = halves[best]
        if parts is None or gain <= 0:
            return None
        rest = np.delete(R, best, axis=1).reshape(len(R), -1)
        return start_from(given(np.hstack([rest, shares[:, [best]] * parts])), objective)

    def _halve(self, fewer: Any, share: np.ndarray, seed: int) -> tuple[float, np.ndarray | None]:
        """What a component's rows gain by two in its place, nats, and the responsibilities (n, 2·M) of these."""
        rows = np.flatnonzero(share > _LEAST_SHARE)
        weight = share[rows].astype(np.float64) * (1.0 if self.weight is None else self.weight[rows])
        least = 1 + self.X.shape[1]  # rows of either part: fewer make no covariance matrix
        if len(rows) < 2 * least or weight.sum() < 2 * least:
            return -np.inf, None
        alone = {"lengths": np.ones(len(rows), dtype=int)} if self.sequences else {}
        (one, _), (two, spurious) = (self._look(fewer, K, rows, weight, alone, seed) for K in (1, 2))
        if spurious:
            return -np.inf, None
        found = two._responsibilities(self.X[rows], **alone)
        half = found.shape[1] // 2
        if min(weight @ found[:, :half].sum(axis=1), weight @ found[:, half:].sum(axis=1)) < least:
            return -np.inf, None
        parts = np.full((len(share), 2 * half), 0.5 / half, dtype=share.dtype)
        parts[rows] = found
        return float(weight.sum() * (two.lower_bound_ - one.lower_bound_)), parts

    def _look(
        self, fewer: Any, K: int, rows: np.ndarray, weight: np.ndarray, alone: dict[str, Any], seed: int
    ) -> tuple[Any, bool]:
        """A quick fit of K components to some of the rows, and whether it is degenerate."""
        mixture = clone(fewer).set_params(n_components=K, random_state=seed, **_LOOK)
        if mixture._n_family_components() == 1:  # there is only one start, and this is the cheapest way to it
            mixture.set_params(init_params="random_from_data")
        objective = self._objective(mixture, self.X[rows], weight, alone)
        mixture._climb(objective, mixture._starts(objective))
        return mixture, _is_degenerate(mixture, objective)


def _is_degenerate(mixture: Any, objective: Objective) -> bool:
    family = objective.model.family
    components = mixture._adopt(family, objective.rows.units).components
    return bool(family.degenerate(components, mixture._shares() * objective.rows.total_weight).any())
