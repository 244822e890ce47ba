"""Starts of hidden Markov models with one categorical feature from moments, without a search.

Given the state of a middle row, the rows before and after are independent. With U, V the leading singular vectors of
p(x_(t+2), x_t) and Σ its singular values, the matrices

    B_x = Uᵀ p(x_(t+2), x_(t+1) = x, x_t) V Σ⁻¹ = R diag(p(x | z)) R⁻¹

have the same eigenvectors R for each category x. Those of one random combination of them diagonalise them all, and give
the emission probabilities; what pairs of rows tell of transitions is then linear in these.

References
----------
Anandkumar, A., Hsu, D. and Kakade, S. M. (2012). A method of moments for mixture models and hidden Markov models. Proc.
25th Conference on Learning Theory, PMLR 23, 33.1–33.34. doi:10.48550/arXiv.1203.0683
Hsu, D., Kakade, S. M. and Zhang, T. (2012). A spectral algorithm for learning hidden Markov models. Journal of Computer
and System Sciences 78, 1460–1480. doi:10.1016/j.jcss.2011.12.025
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

_DRAWS = 20  # random combinations, of which the one with the clearest eigenvalues counts
_UNIFORM = 0.01  # mixed into all probabilities, as EM never leaves zeros
_LEAST_SINGULAR_VALUE = 1e-10  # of the largest: below, the data tell less than K states apart
_ENOUGH_SEQUENCES = 10  # for each state, for the first rows to be worth more than all rows


class Moments(NamedTuple):
    """Probabilities of what comes together.

    Attributes
    ----------
    begin : ndarray of shape (L,)
        Of the row whose state the start describes.
    pairs : ndarray of shape (L, L)
        Of two rows in a row, the earlier on axis 0.
    triples : ndarray of shape (M, 3), integers
        Three rows in a row, in order of time, each triple once; those that never occur may be left out.
    share : ndarray of shape (M,)
        The probabilities of `triples`.
    """

    begin: np.ndarray
    pairs: np.ndarray
    triples: np.ndarray
    share: np.ndarray


def spectral(
    codes: np.ndarray, first: np.ndarray, n_states: int, n_categories: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Parameters to start from, by the method of moments.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Categories, whole numbers from 0 to L − 1, of all sequences concatenated; NaN where missing.
    first : ndarray of shape (S + 1,), integers
        Where each sequence begins, and n.
    n_states : int
        K.
    n_categories : int
        L, at least K.
    rng : RandomState
        Draws the combinations of categories whose eigenvectors are sought.

    Returns
    -------
    start : ndarray of shape (K,)
        Probabilities of the first row's states; of any row's, where there are few sequences.
    transitions : ndarray of shape (K, K)
    emission : ndarray of shape (K, L)
        Probabilities of categories, in rows. None of the three has zeros.

    Raises
    ------
    ValueError
        If there are more states than categories, or nowhere three rows in a row that are not missing.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.initialize.spectral import spectral
    >>> codes = np.array([0.0, 0, 0, 1, 1, 1, 0, 0, 0, 1, 1, 1])
    >>> start, transitions, emission = spectral(codes, np.array([0, 12]), 2, 2, np.random.RandomState(0))
    >>> emission.shape
    (2, 2)
    """
    if n_states > n_categories:
        raise ValueError(
            f"A spectral start needs at least as many categories as states. Got n_states={n_states} and "
            f"n_categories={n_categories}. Use fewer states or another start."
        )
    moments = measure(codes, first, n_states, n_categories)
    softened = ((1.0 - _UNIFORM) * table + _UNIFORM / table.shape[-1] for table in solve(moments, n_states, rng))
    start, transitions, emission = softened
    return start, transitions, emission


