import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture as SklearnMixture

from skmix import GaussianMixture
from skmix.display import MixtureDisplay
from skmix.display.mixture import ellipse, marginal_covariances

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
def test_marginal_covariances(X, covariance_type, features):
    mixture = GaussianMixture(2, covariance_type=covariance_type, random_state=0).fit(X)
    expected = [covariance[np.ix_(features, features)] for covariance in whole(mixture)]
    np.testing.assert_array_equal(marginal_covariances(mixture, features), expected)


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
    np.testing.assert_array_equal(display.points_.get_offsets(), X[:, [2, 0]])
    covariances = whole(mixture)[:, [2, 0]][:, :, [2, 0]]
    expected = [ellipse(mixture.means_[k, [2, 0]], covariances[k], m) for k in range(2) for m in (1, 2)]
    for polygon, points in zip(display.ellipses_, expected, strict=True):
        np.testing.assert_allclose(polygon.get_xy(), [*points, points[0]])
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["component 0", "component 1"]
    display.figure_.canvas.draw()


def test_rows_have_the_colour_of_their_component(X):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X)
    colours = display.points_.get_facecolors()
    for component in range(2):
        own = colours[mixture.labels_ == component]
        assert (own == own[0]).all()
        edge = np.array(display.ellipses_[2 * component].get_edgecolor())
        np.testing.assert_allclose(edge[:3], 0.6 * own[0, :3])
    assert (colours[mixture.labels_ == 0][0] != colours[mixture.labels_ == 1][0]).any()


def test_rows_with_missing_values_are_not_drawn(X):
    X[0, 0] = X[1, 1] = X[2, 2] = np.nan
    X[3] = np.nan
    mixture = GaussianMixture(2, random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X)
    np.testing.assert_array_equal(display.points_.get_offsets(), np.delete(X, [0, 1, 3], axis=0)[:, :2])
    assert display.labels.shape == (100,)
    display.figure_.canvas.draw()


def test_features_by_name(X):
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    mixture = GaussianMixture(2, random_state=0).fit(frame)
    display = MixtureDisplay.from_estimator(mixture, frame, features=("c", 0))
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("c", "a")
    np.testing.assert_array_equal(display.points_.get_offsets(), X[:, [2, 0]])


@pytest.mark.parametrize("features", [(0,), (0, 3), (0, 1, 2), ("a", 1), 1, (0.5, 1)])
def test_bad_features(X, features):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="features must be two features by number"):
        MixtureDisplay.from_estimator(mixture, X, features=features)


def test_unfitted(X):
    with pytest.raises(NotFittedError):
        MixtureDisplay.from_estimator(GaussianMixture(2), X)


def test_given_axes_and_drawn_again(X):
    import matplotlib.pyplot as plt

    axes = plt.subplots(1, 2)[1]
    display = MixtureDisplay.from_estimator(GaussianMixture(2, random_state=0).fit(X), X, ax=axes[0])
    assert display.ax_ is axes[0]
    assert display.plot(axes[1]) is display
    assert display.ax_ is axes[1]
    assert len(plt.get_fignums()) == 1


def test_many_components_and_one_of_weight_zero(X):
    mixture = GaussianMixture(12, covariance_type="spherical", random_state=0).fit(X)
    display = MixtureDisplay.from_estimator(mixture, X)
    assert display.ax_.get_legend() is None
    drawn = len(display.ellipses_)
    mixture.weights_[3] = 0.0
    assert len(MixtureDisplay.from_estimator(mixture, X).ellipses_) == drawn - 2


def test_scikit_learns_mixture(X):
    mixture = SklearnMixture(2, covariance_type="tied", random_state=0).fit(X)
    assert len(MixtureDisplay.from_estimator(mixture, X).ellipses_) == 4


def test_without_matplotlib(X, monkeypatch):
    mixture = GaussianMixture(2, random_state=0).fit(X)
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'MixtureDisplay needs matplotlib.*pip install "skmix\[plot\]"'):
        MixtureDisplay.from_estimator(mixture, X)
