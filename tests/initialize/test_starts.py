"""Starts: elongated clusters are found whole, all starts take NaN and weights, and users may give their own."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import DISCRETE, MODELS, blobs, quietly
from sklearn.base import clone
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture as PlainMixture

from skmix import GMMHMM, GaussianHMM, GaussianMixture, MixtureClustering, PoissonHMM, PoissonMixture
from skmix.initialize import RandomSwap, starts
from skmix.initialize.starts import STARTS


def bars(n_bars, d, seed, n=100, ratio=30.0, separation=8.0, uniform=False):
    """Parallel bars, `ratio` times as long as they are wide, in any direction and unit; and which bar rows are of."""
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(n_bars), n)
    X = rng.normal(size=(len(y), d))
    if uniform:
        X[:, 0] = rng.uniform(-(3**0.5), 3**0.5, size=len(y))
    X[:, 0] *= ratio
    X[:, 1] += separation * y
    return X @ np.linalg.qr(rng.normal(size=(d, d)))[0] * 10.0 ** rng.uniform(-3, 3, size=d) + 50 * rng.normal(
        size=d
    ), y


def make(model, n_components=3, **kwargs):
    if model in DISCRETE:
        return DISCRETE[model](n_components, random_state=0, **kwargs)
    return GaussianMixture(n_components, covariance_type=model, random_state=0, **kwargs)


def rows_of(model, n=150, missing=0.0, seed=0):
    """Rows that the model can have."""
    X = blobs(n=n, separation=4.0, seed=seed)
    rng = np.random.default_rng(seed)
    if model == "poisson":
        X = np.floor(np.abs(X))
    elif model in DISCRETE:
        X = (np.median(X, axis=0) < X).astype(float)
    return np.where(rng.random(X.shape) < missing, np.nan, X)


# ---- elongated clusters ---------------------------------------------------------------------------------------------
BARS = [(2, 2, False), (2, 2, True), (2, 5, False), (2, 5, True), (3, 2, False), (3, 2, True), (3, 5, False)]


@pytest.mark.parametrize(("n_bars", "d", "uniform"), BARS)
def test_bars_are_found_by_default(n_bars, d, uniform):
    for seed in range(5):
        X, y = bars(n_bars, d, seed, uniform=uniform)
        assert adjusted_rand_score(y, GaussianMixture(n_bars, random_state=seed).fit(X).labels_) > 0.97


@pytest.mark.parametrize(("n_bars", "d", "uniform"), [*BARS, (3, 5, True)])
def test_bars_are_found_by_agglomeration(n_bars, d, uniform):
    for seed in range(2):
        X, y = bars(n_bars, d, seed, uniform=uniform)
        assert adjusted_rand_score(y, GaussianMixture(n_bars, init_params="hierarchical").fit(X).labels_) > 0.97


@pytest.mark.parametrize("direction", [0.0, 0.3, 0.8])
def test_two_bars_are_found_from_every_seed(direction):
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], 100)
    X = rng.normal(size=(200, 2)) * [30.0, 1.0] + np.outer(y, [0.0, 8.0])
    X = X @ np.array([[np.cos(direction), np.sin(direction)], [-np.sin(direction), np.cos(direction)]])
    for seed in range(20):
        assert adjusted_rand_score(y, GaussianMixture(2, random_state=seed).fit(X).labels_) > 0.97


def test_bars_along_the_axes_are_found_by_diagonal_components():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(3), 100)
    X = rng.normal(size=(300, 2)) * [30.0, 1.0] + np.outer(y, [0.0, 8.0])
    for seed in range(3):
        found = GaussianMixture(3, covariance_type="diag", random_state=seed).fit(X).labels_
        assert adjusted_rand_score(y, found) > 0.97


@pytest.mark.parametrize("init_params", ["kmeans", "hierarchical"])
def test_bars_are_found_with_missing_entries_weights_and_in_many_rows(init_params):
    X, y = bars(2, 3, 0, n=1500)
    rng = np.random.default_rng(0)
    X[rng.random(X.shape) < 0.05] = np.nan
    weight = rng.integers(1, 4, size=len(X))
    mixture = GaussianMixture(2, init_params=init_params, random_state=0).fit(X, sample_weight=weight)
    whole = ~np.isnan(X).any(axis=1)  # a row without all entries may be of either bar
    assert adjusted_rand_score(y[whole], mixture.labels_[whole]) > 0.95


def test_bic_counts_bars():
    assert MixtureClustering(range(1, 6), covariance_type="full", random_state=0).fit(bars(2, 2, 0)[0]).n_clusters_ == 2


@pytest.mark.parametrize("spoil", ["rows without any value", "a column of two values"])
def test_what_has_no_density_does_not_make_clusters(spoil, monkeypatch):
    """Neither rows that would all be put at the mean, nor a column that is constant within clusters."""
    X = blobs(n=300, K=2, separation=6.0, seed=1)
    rng = np.random.default_rng(0)
    if spoil == "rows without any value":
        X[rng.random(300) < 0.3] = np.nan
    else:
        X = np.c_[X, rng.integers(2, size=300)]
    mixture = GaussianMixture(2, random_state=0, max_iter=0)
    usual = quietly(clone(mixture), X)
    monkeypatch.setattr(starts, "_elongated", lambda *args: None)
    assert_array_equal(usual.means_, quietly(clone(mixture), X).means_)


def test_a_chain_of_bars_is_found():
    X, y = bars(2, 2, 0)
    hmm = GaussianHMM(2, covariance_type="full", random_state=0).fit(X)
    assert adjusted_rand_score(y, hmm.predict(X)) > 0.97


# ---- all starts -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("init_params", sorted(set(STARTS) - {"random"}))
@pytest.mark.parametrize("model", MODELS)
def test_a_weight_counts_as_so_many_rows(model, init_params, missing):
    X = rows_of(model, missing=missing)
    weight = np.random.default_rng(1).integers(0, 3, size=len(X))
    repeated = np.repeat(X, weight, axis=0)
    mixture = make(model, init_params=init_params, max_iter=0)
    once = quietly(clone(mixture), X, sample_weight=weight)
    more = quietly(clone(mixture), repeated[np.random.default_rng(2).permutation(len(repeated))])
    assert once.lower_bound_ == pytest.approx(more.lower_bound_, rel=1e-9)


@pytest.mark.parametrize("init_params", sorted(set(STARTS) - {"random"}))
@pytest.mark.parametrize("model", ["full", "tied", "diag"])
def test_starts_do_not_depend_on_units(model, init_params):
    X = rows_of(model, missing=0.1)
    scale = np.array([1e-150, 1.0, 1e150])
    mixture = make(model, init_params=init_params, max_iter=0, reg_covar=0.0)
    one, other = quietly(clone(mixture), X), quietly(clone(mixture), X * scale)
    assert_allclose(other.means_ / scale, one.means_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("init_params", sorted(STARTS))
@pytest.mark.parametrize(
    "X",
    [
        np.random.default_rng(0).normal(size=(5, 9)),
        np.ones((6, 2)),
        np.c_[np.arange(40.0), np.zeros(40)],
        np.c_[np.arange(40.0), np.arange(40.0)],
        np.c_[np.random.default_rng(0).normal(size=40), np.full(40, np.nan)],
        np.repeat([[0.0, 1.0], [1.0, 0.0]], 20, axis=0),
    ],
    ids=["wide", "constant", "a constant column", "on a line", "a column without values", "two values"],
)
def test_every_start_takes_degenerate_data(X, init_params):
    for n_components in (1, 3):
        mixture = quietly(GaussianMixture(n_components, init_params=init_params, random_state=0, max_iter=5), X)
        assert np.isfinite(mixture.lower_bound_)


def test_hierarchical_is_the_same_for_any_seed_and_order():
    X = rows_of("full")
    order = np.random.default_rng(0).permutation(len(X))
    fits = [GaussianMixture(3, init_params="hierarchical", random_state=seed, max_iter=0) for seed in (0, 1)]
    one, other = quietly(fits[0], X), quietly(fits[1], X[order])
    assert_allclose(other.means_, one.means_, rtol=1e-10)


# ---- starts that users give -----------------------------------------------------------------------------------------
def start_of(model, init_params, X, **kwargs):
    return quietly(make(model, init_params=init_params, max_iter=0), X, **kwargs)


@pytest.mark.parametrize("model", MODELS)
def test_labels_and_responsibilities_begin_with_their_own_m_step(model):
    X, labels = rows_of(model), np.random.default_rng(3).integers(3, size=150)
    one, other = start_of(model, labels, X), start_of(model, np.eye(3)[labels], X)
    assert_allclose(other.weights_, one.weights_, rtol=1e-12)
    if model not in DISCRETE:  # whose starts are softened
        assert_allclose(one.weights_, np.bincount(labels) / 150, rtol=1e-12)
        assert_allclose(one.means_, [X[labels == k].mean(axis=0) for k in range(3)], rtol=1e-9)


def test_a_label_of_minus_one_is_spread_evenly():
    X, labels = rows_of("full"), np.random.default_rng(3).integers(-1, 3, size=150)
    R = np.where(labels[:, np.newaxis] < 0, 1 / 3, labels[:, np.newaxis] == np.arange(3))
    assert_allclose(start_of("full", labels, X).weights_, R.mean(axis=0), rtol=1e-12)


def test_rows_without_weight_take_their_labels_with_them():
    X, labels = rows_of("full"), np.random.default_rng(3).integers(3, size=150)
    weight = np.random.default_rng(4).integers(0, 3, size=150)
    repeated = start_of("full", np.repeat(labels, weight), np.repeat(X, weight, axis=0))
    assert_allclose(start_of("full", labels, X, sample_weight=weight).means_, repeated.means_, rtol=1e-9)


def test_rows_that_are_moved_take_their_labels_with_them():
    X, labels = rows_of("full"), np.random.default_rng(3).integers(2, size=150)
    sequence = np.random.default_rng(5).integers(4, size=150)
    weight = np.array([1.0, 0.0, 2.0, 1.0])[sequence]
    kwargs = {"init_params": labels, "max_iter": 0, "random_state": 0}
    moved = quietly(GaussianHMM(2, **kwargs), X, sequence_id=sequence, sample_weight=weight)
    kept = weight > 0
    means = [np.average(X[kept & (labels == k)], axis=0, weights=weight[kept & (labels == k)]) for k in range(2)]
    assert_allclose(moved.means_, means, rtol=1e-9)


def test_the_search_on_a_sample_takes_the_labels_of_its_rows():
    X, y = bars(2, 2, 0, n=300)
    order = np.random.default_rng(0).permutation(600)
    search = RandomSwap(n_swaps=0, n_steps=1, max_rows=200)
    mixture = GaussianMixture(2, init_params=y[order], search=search, random_state=0, max_iter=0).fit(X[order])
    assert adjusted_rand_score(y[order], mixture.labels_) == 1.0


def test_a_fitted_model_of_the_same_kind_gives_its_parameters():
    X = rows_of("full")
    for fitted in (GaussianMixture(3, random_state=0).fit(X), GaussianHMM(3, random_state=0).fit(X)):
        again = quietly(clone(fitted).set_params(init_params=fitted, max_iter=0), X)
        assert_allclose(again.means_, fitted.means_, rtol=1e-9)
        frozen = quietly(clone(fitted).set_params(init_params=FrozenEstimator(fitted), max_iter=0), X)
        assert_array_equal(frozen.means_, again.means_)
        assert quietly(clone(clone(frozen)), X).lower_bound_ == again.lower_bound_


@pytest.mark.parametrize(
    "other",
    [
        PlainMixture(3, random_state=0),
        KMeans(3, n_init=1, random_state=0),
        AgglomerativeClustering(3),
        GaussianMixture(3, covariance_type="diag", random_state=0),
        GaussianHMM(3, covariance_type="full", random_state=0),
    ],
    ids=lambda other: type(other).__name__,
)
def test_any_fitted_clusterer_gives_responsibilities(other):
    X = blobs(separation=8.0, seed=1)
    other.fit(X)
    R = other.predict_proba(X) if hasattr(other, "predict_proba") else np.eye(3)[other.labels_]
    for make_model in (GaussianMixture, GaussianHMM):
        kwargs = {"covariance_type": "full", "max_iter": 0, "random_state": 0}
        one = quietly(make_model(3, init_params=other, **kwargs), X)
        if type(other) is not make_model:
            assert_allclose(one.means_, quietly(make_model(3, init_params=R, **kwargs), X).means_, rtol=1e-9)


def test_noise_of_a_clusterer_is_spread_evenly():
    X, _ = bars(2, 2, 0)
    noisy = DBSCAN(eps=1e9).fit(np.r_[X, X[:1]])
    noisy.labels_[:5] = -1
    mixture = quietly(GaussianMixture(1, init_params=noisy, max_iter=0), np.r_[X, X[:1]])
    assert mixture.weights_ == pytest.approx([1.0])


def test_a_chain_starts_from_a_mixture_and_counts_its_transitions():
    X = np.floor(np.abs(blobs(n=60, separation=6.0)))
    mixture = PoissonMixture(2, random_state=0).fit(X)
    hmm = quietly(PoissonHMM(2, init_params=mixture, max_iter=0), X)
    given = quietly(PoissonHMM(2, init_params=mixture.predict_proba(X), max_iter=0), X)
    assert_array_equal(hmm.transmat_, given.transmat_)
    assert np.ptp(hmm.transmat_) > 0.01


REFUSED = [
    (np.zeros(9, dtype=int), r"init_params should have an entry for each row of X, but it has 9 and X has 150"),
    (np.full(150, 3), r"should hold labels from 0 to 2, or -1 .* but one is 3"),
    (np.full(150, -2), r"should hold labels from 0 to 2, or -1 .* but one is -2"),
    (np.zeros(150), r"init_params should be integers, .* but its type is float64"),
    (np.full((150, 2), 0.5), r"shape of \(n_samples,\) or \(n_samples, 3\).* got \(150, 2\)"),
    (np.full((150, 3), 0.5), r"responsibilities, 0 or more, that add up to 1 .* between 1.5 and 1.5"),
    (np.tile([1.5, -0.5, 0.0], (150, 1)), r"0 or more, .* but the least entry is -0.5"),
    (np.full((150, 3), np.nan), r"the least entry is nan"),
    (GaussianMixture(3), r"init_params is a GaussianMixture that is not fitted; fit it first.*FrozenEstimator"),
    (KMeans(4, n_init=1).fit(rows_of("full")), r"should hold labels from 0 to 2"),
    (PlainMixture(2).fit(rows_of("full")), r"got \(150, 2\)"),
    ("guess", r"'init_params' parameter of GaussianMixture must be a str among"),
    (3, r"'init_params' parameter of GaussianMixture must be"),
]


@pytest.mark.parametrize(("init_params", "message"), REFUSED, ids=[message[:40] for _, message in REFUSED])
def test_what_does_not_fit_is_refused(init_params, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(3, init_params=init_params).fit(rows_of("full"))


def test_a_search_that_needs_more_components_refuses_labels():
    X = rows_of("full")
    with pytest.raises(ValueError, match=r"gives 3 components, but search='overfit-merge' begins with 6"):
        GaussianMixture(3, init_params=np.zeros(150, dtype=int), search="overfit-merge").fit(X)


def test_components_within_states_are_what_labels_name():
    X = blobs(n=80, separation=6.0)
    labels = np.random.default_rng(0).integers(4, size=80)
    hmm = quietly(GMMHMM(2, n_mix=2, init_params=labels, max_iter=0), X)
    assert_allclose(hmm.means_.reshape(4, 3), [X[labels == k].mean(axis=0) for k in range(4)], rtol=1e-9)
