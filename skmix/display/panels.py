"""What is drawn on one panel: rows, ellipses, contours, histograms with densities."""

from __future__ import annotations

from typing import Any

import numpy as np

from skmix.display.emissions import Emissions

DEVIATIONS = (1, 2)
_MASSES = (0.25, 0.5, 0.75, 0.95)  # of the regions that contours enclose
_JITTER = 0.25  # how far whole numbers are moved to either side, so that equal ones can be told apart
_GRID = 120  # points along an axis at which densities are evaluated
_CURVE = 400
_MOST_BINS = 100
_MOST_DOTS = 60
_RASTER = 10_000  # rows from which on vector formats keep a cloud as pixels


def ellipse(mean: np.ndarray, covariance: np.ndarray, deviations: float) -> np.ndarray:
    """Points of the curve at a Mahalanobis distance from the mean.

    Made in units of the standard deviations, so that columns of very different scales do no harm.

    Parameters
    ----------
    mean : ndarray of shape (2,)
    covariance : ndarray of shape (2, 2)
    deviations : float
        The distance.

    Returns
    -------
    points : ndarray of shape (180, 2)
        Corners of a polygon.
    """
    scale = np.sqrt(np.diag(covariance))
    correlation = 0.0 if (scale == 0).any() else float(np.clip(covariance[0, 1] / scale[0] / scale[1], -1, 1))
    angle = np.linspace(0, 2 * np.pi, 180, endpoint=False)
    first, other = np.cos(angle), np.sin(angle)
    second = correlation * first + np.sqrt(1 - correlation**2) * other
    return mean + deviations * scale * np.column_stack([first, second])


def draw_ellipse(ax: Any, points: np.ndarray, colour: np.ndarray, inner: bool) -> Any:
    """An ellipse of a component, the inner one with a thicker line."""
    from matplotlib.patches import Polygon

    outline = Polygon(
        points,
        closed=True,
        facecolor=(*colour[:3], 0.10),
        edgecolor=0.6 * colour[:3],  # darker than the rows beneath
        linewidth=1.8 if inner else 1.0,
    )
    return ax.add_patch(outline)


def draw_rows(ax: Any, X: np.ndarray, colours: np.ndarray, sizes: Any = 1.0, jitter: bool = False) -> Any:
    """Rows (n, 2) with their colours (n, 4); `sizes` are relative."""
    size = float(np.clip(6000 / max(1, len(X)), 2, 16))
    if jitter:
        X = X + np.random.default_rng(0).uniform(-_JITTER, _JITTER, X.shape)
    look: dict[str, Any] = {"alpha": 0.55, "linewidths": 0, "rasterized": len(X) > _RASTER}
    return ax.scatter(*X.T, c=colours, s=size * np.asarray(sizes), **look)


def values_between(low: float, high: float, whole: bool, n: int) -> np.ndarray:
    """Places at which a density is looked at: evenly spaced, or whole numbers."""
    if not whole:
        return np.linspace(low, high, n)
    low, high = max(0.0, float(np.ceil(low))), float(np.floor(high))
    return low + np.arange(0.0, high - low + 1.0, max(1.0, np.ceil((high - low) / n)))


def mass_levels(density: np.ndarray) -> np.ndarray:
    """Levels, increasing, above which a density on an even grid has 95, 75, 50 and 25 % of its mass."""
    falling = np.sort(density.ravel())[::-1]
    share = np.cumsum(falling / falling.sum())
    return np.unique(falling[np.minimum(np.searchsorted(share, _MASSES), len(falling) - 1)])


def draw_contours(ax: Any, emissions: Emissions, columns: list[int], limits: list[tuple[float, float]]) -> Any:
    """Regions of highest density with 25, 50, 75 and 95 % of the mass, darker where it is denser."""
    import matplotlib

    x, y = (values_between(*one, emissions.whole, _GRID) for one in limits)
    grid = np.column_stack([one.ravel() for one in np.meshgrid(x, y)])
    density = emissions.densities(columns, grid).sum(axis=0).reshape(len(y), len(x))
    if min(density.shape) < 2 or not np.isfinite(density).all() or not density.any():
        return None
    levels = mass_levels(density / density.max())
    shades = matplotlib.colormaps["Greys"](np.linspace(0.12, 0.5, len(levels)))
    top = [*levels, 1.0 + 1e-9]
    ax.contourf(x, y, density / density.max(), top, colors=shades, zorder=0)
    return ax.contour(x, y, density / density.max(), levels, colors="0.35", linewidths=0.8)


def draw_histogram(
    ax: Any,
    x: np.ndarray,
    limits: tuple[float, float],
    whole: bool,
    shares: np.ndarray | None = None,
    colours: np.ndarray | None = None,
) -> None:
    """The histogram of a feature; with `shares` (n, K) of components or states, each row's bar is shared out."""
    if not len(x):
        return
    # numpy's automatic bins may be millions where there is an outlier
    n_bins = min(_MOST_BINS, max(10, round(len(x) ** 0.5)))
    edges = np.linspace(*limits, n_bins + 1)
    if whole:
        low, high = np.floor(limits[0]), np.ceil(limits[1])
        edges = np.arange(low - 0.5, high + 1.0, max(1.0, np.ceil((high - low) / _MOST_BINS)))
    look: dict[str, Any] = {"bins": edges, "density": True, "edgecolor": "white", "linewidth": 0.4}
    if shares is None or colours is None:
        ax.hist(x, color="0.85", **look)
    else:
        fills = [(*colour[:3], 0.45) for colour in colours]
        ax.hist([x] * len(fills), weights=list(shares.T), stacked=True, color=fills, **look)


def draw_densities(
    ax: Any,
    emissions: Emissions,
    column: int,
    limits: tuple[float, float],
    colours: np.ndarray,
    drawn: np.ndarray,
) -> list[Any]:
    """The density of a feature, whole and by component or state; of whole numbers with a dot at each."""
    grid = values_between(*limits, emissions.whole, _CURVE)
    density = emissions.densities([column], grid[:, np.newaxis])
    look: dict[str, Any] = {}
    if emissions.whole and len(grid) <= _MOST_DOTS:
        look = {"marker": "o", "markersize": 3} if emissions.ordered else {"marker": "o", "linestyle": ""}
    lines = ax.plot(grid, density.sum(axis=0), color="0.2", linewidth=1.8, **look)
    for group in drawn:
        lines += ax.plot(grid, density[group], color=colours[group], linewidth=1.3, **look)
    return lines