def measure(codes: np.ndarray, first: np.ndarray, n_states: int, n_categories: int) -> Moments:
    """The moments of sequences; parameters and errors are those of `spectral`."""
    L, lengths = n_categories, np.diff(first)
    observed = np.isfinite(codes)
    code = np.where(observed, codes, 0.0).astype(np.int64)
    sequence = np.repeat(np.arange(len(lengths)), lengths)
    paired = observed[:-1] & observed[1:] & (sequence[:-1] == sequence[1:])
    tripled = paired[:-1] & paired[1:]
    if not tripled.any():
        raise ValueError(
            "A spectral start needs three rows in a row that are not missing. codes has none: "
            f"{len(codes)} rows in {len(lengths)} sequences, {observed.sum()} rows not missing. Use another start."
        )
    leading = first[:-1][lengths > 0]
    leading = leading[observed[leading]]
    begin = code[leading] if len(leading) >= _ENOUGH_SEQUENCES * n_states else code[observed]
    pairs = (code[:-1] * L + code[1:])[paired]
    triples, count = np.unique(((code[:-2] * L + code[1:-1]) * L + code[2:])[tripled], return_counts=True)
    return Moments(
        begin=np.bincount(begin, minlength=L) / len(begin),
        pairs=np.bincount(pairs, minlength=L * L).reshape(L, L) / len(pairs),
        triples=np.column_stack([triples // L**2, triples // L % L, triples % L]),
        share=count / count.sum(),
    )


def solve(moments: Moments, n_states: int, rng: np.random.RandomState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start (K,), transitions (K, K) and emission (K, L): those of the chain, in some order, if the moments are exact.

    Provided that the states' emission distributions, and so their transitions, are linearly independent, and each
    state occurs. From other moments come probabilities all the same.
    """
    emission = _distributions(_emission(moments, n_states, rng))
    states = np.linalg.pinv(emission.T)  # (K, L): from probabilities of categories to those of states
    start = _distributions((states @ moments.begin)[np.newaxis])[0]
    return start, _distributions(states @ moments.pairs @ states.T), emission


def _emission(moments: Moments, n_states: int, rng: np.random.RandomState) -> np.ndarray:
    """Emission probabilities (K, L), which noise may have made negative."""
    K, L = n_states, len(moments.pairs)
    earlier, middle, later = moments.triples.T
    skipping = np.bincount(later * L + earlier, moments.share, L * L).reshape(L, L)
    left, singular, right = np.linalg.svd(skipping)
    singular = np.maximum(singular[:K], _LEAST_SINGULAR_VALUE * singular[0])
    B = np.empty((L, K, K))
    for i, j in np.ndindex(K, K):
        weight = moments.share * left[later, i] * right[j, earlier]
        B[:, i, j] = np.bincount(middle, weight, L) / singular[j]
    R = _eigenvectors(B, np.linalg.svd(moments.pairs)[0][:, :K], rng)
    diagonals = np.einsum("ki,xij,jk->kx", np.linalg.pinv(R), B, R)
    # Noise may make eigenvalues complex. Real parts alone would make two states of a conjugate pair the same.
    return diagonals.real + diagonals.imag


def _eigenvectors(B: np.ndarray, basis: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Eigenvectors of the random combination of B (L, K, K), in the span of `basis` (L, K), that is clearest."""
    clearest, found = -1.0, np.eye(B.shape[1])
    for _ in range(_DRAWS):
        direction = rng.standard_normal(basis.shape[1])
        values, R = np.linalg.eig(np.tensordot(basis @ (direction / np.linalg.norm(direction)), B, 1))
        gap = np.diff(np.sort(values.real)).min(initial=np.inf)
        if gap > clearest:
            clearest, found = gap, R
    return found


def _distributions(table: np.ndarray) -> np.ndarray:
    """Rows without what is negative, divided by their sums; uniform where nothing is left."""
    table = np.maximum(table, 0.0)
    total = table.sum(axis=1, keepdims=True)
    return np.where(total > 0.0, table / np.where(total > 0.0, total, 1.0), 1.0 / table.shape[1])
