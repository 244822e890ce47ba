import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture as SklearnMixture
from sklearn.model_selection import GridSearchCV

from skmix import (
    GMMHMM,
    BernoulliMixture,
    CategoricalMixture,
    GaussianHMM,
    GaussianMixture,
    MixtureClustering,
    PoissonHMM,
    PoissonMixture,
    VariationalGaussianMixture,
)
from skmix.display import MixtureDisplay
from skmix.display.emissions import Emissions
from skmix.display.panels import ellipse, mass_levels, values_between

matplotlib.use("Agg")
COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")


@pytest.fixture(autouse=True)
def _close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    mixing = np.array([[1.0, 0.4, 0.0], [0.0, 1.0, -0.3], [0.0, 0.0, 2.0]])
    return np.concatenate([rng.normal(size=(40, 3)) @ mixing, rng.normal(size=(60, 3)) + 6])


def whole(mixture):
    """The covariance matrices of all components, written out."""
    eye = np.eye(mixture.n_features_in_)
    return {
        "full": lambda c: c,
        "tied": lambda c: np.array([c] * mixture.n_components),
        "diag": lambda c: np.array([np.diag(row) for row in c]),
        "spherical": lambda c: np.array([variance * eye for variance in c]),
    }[mixture.covariance_type](mixture.covariances_)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
@pytest.mark.parametrize("features", [(0, 1), (2, 0), (1,)])
def test_moments_of_some_features(X, covariance_type, features):
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    means, covariances = Emissions.of(mixture, X, {}).moments(list(features))
    expected = [covariance[np.ix_(features, features)] for covariance in whole(mixture)]
    np.testing.assert_allclose(covariances, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(means, mixture.means_[:, features], rtol=1e-12)


@pytest.mark.parametrize("features", [[0, 1], [2]])
def test_densities_are_those_of_the_marginal(X, features):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    rows = X[:7][:, features]
    densities = Emissions.of(mixture, X, {}).densities(features, rows)
    marginal = mixture.marginal(features)
    expected = np.exp(marginal.score_samples(rows))[:, np.newaxis] * marginal.predict_proba(rows)
    np.testing.assert_allclose(densities, expected.T, rtol=1e-10)


def test_states_emit_from_mixtures(X):
    """Densities of the states add up to what the emission densities say, at the states' frequencies in X."""
    model = GMMHMM(2, n_mix=2, random_state=0, max_iter=5, tol=1.0).fit(X, lengths=[40, 60])
    emissions = Emissions.of(model, X, {"lengths": [40, 60]})
    shares = model.predict_proba(X, lengths=[40, 60]).mean(axis=0)
    np.testing.assert_allclose(np.bincount(emissions.group, emissions.weights), shares, rtol=1e-12)
    # within a state the components weigh what they do in X, close to weights_ but not the same
    single = GaussianHMM(2, random_state=0).fit(X, lengths=[40, 60])
    shares = single.predict_proba(X, lengths=[40, 60]).mean(axis=0)
    densities = Emissions.of(single, X, {"lengths": [40, 60]}).densities([0, 1, 2], X[:9])
    np.testing.assert_allclose(densities, (np.exp(single.emission_log_density(X[:9])) * shares).T, rtol=1e-10)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1e-150, 1e150), (1e6, 1e-3)])
def test_ellipse_is_at_its_mahalanobis_distance(scale):
    correlation = np.array([[1.0, -0.8], [-0.8, 1.0]])
    mean = np.array([3.0, -1.0]) * scale
    points = ellipse(mean, correlation * np.outer(scale, scale), 2.0)
    Z = (points - mean) / scale
    distance = np.sqrt(np.einsum("ni,ij,nj->n", Z, np.linalg.inv(correlation), Z))
    np.testing.assert_allclose(distance, 2.0, rtol=1e-12)
    np.testing.assert_allclose(Z.max(axis=0), 2.0, rtol=1e-3)  # and it goes all the way round
    np.testing.assert_allclose(Z.min(axis=0), -2.0, rtol=1e-3)


def test_ellipse_of_a_constant_column_is_a_line():
    points = ellipse(np.array([1.0, 2.0]), np.diag([0.0, 4.0]), 1.0)
    assert (points[:, 0] == 1.0).all()
    np.testing.assert_allclose([points[:, 1].min(), points[:, 1].max()], [0, 4], atol=1e-12)


