"""Labels of some rows are known: one objective for all solvers, against sums over components and over paths."""

from functools import cache, partial
from itertools import pairwise, product

import numpy as np
import pytest
from chains import adopt as adopt_chain
from chains import given as given_chain
from chains import hmm_of, lasting, sequences_of, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from problems import MODELS, adopt, derivative, given, mixture_of, overlapping, quietly, repeats, rows_of, start_of
from scipy.special import logsumexp

from skmix import GMMHMM, CategoricalHMM, GaussianHMM, GaussianMixture, PoissonHMM, VariationalGaussianMixture
from skmix.initialize.chains import CHAIN_STARTS
from skmix.initialize.starts import STARTS
from skmix.solvers import SOLVERS, Adam, OnlineEM

GIVEN_ROWS = [(0.0, False), (0.2, True)]
SOLVERS_OF_MIXTURES = [name for name in SOLVERS if name != "derivative-free"]
SOLVERS_OF_CHAINS = [name for name in SOLVERS_OF_MIXTURES if name not in ("riemannian", "constrained")]
LEFT = dict.fromkeys(("gradient-descent", "cg", "online-em", "adam"), 1e-6)  # as in test_agreement


def some(n, K, share=0.4, seed=0):
    """Labels, known of a share of the rows."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(n) < share, rng.integers(K, size=n), -1)


def log_joint(mixture, X):
    """log p(x, k), (n, K), in standardised units: without what is known of labels."""
    objective, found = mixture._objective(X, None), np.empty((len(X), mixture.n_components))
    objective.each_block(
        adopt(mixture, objective), lambda block, joint: found.__setitem__(block.rows, joint.T.astype(float))
    )
    return found


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", MODELS)
def test_mixtures_add_the_joint_density_where_the_label_is_known(model, missing, weighted):
    X = rows_of(model, n=120, missing=missing)
    labels, weight = some(len(X), 3), repeats(X, weighted)
    mixture = start_of(X, model)
    objective = mixture._objective(X, weight, labels)
    joint, known = log_joint(mixture, X), labels >= 0
    expected = np.where(known, joint[np.arange(len(X)), labels], logsumexp(joint, axis=1))
    # The units, and so log_joint, do not depend on weights here: what they add does, and no parameter touches it.
    reached, _ = mixture._objective(X, None, labels).expect(adopt(mixture, mixture._objective(X, None)))
    assert reached == pytest.approx(expected.sum(), rel=1e-12)
    assert_gradients(objective, adopt(mixture, objective))


def assert_gradients(objective, parameters):
    """Gradient and Hessian product against differences."""
    chart = objective.chart("frame", objective.at(parameters))
    rng = np.random.default_rng(1)
    z, v = 0.05 * rng.normal(size=len(chart.start)), rng.normal(size=len(chart.start))

    def value(at):
        return objective.at(chart.parameters(at)).value

    def gradient(at):
        return objective.gradient(chart, at, objective.at(chart.parameters(at)))

    point = objective.at(chart.parameters(z))
    assert gradient(z) @ v == pytest.approx(derivative(value, z, v), rel=1e-6, abs=1e-9)
    change = derivative(gradient, z, v, step=1e-4)
    assert_allclose(objective.hessian_product(chart, z, point, v), change, atol=1e-6 * np.abs(change).max())


TINY = np.array([1, 4, 5])


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("model", ["full", "poisson", "mixture"])
def test_chains_count_paths_through_the_known_states(model, missing):
    K, X = 2, sequences_of(model, TINY, missing=missing)
    labels = np.array([1, -1, 0, -1, 1, -1, -1, 1, 1, 0])
    hmm = hmm_of(model, K, max_iter=0, init_params="random_from_data", random_state=0, reg_covar=1e-3)
    hmm.fit(X, lengths=TINY)
    _, objective = hmm._prepare(X, lengths=TINY, labels=labels)
    expected, ends = 0.0, np.cumsum(TINY)
    x = hmm.emission_log_density(X)
    for begin, end in zip(ends - TINY, ends, strict=True):
        paths = np.array(list(product(range(K), repeat=end - begin)))
        own = labels[begin:end]
        paths = paths[((own < 0) | (paths == own)).all(axis=1)]
        joint = np.log(hmm.startprob_)[paths[:, 0]] + x[np.arange(begin, end), paths].sum(axis=1)
        expected += logsumexp(joint + np.log(hmm.transmat_)[paths[:, :-1], paths[:, 1:]].sum(axis=1))
    point = objective.at(adopt_chain(hmm, objective))
    assert point.log_likelihood == pytest.approx(expected, rel=1e-11)
    R = objective.responsibilities(point.parameters).reshape(len(X), K, -1).sum(axis=2)
    assert_allclose(R[labels >= 0], np.eye(K)[labels[labels >= 0]], atol=1e-14)
    assert_gradients(objective, point.parameters)


def test_known_states_where_transitions_are_zero():
    """A left–right chain needs logarithms throughout: the same sum over paths, and an impossible path is refused."""
    X = np.random.default_rng(0).poisson([[2], [3], [9], [8]]).astype(float)
    A, start = np.array([[0.7, 0.3], [0.0, 1.0]]), np.array([1.0, 0.0])
    hmm = PoissonHMM(2, transmat_init=A, startprob_init=start, rates_init=[[2.0], [8.0]], max_iter=0)
    hmm.fit(X, labels=[-1, 0, -1, 1])
    x, path = hmm.emission_log_density(X), [(0, 0, 0, 1), (0, 0, 1, 1)]
    each = [x[np.arange(4), list(p)].sum() + sum(np.log(A[i, j]) for i, j in pairwise(p)) for p in path]
    assert hmm.lower_bound_ * 4 == pytest.approx(logsumexp(each), rel=1e-12)
    with pytest.raises(ValueError, match="labels are known that the weights or transitions of 0 rule out"):
        hmm.fit(X, labels=[-1, 1, 0, -1])


# ---- solvers --------------------------------------------------------------------------------------------------------
@cache
def case(model):
    """Rows with NaN, weights, labels of some, a start near the optimum, and the objective at the optimum."""
    X = overlapping(model, n=200, missing=0.1)
    weight, labels = repeats(X, True), some(200, 2, 0.3)
    start = mixture_of(model, 2, solver="em", max_iter=2, tol=0, random_state=1)
    quietly(start, X, sample_weight=weight, labels=labels)
    fit = partial(mixture_of, model, 2, max_iter=20_000, **given(start))
    ends = [fit(solver=solver, tol=1e-12).fit(X, None, weight, labels=labels) for solver in ("em", "lbfgs")]
    assert ends[0].lower_bound_ == pytest.approx(ends[1].lower_bound_, abs=1e-10)
    return X, weight, labels, fit, ends[1]


@pytest.mark.parametrize(
    ("solver", "model"), [*((name, "full") for name in SOLVERS_OF_MIXTURES), ("em", "poisson"), ("lbfgs", "poisson")]
)
def test_all_solvers_end_at_the_same_optimum(solver, model):
    X, weight, labels, fit, best = case(model)
    mixture = fit(solver=solver, tol=1e-8).fit(X, None, weight, labels=labels)
    objective = mixture._objective(X, weight, labels)
    reached = objective.at(adopt(mixture, objective)).value
    assert mixture.converged_
    assert -1e-10 < best.lower_bound_ - reached < LEFT.get(solver, 1e-7)
    blind = fit(solver="em", tol=1e-8).fit(X, None, weight)
    assert reached > objective.at(adopt(blind, objective)).value + 1e-4


@cache
def chain_case():
    X, lengths = lasting("poisson", (60, 1, 70, 40, 29), missing=0.1)
    weight, labels = weights_of(lengths, True), some(len(X), 2, 0.2)
    told = {"lengths": lengths, "sample_weight": weight, "labels": labels}
    start = quietly(PoissonHMM(2, solver="em", max_iter=2, tol=0.0, random_state=1), X, **told)
    best = PoissonHMM(2, solver="lbfgs", tol=1e-12, max_iter=5000, **given_chain(start)).fit(X, **told)
    return X, told, start, best


@pytest.mark.parametrize("solver", SOLVERS_OF_CHAINS)
def test_all_solvers_of_chains_end_at_the_same_optimum(solver):
    X, told, start, best = chain_case()
    hmm = PoissonHMM(2, solver=solver, tol=1e-8, max_iter=5000, **given_chain(start)).fit(X, **told)
    _, objective = hmm._prepare(X, told["sample_weight"], lengths=told["lengths"], labels=told["labels"])
    reached = objective.at(adopt_chain(hmm, objective)).value
    assert hmm.converged_
    assert -1e-10 < best.lower_bound_ - reached < LEFT.get(solver, 1e-7)


@pytest.mark.parametrize("solver", [Adam(batch_size=100), OnlineEM(method="stepwise", n_blocks=5)], ids=str)
def test_batches_of_rows_carry_their_labels(solver):
    X, weight, labels, fit, best = case("full")
    mixture = quietly(fit(solver=solver).set_params(max_iter=40), X, None, weight, labels=labels)
    assert -1e-10 < best.lower_bound_ - mixture.lower_bound_ < mixture._n_parameters() / (2 * len(X))


# ---- starts, rows ---------------------------------------------------------------------------------------------------
def clouds(K=4, n=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(K, size=n)
    X = rng.normal(size=(n, 2)) + 8.0 * np.c_[np.cos(truth), np.sin(2 * truth)]
    return X, truth


@pytest.mark.parametrize(
    ("init_params", "search"),
    [*((name, None) for name in STARTS), *(("kmeans", name) for name in ("random-swap", "split-merge", "annealing"))],
)
def test_component_k_is_that_of_label_k(init_params, search):
    X, truth = clouds()
    labels = np.where(np.arange(len(X)) < 12, truth, -1)
    assert len(set(labels)) == 5
    mixture = GaussianMixture(4, init_params=init_params, search=search, random_state=0).fit(X, labels=labels)
    assert np.mean(mixture.predict(X) == truth) > 0.97


@pytest.mark.parametrize("init_params", CHAIN_STARTS)
def test_state_k_is_that_of_label_k(init_params):
    X, truth = clouds()
    labels = np.where(np.arange(len(X)) < 20, truth, -1)
    for hmm in (GaussianHMM(4), GMMHMM(4, 2))[: 2 if init_params == "kmeans" else 1]:
        hmm.set_params(init_params=init_params, random_state=0).fit(X, labels=labels)
        assert np.mean(hmm.predict(X) == truth) > 0.95


def test_two_known_states_among_four():
    X, truth = clouds()
    labels = np.where(np.isin(truth, [1, 3]) & (np.arange(len(X)) < 20), truth, -1)
    found = GaussianHMM(4, random_state=0).fit(X, labels=labels).predict(X)
    for k in (1, 3):
        assert np.mean(found[truth == k] == k) > 0.95


def test_all_labels_known_is_a_closed_form():
    X, truth = clouds()
    for mixture in (GaussianMixture(4, reg_covar=0.0), VariationalGaussianMixture(4, reg_covar=0.0)):
        mixture.fit(X, labels=truth)
        assert mixture.n_iter_ < 5
        assert_array_equal(mixture.labels_, truth)
    mixture = GaussianMixture(4, reg_covar=0.0).fit(X, labels=truth)
    assert_allclose(mixture.means_, [X[truth == k].mean(axis=0) for k in range(4)], rtol=1e-10)
    assert_allclose(mixture.weights_, np.bincount(truth) / len(X), rtol=1e-12)


def test_labels_of_rows_that_take_no_part_are_dropped_with_them():
    X, truth = clouds()
    weight = (np.arange(len(X)) % 3 > 0).astype(float)
    labels = np.where(weight > 0, np.where(np.arange(len(X)) % 2, truth, -1), 3 - truth)
    mixture = GaussianMixture(4, random_state=0).fit(X, sample_weight=weight, labels=labels)
    alone = GaussianMixture(4, random_state=0).fit(X[weight > 0], labels=labels[weight > 0])
    assert_allclose(mixture.means_, alone.means_, rtol=1e-6)
    assert_array_equal(mixture.labels_[labels >= 0], labels[labels >= 0])


def test_labels_follow_their_rows_into_sequences():
    X, lengths = lasting("poisson", (30, 30, 30))
    labels = some(90, 2)
    sequence_id, place = np.tile([2, 0, 1], 30), np.argsort(np.tile([0, 1, 2], 30), kind="stable")
    apart = PoissonHMM(2, random_state=0).fit(X[place], lengths=lengths, labels=labels[place])
    mixed = PoissonHMM(2, random_state=0).fit(X, sequence_id=sequence_id, labels=labels)
    assert_array_equal(apart.rates_, mixed.rates_)
    assert_array_equal(apart.transmat_, mixed.transmat_)
    weight = np.repeat([1, 0, 1], 30)
    none = PoissonHMM(2, random_state=0).fit(X, lengths=lengths, sample_weight=weight, labels=labels)
    alone = PoissonHMM(2, random_state=0).fit(X[weight > 0], lengths=[30, 30], labels=labels[weight > 0])
    assert_array_equal(none.rates_, alone.rates_)


def test_nothing_known_is_no_label():
    X, _ = clouds()
    a, b = (
        GaussianMixture(3, random_state=0).fit(X),
        GaussianMixture(3, random_state=0).fit(X, labels=-np.ones(200, int)),
    )
    assert_array_equal(a.means_, b.means_)


def test_labels_in_float32():
    X, truth = clouds()
    labels = np.where(np.arange(len(X)) < 40, truth, -1)
    mixture = GaussianMixture(4, random_state=0).fit(X.astype(np.float32), labels=labels)
    assert mixture.means_.dtype == np.float32
    assert_allclose(mixture.means_, GaussianMixture(4, random_state=0).fit(X, labels=labels).means_, atol=1e-2)


# ---- refusals -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros(199, int), "inconsistent numbers of samples"),
        (
            np.full(200, 0.5),
            r"'labels' should be integers from 0 to 1, and -1 where a label is unknown, but got an arr",
        ),
        (np.array(["a"] * 200), "LabelEncoder numbers names"),
        (np.full(200, 2), r"from 0 to n_components - 1 = 1, and -1 where a label is unknown, but got 2"),
        (np.full(200, -2), "but got -2"),
        (np.zeros((200, 2), int), "y should be a 1d array"),
    ],
)
def test_labels_are_checked(labels, message):
    X, _ = clouds()
    for model in (GaussianMixture(2), GaussianHMM(2)):
        with pytest.raises(ValueError, match=message):
            model.fit(X, labels=labels)


def test_what_cannot_keep_labels_says_so():
    X, truth = clouds()
    with pytest.raises(ValueError, match=r"search='overfit-merge' changes the number of components.*known 'labels'"):
        GaussianMixture(4, search="overfit-merge").fit(X, labels=truth)
    with pytest.raises(ValueError, match="init_params='spectral' cannot make use of known 'labels'"):
        CategoricalHMM(2, init_params="spectral").fit(truth[:, np.newaxis] % 3, labels=truth % 2)


def test_labels_can_be_routed():
    from sklearn import config_context
    from sklearn.model_selection import cross_validate

    X, truth = clouds()
    with config_context(enable_metadata_routing=True):
        mixture = GaussianMixture(4, random_state=0).set_fit_request(labels=True)
        found = cross_validate(mixture, X, params={"labels": truth}, cv=2, return_estimator=True)
    assert all(np.mean(one.predict(X) == truth) > 0.97 for one in found["estimator"])
