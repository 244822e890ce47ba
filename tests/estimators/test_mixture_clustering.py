"""The search against single fits, data sets of known K, and what it says of models that it skips."""

import warnings

import numpy as np
import pandas as pd
import pytest
from problems import COVARIANCE_TYPES, blobs
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skmix import GaussianMixture, MixtureClustering
from skmix.estimators.growth import Fitter
from skmix.solvers import DerivativeFree

COLUMNS = ["n_components", "covariance_type", "bic", "aic", "icl", "log_likelihood", "n_parameters"]
COLUMNS += ["converged", "solver", "start", "seconds", "n_passes", "degenerate", "warnings"]


def clouds(centres, factor, n=150, seed=0):
    """Rows of clouds of one shape, and which they are of."""
    rng = np.random.default_rng(seed)
    centres = np.asarray(centres, dtype=float)
    labels = np.repeat(np.arange(len(centres)), n)
    return centres[labels] + rng.normal(size=(len(labels), centres.shape[1])) @ np.asarray(factor), labels


def turned(ratio, angle):
    """A factor of a covariance matrix with this ratio of its axes."""
    c, s = np.cos(angle), np.sin(angle)
    return np.diag([ratio, 1.0]) @ np.array([[c, s], [-s, c]])


KNOWN = {
    "one": ([[0, 0]], np.eye(2)),
    "separated": ([[0, 0], [9, 0], [0, 9], [9, 9]], np.eye(2)),
    "elongated": ([[0, 0], [6, -6], [12, -12]], turned(30.0, np.pi / 4)),
    "overlapping": ([[0, 0], [3.2, 0], [0, 3.2]], np.eye(2)),
}


@pytest.mark.parametrize(("seed", "name"), enumerate(KNOWN))
def test_bic_finds_the_number_of_clouds(seed, name):
    centres, factor = KNOWN[name]
    X, labels = clouds(centres, factor, seed=seed)
    clustering = MixtureClustering(range(1, 6), random_state=seed).fit(X)
    assert clustering.n_clusters_ == len(centres)
    # the Bayes rule itself is wrong for one row in ten of the overlapping ones
    assert adjusted_rand_score(labels, clustering.labels_) > (0.7 if name == "overlapping" else 0.99)


