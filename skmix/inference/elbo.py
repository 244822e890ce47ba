"""The evidence lower bound of given responsibilities, and its gap to the log-likelihood."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.utils import check_array
from sklearn.utils.validation import _check_sample_weight

from skmix.estimators.mixture import BaseMixture


class Elbo(NamedTuple):
    """A lower bound on a log-likelihood, and how far below it lies; all in nats, total over the rows.

    Parameters
    ----------
    elbo : float
        Σ_n w_n Σ_k q_nk (log π_k p_k(x_n) − log q_nk).
    log_likelihood : float
        Σ_n w_n log p(x_n).
    gap : float
        Their difference, Σ_n w_n KL(q_n ‖ r_n), not negative: 0 where q are the exact responsibilities r.
    """

    elbo: float
    log_likelihood: float
    gap: float


def elbo(estimator, X, responsibilities=None, sample_weight=None) -> Elbo:
    """The evidence lower bound (negative free energy) of responsibilities under a fitted mixture.

    For any distribution q_n over the components of each row,

        Σ_n w_n log p(x_n) = Σ_n w_n Σ_k q_nk (log π_k p_k(x_n) − log q_nk) + Σ_n w_n KL(q_n ‖ r_n),

    with r_nk = π_k p_k(x_n) / p(x_n) the exact responsibilities. EM raises the first sum on the right by turns in q and
    in the parameters. Where entries are missing, p_k is the density of the observed ones.

    Parameters
    ----------
    estimator : fitted mixture
        Any of skmix's. For :class:`~skmix.VariationalGaussianMixture` expectations of the logarithms over the posterior
        take the place of log π_k p_k, as in its `score_samples`; its own bound is the attribute `elbo_`.
    X : array-like of shape (n_samples, n_features)
        Rows in the data's own units; NaN marks a missing value.
    responsibilities : array-like of shape (n_samples, n_components), default=None
        q: not negative, each row adding up to 1. None stands for the exact ones.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights w of the rows.

    Returns
    -------
    bound : Elbo
        The named tuple (elbo, log_likelihood, gap), in nats, total. The gap is inf where q gives rows to a component
        that cannot have them.

    Raises
    ------
    TypeError
        If `estimator` is not a mixture of skmix.
    ValueError
        If `responsibilities` are no such distributions.

    References
    ----------
    Neal, R. M. and Hinton, G. E. (1998). A view of the EM algorithm that justifies incremental, sparse, and other
    variants. Learning in Graphical Models, 355–368. doi:10.1007/978-94-011-5014-9_12

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.inference import elbo
    >>> X = [[0.0], [0.1], [5.0], [5.1]]
    >>> mixture = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> elbo(mixture, X).gap
    0.0
    >>> bound = elbo(mixture, X, responsibilities=[[0.5, 0.5]] * 4)
    >>> bound.gap > 100
    True
    >>> abs(bound.elbo + bound.gap - bound.log_likelihood) < 1e-9
    True
    """
    if not isinstance(estimator, BaseMixture):
        raise TypeError(f"elbo needs a fitted mixture of skmix as 'estimator', but got {type(estimator).__name__}.")
    X = estimator._check_predict_data(X)
    weight = None
    if sample_weight is not None:
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if responsibilities is not None:
        responsibilities = _check_responsibilities(responsibilities, (len(X), len(estimator.weights_)))
    # Blocks may be visited by several threads: each writes to its own rows.
    log_likelihood, gap = np.empty(len(X)), np.zeros(len(X))

    def consume(objective: Any, block: Any, log_joint: np.ndarray) -> None:
        log_joint = log_joint.astype(np.float64, copy=False)
        log_density = logsumexp(log_joint, axis=0)
        log_likelihood[block.rows] = log_density + objective.row_constant(block)
        if responsibilities is not None:
            gap[block.rows] = _divergence(responsibilities[block.rows].T, log_joint - log_density)

    estimator._each_block(X, consume)
    kept = slice(None) if weight is None else weight > 0  # rows of weight 0 take no part, be their gap infinite
    total, distance = (float(np.sum(v) if weight is None else weight[kept] @ v[kept]) for v in (log_likelihood, gap))
    return Elbo(total - distance, total, distance)


def _divergence(q: np.ndarray, log_r: np.ndarray) -> np.ndarray:
    """KL(q_n ‖ r_n) of distributions in columns, (K, n).

    Σ_k (r_k − q_k) = 0 is added: then no term is negative, and none is the difference of large numbers where q is
    near r.
    """
    q = q / q.sum(axis=0)
    has_part = q > 0
    log_ratio = np.log(q, where=has_part, out=np.zeros_like(q)) - np.where(has_part, log_r, 0.0)
    terms = q * log_ratio - q + np.exp(log_r)
    return np.maximum(terms, 0.0).sum(axis=0)


def _check_responsibilities(value: Any, shape: tuple[int, int]) -> np.ndarray:
    """`responsibilities` as an array of floats: one distribution over the components in each row."""
    given = check_array(value, dtype=[np.float64, np.float32], input_name="responsibilities")
    if given.shape != shape:
        raise ValueError(
            f"'responsibilities' should have the shape (n_samples, n_components) = {shape}, but got {given.shape}; "
            "give what predict_proba returns, or one distribution over the components for each row."
        )
    if given.min() < 0:
        raise ValueError(
            f"'responsibilities' should not be negative, but the least is {given.min():g}; they are probabilities."
        )
    sums = given.sum(axis=1, dtype=np.float64)
    worst = int(np.argmax(np.abs(sums - 1.0)))
    if abs(sums[worst] - 1.0) > 10 * np.sqrt(np.finfo(given.dtype).eps):
        raise ValueError(
            f"Each row of 'responsibilities' should add up to 1, but row {worst} adds up to {sums[worst]:g}; divide "
            "each row by its sum."
        )
    return given
