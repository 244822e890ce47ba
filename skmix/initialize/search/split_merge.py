"""Components that are merged and split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from skmix.initialize.search.base import ONE, Begin, Search
from skmix.initialize.search.neighbourhood import Neighbourhood
from skmix.initialize.starts import given, start_from
from skmix.likelihood.model import Parameters
from skmix.likelihood.objective import Objective, Point
from skmix.solvers.squarem import Squares

# Nats, all rows together: likelihood ratios mean the same whatever the number of rows.
_HOPELESS = 20.0  # an estimated loss beyond which a move has (nearly) never been worth its trial
_BETTER = 0.2  # a gain by which a point is another optimum and not the same one more exactly
_SETTLED = 0.1  # a gain to come that no longer matters
_HOPE = 3.0  # a trial ends where this many times the gain that it promises would not suffice
_SAME = 0.03  # a pair is no other pair where so small a part of its rows has changed sides
_CYCLES = 30  # of extrapolated EM, two passes each, that an accepted move may go on for


class Move(NamedTuple):
    """What a move is estimated to gain (nats), the candidate that it halves, who gets the halves, and who is merged."""

    gain: float
    halved: int
    into: tuple[int, int]
    merged: tuple[int, int] | None


class SplitMerge(Search):
    """Two components are merged and a third one is split, or the rows of two are shared out anew (after SMEM).

    From a settled point, pairs of components that share rows are merged on trial, and all components and the closest
    pairs are halved, by a few EM steps on the rows that they have; this tells what each move would gain at least. The
    moves are tried in that order, and the first that leads higher is taken. The search ends where none does.

    Parameters
    ----------
    n_candidates : int, default=5
        Moves that are tried before the search gives up.
    n_steps : int, default=24
        Most EM steps of each trial, which ends sooner if it leads higher or is going to fail.
    n_cuts : int, default=2
        Halvings of each component, from cuts across different axes, of which the better one is taken.
    n_local_steps : int, default=4
        EM steps of each halving.
    max_rows : int, default=20000
        Rows of the sample that larger data are searched on.

    Notes
    -----
    The criteria of SMEM, overlap and the local divergence, only say what looks promising. Overlap is used to choose
    pairs; the gains that rank the moves are those of log-likelihoods, in nats of all rows together, so that weights
    count as numbers of rows: with weights that sum to 1 no move would be worth its while.

    References
    ----------
    Ueda, N., Nakano, R., Ghahramani, Z. and Hinton, G. E. (2000). SMEM algorithm for mixture models. Neural Computation
    12, 2109–2128. doi:10.1162/089976600300015088

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> X = [[0.0], [0.1], [5.0], [5.1], [9.0], [9.2]]
    >>> GaussianMixture(n_components=3, search="split-merge", random_state=0).fit(X).converged_
    True
    """

    name = "split-merge"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Search._parameter_constraints,
        "n_candidates": ONE,
        "n_steps": ONE,
        "n_cuts": ONE,
        "n_local_steps": ONE,
    }

    def __init__(
        self,
        n_candidates: int = 5,
        n_steps: int = 24,
        n_cuts: int = 2,
        n_local_steps: int = 4,
        max_rows: int = 20_000,
    ):
        self.n_candidates = n_candidates
        self.n_steps = n_steps
        self.n_cuts = n_cuts
        self.n_local_steps = n_local_steps
        self.max_rows = max_rows

    def run(self, objective: Objective, begin: Begin, rng: np.random.RandomState) -> Point:
        point = _settle(objective, begin(objective, objective.rows.n_components))
        here = Neighbourhood(objective, point) if objective.rows.n_components > 1 else None
        while here is not None:
            here, point = self._step(here, point, rng)
        return point

    def _step(
        self, here: Neighbourhood, point: Point, rng: np.random.RandomState
    ) -> tuple[Neighbourhood | None, Point]:
        """The point that the first move that succeeds leads to, and what is about it; None where none does."""
        objective = here.objective
        better = point.value + _BETTER / objective.rows.total_weight
        for parameters in self._trials(here, rng):
            trial = _race(objective, parameters, better, self.n_steps)
            if trial.value <= better:
                continue
            reached = _settle(objective, trial.parameters)
            there = Neighbourhood(objective, reached)
            if there.sound or not here.sound:  # a component that collapses is no better, however high it leads
                return there, reached
        return None, point

    def _trials(self, here: Neighbourhood, rng: np.random.RandomState) -> Iterator[Parameters]:
        """Where the most promising moves begin."""
        K, pairs = here.R.shape[1], here.closest()
        loss = here.loss_by_merging(pairs)
        near = pairs[np.argsort(loss, kind="stable")[:K]]
        mass, log_density = map(np.hstack, zip((here.R, here.log_density), here.together(near), strict=True))
        gain, first = np.full(K + len(near), -np.inf), np.empty_like(mass)
        for _ in range(self.n_cuts):
            found, halves = here.gain_by_halving(mass, log_density, self.n_local_steps, rng)
            found[K:][_changed(here, near, mass[:, K:], halves[:, K:]) < _SAME] = -np.inf
            best = found > gain
            gain[best], first[:, best] = found[best], halves[:, best]
        moves = [*_splits(gain[:K], pairs, loss), *_exchanges(gain, near)]
        for move in sorted(moves, key=lambda move: -move.gain)[: self.n_candidates]:
            if move.gain > -_HOPELESS:
                yield start_from(given(_moved(here.R, move, mass, first)), here.objective)


def _splits(gain: np.ndarray, pairs: np.ndarray, loss: np.ndarray) -> Iterator[Move]:
    """The moves that merge one of the pairs and split another component."""
    for (i, j), lost in zip(pairs.tolist(), loss, strict=True):
        for k, gained in enumerate(gain):
            if k not in (i, j):
                yield Move(gained - lost, k, (j, k), (i, j))


def _exchanges(gain: np.ndarray, pairs: np.ndarray) -> Iterator[Move]:
    """The moves that share out the rows of a pair anew; pairs are the last of the candidates."""
    for m, (i, j) in zip(range(len(gain) - len(pairs), len(gain)), pairs.tolist(), strict=True):
        yield Move(gain[m], m, (i, j), None)


def _changed(here: Neighbourhood, pairs: np.ndarray, mass: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The part of each pair's rows that changes sides where `first` is the probability of one of the two, (P,)."""
    own, size = here.R[:, pairs[:, 0]], np.maximum(here.weight @ mass, 1e-300)
    return np.minimum(*(here.weight @ np.abs(mass * one - own) / size for one in (first, 1.0 - first)))


