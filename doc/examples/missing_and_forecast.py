"""A series with missing values: fit, fill in, look ahead.

    python doc/examples/missing_and_forecast.py [PICTURE]

Two features of a simulated series with two regimes; a fifth of the entries are missing, and 15 rows in one piece. It
prints the regimes and the errors of what was filled in, and draws that and a forecast with a band of two standard
deviations.
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl

if __name__ == "__main__":
    mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from skmix import GaussianHMM

N_ROWS, STEPS, GAP = 160, 20, slice(70, 85)
COLOUR, MISSING, AHEAD = "#0072B2", "#D55E00", "#009E73"


def simulate() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The series with what is missing, the whole series, and what follows it."""
    true = GaussianHMM(2, covariance_type="full", random_state=1)
    true.startprob_ = np.array([0.5, 0.5])
    true.transmat_ = np.array([[0.95, 0.05], [0.08, 0.92]])
    true.means_ = np.array([[0.0, 10.0], [4.0, 14.0]])
    true.covars_ = np.array([[[1.0, 0.8], [0.8, 1.0]], [[1.0, -0.5], [-0.5, 1.0]]])
    X, _ = true.sample(N_ROWS + STEPS)
    whole, follows = X[:N_ROWS], X[N_ROWS:]
    observed = whole.copy()
    observed[np.random.default_rng(0).random(whole.shape) < 0.2] = np.nan
    observed[GAP] = np.nan
    return observed, whole, follows


def table(model: GaussianHMM, X: np.ndarray, whole: np.ndarray, imputed: np.ndarray) -> str:
    """The regimes, and how far imputed values and column means are from what is missing."""
    lines = ["regime  stays with  mean x1  mean x2  correlation"]
    for state in model.means_[:, 0].argsort():
        covariance = model.covariances_[state]
        correlation = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
        mean = model.means_[state]
        lines.append(
            f"{state:>6}  {model.transmat_[state, state]:10.2f}  {mean[0]:7.2f}  {mean[1]:7.2f}  {correlation:11.2f}"
        )
    missing = np.isnan(X)
    lines.append(f"missing entries: {missing.sum()} of {missing.size}")
    for name, filled in (("imputed", imputed), ("mean of the column", np.nanmean(X, axis=0) * np.ones_like(X))):
        error = np.sqrt(np.mean((filled - whole)[missing] ** 2))
        lines.append(f"root mean square error, {name}: {error:.2f}")
    return "\n".join(lines)


def draw(model: GaussianHMM, X: np.ndarray, imputed: np.ndarray, follows: np.ndarray) -> Any:
    """Observed and imputed values, and the forecast, one feature above the other."""
    forecast = model.forecast(X, STEPS)
    mean, deviation = forecast.mean[0], np.sqrt(forecast.variance[0])
    time, ahead = np.arange(N_ROWS), N_ROWS + np.arange(STEPS)
    figure, panels = plt.subplots(2, 1, sharex=True, figsize=(7.2, 4.8), layout="constrained")
    for feature, axes in enumerate(panels):
        gap = np.isnan(X[:, feature])
        axes.axvspan(GAP.start - 0.5, GAP.stop - 0.5, color="#EEEEEE", linewidth=0, label="whole rows missing")
        axes.plot(time, imputed[:, feature], color="#CCCCCC", linewidth=0.8, zorder=1)
        axes.plot(time[~gap], X[~gap, feature], "o", color=COLOUR, markersize=2.5, label="observed")
        axes.plot(time[gap], imputed[gap, feature], "D", color=MISSING, markersize=3.5, label="imputed")
        low, high = (mean + sign * 2 * deviation for sign in (-1, 1))
        label = "forecast ± 2 standard deviations"
        axes.fill_between(ahead, low[:, feature], high[:, feature], color=AHEAD, alpha=0.25, linewidth=0, label=label)
        axes.plot(ahead, mean[:, feature], color=AHEAD)
        axes.plot(ahead, follows[:, feature], "x", color="#333333", markersize=4, label="what followed")
        axes.set(ylabel=f"x{feature + 1}", xlim=(-1, N_ROWS + STEPS))
        axes.spines[["top", "right"]].set_visible(False)
    panels[1].set_xlabel("time (rows)")
    figure.legend(
        *panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False, fontsize=8
    )
    return figure


def main(picture: str = "missing-and-forecast.png") -> None:
    """Print the table and save the picture."""
    X, whole, follows = simulate()
    model = GaussianHMM(2, covariance_type="full", n_init=3, random_state=0).fit(X)
    imputed = model.impute(X)
    print(table(model, X, whole, imputed))
    figure = draw(model, X, imputed, follows)
    figure.savefig(picture, dpi=120, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