@pytest.mark.parametrize("covariance_type", COVARIANCE_TYPES)
def test_from_estimator(X, covariance_type):
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, features=(2, 0))
    assert display.figure_ is display.ax_.figure
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("feature 2", "feature 0")
    np.testing.assert_array_equal(display.points_[0].get_offsets(), X[:, [2, 0]])
    covariances = whole(mixture)[:, [2, 0]][:, :, [2, 0]]
    expected = [ellipse(mixture.means_[k, [2, 0]], covariances[k], m) for k in range(2) for m in (1, 2)]
    for polygon, points in zip(display.ellipses_, expected, strict=True):
        np.testing.assert_allclose(polygon.get_xy(), [*points, points[0]])
    assert [text.get_text() for text in display.legend_.get_texts()] == ["component 0", "component 1"]
    display.figure_.canvas.draw()


def test_legend_is_beside_the_data(X):
    display = MixtureDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X, features=(0, 1))
    display.figure_.canvas.draw()
    assert display.legend_.get_window_extent().x0 > display.ax_.get_window_extent().x1


def test_rows_and_lines_have_the_colour_of_their_component(X):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X)
    for points in display.points_:
        colours = points.get_facecolors()
        for component in range(2):
            own = colours[mixture.labels_ == component]
            assert (own == own[0]).all()
            for panel in range(3):
                edge = np.array(display.ellipses_[4 * panel + 2 * component].get_edgecolor())
                np.testing.assert_allclose(edge[:3], 0.6 * own[0, :3])
            for line in display.lines_[1 + component :: 3]:
                np.testing.assert_allclose(line.get_color()[:3], own[0, :3])
        assert (colours[mixture.labels_ == 0][0] != colours[mixture.labels_ == 1][0]).any()


def test_three_features_make_a_triangle(X):
    display = MixtureDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X)
    assert display.panels == [(0,), (0, 1), (1,), (0, 2), (1, 2), (2,)]
    assert len(display.figure_.axes) == 6
    assert [ax.get_xlabel() for ax in display.axes_] == [""] * 3 + ["feature 0", "feature 1", "feature 2"]
    assert [ax.get_ylabel() for ax in display.axes_] == ["density", "feature 1", "", "feature 2", "", ""]
    assert (len(display.points_), len(display.ellipses_), len(display.lines_)) == (3, 12, 9)
    for column in range(3):  # the same feature has the same limits on all panels
        ends = {ax.get_xlim() for ax, panel in zip(display.axes_, display.panels, strict=True) if panel[0] == column}
        ends |= {
            ax.get_ylim() for ax, panel in zip(display.axes_, display.panels, strict=True) if panel[1:] == (column,)
        }
        assert len(ends) == 1
    display.figure_.canvas.draw()
    assert display.legend_.get_window_extent().y0 > display.axes_[1].get_window_extent().y1


def test_of_many_features_four_are_drawn():
    X = np.random.default_rng(0).normal(size=(30, 6))
    display = MixtureDisplay.from_estimator(GaussianMixture().fit(X), X)
    assert display.panels[-1] == (3,)
    assert len(display.panels) == 10


@pytest.mark.parametrize(
    ("features", "panels"),
    [
        (1, [(1,)]),
        ("b", [(1,)]),
        (["c"], [(2,)]),
        (("c", 0), [(2, 0)]),
        ([(0, 1), ("c", "b")], [(0, 1), (2, 1)]),
        ([-1, 0], [(2, 0)]),
        (["c", "a", "b"], [(2,), (2, 0), (0,), (2, 1), (0, 1), (1,)]),
    ],
)
def test_features(X, features, panels):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    mixture = GaussianMixture(2, random_state=0).fit(frame)
    display = MixtureDisplay.from_estimator(mixture, frame, features=features)
    assert [tuple(panel) for panel in display.panels] == [tuple(one % 3 for one in panel) for panel in panels]
    for points, panel in zip(display.points_, [one for one in panels if len(one) == 2], strict=True):
        np.testing.assert_array_equal(points.get_offsets(), X[:, list(panel)])
    assert display.axes_[-1].get_xlabel() == "abc"[panels[-1][0]]


def test_one_feature_has_its_density(X):
    mixture = GaussianMixture(2, random_state=0).fit(X[:, :1])
    display = MixtureDisplay.from_estimator(mixture, X[:, :1], feature_names=["$x$"])
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == (r"\$x\$", "density")
    total, *parts = display.lines_
    x = np.asarray(total.get_xdata())[:, np.newaxis]
    np.testing.assert_allclose(total.get_ydata(), np.exp(mixture.score_samples(x)), rtol=1e-10)
    np.testing.assert_allclose(sum(line.get_ydata() for line in parts), total.get_ydata(), rtol=1e-10)
    area = sum(bar.get_width() * bar.get_height() for bar in display.ax_.patches)
    assert area == pytest.approx(1.0)


