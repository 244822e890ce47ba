"""Criteria against their formulae, path entropies by brute force, and scorers in scikit-learn's searches."""

import itertools
import pickle
from typing import ClassVar

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import MODELS, blobs, mixture_of, rows_of
from scipy.special import xlogy
from sklearn import config_context
from sklearn.cluster import KMeans
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmix import GMMHMM, GaussianHMM, GaussianMixture, PoissonHMM, VariationalGaussianMixture
from skmix.inference import CriterionScorer, aic_scorer, bic_scorer, icl_scorer

EVERYTHING = [(np.arange(200), np.arange(200))]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("weighted", [False, True])
def test_of_mixtures_by_hand(model, weighted):
    X = rows_of(model, n=150, missing=0.1)
    mixture = mixture_of(model, 3, random_state=0).fit(X)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 150) if weighted else np.ones(150)
    given = {"sample_weight": weight} if weighted else {}
    log_likelihood, n_parameters = weight @ mixture.score_samples(X), mixture._n_parameters()
    R = mixture.predict_proba(X)
    entropy = -weight @ xlogy(R, R).sum(axis=1)
    assert entropy > 1e-3
    assert mixture.aic(X, **given) == pytest.approx(-2 * log_likelihood + 2 * n_parameters, rel=1e-12)
    bic = -2 * log_likelihood + n_parameters * np.log(weight.sum())
    assert mixture.bic(X, **given) == pytest.approx(bic, rel=1e-12)
    assert mixture.icl(X, **given) == pytest.approx(bic + 2 * entropy, rel=1e-12)


def test_weight_counts_rows():
    X = blobs(n=80)
    mixture = GaussianMixture(2, random_state=0).fit(X)
    twice = np.concatenate([X, X[:30]])
    weight = np.where(np.arange(80) < 30, 2.0, 1.0)
    for criterion in ("bic", "aic", "icl"):
        expected = getattr(mixture, criterion)(twice)
        assert getattr(mixture, criterion)(X, sample_weight=weight) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="non-zero"):
        mixture.bic(X, sample_weight=np.zeros(80))


def path_entropy(model, X):
    """Of the paths of one sequence, by enumeration."""
    log_b = model.emission_log_density(X)
    paths = list(itertools.product(range(len(model.transmat_)), repeat=len(X)))
    with np.errstate(divide="ignore"):
        log_start, log_A = np.log(model.startprob_), np.log(model.transmat_)
    log_joint = np.array(
        [
            log_start[p[0]]
            + sum(log_A[a, b] for a, b in itertools.pairwise(p))
            + sum(log_b[t, k] for t, k in enumerate(p))
            for p in paths
        ]
    )
    p = np.exp(log_joint - np.logaddexp.reduce(log_joint))
    return -xlogy(p, p).sum()


@pytest.mark.parametrize("kind", [GaussianHMM, PoissonHMM, GMMHMM])
def test_of_hidden_markov_models_by_enumeration(kind):
    rng = np.random.default_rng(0)
    X = rng.poisson(np.where(rng.random((60, 1)) < 0.5, 3.0, 6.0)).astype(float)
    X[::11] = np.nan
    lengths, given = [6] * 10, {"n_mix": 2} if kind is GMMHMM else {}
    model = kind(2, random_state=0, max_iter=3, tol=1.0, **given).fit(X, lengths=lengths)
    entropies = [path_entropy(model, part) for part in np.split(X, 10)]
    weight = np.arange(1.0, 11.0)
    of_rows = np.repeat(weight, 6)
    bic = model.bic(X, lengths=lengths)
    expected = -2 * model.log_likelihood(X, lengths=lengths) + model._n_parameters() * np.log(60)
    assert bic == pytest.approx(expected, rel=1e-12)
    assert model.icl(X, lengths=lengths) - bic == pytest.approx(2 * sum(entropies), rel=1e-9)
    weighted = {"lengths": lengths, "sample_weight": of_rows}
    log_likelihood = of_rows @ model.score_samples(X, lengths=lengths)
    expected = -2 * log_likelihood + model._n_parameters() * np.log(of_rows.sum())
    assert model.bic(X, **weighted) == pytest.approx(expected, rel=1e-12)
    assert model.icl(X, **weighted) - model.bic(X, **weighted) == pytest.approx(2 * weight @ entropies, rel=1e-9)
    assert model.aic(X, **weighted) == pytest.approx(-2 * log_likelihood + 2 * model._n_parameters(), rel=1e-12)
    # less than that of the rows one by one
    R = model.predict_proba(X, lengths=lengths)
    assert sum(entropies) < -xlogy(R, R).sum()


def test_path_entropy_of_interleaved_sequences_and_forbidden_moves():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(40, 1))
    transitions = [[0.7, 0.3], [0.0, 1.0]]
    model = GaussianHMM(2, transmat_init=transitions, random_state=0, tol=1.0).fit(X)
    ids = np.arange(40) % 5
    entropies = [path_entropy(model, X[ids == i]) for i in range(5)]
    difference = model.icl(X, sequence_id=ids) - model.bic(X, sequence_id=ids)
    assert difference == pytest.approx(2 * sum(entropies), rel=1e-9)


def test_not_for_posteriors():
    assert not hasattr(VariationalGaussianMixture(), "icl")


