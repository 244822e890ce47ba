"""Searches: out of bad starts, on samples of the rows, and refused where they have no meaning."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import counts, quietly

from skmix import GaussianHMM, GaussianMixture, PoissonMixture
from skmix.initialize import Annealing, OverfitMerge, RandomSwap, Search, ShortRuns, SplitMerge
from skmix.initialize.search import SEARCHES
from skmix.initialize.search.base import climb
from skmix.initialize.search.neighbourhood import Neighbourhood
from skmix.initialize.search.random_swap import _moved
from skmix.initialize.search.split_merge import Move, _changed
from skmix.initialize.search.split_merge import _moved as _moved_halves
from skmix.initialize.starts import Distances, given, start_from

FOR_CHAINS = [name for name, search in SEARCHES.items() if not search.needs_independent_labels]


def clusters(n=400, seed=0, missing=0.0):
    """Four round clusters: two close together, two far away."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0], [0.0, 5.0], [30.0, 0.0], [30.0, 30.0]])
    X = centres[rng.integers(4, size=n)] + rng.normal(size=(n, 2))
    X[rng.random(X.shape) < missing] = np.nan
    return X


def best_value(X, **kwargs):
    """The objective of the right clusters."""
    return GaussianMixture(4, means_init=[[0, 0], [0, 5], [30, 0], [30, 30]], **kwargs).fit(X).lower_bound_


def bad_begin(objective, n_components):
    """Two components on one far cluster, one on all the near rows: EM stays there."""
    Z = objective.rows.X
    first, second = np.nan_to_num(Z[:, 0], nan=0.0), np.nan_to_num(Z[:, 1], nan=0.0)
    R = np.zeros((len(Z), n_components))
    near, top = first < 15, second > 15
    R[near, 0] = 1.0
    R[~near & ~top, 1] = 1.0
    left = np.nan_to_num(Z[:, 0], nan=30.0) < 30.0
    R[~near & top & left, 2] = 1.0
    R[~near & top & ~left, 3] = 1.0
    return start_from(given(R), objective)


# What each search needs to get out of one and the same bad start.
FROM_BAD = [RandomSwap(n_starts=1, n_swaps=40), SplitMerge()]


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize("search", FROM_BAD, ids=str)
def test_moves_lead_out_of_a_bad_optimum(search, missing):
    X = clusters(missing=missing)
    mixture = GaussianMixture(4)
    _, objective = mixture._prepare(X)
    stuck = climb(objective, bad_begin(objective, 4), 200)
    best = best_value(X)
    assert best - stuck.value > 0.1
    found = search.improve(objective, bad_begin, np.random.RandomState(0))
    assert best - climb(objective, found, 50).value < 1e-3


@pytest.mark.parametrize("name", SEARCHES)
def test_every_search_finds_the_clusters_where_plain_random_starts_do_not(name):
    X = clusters()
    best, found, plain = best_value(X), [], []
    for seed in range(5):
        mixture = GaussianMixture(4, init_params="random_from_data", random_state=seed)
        plain.append(best - quietly(mixture, X).lower_bound_)
        found.append(best - quietly(mixture.set_params(search=name), X).lower_bound_)
    assert np.sum(np.array(plain) < 1e-3) < 5
    assert np.sum(np.array(found) < 1e-3) >= np.sum(np.array(plain) < 1e-3)
    assert np.mean(found) < np.mean(plain)


def square(n=160, seed=0):
    """Four round clusters at the corners of a square, and which row is of which."""
    label = np.arange(n) % 4
    corners = np.array([[0.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 9.0]])
    return corners[label] + np.random.default_rng(seed).normal(size=(n, 2)), label


@pytest.mark.parametrize("search", [ShortRuns(n_starts=30), RandomSwap(), SplitMerge()], ids=str)
def test_searches_lead_out_of_one_cluster(search):
    """All centres in one cluster: EM ends with one component on two or three clusters."""
    X, label = square()
    rng = np.random.RandomState(1)

    def begin(objective, n_components):
        distances = Distances(objective.model.family, objective.rows)
        own = distances.coordinates()[0][label == 0]
        centres = own[rng.choice(len(own), n_components, replace=False)]
        return start_from(distances.nearest(centres), objective, n_components)

    _, objective = GaussianMixture(4)._prepare(X)
    right = climb(objective, start_from(given(np.eye(4)[label]), objective), 20).value
    assert right - climb(objective, begin(objective, 4), 100).value > 0.2
    found = search.improve(objective, begin, rng)
    assert right - climb(objective, found, 50).value < 1e-3


def test_a_searched_fit_is_mostly_in_the_best_optimum_and_a_plain_one_is_not():
    """Six fits of a grid of clusters and of long ones side by side; success is to be within 1 nat of the best."""
    rng = np.random.default_rng(0)
    grid = np.repeat(6.0 * np.stack(np.meshgrid(range(3), range(2)), axis=-1).reshape(-1, 2), 25, axis=0)
    long = np.repeat([[0, 0], [0, 4], [0, 8.0]], 50, axis=0)
    problems = [(grid + rng.normal(size=grid.shape), 6), (long + rng.normal(size=long.shape) * [10.0, 0.7], 3)]
    hits = {None: 0, "split-merge": 0}
    for X, K in problems:
        mixture = GaussianMixture(K, init_params="random_from_data")
        ends = {
            (search, seed): quietly(mixture.set_params(search=search, random_state=seed), X).lower_bound_
            for search in hits
            for seed in range(3)
        }
        for (search, _), value in ends.items():
            hits[search] += len(X) * (max(ends.values()) - value) < 1.0
    assert hits["split-merge"] >= 5
    assert hits[None] <= 3


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_take_missing_values_weights_and_other_families(name):
    X = counts(n=200, K=3, missing=0.1, separation=4.0)
    weight = np.random.default_rng(0).integers(0, 3, size=len(X))
    plain = quietly(PoissonMixture(3, random_state=1, init_params="random"), X, sample_weight=weight)
    searched = quietly(PoissonMixture(3, random_state=1, search=name), X, sample_weight=weight)
    assert np.isfinite(searched.rates_).all()
    assert searched.lower_bound_ >= plain.lower_bound_ - 1e-3