def test_results_are_those_of_single_fits():
    X = blobs(n=150, missing=0.05)
    weight = np.random.default_rng(0).integers(0, 3, size=150).astype(float)
    search = MixtureClustering([3, 1, 2, 2], ["diag", "full"], cross_starts=False, tol=1e-5, n_init=2, random_state=3)
    search.fit(X, sample_weight=weight)
    table = search.results_
    assert sorted(table) == sorted(COLUMNS)
    assert table["n_components"].tolist() == [1, 2, 3, 1, 2, 3]
    assert table["covariance_type"].tolist() == ["diag"] * 3 + ["full"] * 3
    kept = weight > 0
    for i in range(6):
        K, kind = int(table["n_components"][i]), table["covariance_type"][i]
        mixture = GaussianMixture(K, covariance_type=kind, tol=1e-5, n_init=2, random_state=3)
        mixture.fit(X, sample_weight=weight)
        given = {"sample_weight": weight[kept]}
        for name in ("bic", "aic", "icl"):
            assert table[name][i] == pytest.approx(getattr(mixture, name)(X[kept], **given), rel=1e-10)
        assert table["log_likelihood"][i] == pytest.approx(weight @ mixture.score_samples(X), rel=1e-10)
        assert table["n_passes"][i] == mixture.n_passes_
        assert (table["start"][i], table["solver"][i]) == ("init_params", mixture.solver_)
        assert table["converged"][i]
    best = int(np.argmin(table["bic"]))
    assert search.best_index_ == best
    assert search.best_params_ == {name: table[name][best] for name in ("n_components", "covariance_type")}
    chosen = GaussianMixture(**search.best_params_, tol=1e-5, n_init=2, random_state=3).fit(X, sample_weight=weight)
    np.testing.assert_array_equal(search.labels_, chosen.labels_)
    np.testing.assert_array_equal(search.predict(X), search.labels_)
    np.testing.assert_allclose(search.predict_proba(X), chosen.predict_proba(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(search.score_samples(X), chosen.score_samples(X), rtol=1e-9)
    assert search.score(X, sample_weight=weight) == pytest.approx(chosen.score(X, sample_weight=weight), rel=1e-9)


@pytest.mark.parametrize("criterion", ["bic", "aic", "icl"])
def test_criterion(criterion):
    X = blobs(n=150)
    search = MixtureClustering(range(1, 5), ["full", "diag"], criterion=criterion, random_state=0).fit(X)
    assert search.results_[criterion][search.best_index_] == search.results_[criterion].min()
    assert getattr(search.best_estimator_, criterion)(X) == pytest.approx(search.results_[criterion].min())


def test_icl_counts_clusters_and_bic_gaussians():
    rng = np.random.default_rng(0)
    cross = rng.normal(size=(400, 2)) * np.where(np.arange(400)[:, np.newaxis] % 2, [6.0, 0.5], [0.5, 6.0])
    X = np.concatenate([cross, rng.normal([30.0, 0.0], size=(200, 2))])
    searches = {c: MixtureClustering(range(1, 5), "full", criterion=c, random_state=0).fit(X) for c in ("bic", "icl")}
    assert searches["bic"].n_clusters_ == 3
    entropy = {c: s.best_estimator_.icl(X) - s.best_estimator_.bic(X) for c, s in searches.items()}
    assert entropy["icl"] <= entropy["bic"]


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_splits_never_lower_the_objective(covariance_type):
    X = blobs(n=200, d=2, K=5, separation=3.0, missing=0.1)
    given = {"n_components": range(1, 7), "covariance_type": covariance_type, "random_state": 0}
    plain = MixtureClustering(cross_starts=False, **given).fit(X).results_
    grown = MixtureClustering(cross_starts=True, **given).fit(X).results_
    assert set(grown["start"]) == {"init_params", "split"}
    # reg_covar is next to nothing here, so that objective and log-likelihood rise together
    assert (grown["log_likelihood"] >= plain["log_likelihood"] - 1e-3).all()
    usual = grown["start"] == "init_params"
    np.testing.assert_array_equal(grown["bic"][usual], plain["bic"][usual])
    assert (grown["n_passes"][1:] > plain["n_passes"][1:]).all()


def test_split_gains_at_least_what_the_component_does():
    """Jensen: before the first M-step on all rows, the two halves in place of the whole are no worse."""
    X, _ = clouds([[0, 0], [12, 0], [12, 5]], np.eye(2), n=60)
    two = GaussianMixture(2, random_state=0).fit(X)
    fitter = Fitter(X, None)
    share = two.predict_proba(X)[:, int(two.means_[:, 0].argmax())]
    gain, parts = fitter._halve(two, share, 0)
    assert gain > 20
    assert (parts[:60] == 0.5).all()  # rows of the other component take no part
    grown = fitter.grow(GaussianMixture(3, max_iter=0), two, 0)
    total = len(X) * (grown.mixture.score(X) - two.score(X))
    assert total >= gain - 1e-2 * abs(gain)  # the gain is that of penalised objectives, cut off at 1e-3


def test_n_jobs_does_not_change_the_result():
    X = blobs(n=150, missing=0.05)
    one, two = (MixtureClustering(range(1, 5), random_state=1, n_jobs=n).fit(X) for n in (None, 2))
    for name in set(COLUMNS) - {"seconds"}:
        np.testing.assert_array_equal(one.results_[name], two.results_[name], err_msg=name)
    np.testing.assert_array_equal(one.labels_, two.labels_)


def test_weights_count_rows():
    X = blobs(n=60)
    repeats = np.random.default_rng(0).integers(1, 4, size=60)
    search = MixtureClustering(range(1, 4), random_state=0)
    weighted = clone(search).fit(X, sample_weight=repeats).results_
    repeated = clone(search).fit(np.repeat(X, repeats, axis=0)).results_
    np.testing.assert_allclose(weighted["bic"], repeated["bic"], rtol=1e-5)


def test_more_components_than_rows_are_skipped():
    X = np.repeat([[0.0, 1.0], [2.0, np.nan], [5.0, 3.0]], 4, axis=0)
    X[0, 0] = -0.0
    search = MixtureClustering(range(1, 6), random_state=0).fit(X)
    skipped = search.results_["n_components"] > 3
    assert (search.results_["warnings"][skipped] == "skipped: X has only 3 different rows").all()
    assert np.isnan(search.results_["bic"][skipped]).all()
    assert np.isfinite(search.results_["bic"][~skipped]).all()
    assert search.n_clusters_ <= 3
    with pytest.raises(ValueError, match=r"No model could be fitted .* only 3 different rows"):
        MixtureClustering((4, 5)).fit(X)


def test_models_that_the_solver_refuses_are_skipped():
    X = blobs(n=100)
    search = MixtureClustering((1, 30), "full", solver=DerivativeFree(), max_iter=50)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X)
    assert search.n_clusters_ == 1
    assert search.results_["warnings"][1].startswith("skipped: ")


def test_warnings_are_kept_and_only_the_chosen_one_is_given():
    X, _ = clouds([[0, 0], [40, 0]], np.eye(2), n=60)
    search = MixtureClustering((1, 2, 5), "full", max_iter=3, cross_starts=False, random_state=0).fit(X)  # no warning
    assert search.n_clusters_ == 2
    assert "did not converge" in search.results_["warnings"][2]
    assert not search.results_["converged"][2]
    with pytest.warns(ConvergenceWarning, match="did not converge") as caught:
        MixtureClustering(5, "full", max_iter=3, random_state=0).fit(X)
    assert len(caught) == 1
    assert caught[0].filename == __file__


def test_equal_criteria_are_decided_by_parameters():
    X = np.random.default_rng(0).normal(size=(80, 1))  # in one column, three of the types are the same
    search = MixtureClustering((1, 2), ("diag", "full", "spherical"), random_state=0).fit(X)
    assert search.best_params_ == {"n_components": 1, "covariance_type": "diag"}


def test_components_that_collapse_are_not_chosen():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3)).round(1)
    X[:25] += [8.0, 0.0, 0.0]
    X[:25, 2] = 0.2
    table = (search := MixtureClustering(range(1, 4), random_state=0).fit(X)).results_
    own = (table["n_components"] == 2) & np.isin(table["covariance_type"], ["full", "diag"])
    assert table["degenerate"][own].all()
    assert search.n_clusters_ >= 2
    assert adjusted_rand_score(np.arange(120) < 25, search.labels_) > 0.5
    assert not table["degenerate"][search.best_index_]
    assert all("reg_covar" in table["warnings"][i] for i in np.flatnonzero(table["degenerate"]))
    assert table["bic"][search.best_index_] == table["bic"][~table["degenerate"]].min()
    # where all are, one is chosen all the same
    X[:, 2] = 1.0
    search = MixtureClustering((1, 2), "full", random_state=0).fit(X)
    assert search.results_["degenerate"].all()
    assert search.n_clusters_ == 2


