"""Sequences and hidden Markov models that tests share, and all paths of tiny chains, which are their oracle."""

from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from problems import DISCRETE, overlapping_pair, prior_of, rows_of
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal, poisson

from skmix import GMMHMM, BernoulliHMM, CategoricalHMM, GaussianHMM, PoissonHMM
from skmix.latent import plain_recursion
from skmix.likelihood.chained import ChainObjective
from skmix.likelihood.model import Parameters
from skmix.likelihood.threads import Threads

DISCRETE_HMMS = {"poisson": PoissonHMM, "bernoulli": BernoulliHMM, "categorical": CategoricalHMM}
LENGTHS = np.array([1, 30, 2, 50, 17])
INITIAL = {
    "startprob_": "startprob_init",
    "transmat_": "transmat_init",
    "weights_": "weights_init",
    "means_": "means_init",
    "precisions_": "precisions_init",
    "rates_": "rates_init",
    "probabilities_": "probabilities_init",
}

_A = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.25, 0.15, 0.6]])
_CYCLE = np.array([[1, 2, 3], [3, 1, 2], [2, 3, 1]])
STRUCTURES = {
    "free": {},
    "priors": {"startprob_prior": 2.0, "transmat_prior": 1.0 + 4.0 * _A},
    "left-right": {
        "startprob_init": [0.7, 0.3, 0.0],
        "transmat_init": [[0.6, 0.3, 0.1], [0.0, 0.7, 0.3], [0.0, 0.0, 1.0]],
        "transmat_prior": 3.0,
    },
    "fixed": {
        "start": "fixed",
        "startprob_init": [0.2, 0.8, 0.0],
        "transmat_init": _A,
        "transmat_fixed": [[True, False, False], [False, False, False], [False, True, False]],
    },
    "tied": {"transmat_tied": _CYCLE, "transmat_prior": 1.5},
    "stationary": {"start": "stationary"},
    "stationary, tied": {"start": "stationary", "transmat_tied": [[1, 2, 2], [2, 1, 2], [0, 0, 0]]},
    "stationary, priors": {"start": "stationary", "transmat_prior": 1.0 + 9.0 * _A},
}


def hmm_of(model, K=3, **kwargs):
    """An unfitted estimator of a model."""
    if model == "mixture":
        return GMMHMM(K, 2, **kwargs)
    if model in DISCRETE:
        return DISCRETE_HMMS[model](K, **{name: value for name, value in kwargs.items() if name != "reg_covar"})
    return GaussianHMM(K, model, **kwargs)


def sequences_of(model, lengths=LENGTHS, seed=0, missing=0.0, **kwargs):
    """Rows that suit a model; where entries are missing, one row of the longest sequence is missing whole."""
    model = "diag" if model == "mixture" else model
    X = rows_of(model, n=int(np.sum(lengths)), seed=seed, missing=missing, **kwargs)
    if missing:
        X[int(np.sum(lengths[: np.argmax(lengths)])) + 1] = np.nan
    return X


def lasting(model, lengths=(120, 1, 179), seed=0, missing=0.0, stay=0.9):
    """Rows of two clouds that overlap, states lasting: sequences of one optimum."""
    rng = np.random.default_rng(seed)
    turns = rng.random(int(np.sum(lengths))) > stay
    turns[np.cumsum(lengths)[:-1]] = rng.random(len(lengths) - 1) > 0.5
    first = (np.cumsum(turns) % 2 == 0)[:, np.newaxis]
    X = overlapping_pair("diag" if model == "mixture" else model, first, rng)
    X[rng.random(X.shape) < missing] = np.nan
    return X, np.array(lengths)


def weights_of(lengths, weighted, seed=0):
    """Weights of rows, integers that are equal in a sequence; or None."""
    return np.repeat(np.random.default_rng(seed).integers(1, 4, size=len(lengths)), lengths) if weighted else None


def given(hmm):
    """Arguments that make another model of the same class start where this one is, with the same prior."""
    values = {argument: getattr(hmm, name) for name, argument in INITIAL.items() if hasattr(hmm, name)}
    return {"prior": hmm.prior, **values}


class ChainProblem(NamedTuple):
    X: np.ndarray
    weight: np.ndarray | None
    hmm: object  # max_iter=0: the start
    objective: ChainObjective
    parameters: Parameters