@pytest.mark.parametrize("name", ["bic", "aic", "icl"])
def test_scorers_choose_what_the_criterion_does(name):
    X = blobs(n=200, separation=4.0, missing=0.05)
    scorer = {"bic": bic_scorer, "aic": aic_scorer, "icl": icl_scorer}[name]
    grid = {"n_components": [1, 2, 3, 4], "covariance_type": ["full", "diag"]}
    search = GridSearchCV(GaussianMixture(random_state=0), grid, scoring=scorer, cv=EVERYTHING).fit(X)
    values = [getattr(GaussianMixture(random_state=0, **p).fit(X), name)(X) for p in search.cv_results_["params"]]
    assert_allclose(search.cv_results_["mean_test_score"], -np.array(values), rtol=1e-12)
    assert search.best_params_ == search.cv_results_["params"][int(np.argmin(values))]


def test_scorers_in_pipelines():
    X = blobs(n=200, separation=4.0)
    pipeline = make_pipeline(StandardScaler(), "passthrough", GaussianMixture(random_state=0))
    grid = {"gaussianmixture__n_components": [1, 2, 3, 4]}
    search = GridSearchCV(pipeline, grid, scoring=bic_scorer, cv=EVERYTHING).fit(X)
    Z = StandardScaler().fit_transform(X)
    values = [GaussianMixture(K, random_state=0).fit(Z).bic(Z) for K in (1, 2, 3, 4)]
    assert_allclose(search.cv_results_["mean_test_score"], -np.array(values), rtol=1e-12)
    assert search.best_params_["gaussianmixture__n_components"] == 1 + int(np.argmin(values))
    assert bic_scorer(search.best_estimator_, X) == search.best_score_
    weight = np.arange(1.0, 201.0)
    expected = -search.best_estimator_[-1].bic(Z, sample_weight=weight)
    assert bic_scorer(search.best_estimator_, X, sample_weight=weight) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["bic", "aic", "icl"])
def test_scorers_of_hidden_markov_models_are_told_of_sequences(name):
    rng = np.random.default_rng(0)
    X = rng.poisson(np.where(np.arange(90) // 15 % 2, 8.0, 3.0)).astype(float)[:, np.newaxis]
    ids = np.arange(90) % 3  # interleaved
    scorer = {"bic": bic_scorer, "aic": aic_scorer, "icl": icl_scorer}[name]
    grid, cv = {"n_components": [1, 2, 3]}, [(np.arange(90), np.arange(90))]
    with config_context(enable_metadata_routing=True):
        model = PoissonHMM(random_state=0).set_fit_request(sequence_id=True)
        asking = scorer.set_score_request(sequence_id=True)
        search = GridSearchCV(model, grid, scoring=asking, cv=cv, refit=False).fit(X, sequence_id=ids)
    fits = [PoissonHMM(K, random_state=0).fit(X, sequence_id=ids) for K in (1, 2, 3)]
    values = [getattr(fit, name)(X, sequence_id=ids) for fit in fits]
    assert_allclose(search.cv_results_["mean_test_score"], -np.array(values), rtol=1e-12)
    one = GridSearchCV(PoissonHMM(random_state=0), grid, scoring=scorer, cv=cv).fit(X)  # a single sequence
    assert one.best_score_ == -getattr(one.best_estimator_, name)(X)


def test_scorers_are_values():
    assert repr(pickle.loads(pickle.dumps(icl_scorer))) == "icl_scorer"
    with pytest.raises(ValueError, match="criterion must be one of"):
        CriterionScorer("dic")
    X = blobs(n=30)
    with pytest.raises(TypeError, match="KMeans has no method 'bic'"):
        bic_scorer(KMeans(2, random_state=0).fit(X), X)


class TestRouting:
    X, ids = blobs(n=60, separation=4.0), np.repeat(np.arange(6), 10)
    grid: ClassVar = {"n_components": [1, 2]}

    def search(self, scorer):
        with config_context(enable_metadata_routing=True):
            routed = GaussianHMM(random_state=0).set_fit_request(sequence_id=True)
            search = GridSearchCV(routed, self.grid, scoring=scorer, cv=GroupKFold(3))
            return search.fit(self.X, sequence_id=self.ids, groups=self.ids)

    def test_identifiers_of_sequences_reach_the_criterion(self):
        found = self.search(bic_scorer.set_score_request(sequence_id=True)).cv_results_["split0_test_score"]
        train, test = next(GroupKFold(3).split(self.X, groups=self.ids))
        fits = [GaussianHMM(K, random_state=0).fit(self.X[train], sequence_id=self.ids[train]) for K in (1, 2)]
        assert_allclose(found, [-fit.bic(self.X[test], sequence_id=self.ids[test]) for fit in fits], rtol=1e-9)
        assert abs(found[1] + fits[1].bic(self.X[test])) > 1e-3

    def test_they_are_not_passed_over_in_silence(self):
        with pytest.raises(UnsetMetadataPassedError, match="sequence_id"):
            self.search(bic_scorer)

    def test_requests_are_those_of_a_copy(self):
        other = bic_scorer.set_score_request(sample_weight="w")
        assert other.get_metadata_routing().score.requests == {"sample_weight": "w", "sequence_id": None}
        assert bic_scorer.get_metadata_routing().score.requests == {"sample_weight": None, "sequence_id": None}
        with pytest.raises(TypeError, match=r"bic_scorer has no arguments \['lengths'\] to be routed"):
            bic_scorer.set_score_request(lengths=True)