def test_contours_enclose_their_mass(X):
    mixture = GaussianMixture(2, random_state=0).fit(X[:, :2])
    display = MixtureDisplay.from_estimator(mixture, X[:, :2], kind="density")
    assert display.ellipses_ == []
    (contours,) = display.contours_
    assert len(contours.levels) == 4
    sample = mixture.set_params(random_state=0).sample(20_000)[0]
    density = np.exp(mixture.score_samples(sample))
    inside = [(density > level * density.max()).mean() for level in contours.levels]
    np.testing.assert_allclose(inside, [0.95, 0.75, 0.5, 0.25], atol=0.03)


def test_mass_levels_by_hand():
    assert mass_levels(np.array([4.0, 3.0, 2.0, 1.0])).tolist() == [1.0, 2.0, 3.0, 4.0]
    assert mass_levels(np.array([1.0, 0.0])).tolist() == [1.0]


def test_responsibilities_mix_colours(X):
    X = np.concatenate([X, [[3.0, 3.0, 3.0]]])
    mixture = GaussianMixture(2, covariance_type="spherical", random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, kind="responsibilities")
    R = mixture.predict_proba(X)
    points = display.points_[0]
    certain = [R[:, k].argmax() for k in range(2)]
    colours = points.get_facecolors()[:, :3]
    np.testing.assert_allclose(colours, R @ colours[certain], atol=1e-6)
    sizes = points.get_sizes()
    assert sizes.argmax() == R.max(axis=1).argmin()
    np.testing.assert_allclose(sizes / sizes.min(), 1 + 4 * (1 - R.max(axis=1)), rtol=1e-3)
    bars = sum(bar.get_width() * bar.get_height() for bar in display.axes_[0].patches)
    assert bars == pytest.approx(1.0)  # shared out, and not counted twice


def test_rows_with_missing_values_are_not_drawn(X):
    X[0, 0] = X[1, 1] = X[2, 2] = np.nan
    X[3] = np.nan
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, features=(0, 1))
    np.testing.assert_array_equal(display.points_[0].get_offsets(), np.delete(X, [0, 1, 3], axis=0)[:, :2])
    assert display.labels.shape == (100,)
    X[:, 1] = np.nan  # a column of which nothing is known
    for kind in ("ellipses", "density", "responsibilities"):
        display = MixtureDisplay.from_estimator(mixture, X, kind=kind, features=(0, 1))
        assert len(display.points_[0].get_offsets()) == 0
        display.figure_.canvas.draw()
        assert len(MixtureDisplay.from_estimator(mixture, X, kind=kind, features=1).lines_) == 3


@pytest.mark.parametrize("kind", ["ellipses", "density", "responsibilities"])
@pytest.mark.parametrize("scale", [1e-150, 1e150])
def test_extreme_units(X, kind, scale):
    mixture = GaussianMixture(2, random_state=0, reg_covar=0.0).fit(X * scale)
    display = MixtureDisplay.from_estimator(mixture, X * scale, kind=kind, features=[(0, 1)])
    np.testing.assert_array_equal(display.points_[0].get_offsets(), X[:, :2] * scale)
    assert np.isfinite([*display.ax_.get_xlim(), *display.ax_.get_ylim()]).all()


@pytest.mark.parametrize("features", [[], (0, 3), ("a", 1), 1.0, (0.5, 1), [(0, 1), 2], 3])
def test_bad_features(X, features):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"features must be numbers \(0 to 2\) or names"):
        MixtureDisplay.from_estimator(mixture, X, features=features)


def test_bad_input(X):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match=r"kind must be one of .*'ellipses'"):
        MixtureDisplay.from_estimator(mixture, X, kind="clouds")
    with pytest.raises(ValueError, match="feature_names must be 3 names"):
        MixtureDisplay.from_estimator(mixture, X, feature_names=["a"])
    with pytest.raises(ValueError, match="to GaussianMixture all rows are independent; leave them out"):
        MixtureDisplay.from_estimator(mixture, X, lengths=[100])
    with pytest.raises(TypeError, match="MixtureDisplay needs a mixture or hidden Markov model, but got Ridge"):
        MixtureDisplay.from_estimator(Ridge(), X)
    with pytest.raises(NotFittedError):
        MixtureDisplay.from_estimator(GaussianMixture(2), X)
    with pytest.raises(NotFittedError):
        MixtureDisplay.from_estimator(SklearnMixture(2), X)


def test_given_axes_and_drawn_again(X):
    import matplotlib.pyplot as plt

    axes = plt.subplots(1, 2)[1]
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, features=(0, 1), ax=axes[0])
    assert display.ax_ is axes[0]
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
    assert len(plt.get_fignums()) == 1
    pairs = MixtureDisplay.from_estimator(mixture, X, features=[(0, 1), (1, 2)], ax=axes)
    assert pairs.axes_ == [*axes]
    with pytest.raises(ValueError, match="ax must be None or 6 matplotlib Axes, one for each panel"):
        MixtureDisplay.from_estimator(mixture, X, ax=axes)


