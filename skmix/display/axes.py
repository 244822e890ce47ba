"""Axes to draw on, colours, and where legends go."""

from __future__ import annotations

from typing import Any

import numpy as np


def pyplot(caller: str) -> Any:
    """matplotlib.pyplot.

    Raises
    ------
    ImportError
        If matplotlib is missing, saying how to install it.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{caller} needs matplotlib, install it by: pip install "skmix[plot]"') from error
    return plt


def axes_of(ax: Any, caller: str) -> Any:
    """`ax`, or new axes where it is None.

    Raises
    ------
    ImportError
        If matplotlib is missing, saying how to install it.
    """
    return pyplot(caller).subplots()[1] if ax is None else ax


def given_axes(ax: Any, n_panels: int) -> list[Any]:
    """The user's axes, one for each of the panels.

    Raises
    ------
    ValueError
        If there are more or fewer.
    """
    axes = np.atleast_1d(np.asarray(ax, dtype=object)).ravel().tolist()
    if len(axes) != n_panels:
        raise ValueError(f"ax must be None or {n_panels} matplotlib Axes, one for each panel. Got {len(axes)} instead.")
    return axes


def colours_of(n: int) -> np.ndarray:
    """RGBA colours, (n, 4), one a component or state: matplotlib's ten, or as many hues as it takes."""
    import matplotlib

    if n <= 10:
        return matplotlib.colormaps["tab10"](np.arange(n))
    return matplotlib.colormaps["hsv"](np.arange(n) / n)


def literal(name: str) -> str:
    """A name that matplotlib does not take for a formula."""
    return name.replace("$", r"\$")
