"""The objective of hidden Markov models: its value, gradients, Hessian products, passes, and that EM climbs it."""

import numpy as np
import pytest
from chains import (
    LENGTHS,
    STRUCTURES,
    adopt,
    chain_problem,
    hmm_of,
    objective_of,
    plain_log_likelihood,
    sequences_of,
    weights_of,
)
from numpy.testing import assert_allclose, assert_array_equal
from problems import GIVEN_ROWS, MODELS, charts_of, derivative

from skmix.latent import recursion
from skmix.solvers.em import em_step

CASES = [
    *((model, "free") for model in MODELS),
    *((model, structure) for model in ("full", "poisson") for structure in STRUCTURES if structure != "free"),
    *(("mixture", structure) for structure in ("free", "fixed", "stationary")),
]
SOME = [("full", "free"), ("tied", "priors"), ("poisson", "stationary"), ("categorical", "tied"), ("mixture", "fixed")]
EACH_CASE = pytest.mark.parametrize(("model", "structure"), CASES)
SOME_CASES = pytest.mark.parametrize(("model", "structure"), SOME)


def charts(model, p):
    names = charts_of("diag" if model == "mixture" else model)[:2]
    return [p.objective.chart(name, p.objective.at(p.parameters)) for name in names]


def beside(chart):
    """Coordinates away from the chart's start, and two directions."""
    rng = np.random.default_rng(1)
    size = len(chart.start)
    return chart.start + 0.05 * rng.uniform(-1.0, 1.0, size), rng.normal(size=size), rng.normal(size=size)


def gradient_at(objective, chart, z):
    return objective.gradient(chart, z, objective.at(chart.parameters(z)))


def flat(statistics):
    """All arrays of statistics or parameters, one behind the other."""
    if isinstance(statistics, np.ndarray):
        return statistics.ravel()
    parts = statistics if isinstance(statistics, tuple | list) else vars(statistics).values()
    return np.concatenate([flat(part) for part in parts if not np.isscalar(part)])


# ---- value, gradient, Hessian products ------------------------------------------------------------------------------
@pytest.mark.parametrize(("missing", "weighted"), [(0.2, False), (0.2, True)])
@EACH_CASE
def test_value_is_that_of_the_plain_recursion_and_the_priors(model, structure, missing, weighted):
    p = chain_problem(model, structure, missing, weighted)
    weight = np.ones(len(LENGTHS)) if p.weight is None else p.weight[np.cumsum(LENGTHS) - 1]
    point = p.objective.at(p.parameters)
    expected = weight @ plain_log_likelihood(p.hmm, p.X, LENGTHS)
    assert_allclose(point.log_likelihood, expected, rtol=1e-11)
    prior = p.objective.model.family.log_prior(p.parameters.components)
    if model == "mixture" and p.hmm.prior:
        prior += np.log(p.hmm.weights_).sum()
    for name, free in (("startprob_", p.hmm.start == "free"), ("transmat_", p.hmm.transmat_fixed is None)):
        concentration = np.broadcast_to(getattr(p.hmm, f"{name[:-1]}_prior"), getattr(p.hmm, name).shape)
        of = getattr(p.hmm, name)
        if free:
            movable = (of > 0) & (of < 1)
            prior += ((concentration - 1.0)[movable] * np.log(of[movable])).sum()
    assert_allclose(point.value * p.objective.rows.total_weight, expected + prior, rtol=1e-11)


@pytest.mark.parametrize("place", [0, 1], ids=["frame", "second"])
@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@EACH_CASE
def test_gradient_and_product_are_derivatives(model, structure, missing, weighted, place):
    p = chain_problem(model, structure, missing, weighted)
    objective, chart = p.objective, charts(model, p)[place]
    z, u, v = beside(chart)
    point = objective.at(chart.parameters(z))
    gradient = objective.gradient(chart, z, point)
    slopes = [derivative(lambda at: objective.at(chart.parameters(at)).value, z, e, step=1e-5) for e in (u, v)]
    assert_allclose([gradient @ u, gradient @ v], slopes, rtol=1e-6, atol=1e-6 * np.linalg.norm(gradient))
    assert np.linalg.norm(gradient) > 1e-3
    product, across = (objective.hessian_product(chart, z, point, e) for e in (v, u))
    expected = derivative(lambda at: gradient_at(objective, chart, at), z, v, step=1e-5)
    assert_allclose(product, expected, rtol=0, atol=1e-6 * np.abs(expected).max())
    assert u @ product == pytest.approx(v @ across, abs=1e-10 * np.linalg.norm(u) * np.linalg.norm(product))


