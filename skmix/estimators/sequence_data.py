"""Checks of what says which rows form sequences."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import _num_samples

from skmix.estimators.checks import check_sample_weight
from skmix.likelihood.sequences import Sequences


def check_sequences(
    X: np.ndarray, sequence_id: Any = None, lengths: Any = None
) -> tuple[np.ndarray | None, np.ndarray]:
    """The order of rows in which each sequence is in one piece (None: as they are), and the sequences' lengths.

    Raises
    ------
    ValueError
        If both are given, or either does not fit `X`.
    """
    if sequence_id is not None and lengths is not None:
        raise ValueError("Both sequence_id and lengths were given; they say the same thing, give one of them.")
    if lengths is not None:
        lengths = check_lengths(lengths)
        if lengths.sum() != len(X):
            raise ValueError(
                f"lengths add up to {lengths.sum()}, but X has {len(X)} rows; each row belongs to one sequence."
            )
        return None, lengths
    if sequence_id is None:
        return None, np.array([len(X)])
    sequence_id = check_identifiers(sequence_id, len(X))
    begins = np.flatnonzero(np.r_[True, sequence_id[1:] != sequence_id[:-1]])
    if len(np.unique(sequence_id[begins])) == len(begins):
        return None, np.diff(np.r_[begins, len(X)])
    # Sequences that are interleaved: each in the order of its rows, the sequences in the order of their first rows.
    _, first, number = np.unique(sequence_id, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))[number]
    return np.argsort(rank, kind="stable"), np.bincount(rank)


def check_identifiers(sequence_id: Any, n_rows: int) -> np.ndarray:
    """Identifiers of sequences as an array of one for each row, none missing, that can be sorted."""
    found = np.asarray(sequence_id)
    if found.shape not in ((n_rows,), (n_rows, 1)):
        raise ValueError(
            f"sequence_id should have the shape of ({n_rows},), an identifier for each row of X, but got {found.shape}."
        )
    found = found.ravel()
    try:
        if (found != found).any():  # NaN, NaT; None and pandas.NA cannot be compared
            raise ValueError("sequence_id contains NaN; give each row the identifier of its sequence.")
        if found.dtype == object:
            np.sort(found)
    except TypeError:
        kinds = sorted({type(one).__name__ for one in found})
        raise ValueError(
            f"sequence_id mixes values that cannot be compared, of the types {', '.join(kinds)}. Give each row the "
            "identifier of its sequence, all numbers or all strings."
        ) from None
    return found


def check_ignored(X: Any, y: Any) -> None:
    """Refuse a `y` that does not fit `X`: hmmlearn has lengths in its place, which must not be ignored silently."""
    if y is not None and _num_samples(y) != _num_samples(X):
        raise ValueError(
            f"y has {_num_samples(y)} entries, but X has {_num_samples(X)} rows. y is ignored; if these are lengths of "
            "sequences, pass them by name: lengths=..."
        )


def check_lengths(lengths: Any) -> np.ndarray:
    """Lengths of sequences as an array of positive integers."""
    lengths = np.atleast_1d(np.asarray(lengths))
    if lengths.ndim != 1 or len(lengths) == 0 or lengths.dtype.kind not in "iu" or lengths.min() < 1:
        raise ValueError(f"lengths should be positive integers, one for each sequence, but got {lengths!r}.")
    return lengths


def check_weights(
    X: np.ndarray, lengths: np.ndarray, sample_weight: Any, n_components: int, order: np.ndarray | None = None
) -> Sequences:
    """The sequences with their weights; with one state, in which rows are independent, each row is a sequence.

    `X` and `lengths` are of rows in the order that `check_sequences` gave, `sample_weight` is as it came.

    Raises
    ------
    ValueError
        If there is not a weight for each row, or they differ within a sequence, are negative, or all zero.
    """
    if sample_weight is None:
        return Sequences.of(lengths)
    if np.asarray(sample_weight).shape == (len(lengths),) != (len(X),):
        raise ValueError(
            f"sample_weight has {len(lengths)} entries, one for each sequence, but should have one for each of the "
            f"{len(X)} rows: repeat each for the rows of its sequence, as np.repeat(sample_weight, lengths) does."
        )
    weight = check_sample_weight(sample_weight, X)
    weight = weight if order is None else weight[order]
    if n_components == 1:
        return Sequences.of(np.ones(len(X), dtype=int), weight)
    sequences = Sequences.of(lengths)
    firsts = weight[sequences.first[:-1]]
    if not np.array_equal(np.repeat(firsts, lengths), weight):
        raise ValueError(
            "sample_weight differs within a sequence. A weight says how many equal sequences a sequence stands for, so "
            "all its rows must have the same; use NaN for observations that should not count."
        )
    return Sequences.of(lengths, firsts)
