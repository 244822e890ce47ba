"""The bootstrap: how estimates vary over data drawn anew."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skmix.inference.fitted import Fitted, look_again
from skmix.inference.labels import match, reordered
from skmix.inference.resampling import DataUnits
from skmix.inference.standard_errors import check_level
from skmix.likelihood.threads import one_blas_thread
from skmix.solvers.result import INTERRUPTED

_KINDS = ("nonparametric", "parametric")


@dataclass(frozen=True)
class Bootstrap:
    """Estimates from data drawn anew.

    Parameters
    ----------
    fitted : dict of str to ndarray
        The attributes of the fit to the data themselves.
    estimates : dict of str to ndarray
        Those of the fits to data drawn anew, of shape (n_bootstrap, ...), components in the order of `fitted`.
    converged : ndarray of bool of shape (n_bootstrap,)
        Which of those fits converged.
    kind : str
        "nonparametric" or "parametric".
    """

    fitted: dict[str, np.ndarray]
    estimates: dict[str, np.ndarray]
    converged: np.ndarray
    kind: str

    @property
    def standard_errors(self):
        """Standard deviations of the estimates, by the names and in the shapes of the attributes."""
        return {name: values.std(axis=0, ddof=1) for name, values in self.estimates.items()}

    def confidence_intervals(self, level=0.95):
        """Percentile intervals: quantiles of the estimates.

        Parameters
        ----------
        level : float, default=0.95
            Their coverage, between 0 and 1.

        Returns
        -------
        intervals : dict of str to ndarray
            Of shape (2, ...): lower and upper ends.
        """
        tail = 0.5 * (1.0 - check_level(level))
        return {name: np.quantile(values, [tail, 1.0 - tail], axis=0) for name, values in self.estimates.items()}


def bootstrap(
    estimator,
    X,
    n_bootstrap=200,
    *,
    kind="nonparametric",
    sample_weight=None,
    sequence_id=None,
    lengths=None,
    random_state=None,
    n_jobs=None,
) -> Bootstrap:
    """Bootstrap of a fitted mixture or hidden Markov model.

    The model is fitted anew to data drawn anew, each time from the fitted parameters on: to as many rows (for hidden
    Markov models: sequences) drawn from `X` with replacement, or to as many drawn from the model. The components of
    each fit are matched to those of `estimator` by their responsibilities for `X`.

    Parameters
    ----------
    estimator : fitted mixture or hidden Markov model
        Any of skmix's, except :class:`~skmix.VariationalGaussianMixture`.
    X : array-like of shape (n_samples, n_features)
        The rows that it was fitted to; NaN marks a missing value.
    n_bootstrap : int, default=200
        Number of fits. About 200 are enough for standard errors, 1000 for intervals.
    kind : {"nonparametric", "parametric"}, default="nonparametric"
        Rows or sequences drawn from `X`, or from the model: then sequences have the lengths of those in `X`, and values
        are missing where they are missing in `X`.
    sample_weight : array-like of shape (n_samples,), default=None
        The weights of the fit. A weight counts as so many equal rows (for hidden Markov models: sequences).
    sequence_id : array-like of shape (n_samples,), default=None
        Which sequence each row belongs to; for hidden Markov models.
    lengths : array-like of int of shape (n_sequences,), default=None
        Lengths of the sequences, in place of `sequence_id`.
    random_state : int, RandomState instance or None, default=None
        Seed of what is drawn.
    n_jobs : int, default=None
        Fits that are made at the same time, by threads. The result does not depend on it.

    Returns
    -------
    result : Bootstrap
        With `estimates`, `standard_errors` and `confidence_intervals`.

    Warns
    -----
    ConvergenceWarning
        If some of the fits did not converge; they are kept.

    Raises
    ------
    TypeError
        If `estimator` is no such model.
    ValueError
        If an argument is out of range, or sequences are to be drawn from a single one.

    References
    ----------
    Efron, B. (1979). Bootstrap methods: another look at the jackknife. Ann. Statist. 7, 1–26.
    doi:10.1214/aos/1176344552

    O'Hagan, A., Murphy, T. B., Scrucca, L. and Gormley, I. C. (2019). Investigation of parameter uncertainty in
    clustering using a Gaussian mixture model via jackknife, bootstrap and weighted likelihood bootstrap. Comput. Stat.
    34, 1779–1813. doi:10.1007/s00180-019-00897-9

    Examples
    --------
    >>> import numpy as np
    >>> from skmix import PoissonMixture
    >>> from skmix.inference import bootstrap
    >>> X = np.random.default_rng(0).poisson(4.0, size=(100, 1)).astype(float)
    >>> mixture = PoissonMixture().fit(X)
    >>> result = bootstrap(mixture, X, n_bootstrap=50, random_state=0)
    >>> result.estimates["rates_"].shape
    (50, 1, 1)
    >>> bool(abs(result.standard_errors["rates_"][0, 0] - 0.2) < 0.06)  # √(4/100)
    True
    """
    if kind not in _KINDS:
        raise ValueError(f"'kind' should be one of {list(_KINDS)}, but got {kind!r}.")
    if not isinstance(n_bootstrap, Integral) or n_bootstrap < 2:
        raise ValueError(f"'n_bootstrap' should be an integer of at least 2, but got {n_bootstrap!r}.")
    fitted = look_again(estimator, X, sample_weight, sequence_id, lengths, "bootstrap")
    units = DataUnits.of(fitted, sample_weight, sequence_id, lengths)
    if kind == "nonparametric" and len(units.lengths) == 1:
        raise ValueError(
            "kind='nonparametric' draws independent sequences, and there is only one; give 'sequence_id' or 'lengths' "
            "where there are several, or take kind='parametric'."
        )
    draw: Callable = _resample if kind == "nonparametric" else _simulate
    refit = partial(_refit, fitted, units, units.responsibilities(fitted.estimator), draw)
    seeds = check_random_state(random_state).randint(np.iinfo(np.int32).max, size=n_bootstrap).tolist()
    fits = _all(refit, seeds, n_jobs)
    converged = np.array([done for _, done in fits])
    if not converged.all():
        warnings.warn(
            f"{np.sum(~converged)} of {n_bootstrap} fits to data drawn anew did not converge and are kept as they are; "
            "a larger 'max_iter' of the estimator would let them.",
            ConvergenceWarning,
            stacklevel=2,
        )
    original = fitted.public
    return Bootstrap(original, {name: np.stack([one[name] for one, _ in fits]) for name in original}, converged, kind)


def _all(refit: Callable[[int], Any], seeds: list[int], n_jobs: int | None) -> list[Any]:
    """The fits of all seeds, `n_jobs` at a time; what they warn of is left to the caller."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if effective_n_jobs(n_jobs) == 1:
            return [refit(seed) for seed in seeds]
        with one_blas_thread():
            return Parallel(n_jobs=n_jobs, prefer="threads")(delayed(refit)(seed) for seed in seeds)


