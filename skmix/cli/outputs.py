"""Files that appear whole or not at all."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from skmix.cli import pictures
from skmix.cli.errors import InputError


class Output:
    """A file to be written: a temporary one beside it, made at once, takes its place when the block ends well.

    Parameters
    ----------
    path : Path

    Raises
    ------
    InputError
        On entering, if there could be no such file.
    """

    def __init__(self, path: Path):
        self.path = path
        self._target = Path(os.path.realpath(path))  # a link stays a link
        self._temporary = self._target.with_name(f".skmix-{uuid4().hex}.tmp")

    def __enter__(self) -> Output:
        if self._target.exists():
            if not self._target.is_file():
                raise InputError(f"cannot write {self.path}: it is {_kind(self._target)}")
            if not os.access(self._target, os.W_OK):
                raise InputError(f"cannot write {self.path}: it is read-only")
        self._attempt(lambda temporary: temporary.open("x").close())
        return self

    def write(self, write: Callable[[Path], None]) -> None:
        """Call `write` with the path to write to."""
        self._attempt(write)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._attempt(self._replace)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _replace(self, temporary: Path) -> None:
        if self._target.exists():
            shutil.copymode(self._target, temporary)
        os.replace(temporary, self._target)

    def _attempt(self, action: Callable[[Path], None]) -> None:
        try:
            action(self._temporary)
        except OSError as error:
            raise InputError(f"cannot write {self.path}: {error.strerror or error}") from error


def _kind(path: Path) -> str:
    return "a directory" if path.is_dir() else "not a regular file"


def check_outputs(options: argparse.Namespace) -> None:
    """Refuse, before any work, a plot that cannot be drawn and a file that would be two things at once."""
    if options.plot:
        if not pictures.has_matplotlib():
            raise InputError(f"--plot needs matplotlib, install it by: {pictures.HOW_TO_INSTALL}")
        pictures.check_format(options.plot)
    paths = {"DATA.csv": options.data, "--output": options.output, "--plot": options.plot}
    seen: dict[str, str] = {}
    for name, path in paths.items():
        if path is not None and (other := seen.setdefault(os.path.realpath(path), name)) != name:
            raise InputError(f"{other} and {name} are the same file, {path}")


def say_written(options: argparse.Namespace) -> None:
    """Name the files that were written."""
    for written in filter(None, (options.output, options.plot)):
        print(f"wrote {written}")