def _moved(R: np.ndarray, move: Move, mass: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Responsibilities (n, K) after a move; `mass` and `first` are those of all candidates."""
    R, m = R.copy(), move.halved
    if move.merged is not None:
        i, j = move.merged
        R[:, i] += R[:, j]
    one, other = move.into
    R[:, one], R[:, other] = mass[:, m] * first[:, m], mass[:, m] * (1.0 - first[:, m])
    return R


def _settle(objective: Objective, parameters: Parameters) -> Point:
    """The point from which next to nothing is to be gained by EM, extrapolated."""
    squares, point = Squares(objective), objective.at(parameters)
    for _ in range(_CYCLES):
        before, point = point.value, squares.extrapolate(squares.step(point))
        if max(point.value - before, squares.promise) * objective.rows.total_weight < _SETTLED:
            break
    return point


def _race(objective: Objective, parameters: Parameters, target: float, n_steps: int) -> Point:
    """The point at which EM, extrapolated, is above a target, or is seen to fail."""
    squares, point = Squares(objective), objective.at(parameters)
    for cycle in range(max(1, n_steps // 2)):
        if point.value > target:
            break
        before, point = point.value, squares.extrapolate(squares.step(point))
        to_come = max(point.value - before, squares.promise)
        if to_come * objective.rows.total_weight < _SETTLED or (cycle and point.value + _HOPE * to_come < target):
            break
    return point