def _resample(estimator: Any, units: DataUnits, rng: np.random.RandomState) -> None:
    """Fit to units drawn with replacement: their numbers of times are weights."""
    times = rng.multinomial(units.n_drawn, units.weight / units.weight.sum())
    drawn = np.flatnonzero(times)
    weight = np.repeat(times[drawn], units.lengths[drawn]).astype(np.float64)
    estimator.fit(units.X[units.rows(drawn)], sample_weight=weight, **units.told(units.lengths[drawn]))


def _simulate(estimator: Any, units: DataUnits, rng: np.random.RandomState) -> None:
    """Fit to units drawn from the model, of the lengths and with the missing values of the data's."""
    X, lengths = units.drawn_from(estimator, rng)
    estimator.fit(X, **units.told(lengths))


def _refit(
    fitted: Fitted, units: DataUnits, responsibilities: np.ndarray, draw: Callable, seed: int
) -> tuple[dict[str, np.ndarray], bool]:
    """Attributes of one fit to data drawn anew, components in the order of the fit at hand; whether it converged."""
    twin, rng = copy(fitted.estimator), np.random.RandomState(seed)
    twin.random_state, twin.n_jobs, twin.verbose = rng, None, 0
    draw(twin, units, rng)
    if INTERRUPTED in twin.stop_reason_:
        raise KeyboardInterrupt
    public = {name: np.asarray(getattr(twin, name), dtype=np.float64) for name in fitted.public}
    weight = np.repeat(units.weight, units.lengths)
    n_mix = responsibilities.shape[1] // twin.n_components
    order = match(responsibilities, units.responsibilities(twin), weight, n_mix)
    objective = fitted.objective
    return reordered(twin, objective.model.family, objective.rows.n_features, public, order), twin.converged_
