"""Small real data sets with loaders in the manner of :mod:`sklearn.datasets`."""

from __future__ import annotations

from importlib import resources

import numpy as np
from sklearn.utils import Bunch

__all__ = ["load_old_faithful"]

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
    source = resources.files("skmix.datasets") / "data" / "old_faithful.csv"
    with source.open(encoding="utf-8") as lines:
        feature_names = [name.strip('"') for name in next(lines).strip().split(",")]
        data = np.loadtxt(lines, delimiter=",")
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(data, columns=feature_names)
    return Bunch(data=data if frame is None else frame, feature_names=feature_names, frame=frame, DESCR=_OLD_FAITHFUL)