def test_many_components_and_one_of_weight_zero(X):
    mixture = GaussianMixture(12, covariance_type="spherical", random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, features=(0, 1))
    assert display.legend_ is None
    drawn = len(display.ellipses_)
    mixture.weights_[3] = 0.0
    assert len(MixtureDisplay.from_estimator(mixture, X, features=(0, 1)).ellipses_) == drawn - 2


@pytest.mark.parametrize(
    "estimator",
    [
        SklearnMixture(2, covariance_type="tied", random_state=0),
        VariationalGaussianMixture(2, random_state=0),
        MixtureClustering([2], "full", random_state=0),
    ],
)
def test_other_mixtures(X, estimator):
    display = MixtureDisplay.from_estimator(estimator.fit(X), X, features=(0, 1))
    mixture = getattr(estimator, "best_estimator_", estimator)
    means, _ = display.emissions.moments([0, 1])
    np.testing.assert_allclose(means, mixture.means_[:, :2], rtol=1e-10)
    assert len(display.ellipses_) == 4


# ---- other families, and hidden Markov models -----------------------------------------------------------------------
def counts():
    rng = np.random.default_rng(0)
    return rng.poisson([[2.0, 9.0]] * 50 + [[7.0, 3.0]] * 50).astype(float)


@pytest.mark.parametrize("kind", ["ellipses", "density", "responsibilities"])
def test_counts(kind):
    X = counts()
    mixture = PoissonMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X, kind=kind, features=[0, 1])
    moved = np.asarray(display.points_[0].get_offsets()) - X
    assert 0 < np.abs(moved).max() < 0.5  # apart, and not mistaken for the next number
    single = MixtureDisplay.from_estimator(mixture, X, kind=kind, features=0)
    line = single.lines_[0]
    np.testing.assert_array_equal(line.get_xdata(), np.round(line.get_xdata()))
    marginal = mixture.marginal([0])
    expected = np.exp(marginal.score_samples(line.get_xdata()[:, np.newaxis]))
    np.testing.assert_allclose(line.get_ydata(), expected, rtol=1e-10)
    assert single.ax_.get_ylabel() == "probability"


@pytest.mark.parametrize("model", [BernoulliMixture(2, random_state=0), CategoricalMixture(2, random_state=0)])
def test_categories(model):
    X = (np.random.default_rng(0).random((60, 2)) < 0.4).astype(float)
    model.fit(X)
    display = MixtureDisplay.from_estimator(model, X, features=[(0, 1)])
    assert display.kind == "responsibilities"
    assert display.ellipses_ == []
    single = MixtureDisplay.from_estimator(model, X, features=1)
    assert single.lines_[0].get_xdata().tolist() == [0.0, 1.0]
    assert single.lines_[0].get_ydata().sum() == pytest.approx(1.0)
    for kind in ("ellipses", "density"):
        with pytest.raises(ValueError, match=f"kind='{kind}' needs features .* take kind='responsibilities'"):
            MixtureDisplay.from_estimator(model, X, kind=kind)


def test_whole_numbers_far_apart():
    grid = values_between(-3.0, 1e6, True, 100)
    assert grid[0] == 0
    assert len(grid) <= 101
    np.testing.assert_array_equal(grid, np.round(grid))


def test_hidden_markov_models(X):
    ids = np.arange(100) % 2
    model = GMMHMM(2, n_mix=2, random_state=0, max_iter=5, tol=1.0).fit(X, sequence_id=ids)
    display = MixtureDisplay.from_estimator(model, X, sequence_id=ids, features=(0, 1))
    assert len(display.ellipses_) == 8
    assert [text.get_text() for text in display.legend_.get_texts()] == ["state 0", "state 1"]
    np.testing.assert_array_equal(display.labels, model.predict(X, sequence_id=ids))
    edges = [polygon.get_edgecolor() for polygon in display.ellipses_]
    assert len(set(edges[:4])) == len(set(edges[4:])) == 1  # components of one state have its colour
    series = counts()[:, :1]
    one = MixtureDisplay.from_estimator(PoissonHMM(2, random_state=0).fit(series), series)
    assert one.lines_[0].get_ydata().max() < 1
    everything = [(np.arange(100), np.arange(100))]
    search = GridSearchCV(PoissonHMM(random_state=0), {"n_components": [2]}, cv=everything).fit(series)
    assert len(MixtureDisplay.from_estimator(search, series, lengths=[40, 60]).lines_) == 3


def test_without_matplotlib(X, monkeypatch):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'MixtureDisplay needs matplotlib.*pip install "skmix\[plot\]"'):
        MixtureDisplay.from_estimator(mixture, X)
