"""Pictures that the commands write."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skmix.cli.errors import InputError
from skmix.cli.report import shortened
from skmix.display import MixtureDisplay

HOW_TO_INSTALL = 'pip install "skmix[plot]"'


def has_matplotlib() -> bool:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return False
    return True


def check_format(path: Path) -> None:
    """Refuse a name whose ending names no format."""
    from matplotlib.backend_bases import FigureCanvasBase

    formats = sorted(FigureCanvasBase.get_supported_filetypes())
    if path.suffix[1:].lower() not in formats:
        raise InputError(f"cannot write {path}: a picture's name must end in one of .{', .'.join(formats)}")


def save(path: Path, suffix: str, size: tuple[float, float], n_panels: int, draw: Callable[..., None]) -> None:
    """Save a figure of panels side by side.

    Without pyplot and in matplotlib's own style: neither the user's screen nor their settings matter.

    Parameters
    ----------
    path : Path
    suffix : str
        The format, with a dot before it.
    size : tuple of float
        Width and height, inches.
    n_panels : int
    draw : callable
        Called with the axes of each panel.
    """
    import matplotlib.style
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with matplotlib.style.context("default"), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # letters that the font lacks are drawn as boxes
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(wspace=0.05))
        draw(*figure.subplots(1, n_panels, squeeze=False)[0])
        figure.savefig(path, dpi=150, format=suffix[1:].lower())


def draw_fit(ax: Any, mixture: Any, X: np.ndarray, names: Sequence[str]) -> None:
    """The first two columns and the components; one column's histogram and densities if there is no second."""
    shown = [shortened(name) for name in names]
    MixtureDisplay.from_estimator(mixture, X, features=list(range(X.shape[1]))[:2], feature_names=shown, ax=ax)
