"""Tables and paragraphs of text, at most 80 columns wide."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np

WIDTH = 80
_GAP = "  "
_LONGEST_NAME = 32


def blocks(first: Sequence[str], columns: Sequence[Sequence[str]], width: int = WIDTH) -> list[str]:
    """Lines of a table. Where it is too wide, the columns that remain go into further blocks below.

    Parameters
    ----------
    first : sequence of str
        The column that begins every block, its heading included.
    columns : sequence of sequence of str
        The others, right-aligned.
    width : int, default=80
        Most characters of a line.

    Returns
    -------
    lines : list of str
        Blocks have an empty line between them.
    """
    lines: list[str] = []
    begin = _aligned(first, left=True)
    current, filled = list(begin), False
    for column in columns:
        cells = _aligned([shortened(column[0]), *column[1:]])
        if filled and len(current[0]) + len(_GAP) + len(cells[0]) > width:
            lines += [*current, ""]
            current = list(begin)
        current = [line + _GAP + cell for line, cell in zip(current, cells, strict=True)]
        filled = True
    return lines + current


def hanging(text: str, label: str, indent: int, width: int = WIDTH) -> list[str]:
    """`text` beside `label`, wrapped, each line beginning `indent` characters in."""
    wrapped = textwrap.wrap(text, width - indent) or [""]
    return [label.ljust(indent) + wrapped[0], *(" " * indent + line for line in wrapped[1:])]


def counted(number: int, noun: str) -> str:
    """``3 rows``, ``1 row``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def shortened(name: str) -> str:
    """A name that leaves room for others; long ones tend to differ at their ends, so the middle goes."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:16]}...{name[16 + 3 - _LONGEST_NAME :]}"


def decimals(values: np.ndarray) -> list[str]:
    """Numbers with their points below one another and six digits for the largest."""
    largest = float(np.max(np.abs(values)))
    magnitude = math.floor(math.log10(largest)) if largest > 0 else 0
    layout = f".{5 - magnitude}f" if -4 <= magnitude <= 5 else ".5e"
    return [f"{value:{layout}}" for value in values]


def _aligned(cells: Sequence[str], left: bool = False) -> list[str]:
    longest = max(map(len, cells))
    return [cell.ljust(longest) if left else cell.rjust(longest) for cell in cells]