def objective_of(hmm, X, lengths, weight=None, n_threads=1, block_rows=None):
    """The objective that `hmm.fit(X)` would climb."""
    _, objective = hmm._prepare(X, weight, lengths=lengths)
    if block_rows is not None:
        objective.rows._bounds, objective.rows._resident = objective.rows._cut(block_rows), None
    return ChainObjective(objective.model, objective.rows, objective.sequences, Threads(n_threads))


def chain_problem(model, structure="free", missing=0.0, weighted=False, seed=0, lengths=LENGTHS, **kwargs):
    """Sequences, and a start that is not stationary."""
    X, weight = sequences_of(model, lengths, seed, missing), weights_of(lengths, weighted, seed)
    start = {"init_params": "random_from_data", "reg_covar": 1e-3, "prior": prior_of(missing, weighted)}
    start |= STRUCTURES[structure]
    hmm = hmm_of(model, max_iter=0, random_state=seed, **start).fit(X, lengths=lengths, sample_weight=weight)
    objective = objective_of(hmm, X, lengths, weight, **kwargs)
    return ChainProblem(X, weight, hmm, objective, adopt(hmm, objective))


def adopt(hmm, objective):
    """A fitted model's parameters, in an objective's units."""
    return hmm._adopt(objective.model.family, objective.rows.units)


def value_of(hmm, X, lengths, weight=None):
    """The objective at a fitted model's parameters, nats per row, by a pass of its own."""
    objective = objective_of(hmm, X, lengths, weight)
    return objective.at(adopt(hmm, objective)).value


def plain_log_likelihood(hmm, X, lengths):
    """Log-likelihood of each sequence, by the plain recursion on the emissions' log-densities."""
    x, edges = hmm.emission_log_density(X), np.concatenate([[0], np.cumsum(lengths)])
    return np.array(
        [plain_recursion.smooth(x[a:b], hmm.startprob_, hmm.transmat_).predictive.sum() for a, b in pairwise(edges)]
    )


# ---- all paths of tiny chains ---------------------------------------------------------------------------------------
class Paths(NamedTuple):
    """What the sum over all K^T paths gives for one sequence."""

    predictive: np.ndarray
    filtered: np.ndarray
    smoothed: np.ndarray
    best: np.ndarray
    log_best: float


def all_paths(x, start, A):
    """Every path of a sequence with emission log-densities x (T, K)."""
    T, K = x.shape
    with np.errstate(divide="ignore"):
        log_start, log_A = np.log(start), np.log(A)
    totals, filtered = [0.0], []
    for t in range(1, T + 1):
        paths = np.array(list(product(range(K), repeat=t)))
        joint = log_start[paths[:, 0]] + x[np.arange(t), paths].sum(axis=1)
        joint += log_A[paths[:, :-1], paths[:, 1:]].sum(axis=1)
        totals.append(logsumexp(joint))
        filtered.append(softmax(joint) @ np.eye(K)[paths[:, -1]])
    smoothed = np.einsum("p,ptk->tk", softmax(joint), np.eye(K)[paths])
    return Paths(np.diff(totals), np.array(filtered), smoothed, paths[joint.argmax()], joint.max())


def log_densities(hmm, X):
    """Log-densities of rows in each state by SciPy, (n, K), missing entries left out."""
    return np.array([[_log_density(hmm, k, row) for k in range(len(hmm.transmat_))] for row in X])


def _log_density(hmm, k, row):
    seen = np.flatnonzero(~np.isnan(row))
    if not len(seen):
        return 0.0
    if hasattr(hmm, "weights_"):
        covariances = np.array([np.diag(c) for c in hmm.precisions_cholesky_[k] ** -2.0])
        parts = zip(hmm.weights_[k], hmm.means_[k], covariances, strict=True)
        return logsumexp([np.log(w) + _normal(row, mean, c, seen) for w, mean, c in parts])
    if hasattr(hmm, "rates_"):
        return poisson.logpmf(row[seen], hmm.rates_[k, seen]).sum()
    if hasattr(hmm, "means_"):
        return _normal(row, hmm.means_[k], hmm.covars_[k], seen)
    p = hmm.probabilities_[k]
    if p.ndim == 2:
        return np.log(p[seen, row[seen].astype(int)]).sum()
    return np.log(np.where(row[seen] == 1, p[seen], 1 - p[seen])).sum()


def _normal(row, mean, covariance, seen):
    return multivariate_normal.logpdf(row[seen], mean[seen], covariance[np.ix_(seen, seen)])
