"""Axes to draw on."""

from __future__ import annotations

from typing import Any


def axes_of(ax: Any, caller: str) -> Any:
    """`ax`, or new axes where it is None.

    Raises
    ------
    ImportError
        If matplotlib is missing, saying how to install it.
    """
    if ax is not None:
        return ax
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(f'{caller} needs matplotlib, install it by: pip install "skmix[plot]"') from error
    return plt.subplots()[1]
