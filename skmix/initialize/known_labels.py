"""Starts where something is known of components: component k is put where the rows of label k, or its mean, are."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
from scipy.optimize import linear_sum_assignment

from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.model import Model
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Workspace

Assignment = Callable[[Block, np.ndarray], None]


def honouring(assign: Assignment, objective: Objective) -> Assignment:
    """The same assignment with components in the order of what is known, and rows of known label at theirs.

    Components (or states, with all that they emit from) are matched to labels so that as many rows of known label as
    possible keep their component, and then to held locations so that these are near (the Hungarian method); what
    nothing is known of keeps its order.
    """
    rows, held = objective.rows, objective.model.held
    each = rows.n_components // rows.n_labels
    order = np.full(rows.n_labels, -1)
    if rows.labels is not None:
        _match(order, np.unique(rows.labels[rows.labels >= 0]), -_overlap(assign, rows))
    if held is not None and each == 1:
        _match(order, np.flatnonzero(held.mask & (order < 0)), _apart(assign, objective))
    if (order < 0).all():
        return assign
    order[order < 0] = np.setdiff1d(np.arange(len(order)), order)
    components = (order[:, np.newaxis] * each + np.arange(each)).ravel()

    def honoured(block: Block, R: np.ndarray) -> None:
        own = np.empty_like(R)
        assign(block, own)
        np.copyto(R, own[components])
        _confine(R, block)

    return honoured


def _overlap(assign: Assignment, rows: Rows) -> np.ndarray:
    """Which part of the rows of each known label (axis 0) an assignment gives to each state, (n_labels, n_labels)."""
    overlap, work = np.zeros((rows.n_labels, rows.n_labels)), Workspace()
    for index in range(len(rows)):
        block = rows.block(index, work)
        assert rows.labels is not None
        labels, R = rows.labels[block.rows], np.empty((rows.n_components, len(block)), rows.dtype)
        assign(block, R)
        states = R.reshape(rows.n_labels, -1, len(block)).sum(axis=1, dtype=np.float64)
        states *= 1.0 if block.weight is None else block.weight
        for label in np.unique(labels[labels >= 0]):
            overlap[label] += states[:, labels == label].sum(axis=1)
    return overlap / np.maximum(overlap.sum(axis=1, keepdims=True), 1e-300)  # a label of few rows counts as much


def _apart(assign: Assignment, objective: Objective) -> np.ndarray:
    """Squared distances between the locations that are held (axis 0) and those of the assignment's components."""
    own, held = copy(objective), objective.model.held
    assert held is not None
    own.model = Model(held.family, objective.model.latent)
    reference = own.model.reference(objective.rows.n_components, objective.rows.n_features)
    found = own.m_step_from(assign, reference).components
    pairs = ((getattr(held.components, name), getattr(found, name)) for name in held.family.locations)
    return sum(np.square(a[:, np.newaxis] - b).reshape(len(a), len(b), -1).sum(axis=2) for a, b in pairs)


def _match(order: np.ndarray, places: np.ndarray, cost: np.ndarray) -> None:
    """Write into `order`, at some places, which of the assignment's components come there; those taken stay taken."""
    left = np.setdiff1d(np.arange(len(order)), order)
    chosen, taken = linear_sum_assignment(cost[np.ix_(places, left)])
    order[places[chosen]] = left[taken]


def _confine(R: np.ndarray, block: Block) -> None:
    """Have each row's known label share the row among its own components alone, in place."""
    if block.excluded is None:
        return
    R[block.excluded] = 0.0
    total = R.sum(axis=0)
    lost = total == 0.0
    R[:, lost] = ~block.excluded[:, lost]
    R /= R.sum(axis=0)
