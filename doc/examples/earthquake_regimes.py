"""Regimes of a real series: major earthquakes a year, 1900 to 2006, by Poisson hidden Markov models.

    python doc/examples/earthquake_regimes.py [PICTURE]

prints the information criteria of one to four states, and draws the most probable states of the model with three.
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl

if __name__ == "__main__":
    mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np

from skmix import PoissonHMM
from skmix.datasets import load_earthquakes

COLOURS = ("#56B4E9", "#E69F00", "#D55E00")  # of quiet, usual and busy years


def fit(X: np.ndarray, n_components: int) -> PoissonHMM:
    """The best of five starts.

    One sequence has one first row, which can tell one start probability at most: the chain starts in its stationary
    distribution instead.
    """
    return PoissonHMM(n_components, start="stationary", n_init=5, random_state=0).fit(X)


def table(models: list[PoissonHMM], X: np.ndarray) -> str:
    """Log-likelihood and criteria of each model; lower criteria are better."""
    lines = [f"{'states':>6}  {'log-likelihood':>14}  {'AIC':>6}  {'BIC':>6}  rates"]
    for model in models:
        rates = "  ".join(f"{rate:4.1f}" for rate in np.sort(model.rates_[:, 0]))
        lines.append(
            f"{model.n_components:>6}  {model.log_likelihood(X):14.2f}  {model.aic(X):6.1f}  {model.bic(X):6.1f}  "
            f"{rates}"
        )
    return "\n".join(lines)


def draw(model: PoissonHMM, X: np.ndarray, year: np.ndarray) -> Any:
    """Counts, coloured by the most probable states, on the rates of these; below, how sure the states are."""
    order = model.rates_[:, 0].argsort()
    rank = order.argsort()[model.predict(X)]  # states by rising rate
    rates, probabilities = model.rates_[order, 0], model.predict_proba(X)[:, order]
    figure, (above, below) = plt.subplots(
        2, 1, sharex=True, figsize=(7.2, 4.8), height_ratios=(3, 1.2), layout="constrained"
    )
    above.step(year, rates[rank], where="mid", color="#333333", linewidth=1.2, label="rate of the state", zorder=2)
    above.plot(year, X[:, 0], color="#BBBBBB", linewidth=0.8, zorder=1)
    for state, (colour, marker) in enumerate(zip(COLOURS, "osD", strict=True)):
        chosen = rank == state
        label = f"state {state + 1}: {rates[state]:.1f} a year"
        above.plot(year[chosen], X[chosen, 0], marker, color=colour, markersize=4.5, label=label, zorder=3)
    above.set(ylabel="earthquakes of magnitude 7\nor more a year", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    below.stackplot(year, probabilities.T, colors=COLOURS, linewidth=0)
    below.set(xlabel="year", ylabel="probability\nof each state", ylim=(0, 1), xlim=(year[0] - 0.5, year[-1] + 0.5))
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    figure.align_ylabels()
    return figure


def main(picture: str = "earthquake-regimes.png") -> None:
    """Print the table and save the picture."""
    data = load_earthquakes()
    models = [fit(data.data, n_components) for n_components in (1, 2, 3, 4)]
    print(table(models, data.data))
    best = min(models, key=lambda model: model.bic(data.data))
    print(f"BIC is lowest with {best.n_components} states.")
    figure = draw(models[2], data.data, data.year)
    figure.savefig(picture, dpi=120, facecolor="white")
    plt.close(figure)


if __name__ == "__main__":
    main(*sys.argv[1:])