@SOME_CASES
def test_coordinates_are_the_inverse_of_parameters(model, structure):
    p = chain_problem(model, structure)
    for chart in charts(model, p):
        z, _, _ = beside(chart)
        parameters = chart.parameters(z)
        back = chart.parameters(chart.coordinates(parameters))
        for found, expected in zip(back, parameters, strict=True):
            assert_allclose(flat(found), flat(expected), rtol=1e-9, atol=1e-11)


# ---- passes ---------------------------------------------------------------------------------------------------------
@SOME_CASES
def test_each_evaluation_is_a_pass(model, structure):
    p = chain_problem(model, structure)
    objective = p.objective
    before = objective.n_passes
    point = objective.at(p.parameters)
    assert objective.n_passes == before + 1
    chart = objective.chart("frame", point)
    objective.gradient(chart, chart.start, point)
    objective.m_step(point)
    assert objective.n_passes == before + 1
    objective.hessian_product(chart, chart.start, point, np.ones_like(chart.start))
    assert objective.n_passes == before + 2
    chosen = np.array([1, 4])
    objective.subset(chosen).estimate(p.parameters)
    assert objective.n_passes == pytest.approx(before + 2 + LENGTHS[chosen].sum() / LENGTHS.sum())


@pytest.mark.parametrize("missing", [0.0, 0.2])
@SOME_CASES
def test_nothing_depends_on_blocks_chunks_or_threads(model, structure, missing, monkeypatch):
    results = []
    for chunk, kwargs in ((2048, {}), (5, {"block_rows": 7}), (5, {"block_rows": 7, "n_threads": 2})):
        monkeypatch.setattr("skmix.likelihood.sequences._CHUNK", chunk)
        p = chain_problem(model, structure, missing, weighted=True, **kwargs)
        assert (len(p.objective.sequences.chunks) > 1) == (chunk == 5)
        chart = p.objective.chart("frame", p.objective.at(p.parameters))
        z, v, _ = beside(chart)
        point = p.objective.at(chart.parameters(z))
        product = p.objective.hessian_product(chart, z, point, v)
        results.append(np.concatenate([[point.value], p.objective.gradient(chart, z, point), product]))
    assert_allclose(results[1], results[0], rtol=1e-9, atol=1e-11)
    assert_array_equal(results[1], results[2])


# ---- sequences ------------------------------------------------------------------------------------------------------
def evaluated(hmm, X, lengths, weight=None):
    """Value, gradient and a Hessian product about a model's parameters."""
    objective = objective_of(hmm, X, lengths, weight)
    point = objective.at(adopt(hmm, objective))
    chart = objective.chart("frame", point)
    _, v, _ = beside(chart)
    product = objective.hessian_product(chart, chart.start, point, v)
    return np.concatenate([[point.value], objective.gradient(chart, chart.start, point), product])


def rows_in(order):
    edges = np.concatenate([[0], np.cumsum(LENGTHS)])
    return np.concatenate([np.arange(edges[s], edges[s + 1]) for s in order])


