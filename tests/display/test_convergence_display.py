import subprocess
import sys

import matplotlib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from skmix import GaussianMixture
from skmix.datasets import load_old_faithful
from skmix.display import ConvergenceDisplay

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    import matplotlib.pyplot as plt

    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fits():
    X = load_old_faithful().data
    return {name: GaussianMixture(3, solver=name, random_state=0).fit(X) for name in ("em", "lbfgs")}


def test_lines(fits):
    display = ConvergenceDisplay.from_estimators(fits)
    assert display.figure_ is display.ax_.figure
    assert display.ax_.get_yscale() == "log"
    assert [line.get_label() for line in display.lines_] == ["em", "lbfgs"]
    best = max(fit.history_["objective"].max() for fit in fits.values())
    assert best == fits["lbfgs"].lower_bound_
    for line, fit in zip(display.lines_, fits.values(), strict=True):
        shown = fit.history_["objective"] < best
        np.testing.assert_array_equal(line.get_xdata(), fit.history_["n_passes"][shown])
        np.testing.assert_array_equal(line.get_ydata(), best - fit.history_["objective"][shown])
    assert len(display.lines_[0].get_xdata()) == len(fits["em"].history_["objective"])
    display.figure_.canvas.draw()


def test_known_best_shows_every_iterate(fits):
    fit = fits["lbfgs"]
    best = fit.lower_bound_ + 1e-9
    display = ConvergenceDisplay.from_estimator(fit, best=best)
    assert [line.get_label() for line in display.lines_] == [fit.solver_]
    np.testing.assert_array_equal(display.lines_[0].get_ydata(), best - fit.history_["objective"])


def test_name_and_axes(fits):
    import matplotlib.pyplot as plt

    axes = plt.subplots(1, 2)[1]
    display = ConvergenceDisplay.from_estimator(fits["em"], name="my fit", ax=axes[0])
    assert display.ax_ is axes[0]
    assert display.lines_[0].get_label() == "my fit"
    assert display.plot(axes[1]).ax_ is axes[1]


def test_nothing_to_show():
    """A fit of no iterations is at its own best: no point has a place on the scale, and that is no error."""
    mixture = GaussianMixture(2, max_iter=0, random_state=0).fit(load_old_faithful().data)
    display = ConvergenceDisplay.from_estimator(mixture)
    assert len(display.lines_[0].get_xdata()) == 0
    display.figure_.canvas.draw()


def test_refusals():
    with pytest.raises(ValueError, match="at least one fitted estimator"):
        ConvergenceDisplay.from_estimators({})
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimators({"em": GaussianMixture()})
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimator(GaussianMixture())


def test_without_matplotlib(fits, monkeypatch):
    for name in ("matplotlib", "matplotlib.pyplot"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r'ConvergenceDisplay needs matplotlib.*pip install "skmix\[plot\]"'):
        ConvergenceDisplay.from_estimators(fits)


def test_import_does_not_import_matplotlib():
    program = "import sys, skmix.display, skmix.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
