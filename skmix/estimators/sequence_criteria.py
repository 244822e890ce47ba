"""Criteria of hidden Markov models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skmix.estimators.criteria import Criteria
from skmix.estimators.sequence_data import check_weights


class SequenceCriteria:
    """BIC, AIC and ICL of sequences."""

    transmat_: Any
    _look: Callable[..., Any]
    _n_parameters: Callable[[], int]

    def _criteria(self, X, sequence_id=None, lengths=None, sample_weight=None, paths=True) -> Criteria:
        """What the criteria are made of; the labels are the paths of the states, whose entropy is a recursion more."""
        look = self._look(X, sequence_id, lengths)
        X, lengths = look.objective.rows.X, look.sequences.lengths
        sequences = check_weights(X, lengths, sample_weight, len(self.transmat_), look.order)
        log_density = look.filter()[1]
        row_weight = sequences.row_weight
        entropy = look.entropy(sequences) if paths else float("nan")
        return Criteria(float(row_weight @ log_density), entropy, float(row_weight.sum()), self._n_parameters())

    def bic(self, X, *, sequence_id=None, lengths=None, sample_weight=None):
        """Bayesian information criterion; lower is better.

        It is −2 log p(X) + p log n with p free parameters and n rows, in scikit-learn's convention.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same for all rows of a sequence. The sum over the rows
            takes the place of the number n of rows.

        Returns
        -------
        bic : float
        """
        return self._criteria(X, sequence_id, lengths, sample_weight, paths=False).bic

    def aic(self, X, *, sequence_id=None, lengths=None, sample_weight=None):
        """Akaike information criterion; lower is better.

        It is −2 log p(X) + 2p with p free parameters, in scikit-learn's convention.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same for all rows of a sequence.

        Returns
        -------
        aic : float
        """
        return self._criteria(X, sequence_id, lengths, sample_weight, paths=False).aic

    def icl(self, X, *, sequence_id=None, lengths=None, sample_weight=None):
        """Integrated completed likelihood; lower is better.

        It is BIC plus twice the entropy of the path of the states given the sequences: that of whole paths, which is
        less than the sum of the rows' entropies, since neighbouring states tell of each other. The sign is that of
        :meth:`bic`, the opposite of the literature's.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Observations; NaN marks a missing value.
        sequence_id : array-like of shape (n_samples,), default=None
            Which sequence each row belongs to.
        lengths : array-like of int of shape (n_sequences,), default=None
            Lengths of the sequences, in place of `sequence_id`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, the same for all rows of a sequence. The sum over the rows
            takes the place of the number n of rows.

        Returns
        -------
        icl : float

        References
        ----------
        Biernacki, C., Celeux, G. and Govaert, G. (2000). Assessing a mixture model for clustering with the integrated
        completed likelihood. IEEE Trans. Pattern Anal. Mach. Intell. 22, 719–725. doi:10.1109/34.865189
        """
        return self._criteria(X, sequence_id, lengths, sample_weight).icl
