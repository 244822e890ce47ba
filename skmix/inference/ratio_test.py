"""A test of K components or states against K + 1, by bootstrap."""

from __future__ import annotations

import warnings
from copy import copy
from functools import partial
from numbers import Integral
from threading import Event
from typing import Any, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skmix.estimators.base import LatentVariableModel
from skmix.estimators.growth import Fit, Fitter
from skmix.estimators.model_grid import run_each
from skmix.inference.fitted import sequences_of
from skmix.inference.resampling import DataUnits


class LikelihoodRatioTest(NamedTuple):
    """What a test of K components against K + 1 found.

    Parameters
    ----------
    p_value : float
        (1 + the number of bootstrap statistics that are no less) / (1 + n_bootstrap): small where K components do not
        suffice.
    statistic : float
        2 (log-likelihood with K + 1 components − log-likelihood with K), nats.
    bootstrap : ndarray of shape (n_bootstrap,)
        The same for samples of the fitted K components.
    null : mixture or hidden Markov model
        The K components, fitted.
    alternative : mixture or hidden Markov model
        The K + 1 components, fitted.
    """

    p_value: float
    statistic: float
    bootstrap: np.ndarray
    null: Any
    alternative: Any


def likelihood_ratio_test(
    estimator, X, n_bootstrap=99, random_state=None, n_jobs=None, *, sequence_id=None, lengths=None
) -> LikelihoodRatioTest:
    """Test whether K components or states suffice, against K + 1, by a parametric bootstrap of the likelihood ratio.

    The ratio has no χ² distribution here: K components are K + 1 ones of which a weight is 0, at the boundary, where
    other parameters mean nothing. So its distribution is found by fitting both to samples of the fitted K components.
    Each of the fits with K + 1 starts as the estimator says, and from the K components with one of them split; the
    better of both is kept.

    Parameters
    ----------
    estimator : mixture or hidden Markov model of this package
        The model of K components or states, fitted or not. It is not changed, and it is fitted anew.
    X : array-like of shape (n_samples, n_features)
        The data. NaN marks a value that is missing at random; samples miss the same values.
    n_bootstrap : int, default=99
        Number of samples. The p-value is no less than 1 / (1 + n_bootstrap).
    random_state : int, RandomState instance or None, default=None
        Seed of the samples and of the starts.
    n_jobs : int, default=None
        Samples that are worked on at the same time, by threads. The result does not depend on it.
    sequence_id : array-like of shape (n_samples,), default=None
        Which sequence each row belongs to; for hidden Markov models. Samples have sequences of the same lengths.
    lengths : array-like of int of shape (n_sequences,), default=None
        Lengths of the sequences, in place of `sequence_id`.

    Returns
    -------
    test : LikelihoodRatioTest
        The named tuple (p_value, statistic, bootstrap, null, alternative).

    Raises
    ------
    TypeError
        If `estimator` is no mixture and no hidden Markov model of this package with a likelihood.
    ValueError
        If it has initial values, which K + 1 components cannot share, cannot be fitted, or is a mixture and sequences
        are given.

    Warns
    -----
    ConvergenceWarning
        If fits did not converge or lost a component: how many of them.

    References
    ----------
    McLachlan, G. J. (1987). On bootstrapping the likelihood ratio test statistic for the number of components in a
    normal mixture. J. R. Stat. Soc. C 36, 318–324. doi:10.2307/2347790

    Examples
    --------
    >>> from skmix import GaussianMixture
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.inference import likelihood_ratio_test
    >>> X = load_old_faithful().data
    >>> test = likelihood_ratio_test(GaussianMixture(1, tol=1e-4), X, n_bootstrap=9, random_state=0)
    >>> round(test.statistic), test.p_value
    (319, 0.1)
    """
    _check(estimator, n_bootstrap)
    units = _units(estimator, X, sequences_of(estimator, sequence_id, lengths))
    seeds = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=1 + n_bootstrap).tolist()
    cancelled, jobs = Event(), min(n_bootstrap, effective_n_jobs(n_jobs))
    fitter = partial(Fitter, weight=None, cancelled=cancelled, sequences=units.told(units.lengths))
    first = _Ratio.of(estimator, seeds[0], fitter(units.X))

    def again(seed: int) -> _Ratio:
        return _Ratio.of(estimator, seed, fitter(_sample(first.null.mixture, units, seed), alone=jobs > 1))

    ratios = run_each(again, seeds[1:], jobs, cancelled)
    bootstrap = np.array([ratio.statistic for ratio in ratios])
    _warn([first, *ratios])
    return LikelihoodRatioTest(
        float((1 + np.sum(bootstrap >= first.statistic)) / (1 + n_bootstrap)),
        first.statistic,
        bootstrap,
        first.null.mixture,
        first.alternative.mixture,
    )