@pytest.mark.parametrize("missing", [0.0, 0.2])
@SOME_CASES
def test_the_order_of_sequences_does_not_matter(model, structure, missing):
    p = chain_problem(model, structure, missing, weighted=True)
    order = [3, 0, 4, 2, 1]
    rows = rows_in(order)
    found = evaluated(p.hmm, p.X[rows], LENGTHS[order], p.weight[rows])
    assert_allclose(found, evaluated(p.hmm, p.X, LENGTHS, p.weight), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("missing", [0.0, 0.2])
@SOME_CASES
def test_a_weight_of_two_is_the_sequence_twice(model, structure, missing):
    p = chain_problem(model, structure, missing)
    order = [0, 1, 1, 2, 3, 3, 4]
    weight = np.repeat([1.0, 2.0, 1.0, 2.0, 1.0], LENGTHS)
    found = evaluated(p.hmm, p.X, LENGTHS, weight)
    assert_allclose(found, evaluated(p.hmm, p.X[rows_in(order)], LENGTHS[order]), rtol=1e-9, atol=1e-11)
    assert np.abs(found - evaluated(p.hmm, p.X, LENGTHS)).max() > 1e-3


@SOME_CASES
def test_a_sequence_of_weight_zero_is_not_there(model, structure):
    p = chain_problem(model, structure)
    weight = np.repeat([1.0, 0.0, 1.0, 1.0, 0.0], LENGTHS)
    order = [0, 2, 3]
    assert_array_equal(evaluated(p.hmm, p.X, LENGTHS, weight), evaluated(p.hmm, p.X[rows_in(order)], LENGTHS[order]))


@pytest.mark.parametrize("weighted", [False, True])
@SOME_CASES
def test_what_parts_of_the_sequences_tell_adds_up(model, structure, weighted):
    p = chain_problem(model, structure, weighted=weighted)
    total, whole = p.objective.expect(p.parameters)
    parts = [p.objective.subset(np.array(chosen)).expect(p.parameters) for chosen in ([0, 3], [1, 2, 4])]
    assert_allclose(sum(log_likelihood for log_likelihood, _ in parts), total, rtol=1e-12)
    for name in ("latent", "components"):
        added = sum(flat(getattr(statistics, name)) for _, statistics in parts)
        assert_allclose(added, flat(getattr(whole, name)), rtol=1e-9, atol=1e-9)


def test_sequences_are_not_joined():
    """A long sequence in two parts is another likelihood than the whole."""
    p = chain_problem("poisson", weighted=False)
    apart, joined = (objective_of(p.hmm, p.X, lengths).at(p.parameters).value for lengths in (LENGTHS, [100]))
    assert abs(apart - joined) > 1e-4
    assert_allclose(joined * 100, plain_log_likelihood(p.hmm, p.X, [100]).sum(), rtol=1e-12)


def test_a_long_sequence_is_not_cut_for_threads(monkeypatch):
    """However small chunks are, counts of transitions miss none."""
    monkeypatch.setattr("skmix.likelihood.sequences._CHUNK", 3)
    lengths = np.array([400, 1, 99])
    p = chain_problem("poisson", lengths=lengths, n_threads=2)
    _, statistics = p.objective.expect(p.parameters)
    assert statistics.latent.transitions.sum() == pytest.approx(500 - 3, rel=1e-12)
    assert statistics.latent.start.sum() == pytest.approx(3, rel=1e-12)
    expected = plain_log_likelihood(p.hmm, p.X, lengths).sum()
    assert p.objective.at(p.parameters).log_likelihood == pytest.approx(expected, rel=1e-11)


# ---- EM -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("missing", "weighted"), [(0.0, False), (0.2, True)])
@EACH_CASE
def test_every_step_of_em_goes_uphill(model, structure, missing, weighted):
    p = chain_problem(model, structure, missing, weighted)
    point = begin = p.objective.at(p.parameters)
    for _ in range(25):
        after = p.objective.at(p.objective.m_step(point))
        assert after.value >= point.value - point.error
        point = after
    assert point.value > begin.value + 1e-3


@SOME_CASES
def test_em_stands_still_where_the_gradient_is_zero(model, structure):
    X, weight = sequences_of(model), weights_of(LENGTHS, True)
    hmm = hmm_of(
        model, solver="lbfgs", tol=1e-13, max_iter=3000, random_state=0, reg_covar=1e-3, **STRUCTURES[structure]
    )
    hmm.fit(X, lengths=LENGTHS, sample_weight=weight)
    objective = objective_of(hmm, X, LENGTHS, weight)
    point = objective.at(adopt(hmm, objective))
    chart = objective.chart("frame", point)
    assert np.linalg.norm(objective.gradient(chart, chart.start, point)) < 1e-5
    after = em_step(objective, point)
    assert 0.0 <= after.value - point.value + point.error < 1e-10 + 2 * point.error


@pytest.mark.parametrize("model", ["diag", "poisson"])
def test_a_long_sequence_does_not_underflow(model):
    lengths = np.array([100_000])
    p = chain_problem(model, lengths=lengths)
    point = p.objective.at(p.parameters)
    assert np.isfinite(point.value)
    x = p.objective.emissions(p.parameters)
    predictive = recursion.filter(p.parameters.latent, x, p.objective.sequences, p.objective.threads)[1]
    assert point.log_likelihood == pytest.approx(predictive.sum(), rel=1e-10)
    assert point.log_likelihood < -2e5  # e to it is 0
