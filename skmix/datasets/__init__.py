"""Small real data sets with loaders in the manner of :mod:`sklearn.datasets`."""

from __future__ import annotations

from importlib import resources

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_earthquakes", "load_old_faithful"]

_EARTHQUAKES = """\
Major earthquakes in the world, 1900 to 2006
--------------------------------------------
107 rows, one a year, in order; no missing values; facts published by the U.S. Geological Survey, in the public domain.

    year    calendar year
    count   number of earthquakes of magnitude 7 or greater in that year

Counts vary more than a Poisson distribution's (mean 19.36, variance 51.57), and years with many follow each other: a
Poisson hidden Markov model with two or three states explains both. The selection is that of Zucchini and MacDonald.

References
    Zucchini, W. and MacDonald, I. L. (2009). Hidden Markov Models for Time Series: An Introduction Using R. Chapman &
    Hall/CRC. doi:10.1201/9781420010893
"""

_OLD_FAITHFUL = """\
Eruptions of the Old Faithful geyser, Yellowstone National Park, Wyoming, USA
-----------------------------------------------------------------------------
272 rows, one an eruption, in the order in which they were observed; no missing values; in the public domain.

    eruptions   duration of the eruption, in minutes
    waiting     time until the next eruption, in minutes

Short eruptions are followed by short waits, long ones by long waits: two groups, the larger a little skewed. The
observations are those of Azzalini and Bowman, in the selection of Härdle (R's data set `faithful`).

References
    Azzalini, A. and Bowman, A. W. (1990). A look at some data on the Old Faithful geyser. Applied Statistics 39,
    357-365. doi:10.2307/2347385
    Härdle, W. (1991). Smoothing Techniques with Implementation in S. Springer. doi:10.1007/978-1-4612-4432-5
"""


def _read(name: str) -> tuple[list[str], np.ndarray]:
    """Column names and rows of a data file."""
    source = resources.files("skmix.datasets") / "data" / name
    with source.open(encoding="utf-8") as lines:
        names = [column.strip('"') for column in next(lines).strip().split(",")]
        return names, np.loadtxt(lines, delimiter=",")


def load_earthquakes(*, as_frame: bool = False) -> Bunch:
    """Load the numbers of major earthquakes a year, 1900 to 2006: one sequence of 107 rows, 1 feature.

    Parameters
    ----------
    as_frame : bool, default=False
        Give `data` as a pandas DataFrame, indexed by year. Needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (107, 1), or DataFrame where `as_frame` is True
            Numbers of earthquakes of magnitude 7 or greater, a row a year.
        year : ndarray of shape (107,)
            The calendar years, whole numbers.
        feature_names : list of str
            ``["count"]``.
        frame : DataFrame or None
            The same as `data` where `as_frame` is True.
        DESCR : str
            What the data are and where they come from.

    References
    ----------
    Zucchini, W. and MacDonald, I. L. (2009). Hidden Markov Models for Time Series: An Introduction Using R. Chapman &
    Hall/CRC. doi:10.1201/9781420010893

    Examples
    --------
    >>> from skmix.datasets import load_earthquakes
    >>> earthquakes = load_earthquakes()
    >>> earthquakes.data.shape
    (107, 1)
    >>> int(earthquakes.year[0]), int(earthquakes.year[-1])
    (1900, 2006)
    """
    (_, *feature_names), table = _read("earthquakes.csv")
    year, data = table[:, 0].astype(int), table[:, 1:].copy()
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(data, columns=feature_names, index=pd.Index(year, name="year"))
    return Bunch(
        data=data if frame is None else frame, year=year, feature_names=feature_names, frame=frame, DESCR=_EARTHQUAKES
    )


def load_old_faithful(*, as_frame: bool = False) -> Bunch:
    """Load the eruptions of the Old Faithful geyser: 272 rows, 2 features.

    Parameters
    ----------
    as_frame : bool, default=False
        Give `data` as a pandas DataFrame. Needs pandas.

    Returns
    -------
    data : :class:`~sklearn.utils.Bunch`
        With the attributes

        data : ndarray of shape (272, 2), or DataFrame where `as_frame` is True
            Durations of eruptions and the waits that followed them, in minutes.
        feature_names : list of str
            ``["eruptions", "waiting"]``.
        frame : DataFrame or None
            The same as `data` where `as_frame` is True.
        DESCR : str
            What the data are and where they come from.

    References
    ----------
    Azzalini, A. and Bowman, A. W. (1990). A look at some data on the Old Faithful geyser. Applied Statistics 39,
    357–365. doi:10.2307/2347385

    Examples
    --------
    >>> from skmix.datasets import load_old_faithful
    >>> faithful = load_old_faithful()
    >>> faithful.data.shape
    (272, 2)
    >>> faithful.feature_names
    ['eruptions', 'waiting']
    """
    feature_names, data = _read("old_faithful.csv")
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(data, columns=feature_names)
    return Bunch(data=data if frame is None else frame, feature_names=feature_names, frame=frame, DESCR=_OLD_FAITHFUL)