class _Ratio(NamedTuple):
    """Fits with K and K + 1 components to the same rows."""

    null: Fit
    alternative: Fit
    statistic: float

    @classmethod
    def of(cls, estimator: Any, seed: int, fitter: Fitter) -> _Ratio:
        given = {"random_state": seed, "warm_start": False, "n_jobs": None}
        small = clone(estimator).set_params(**given)
        large = clone(small).set_params(n_components=estimator.n_components + 1)
        null, alternative = fitter.fit(small), fitter.fit(large)
        grown = fitter.grow(clone(large), null.mixture, seed)
        if grown is not None:
            alternative = alternative.better(grown)
        gain = fitter.log_likelihood(alternative.mixture) - fitter.log_likelihood(null.mixture)
        # K components are K + 1 as well: where the fits say otherwise they have missed that.
        return cls(null, alternative, max(0.0, 2.0 * gain))


def _units(estimator: Any, X: Any, sequences: dict[str, Any]) -> DataUnits:
    """The data, checked, by independent rows or sequences."""
    X, objective = clone(estimator)._prepare(X, None, **sequences)
    independent = objective.model.latent.independent
    lengths = np.ones(len(X), dtype=int) if independent else objective.sequences.lengths
    return DataUnits(X, lengths, np.ones(len(lengths)), not independent)


def _sample(null: Any, units: DataUnits, seed: int) -> np.ndarray:
    """As many rows, or sequences of the same lengths, that miss the same values."""
    rng = np.random.RandomState(seed)
    X, _ = units.drawn_from(copy(null).set_params(random_state=rng), rng)
    return X.astype(units.X.dtype, copy=False)


def _check(estimator: Any, n_bootstrap: Any) -> None:
    if not isinstance(estimator, LatentVariableModel) or not hasattr(estimator, "bic"):
        raise TypeError(
            "likelihood_ratio_test needs a mixture or hidden Markov model of skmix that has a likelihood as "
            f"'estimator', but got {type(estimator).__name__}."
        )
    estimator._validate_params()
    initial = [name for name, value in estimator.get_params().items() if name.endswith("_init") and name != "n_init"]
    initial = [name for name in initial if getattr(estimator, name) is not None]
    if initial:
        raise ValueError(f"{', '.join(initial)} cannot be shared by K + 1 components; leave out the initial values.")
    if not isinstance(n_bootstrap, Integral) or n_bootstrap < 1:
        raise ValueError(f"n_bootstrap must be an integer of at least 1. Got {n_bootstrap!r} instead.")


def _warn(ratios: list[_Ratio]) -> None:
    fits = [fit for ratio in ratios for fit in (ratio.null, ratio.alternative)]
    doubtful = [fit for fit in fits if fit.complaints]
    if doubtful:
        warnings.warn(
            f"{len(doubtful)} of {len(fits)} fits did not converge or lost a component, such as: "
            f"{doubtful[0].complaints[0]}",
            ConvergenceWarning,
            stacklevel=3,
        )
