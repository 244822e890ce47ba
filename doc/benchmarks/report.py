"""Results as a table to read (Markdown) and as records to compute with (CSV), under one header."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

WIDTH = 100


@dataclass
class Table:
    """Rows of cells under a caption; `columns` gives the headings, cells may be numbers or text."""

    caption: str
    columns: Sequence[str]
    rows: list[Sequence[Any]]

    def render(self) -> str:
        """The table in Markdown, text to the left and numbers to the right."""
        cells = [[str(cell) for cell in row] for row in self.rows]
        right = [j > 0 and _is_numeric([row[j] for row in cells]) for j in range(len(self.columns))]
        widths = [max(3, *(len(row[j]) for row in [self.columns, *cells])) for j in range(len(self.columns))]
        rule = ["-" * (width - 1) + (":" if flush else "-") for width, flush in zip(widths, right, strict=True)]
        lines = [self._line(row, widths, right) for row in [self.columns, rule, *cells]]
        if len(lines[0]) > WIDTH:
            progress(f"The table {self.caption!r} is {len(lines[0])} columns wide, more than {WIDTH}.")
        return "\n".join([*textwrap.wrap(self.caption, WIDTH), "", *lines])

    @staticmethod
    def _line(row: Sequence[str], widths: list[int], right: list[bool]) -> str:
        aligned = (
            cell.rjust(width) if flush else cell.ljust(width)
            for cell, width, flush in zip(row, widths, right, strict=True)
        )
        return f"| {' | '.join(aligned)} |"


@dataclass
class Report:
    """What a benchmark found: tables, remarks, and one record (a dict) per measurement."""

    title: str
    tables: list[Table] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def markdown(self, header: dict[str, str]) -> str:
        """The whole report."""
        parts = [f"# {self.title}", "\n".join(_items(f"{key}: {value}" for key, value in header.items()))]
        parts += [table.render() for table in self.tables]
        parts += ["\n".join(_items(self.notes))] if self.notes else []
        return "\n\n".join(parts) + "\n"

    def write(self, folder: Path, name: str, header: dict[str, str]) -> None:
        """Write ``<name>.md`` and ``<name>.csv``; the header of the latter is in lines that begin with #."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(self.markdown(header), encoding="utf-8")
        names = list(dict.fromkeys(key for record in self.records for key in record))
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"# {key}: {value}\n" for key, value in header.items())
            writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: _plain(value) for key, value in record.items()} for record in self.records)


def progress(text: str) -> None:
    """Say on standard error what is being measured."""
    print(text, file=sys.stderr, flush=True)


def ms(seconds: float) -> str:
    """Milliseconds with three figures."""
    return figures(1000 * seconds)


def figures(value: float) -> str:
    """Three significant figures, without an exponent."""
    if not np.isfinite(value) or value == 0:
        return f"{value:g}"
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(abs(value)))))}f}"


def geometric_mean(values: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(values)))) if len(values) else float("nan")


def _items(lines: Iterable[str]) -> list[str]:
    return [textwrap.fill(line, WIDTH, initial_indent="- ", subsequent_indent="  ") for line in lines]


def _is_numeric(cells: list[str]) -> bool:
    """Whether a column holds numbers, some of which may be wanting."""
    given = [cell for cell in cells if cell not in ("", "–")]
    try:
        return bool([float(cell) for cell in given])
    except ValueError:
        return False


def _plain(value: Any) -> Any:
    return f"{value:.9g}" if isinstance(value, float) else value