@pytest.mark.parametrize("name", FOR_CHAINS)
def test_searches_work_on_chains(name):
    rng = np.random.default_rng(0)
    states = np.repeat(rng.integers(3, size=30), 10)
    X = np.array([0.0, 4.0, 8.0])[states][:, np.newaxis] + rng.normal(size=(300, 1))
    plain = quietly(GaussianHMM(3, random_state=3, init_params="random"), X)
    searched = quietly(
        GaussianHMM(3, random_state=3, init_params="random_from_data", search=name), X, lengths=[100] * 3
    )
    assert searched.converged_
    assert searched.score(X) >= plain.score(X) - 0.05


@pytest.mark.parametrize("name", sorted(set(SEARCHES) - set(FOR_CHAINS)))
def test_searches_that_need_independent_labels_refuse_chains(name):
    with pytest.raises(ValueError, match=f"search='{name}' takes mixtures only; .* choose search='short-runs'"):
        GaussianHMM(2, search=name).fit(np.arange(10.0)[:, np.newaxis])


@pytest.mark.parametrize(
    ("search", "match"),
    [
        ("swap", "The 'search' parameter of GaussianMixture must be"),
        (ShortRuns(n_starts=0), "The 'n_starts' parameter of ShortRuns must be an int"),
        (RandomSwap(n_swaps=-1), "The 'n_swaps' parameter of RandomSwap must be an int"),
        (SplitMerge(n_candidates=0), "The 'n_candidates' parameter of SplitMerge must be an int"),
        (SplitMerge(n_cuts=0), "The 'n_cuts' parameter of SplitMerge must be an int"),
        (SplitMerge(n_local_steps=0), "The 'n_local_steps' parameter of SplitMerge must be an int"),
        (Annealing(beta=0.0), "The 'beta' parameter of Annealing must be a float"),
        (OverfitMerge(factor=1.0), "The 'factor' parameter of OverfitMerge must be a float"),
    ],
)
def test_bad_parameters_are_refused(search, match):
    with pytest.raises(ValueError, match=match):
        GaussianMixture(2, search=search).fit(clusters())


def test_large_data_are_searched_on_a_sample():
    X = clusters(n=3000)
    seen = []

    class Spy(Search):
        name = "spy"

        def __init__(self, max_rows=500):
            self.max_rows = max_rows

        def run(self, objective, begin, rng):
            seen.append(objective.rows.n_samples)
            return objective.at(begin(objective, objective.rows.n_components))

    mixture = GaussianMixture(4, search=Spy(), random_state=0).fit(X)
    assert seen == [500]
    assert mixture.lower_bound_ == pytest.approx(best_value(X), abs=1e-3)


def test_a_seed_gives_the_same_search():
    X = clusters()
    a, b = (GaussianMixture(4, search="random-swap", random_state=7).fit(X) for _ in range(2))
    np.testing.assert_array_equal(a.means_, b.means_)


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_rows_and_components_do_no_harm(name, n):
    X = np.arange(float(n))[:, np.newaxis]
    mixture = quietly(GaussianMixture(min(n, 2), search=name, random_state=0), X)
    assert np.isfinite(mixture.means_).all()


# ---- moves ----------------------------------------------------------------------------------------------------------
def responsibilities(n=12, K=4, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(K), size=n)


def test_a_moved_component_has_its_new_rows_and_no_others():
    R = _moved(responsibilities(), 1, np.array([2, 5]))
    assert_allclose(R.sum(axis=1), 1.0)
    assert_allclose(R[[2, 5], 1], 0.5)
    assert R[:, 1].sum() == 1.0


@pytest.mark.parametrize("merged", [None, (0, 3)])
def test_a_move_keeps_every_row(merged):
    R, first = responsibilities(), np.random.default_rng(1).random((12, 1))
    mass = R[:, [1]] if merged else R[:, [1]] + R[:, [3]]
    moved = _moved_halves(R, Move(0.0, 0, (3, 1), merged), mass, first)
    assert_allclose(moved.sum(axis=1), 1.0)
    assert_allclose(moved[:, [3]], mass * first)
    assert_allclose(moved[:, 0], R[:, 0] + (R[:, 3] if merged else 0.0))


def test_a_pair_that_changes_names_has_not_changed():
    X = clusters(n=60)
    _, objective = GaussianMixture(3)._prepare(X)
    here = Neighbourhood(objective, objective.at(start_from(given(responsibilities(60, 3)), objective)))
    pairs = np.array([[0, 1]])
    mass, _ = here.together(pairs)
    first = here.R[:, [0]] / mass
    for same in (first, 1.0 - first):
        assert_allclose(_changed(here, pairs, mass, same), 0.0, atol=1e-12)
    assert _changed(here, pairs, mass, 0.0 * first + 0.5) > 0.0
