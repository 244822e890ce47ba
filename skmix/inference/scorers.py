"""Criteria as scorers, for scikit-learn's searches."""

from __future__ import annotations

from typing import Any

from sklearn.utils.metadata_routing import MetadataRequest

from skmix.estimators.criteria import CRITERIA

ROUTED = ("sample_weight", "sequence_id")


class CriterionScorer:
    """A criterion with its sign turned, so that greater is better: what `scoring` of a search takes.

    Ready ones are `bic_scorer`, `aic_scorer` and `icl_scorer`. A criterion needs no held-out rows: let a search fit and
    score all of them, as the example does. Folds of a cross-validation give the criterion of
    held-out rows, whose penalty then counts twice; use `score`, the log-likelihood, for these. With metadata routing,
    `set_score_request` says what a search should pass on, such as the `sequence_id` of hidden Markov models.

    Parameters
    ----------
    criterion : {"bic", "aic", "icl"}
        Name of the method that gives it.

    References
    ----------
    Biernacki, C., Celeux, G. and Govaert, G. (2000). Assessing a mixture model for clustering with the integrated
    completed likelihood. IEEE Trans. Pattern Anal. Mach. Intell. 22, 719–725. doi:10.1109/34.865189

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skmix import GaussianMixture
    >>> from skmix.datasets import load_old_faithful
    >>> from skmix.inference import bic_scorer
    >>> X = load_old_faithful().data
    >>> grid = {"n_components": [1, 2, 3], "covariance_type": ["full", "tied"]}
    >>> rows = np.arange(len(X))
    >>> search = GridSearchCV(GaussianMixture(random_state=0), grid, scoring=bic_scorer, cv=[(rows, rows)]).fit(X)
    >>> search.best_params_
    {'covariance_type': 'tied', 'n_components': 3}
    >>> bool(search.best_score_ == -search.best_estimator_.bic(X))
    True
    """

    def __init__(self, criterion: str):
        if criterion not in CRITERIA:
            raise ValueError(f"criterion must be one of {list(CRITERIA)}. Got {criterion!r} instead.")
        self.criterion = criterion
        self._requests: dict[str, Any] = dict.fromkeys(ROUTED)

    def set_score_request(self, **requests: bool | str | None) -> CriterionScorer:
        """A scorer to which scikit-learn's searches route these arguments (this one stays as it is).

        Parameters
        ----------
        **requests : bool, str or None
            For `sample_weight` and `sequence_id`: whether they are passed on, or the name by which the search gets
            them; None (as it is at first) makes it an error to give them without a word about them.

        Returns
        -------
        scorer : CriterionScorer

        Raises
        ------
        TypeError
            If an argument is none of these.

        Examples
        --------
        >>> import numpy as np
        >>> import sklearn
        >>> from sklearn.model_selection import GridSearchCV
        >>> from skmix import PoissonHMM
        >>> from skmix.datasets import load_earthquakes
        >>> from skmix.inference import bic_scorer
        >>> X = load_earthquakes().data
        >>> halves = np.repeat(["first", "second"], [54, 53])
        >>> rows = np.arange(len(X))
        >>> with sklearn.config_context(enable_metadata_routing=True):
        ...     model = PoissonHMM(random_state=0).set_fit_request(sequence_id=True)
        ...     scorer = bic_scorer.set_score_request(sequence_id=True)
        ...     search = GridSearchCV(model, {"n_components": [1, 2]}, scoring=scorer, cv=[(rows, rows)], refit=False)
        ...     search = search.fit(X, sequence_id=halves)
        >>> search.best_params_
        {'n_components': 2}
        """
        if unknown := sorted(requests.keys() - set(ROUTED)):
            raise TypeError(f"{self!r} has no arguments {unknown} to be routed; there are {list(ROUTED)}.")
        other = type(self)(self.criterion)
        other._requests = {**self._requests, **requests}
        return other

    def get_metadata_routing(self) -> MetadataRequest:
        """What scikit-learn should route here.

        Returns
        -------
        routing : MetadataRequest
        """
        routing = MetadataRequest(owner=repr(self))
        for name, request in self._requests.items():
            routing.score.add_request(param=name, alias=request)
        return routing

    def __call__(self, estimator: Any, X: Any, y: Any = None, **others: Any) -> float:
        """Minus the criterion of a fitted mixture or hidden Markov model, or of a pipeline that ends in one.

        Parameters
        ----------
        estimator : fitted estimator
            Of a pipeline the last step is scored, on what the earlier steps make of `X`: its values can be compared
            only where these are the same.
        X : array-like of shape (n_samples, n_features)
            The data.
        y : Ignored
            Not used, present for API consistency by convention.
        **others : dict
            Passed on: `sample_weight`, and of hidden Markov models `sequence_id` and `lengths`. A search passes what
            :meth:`set_score_request` asks for.

        Returns
        -------
        score : float
            Greater is better.

        Raises
        ------
        TypeError
            If the estimator has no such criterion.
        """
        if hasattr(estimator, "steps"):
            *earlier, (_, estimator) = estimator.steps
            for _, step in earlier:
                X = X if step is None or step == "passthrough" else step.transform(X)
        estimator = getattr(estimator, "best_estimator_", estimator)
        if not hasattr(estimator, self.criterion):
            raise TypeError(
                f"{type(estimator).__name__} has no method {self.criterion!r}; give a mixture or hidden Markov model "
                "of skmix."
            )
        return -getattr(estimator, self.criterion)(X, **others)

    def __repr__(self) -> str:
        return f"{self.criterion}_scorer"


bic_scorer = CriterionScorer("bic")
aic_scorer = CriterionScorer("aic")
icl_scorer = CriterionScorer("icl")
