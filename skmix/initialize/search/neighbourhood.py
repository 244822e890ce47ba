"""What merging and splitting components would gain, by fits to the rows that they have: estimates, before any trial."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from skmix.initialize.starts import Distances, given, start_from
from skmix.latent.weights import Weights
from skmix.likelihood.blocks import Block
from skmix.likelihood.model import Model
from skmix.likelihood.objective import Objective, Point


class Neighbourhood:
    """The responsibilities and densities at a point, and what moves from there would gain.

    All that are tried are fitted at once, as so many components of the same pass, with independent labels even in a
    hidden Markov model. Rows with responsibilities r that a component of density p has gain Σ r (log q − log p) by a
    density q in its place, and the log-likelihood of a mixture gains at least as much (Jensen's inequality).

    Parameters
    ----------
    objective : Objective
    point : Point

    Attributes
    ----------
    R : ndarray of shape (n_samples, n_components)
        Responsibilities.
    log_density : ndarray of shape (n_samples, n_components)
        Log-densities under each component.
    """

    def __init__(self, objective: Objective, point: Point):
        self.objective, self.rows = objective, objective.rows
        model = Model(objective.model.family, Weights())
        self.blind = Objective(model, self.rows.unlabelled(), objective.threads, objective.cancelled)
        self.R = objective.responsibilities(point.parameters)
        self.log_density = objective.component_densities(point.parameters)
        self.Z, self.weight = Distances(objective.model.family, self.rows).coordinates()
        self.log_counts = np.log(np.maximum(self.weight @ self.R, 1e-300))
        self.sound = not self._poor(point.parameters.components, self.R).any()  # no component is degenerate

    def closest(self) -> np.ndarray:
        """Pairs of components, 2K at most, (P, 2), those first whose responsibilities point the same way (SMEM)."""
        K = self.R.shape[1]
        inner = (self.R * self.weight[:, np.newaxis]).T @ self.R
        length = np.sqrt(np.maximum(np.diagonal(inner), 1e-300))
        alike = inner / np.multiply.outer(length, length)
        return np.array(sorted(combinations(range(K), 2), key=lambda pair: -alike[pair])[: 2 * K])

    def together(self, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Responsibilities and log-densities of pairs (P, 2) of components, each taken as one; (n, P) each."""
        i, j = pairs.T
        joint = self.log_density + self.log_counts
        log_density = np.logaddexp(joint[:, i], joint[:, j]) - np.logaddexp(self.log_counts[i], self.log_counts[j])
        return self.R[:, i] + self.R[:, j], log_density

    def loss_by_merging(self, pairs: np.ndarray) -> np.ndarray:
        """What the rows lose, nats, where one component takes the place of each pair (P, 2) and all others stay."""
        mass, log_density = self.together(pairs)
        merged = start_from(given(mass), self.blind, len(pairs))
        change = np.minimum(self.blind.component_densities(merged) - log_density, 700.0)
        self._count_passes(2, len(pairs))
        return -(self.weight @ np.log(np.maximum(1.0 - mass + mass * np.exp(change), 1e-300)))

    def gain_by_halving(
        self, mass: np.ndarray, rival: np.ndarray, n_steps: int, rng: np.random.RandomState
    ) -> tuple[np.ndarray, np.ndarray]:
        """What two components gain in place of what has the rows now.

        Parameters
        ----------
        mass : ndarray of shape (n_samples, M)
            The parts of the rows that M candidates have.
        rival : ndarray of shape (n_samples, M)
            Log-densities of the rows under each candidate as it is.
        n_steps : int
            EM steps that the two components make.
        rng : RandomState
            Draws the cuts that they begin from.

        Returns
        -------
        gain : ndarray of shape (M,)
            Nats; −inf where a half has too few rows, or is degenerate.
        first : ndarray of shape (n_samples, M)
            The probability of the first of the two for each row.
        """
        M = mass.shape[1]
        first, log_density = self._cut(mass, rng), np.empty_like(mass)
        halves = start_from(given(_in_halves(mass, first)), self.blind, 2 * M)

        def share_out(block: Block, joint: np.ndarray) -> None:
            pairs = joint.reshape(M, 2, -1)
            either = np.logaddexp(pairs[:, 0], pairs[:, 1])
            share = np.where(np.isfinite(either), np.exp(pairs[:, 0] - either), 0.5)
            log_density[block.rows], first[block.rows] = either.T, share.T
            own = mass[block.rows].T
            pairs[:, 0], pairs[:, 1] = own * share, own * (1.0 - share)

        for _ in range(n_steps):
            old, halves = halves, self.blind.m_step_from(share_out, halves)
        self._count_passes(1 + n_steps, 2 * M)
        log_density -= np.log(np.maximum(old.latent.reshape(M, 2).sum(axis=1), 1e-300))
        gain = self.weight @ np.where(mass > 0, mass * (log_density - rival), 0.0)
        poor = self._poor(old.components, _in_halves(mass, first)).reshape(M, 2).any(axis=1)
        return np.where(poor | ~np.isfinite(gain), -np.inf, gain), first

    def _poor(self, components: object, R: np.ndarray) -> np.ndarray:
        """Which components have too few rows to be told from noise, or are degenerate; mask."""
        counts = self.weight @ R
        few = counts < 1 + self.rows.n_features  # they make no covariance matrix
        return few | self.objective.model.family.degenerate(components, counts)

    def _cut(self, mass: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
        """1 on one side of a cut through the mean of each candidate, 0 on the other; across a random axis.

        C g, with C the scatter of the candidate's rows and g drawn from a standard normal distribution, is rather along
        a long axis than a short one.
        """
        weighted, seen = mass * self.weight[:, np.newaxis], ~np.isnan(self.Z)
        Z, first = np.where(seen, self.Z, 0.0), np.empty_like(mass)
        means = weighted.T @ Z / np.maximum(weighted.T @ seen, 1e-300)
        for m, mean in enumerate(means):
            centred = np.where(seen, Z - mean, 0.0)
            along = centred @ rng.standard_normal(Z.shape[1])
            first[:, m] = centred @ ((weighted[:, m] * along) @ centred) > 0
        return first

    def _count_passes(self, number: int, n_components: int) -> None:
        """Passes with more or fewer components than the model has count in proportion."""
        self.objective.n_passes += number * n_components / self.R.shape[1]


def without(R: np.ndarray, component: int) -> np.ndarray:
    """Responsibilities (n, K) in which a component has handed over its rows to the others."""
    R = R.copy()
    R[:, component] = 0.0
    total = R.sum(axis=1, keepdims=True)
    left = R.sum(axis=0) / R.sum()
    return np.where(total > 1e-100, R / np.maximum(total, 1e-100), left)


def _in_halves(mass: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The parts of the rows (n, 2M) that the two components of each candidate have, side by side."""
    return np.stack([mass * first, mass * (1.0 - first)], axis=2).reshape(len(mass), -1)
