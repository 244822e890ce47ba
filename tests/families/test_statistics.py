"""Statistics: what they say about parameters other than those they were formed at, and that they add."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose
from problems import DISCRETE, GIVEN_ROWS, MODELS, adopt, mixture_of, objective_of, problem
from reference import conditional, covariance_matrices
from scipy.stats import bernoulli, multivariate_normal, norm, poisson

from skmix.likelihood.model import Statistics


def assert_equal_statistics(found, expected, rtol=1e-9):
    for field in dataclasses.fields(expected):
        ours, theirs = getattr(found, field.name), getattr(expected, field.name)
        if dataclasses.is_dataclass(theirs):
            assert_equal_statistics(ours, theirs, rtol)
        else:
            assert_allclose(ours, theirs, rtol=rtol, atol=rtol * np.abs(theirs).max(), err_msg=field.name)


def two_points(model, missing, weighted):
    """A problem, its parameters, others well away from them, and random responsibilities, weights of rows included."""
    p = problem(model, missing, weighted, n=60)
    chart = p.objective.chart("frame", p.objective.at(p.parameters))
    rng = np.random.default_rng(3)
    other = chart.parameters(chart.start + rng.uniform(-0.3, 0.3, size=len(chart.start)))
    R = rng.uniform(size=(3, len(p.X)))
    return p, p.parameters, other, R / R.sum(axis=0) * p.weight


def formed_at(objective, parameters, R):
    """Statistics of given responsibilities, as a pass at `parameters` forms them, the prior not included."""

    def given(block, out):
        out[:] = R[:, block.rows]
        return 0.0, objective.model.latent.count(out)

    return objective._pass(objective.kernel(parameters), given)[1]


def matrices(p, parameters):
    """Means (K, d) and covariance matrices (K, d, d) in standardised units."""
    means = parameters.components.means
    units = type(p.objective.units).identity(means.shape[1])
    covariances = p.objective.model.family.publish(parameters.components, units)["covariances_"]
    model = p.mixture.covariance_type
    return means, covariance_matrices(covariances, model, *means.shape)


def standardised(p):
    return (p.X - p.objective.units.centre) / p.objective.units.scale


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", ["diag", "spherical", *DISCRETE])
def test_rebased_statistics_are_those_of_a_pass_there(model, missing, weighted):
    p, here, there, R = two_points(model, missing, weighted)
    rebased = p.objective.model.rebase(formed_at(p.objective, here, R), here, there)
    assert_equal_statistics(rebased, formed_at(p.objective, there, R))


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", ["full", "tied"])
def test_rebased_statistics_are_moments_of_the_rows_as_completed_before(model, missing, weighted):
    """Missing entries keep the distribution that the old parameters gave them; row by row."""
    p, here, there, R = two_points(model, missing, weighted)
    rebased = p.objective.model.rebase(formed_at(p.objective, here, R), here, there).components
    Z, (means, covariances), (new_means, _) = standardised(p), matrices(p, here), matrices(p, there)
    W = np.broadcast_to(there.components.whitening, covariances.shape)
    first, second = np.zeros_like(means), np.zeros_like(covariances)
    for k in range(len(means)):
        for z, r in zip(Z, R[k], strict=True):
            filled, spread = conditional(z, means[k], covariances[k])
            y = W[k] @ (filled - new_means[k])
            first[k] += r * y
            second[k] += r * (np.outer(y, y) + W[k] @ spread @ W[k].T)
    assert_allclose(rebased.counts, R.sum(axis=1), rtol=1e-12)
    assert_allclose(rebased.first, first, rtol=1e-9, atol=1e-9 * np.abs(first).max())
    second = second.sum(axis=0) if model == "tied" else second
    assert_allclose(rebased.second, second, rtol=1e-9, atol=1e-9 * np.abs(second).max())


@pytest.mark.parametrize("model", MODELS)
def test_rebasing_there_and_back_changes_nothing(model):
    p, here, there, R = two_points(model, 0.2, True)
    statistics = formed_at(p.objective, here, R)
    back = p.objective.model.rebase(p.objective.model.rebase(statistics, here, there), there, here)
    assert_equal_statistics(back, statistics)


@pytest.mark.parametrize("model", MODELS)
def test_rebased_statistics_with_the_prior_lead_to_the_same_m_step(model):
    """The M-step is a property of the responsibilities, not of the parameters that statistics are relative to."""
    p, here, there, R = two_points(model, 0.2, True)
    of_model = p.objective.model
    statistics = of_model.penalise(formed_at(p.objective, here, R), here)
    steps = [of_model.m_step(statistics, here), of_model.m_step(of_model.rebase(statistics, here, there), there)]
    published = [of_model.family.publish(step.components, p.objective.units) for step in steps]
    for name, expected in published[0].items():
        assert_allclose(published[1][name], expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max(), err_msg=name)


def log_pmf(model, X, components):
    """log p(x_nj | k) of discrete features, (K, n, d), NaN where missing."""
    if model == "poisson":
        return poisson.logpmf(X, components.rates[:, np.newaxis])
    if model == "bernoulli":
        return bernoulli.logpmf(X, components.ones[:, np.newaxis])
    known = np.nan_to_num(X).astype(int)
    each = [np.log(p[np.arange(X.shape[1]), known]) for p in components.probabilities]
    return np.where(np.isnan(X), np.nan, each)


def by_scipy(p, parameters, here, R):
    """Σ_n Σ_k r_nk E[log p(x_n | k)] at `parameters`, missing entries as `here` expects them, or integrated out."""
    for model, kind in DISCRETE.items():
        if isinstance(p.mixture, kind):
            return np.sum(R * np.nansum(log_pmf(model, p.X, parameters.components), axis=2))
    Z, (means, covariances) = standardised(p), matrices(p, parameters)
    if p.objective.model.family.independent_features:
        deviation = np.sqrt(np.diagonal(covariances, axis1=1, axis2=2))
        return np.sum(R * np.nansum(norm.logpdf(Z[None], means[:, None], deviation[:, None]), axis=2))
    total, (old_means, old) = 0.0, matrices(p, here)
    for k in range(len(means)):
        density, precision = multivariate_normal(means[k], covariances[k]), np.linalg.inv(covariances[k])
        for z, r in zip(Z, R[k], strict=True):
            filled, spread = conditional(z, old_means[k], old[k])
            total += r * (density.logpdf(filled) - 0.5 * np.sum(precision * spread))
    return total


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", MODELS)
def test_expected_log_density_differs_as_scipys(model, missing, weighted):
    p, here, there, R = two_points(model, missing, weighted)
    of_model = p.objective.model
    statistics = formed_at(p.objective, here, R)
    rebased = of_model.rebase(statistics, here, there)
    ours = [
        of_model.family.expected_log_density(part.components, at.components)
        for part, at in ((rebased, there), (statistics, here))
    ]
    theirs = [by_scipy(p, at, here, R) for at in (there, here)]
    assert abs(theirs[0] - theirs[1]) > 1.0
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1], rel=1e-9)
    labels = [R.sum(axis=1) @ np.log(at.latent) for at in (there, here)]
    joint = [of_model.expected_log_joint(part, at) for part, at in ((rebased, there), (statistics, here))]
    assert joint[0] - joint[1] == pytest.approx(ours[0] + labels[0] - ours[1] - labels[1], rel=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_expected_log_density_is_largest_after_the_m_step(model):
    p, here, there, R = two_points(model, 0.2, True)
    of_model = p.objective.model
    statistics = formed_at(p.objective, here, R)
    best = of_model.m_step(statistics, here)
    values = [of_model.expected_log_joint(of_model.rebase(statistics, here, at), at) for at in (best, here, there)]
    assert values[0] > max(values[1:])


@pytest.mark.parametrize(("missing", "weighted"), GIVEN_ROWS)
@pytest.mark.parametrize("model", MODELS)
def test_statistics_add(model, missing, weighted):
    """Those of parts are those of the whole; twice the weights are twice the statistics."""
    p = problem(model, missing, weighted)
    whole = p.objective.subset(np.arange(len(p.X)))
    log_likelihood, statistics = whole.expect(p.parameters)
    halves = np.array_split(np.random.default_rng(0).permutation(len(p.X)), 2)
    parts = [p.objective.subset(np.sort(rows)).expect(p.parameters) for rows in halves]
    assert parts[0][0] + parts[1][0] == pytest.approx(log_likelihood, rel=1e-12)
    assert_equal_statistics(parts[0][1] + parts[1][1], statistics)
    double = objective_of(p.mixture, p.X, 2.0 * p.weight)
    doubled = double.subset(np.arange(len(p.X))).expect(adopt(p.mixture, double))[1]
    assert_equal_statistics(statistics * 2.0, doubled, rtol=1e-8)
    assert_equal_statistics(statistics + statistics * -1.0, statistics * 0.0)
    assert isinstance(statistics * 2.0, Statistics)


@pytest.mark.parametrize("model", MODELS)
def test_parts_count_as_parts_of_a_pass_and_estimate_the_whole(model):
    p = problem(model, weighted=True)
    before = p.objective.n_passes
    parts = [p.objective.subset(rows) for rows in np.array_split(np.arange(len(p.X)), 4)]
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    estimates = [part.estimate(p.parameters) * part.share for part in parts]
    assert p.objective.n_passes == pytest.approx(before + 1)
    assert_equal_statistics(sum(estimates[1:], estimates[0]), p.objective.at(p.parameters).statistics)


@pytest.mark.parametrize("model", MODELS)
def test_number_of_parameters_is_that_of_the_free_coordinates(model):
    p = problem(model)
    chart = p.objective.chart("frame", p.objective.at(p.parameters))
    # One direction of the weights changes nothing, nor does one of each feature's levels.
    idle = 1 + (3 * p.X.shape[1] if model == "categorical" else 0)
    assert p.objective.n_parameters == len(chart.start) - idle
    fitted = mixture_of(model, random_state=0).fit(p.X)
    n = len(p.X)
    assert fitted.bic(p.X) - fitted.aic(p.X) == pytest.approx(p.objective.n_parameters * (np.log(n) - 2))