def test_iris_has_two_full_components():
    X = load_iris().data  # mclust: BIC 574.02 for two full components, the best of these types
    search = MixtureClustering(range(1, 6), random_state=0).fit(X)
    assert search.best_params_ == {"n_components": 2, "covariance_type": "full"}
    assert search.results_["bic"].min() <= search.best_estimator_.bic(X) == pytest.approx(574.02, abs=0.05)


def test_names_of_features():
    frame = pd.DataFrame(blobs(n=60), columns=["a", "b", "c"])
    search = MixtureClustering((1, 2), "diag", random_state=0).fit(frame)
    assert search.best_estimator_.feature_names_in_.tolist() == ["a", "b", "c"]
    np.testing.assert_array_equal(search.predict(frame), search.labels_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "The 'n_components' parameter"),
        ({"n_components": ()}, "n_components must be an integer of at least 1"),
        ({"n_components": (1, 2.5)}, "n_components must be an integer of at least 1"),
        ({"n_components": range(3)}, "n_components must be an integer of at least 1"),
        ({"covariance_type": "round"}, "The 'covariance_type' parameter"),
        ({"covariance_type": ("full", "round")}, "covariance_type must be one of"),
        ({"covariance_type": ()}, "covariance_type must be one of"),
        ({"criterion": "dic"}, "The 'criterion' parameter"),
        ({"solver": "magic"}, "The 'solver' parameter"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        MixtureClustering(**parameters).fit(blobs(n=30))


def test_no_weight_at_all():
    with pytest.raises(ValueError, match="non-zero"):
        MixtureClustering(2).fit(blobs(n=30), sample_weight=np.zeros(30))
