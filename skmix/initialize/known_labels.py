"""Starts where labels of some rows are known: component k is put where the rows of label k are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from skmix.likelihood.blocks import Block, Rows
from skmix.likelihood.objective import Objective
from skmix.likelihood.threads import Workspace

Assignment = Callable[[Block, np.ndarray], None]


def honouring(assign: Assignment, objective: Objective) -> Assignment:
    """The same assignment with components in the order of the labels, and rows of known label at theirs.

    Components (or states, with all that they emit from) are matched to labels so that as many rows of known label as
    possible keep their component (the Hungarian method); what no known label asks for keeps its order.
    """
    rows = objective.rows
    if rows.labels is None:
        return assign
    order = _matched(_overlap(assign, rows), np.unique(rows.labels[rows.labels >= 0]))
    each = rows.n_components // rows.n_labels
    components = (order[:, np.newaxis] * each + np.arange(each)).ravel()

    def honoured(block: Block, R: np.ndarray) -> None:
        own = np.empty_like(R)
        assign(block, own)
        np.copyto(R, own[components])
        _confine(R, block)

    return honoured


def _overlap(assign: Assignment, rows: Rows) -> np.ndarray:
    """Weighted rows of each known label (axis 0) that an assignment gives to each state, (n_labels, n_labels)."""
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
    return overlap


def _matched(overlap: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which state of the assignment comes to which place."""
    share = overlap[known] / overlap[known].sum(axis=1, keepdims=True)  # a label of few rows counts as much
    _, taken = linear_sum_assignment(share, maximize=True)
    order = np.empty(len(overlap), dtype=np.intp)
    order[known] = taken
    order[np.setdiff1d(np.arange(len(overlap)), known)] = np.setdiff1d(np.arange(len(overlap)), taken)
    return order


def _confine(R: np.ndarray, block: Block) -> None:
    """Have each row's known label share the row among its own components alone, in place."""
    if block.excluded is None:
        return
    R[block.excluded] = 0.0
    total = R.sum(axis=0)
    lost = total == 0.0
    R[:, lost] = ~block.excluded[:, lost]
    R /= R.sum(axis=0)
