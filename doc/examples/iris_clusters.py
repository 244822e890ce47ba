"""Clusters of irises, feature by feature: a mixture chosen by BIC, and how it fits the three species.

    python doc/examples/iris_clusters.py [PICTURE]

prints BIC by number of components, and how many irises of each species the components of the mixture with three hold;
draws these.
"""

from __future__ import annotations

import sys
from typing import Any

import matplotlib as mpl

if __name__ == "__main__":
    mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from skmix import GaussianMixture
from skmix.display import MixtureDisplay


def table(models: list[GaussianMixture], X: Any, species: np.ndarray, names: list[str]) -> str:
    """BIC of each model, and the species of the last one's components."""
    lines = [f"{model.n_components} component(s): BIC {model.bic(X):.1f}" for model in models]
    labels = models[-1].predict(X)
    for component in range(models[-1].n_components):
        counts = np.bincount(species[labels == component], minlength=len(names))
        parts = [f"{count} {name}" for count, name in zip(counts, names, strict=True) if count]
        lines.append(f"component {component}: {', '.join(parts)}")
    return "\n".join(lines)


def main(picture: str = "iris-clusters.png") -> None:
    """Print the table and save the picture."""
    data = load_iris(as_frame=True)
    models = [GaussianMixture(K, n_init=3, random_state=0).fit(data.data) for K in (1, 2, 3)]
    print(table(models, data.data, data.target.to_numpy(), list(data.target_names)))
    display = MixtureDisplay.from_estimator(models[-1], data.data)
    display.figure_.set_size_inches(8.4, 8.4)
    display.figure_.savefig(picture, dpi=80, facecolor="white")
    plt.close(display.figure_)


if __name__ == "__main__":
    main(*sys.argv[1:])
