"""Reading a CSV file: numeric columns, missing cells, and errors that say where."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from skmix.cli.errors import InputError
from skmix.cli.report import counted

MISSING = frozenset({"", "na", "nan"})
_LONGEST_QUOTED = 40  # characters of a cell that an error repeats


class Table(NamedTuple):
    """The numeric columns of a file.

    Attributes
    ----------
    names : list of str
    data : ndarray of shape (n_rows, n_columns)
        NaN where a cell is missing.
    notes : list of str
        What the user should know about how the file was read.
    """

    names: list[str]
    data: np.ndarray
    notes: list[str]


def read_table(path: Path) -> Table:
    """Read the numeric columns of a comma-separated UTF-8 file whose first line names the columns.

    Empty cells, NA and NaN are missing values. A column without any number is left out. Blank lines are skipped; in a
    file of one column, where a blank line is an empty cell, only those at the end are.

    Parameters
    ----------
    path : Path

    Returns
    -------
    table : Table

    Raises
    ------
    InputError
        If the file cannot be read, naming line and column where there are such.
    """
    records = _records(_read_text(path), path)
    names = _header(records, path)
    columns = [_Column() for _ in names]
    n_rows = 0
    for line, cells in _rows(records, len(names)):
        if len(cells) != len(names):
            found, wanted = counted(len(cells), "cell"), counted(len(names), "column")
            raise InputError(f"{path}, line {line}: {found}, but the header has {wanted}{_separator_hint(names)}")
        for column, cell in zip(columns, cells, strict=True):
            column.append(cell, line)
        n_rows += 1
    if n_rows == 0:
        raise InputError(f"{path} has a header but no rows")
    return _assemble(path, names, columns)


class _Column:
    """The cells of one column, as numbers as far as they are."""

    def __init__(self):
        self.values = array("d")
        self.numeric = False
        self.unreadable: tuple[int, str] | None = None  # line and text of the first such cell

    def append(self, cell: str, line: int) -> None:
        value = _number(cell)
        if value is None:
            value = math.nan
            self.unreadable = self.unreadable or (line, cell)
        elif value == value:
            self.numeric = True
        self.values.append(value)


def _number(cell: str) -> float | None:
    """The value of a cell: NaN if missing, None if unreadable. Infinities are unreadable: no mixture has them."""
    try:
        value = float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in MISSING else None
    return None if math.isinf(value) or "_" in cell else value


def _read_text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line}: byte 0x{raw[error.start]:02x} is not UTF-8 text") from error


def _records(text: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Records and the lines on which they begin (a quoted cell may hold line breaks)."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            reason = "a quotation mark is never closed" if "end of data" in str(error) else str(error)
            raise InputError(f"{path}, line {line}: {reason}") from error
        yield line, cells


def _header(records: Iterator[tuple[int, list[str]]], path: Path) -> list[str]:
    """Names of the columns; the empty string for a column without one."""
    line, cells = next((record for record in records if not _blank(record[1])), (0, []))
    if not cells:
        raise InputError(f"{path} is empty: a line with the names of the columns is needed")
    names = [" ".join(cell.split()) for cell in cells]
    for position, name in enumerate(names):
        if name and name in names[:position]:
            raise InputError(f"{path}, line {line}: two columns are named {name!r}")
    return names


def _rows(records: Iterator[tuple[int, list[str]]], width: int) -> Iterator[tuple[int, list[str]]]:
    """Records without blank lines, except those that are the empty cells of a file of one column."""
    blank: list[int] = []
    for line, cells in records:
        if not cells or (width > 1 and _blank(cells)):
            blank.append(line)
            continue
        if width == 1:
            yield from ((empty, [""]) for empty in blank)
        blank.clear()
        yield line, cells


def _blank(cells: list[str]) -> bool:
    """Whether these are the cells of a line without anything on it."""
    return len(cells) < 2 and not "".join(cells).strip()


def _assemble(path: Path, names: list[str], columns: list[_Column]) -> Table:
    """The numeric columns as an array, and notes on the others."""
    notes, kept = [], []
    if all(name and _number(name) is not None for name in names):
        notes.append(f"the names of all columns are numbers: {path} is read as if its first line were a header")
    for position, (name, column) in enumerate(zip(names, columns, strict=True)):
        if not name:
            notes.append(f"column {position + 1} has no name and is left out")
        elif column.numeric:
            kept.append(position)
        else:
            notes.append(f"column {name!r} {'holds text' if column.unreadable else 'is empty'} and is left out")
    _refuse_unreadable(path, {names[i]: columns[i].unreadable for i in kept})
    if not kept:
        raise InputError(f"{path} has no numeric column{_separator_hint(names)}")
    data = np.column_stack([np.frombuffer(columns[i].values, dtype=np.float64) for i in kept])
    return Table([names[i] for i in kept], data, notes)


def _refuse_unreadable(path: Path, unreadable: dict[str, tuple[int, str] | None]) -> None:
    """Name the first cell of a numeric column that is no number."""
    found = [(*where, name) for name, where in unreadable.items() if where is not None]
    if found:
        line, cell, name = min(found, key=lambda one: one[0])
        raise InputError(f"{path}, line {line}, column {name!r}: cannot read {_quoted(cell)} as a finite number")


def _quoted(cell: str) -> str:
    return repr(cell if len(cell) <= _LONGEST_QUOTED else cell[: _LONGEST_QUOTED - 3] + "...")


def _separator_hint(names: list[str]) -> str:
    """Said where the file looks as if it were separated by something other than commas."""
    found = next((mark for mark in (";", "\t", "|") if len(names) == 1 and mark in names[0]), None)
    return "" if found is None else f" (is it separated by {found!r}? Commas are expected)"
