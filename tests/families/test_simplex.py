"""Rows of probabilities with zeros, fixed and tied entries: M-steps as SciPy's, charts by differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from problems import derivative
from scipy.optimize import minimize
from scipy.special import xlogy

from skmix.families.simplex import Simplexes, SoftmaxChart, SphereChart

EPS = np.finfo(float).eps
CHARTS = {"sphere": SphereChart, "softmax": SoftmaxChart, "whitened": lambda *args: SoftmaxChart(*args, whitened=True)}

# Structures, and how many parameters they leave free.
CASES = {
    "one row": (Simplexes.of(np.ones(4, dtype=bool)), 3),
    "three rows": (Simplexes.of(np.ones((3, 4), dtype=bool)), 9),
    "triangle": (Simplexes.of(np.triu(np.ones((3, 3), dtype=bool))), 3),
    "fixed": (Simplexes(np.array([[0, -1, 1], [-1, 2, 3]]), np.array([[0.0, 0.3, 0.0], [0.6, 0.0, 0.0]])), 2),
    "nothing free": (Simplexes(np.full((2, 2), -1), np.array([[0.25, 0.75], [1.0, 0.0]])), 0),
    "tied rows": (Simplexes(np.array([[0, 1, 1], [1, 0, 1], [2, 3, 4]])), 3),
    "tied within a row": (Simplexes(np.array([[0, 0, 1, 2], [3, 4, 3, 3]])), 3),
    "tied and fixed": (
        Simplexes(np.array([[0, 1, -1], [1, -1, 0], [2, -1, 3]]), np.array([[0, 0, 0.2], [0, 0.2, 0], [0, 0, 0]])),
        2,
    ),
}
EACH = pytest.mark.parametrize("case", CASES)
EACH_CHART = pytest.mark.parametrize("chart_name", CHARTS)


class Setting:
    """A structure with probabilities, counts of all entries, and how many rows were drawn of each."""

    def __init__(self, case, seed=0):
        rng = np.random.default_rng(seed)
        self.simplexes, self.n_parameters = CASES[case]
        shape = self.simplexes.group.shape
        self.p = self.simplexes.share(self.simplexes.spread(rng.uniform(0.2, 1.0, self.simplexes.size)))
        # Fixed entries have counts too, which must not matter.
        self.counts = np.where(self.simplexes.group >= 0, rng.uniform(0.5, 9.0, shape), xlogy(1.0, self.p + 1.0))
        self.totals = rng.uniform(0.1, 1.0, (*shape[:-1], 1))
        self.rng = rng

    def chart(self, name):
        return CHARTS[name](self.simplexes, self.p, self.totals)

    def z(self, chart, spread=0.3):
        return spread * self.rng.normal(size=len(chart.start))


def jacobian(chart, z):
    """The derivatives of all probabilities along each coordinate, by complex steps."""
    columns = [chart.parameters(z + 1e-30j * e).imag.ravel() / 1e-30 for e in np.eye(len(z))]
    return np.reshape(columns, (len(z), chart.simplexes.group.size)).T


def assert_structured(p, simplexes, tied_to=2 * EPS):
    """Rows add up to 1, fixed entries are what they were, tied ones equal."""
    assert np.isfinite(p).all()
    assert (p >= 0).all()
    assert_allclose(p.sum(axis=-1), 1.0, rtol=8 * EPS)
    fixed = simplexes.group < 0
    assert_array_equal(p[fixed], simplexes.constant[fixed])
    for number in range(simplexes.size):
        entries = p[simplexes.group == number]
        assert_allclose(entries, entries[0], rtol=tied_to)


# ---- the structure --------------------------------------------------------------------------------------------------
@EACH
def test_free_parameters_are_the_dimensions_in_which_probabilities_move(case):
    s = Setting(case)
    assert s.simplexes.n_parameters == s.n_parameters
    chart = s.chart("softmax")
    moves = jacobian(chart, s.z(chart))
    assert s.n_parameters == (np.linalg.matrix_rank(moves) if moves.size else 0)


@EACH
def test_m_step_is_the_maximiser_that_scipy_finds(case):
    s = Setting(case)
    found = s.simplexes.m_step(s.counts, s.p)
    assert_structured(found, s.simplexes)
    group = s.simplexes.group.reshape(-1, s.simplexes.group.shape[-1])
    free = group >= 0
    counts, mass = s.counts.reshape(group.shape), s.simplexes.mass.reshape(-1)
    rows = np.array([np.bincount(row[row >= 0], minlength=s.simplexes.size) for row in group])

    def loss(values):
        return -float(counts[free] @ np.log(values[group[free]])) / counts[free].sum()

    def slope(values):
        pulls = counts[free] / values[group[free]] / counts[free].sum()
        return -np.bincount(group[free], pulls, minlength=s.simplexes.size)

    if s.simplexes.size:
        begin = np.array([s.p[s.simplexes.group == number][0] for number in range(s.simplexes.size)])
        distinct = np.unique(rows, axis=0, return_index=True)[1]
        rows, mass = rows[distinct], mass[distinct]
        within = {"type": "eq", "fun": lambda values: rows @ values - mass, "jac": lambda values: rows}
        best = minimize(
            loss, begin, jac=slope, method="SLSQP", bounds=[(1e-9, None)] * len(begin), constraints=within,
            options={"ftol": 1e-15, "maxiter": 500},
        )  # fmt: skip
        ours = np.array([found[s.simplexes.group == number][0] for number in range(s.simplexes.size)])
        # A value right to 1e-12 fixes the place of a maximum to its root.
        assert loss(ours) <= best.fun + 1e-12 * abs(best.fun)
        assert_allclose(ours, best.x, atol=1e-6)


@EACH
def test_rows_without_counts_keep_their_values(case):
    s = Setting(case)
    group, counts = np.atleast_2d(s.simplexes.group), np.atleast_2d(s.counts)  # a view
    lonely = np.isin(group, group[-1]).any(axis=1) & (group >= 0).any(axis=1)  # the last row, and those tied to it
    counts[lonely] = 0.0
    found, old = np.atleast_2d(s.simplexes.m_step(s.counts, s.p)), np.atleast_2d(s.p)
    assert_array_equal(found[lonely], old[lonely])
    moved = np.abs(found - old).max(axis=1) > 1e-3
    assert_array_equal(moved, ~lonely & ((group >= 0).sum(axis=1) > 1))


@EACH
def test_rows_shared_out_evenly_are_structured(case):
    s = Setting(case)
    even = s.simplexes.even()
    assert_structured(even, s.simplexes)
    for row, free in zip(np.atleast_2d(even), np.atleast_2d(s.simplexes.free), strict=True):
        assert np.ptp(row[free]) <= EPS if free.any() else True


# ---- charts ---------------------------------------------------------------------------------------------------------
@EACH_CHART
@EACH
def test_gradient_is_that_of_the_counts_times_the_logarithms(case, chart_name):
    s = Setting(case)
    chart = s.chart(chart_name)
    z = s.z(chart)
    free = s.simplexes.free
    expected = [
        derivative(lambda at: float(s.counts[free] @ np.log(chart.parameters(at)[free])), z, e, step=1e-4)
        for e in np.eye(len(z))
    ]
    gradient = chart.gradient(z, chart.parameters(z), s.counts)
    # Differences: rounding of EPS·|f|/h, |f| being some 100 nats; coordinates at 0 are at most 10 times as steep.
    assert_allclose(gradient, np.reshape(expected, len(z)), rtol=1e-8, atol=1e-8)
    assert s.n_parameters == 0 or np.abs(expected).max() > 1e-2


@EACH_CHART
@EACH
def test_complex_steps_differentiate_probabilities(case, chart_name):
    s = Setting(case)
    chart = s.chart(chart_name)
    z = s.z(chart)
    expected = [derivative(chart.parameters, z, e, step=1e-4).ravel() for e in np.eye(len(z))]
    found = jacobian(chart, z)
    assert_allclose(found, np.reshape(expected, (len(z), s.p.size)).T, rtol=1e-8, atol=1e-10)
    assert_allclose(found.reshape(*s.p.shape, -1).sum(axis=-2), 0.0, atol=1e-14)  # rows still add up to 1


@EACH_CHART
@EACH
def test_complex_steps_differentiate_gradients(case, chart_name):
    """As Hessian products do."""
    s = Setting(case)
    chart = s.chart(chart_name)
    z = s.z(chart)

    def gradient(at):
        return chart.gradient(at, chart.parameters(at), s.counts)

    for e in np.eye(len(z)):
        assert_allclose(
            gradient(z + 1e-30j * e).imag / 1e-30, derivative(gradient, z, e, step=1e-4), rtol=1e-7, atol=1e-8
        )


@EACH_CHART
@EACH
def test_start_of_a_chart_is_where_it_was_made(case, chart_name):
    s = Setting(case)
    chart = s.chart(chart_name)
    assert_array_equal(chart.start, 0.0)
    assert_allclose(chart.parameters(chart.start), s.p, rtol=8 * EPS)
    assert_allclose(chart.coordinates(s.p), 0.0, atol=1e-14)


@EACH_CHART
@EACH
def test_coordinates_are_the_inverse_of_probabilities(case, chart_name):
    s = Setting(case)
    chart = s.chart(chart_name)
    p = chart.parameters(s.z(chart))
    back = chart.coordinates(p)
    assert_allclose(chart.parameters(back), p, rtol=64 * EPS)
    assert s.n_parameters == 0 or np.abs(back).max() > 1e-2


@pytest.mark.parametrize("chart_name", ["sphere", "whitened"])
@EACH
def test_information_of_the_complete_data_is_the_identity_at_the_start(case, chart_name):
    """But for directions that change nothing, in which it is 0."""
    s = Setting(case)
    chart = s.chart(chart_name)
    information = of_complete_data(chart, chart.start, s)
    assert_projection(information, s.n_parameters)


@pytest.mark.parametrize("distance", [0.5, 3.0, 30.0])
@EACH
def test_information_on_the_sphere_is_the_identity_anywhere(case, distance):
    """Where the coordinates keep to the unit sphere."""
    s = Setting(case)
    chart = s.chart("sphere")
    z = chart.coordinates(chart.parameters(distance * s.rng.normal(size=len(chart.start))))
    assert_projection(of_complete_data(chart, z, s), s.n_parameters)


def of_complete_data(chart, z, s):
    """Σ n·p·(∂ log p)(∂ log p)ᵀ over all entries."""
    p, moves = chart.parameters(z), jacobian(chart, z)
    weight = np.divide(s.totals, p, out=np.zeros_like(p), where=p > 0).ravel()
    return moves.T @ (weight[:, np.newaxis] * moves)


def assert_projection(information, rank):
    assert_allclose(information @ information, information, atol=1e-10)
    assert np.trace(information) == pytest.approx(rank, abs=1e-10)


@pytest.mark.parametrize("scale", [1.0, 10.0, 1e3])
@EACH_CHART
@EACH
def test_the_structure_is_kept_wherever_coordinates_go(case, chart_name, scale):
    s = Setting(case)
    chart = s.chart(chart_name)
    for _ in range(20):
        assert_structured(chart.parameters(scale * s.rng.normal(size=len(chart.start))), s.simplexes)


@EACH
def test_the_sphere_passes_through_probabilities_of_zero(case):
    s = Setting(case)
    chart = s.chart("sphere")
    for number in range(s.simplexes.size):
        z = chart.start.copy()
        z[number] = -chart.origin[number] / chart.unit[number]
        p = chart.parameters(z)
        alone = (s.simplexes.group == number) & (s.simplexes.free.sum(axis=-1, keepdims=True) == 1)
        assert (p[(s.simplexes.group == number) & ~alone] < 1e-200).all()
        assert np.isfinite(chart.gradient(z, p, np.where(s.simplexes.group == number, 0.0, s.counts))).all()


@EACH_CHART
def test_probabilities_of_zero_are_a_start_like_others(chart_name):
    simplexes = Simplexes.of(np.ones((2, 3), dtype=bool))
    p = np.array([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0]])
    chart = CHARTS[chart_name](simplexes, p, np.array([[0.5], [0.0]]))
    assert_allclose(chart.parameters(chart.start), p, atol=1e-200)
    assert np.isfinite(chart.gradient(chart.start, p, 10.0 * p)).all()
