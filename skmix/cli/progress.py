"""One line on a terminal that tells how a long fit goes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import TextIO

from skmix.solvers.result import Trace, listening

DELAY = 1.0  # seconds before the first line: shorter fits show none
INTERVAL = 0.2  # seconds between two lines


class ProgressLine:
    """A listener that remembers the last iterate, and a line that is rewritten in place to show it.

    Parameters
    ----------
    stream : text stream
    n_starts : int, default=1
        Starts that the fit will make.
    noun : str, default="start"
        What one of them is called.
    waiting : str, default="seeking a start"
        What is said before the first iterate.
    clock : callable
        Returns seconds.
    """

    def __init__(
        self,
        stream: TextIO,
        n_starts: int = 1,
        noun: str = "start",
        waiting: str = "seeking a start",
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.stream, self.n_starts, self.noun, self.waiting, self.clock = stream, n_starts, noun, waiting, clock
        self._begin = clock()
        self._start = 0
        self._state: tuple[int, float, float] | None = None
        self._length = 0

    def __call__(self, trace: Trace) -> None:
        self._start += trace.n_iter == 0
        self._state = trace.n_iter, trace.n_passes[-1], trace.values[-1]

    def show(self) -> None:
        """Write the line anew."""
        if self._state is None:
            text = self.waiting
        else:
            n_iter, n_passes, objective = self._state
            start = f"{self.noun} {self._start} of {self.n_starts}, " if self.n_starts > 1 else ""
            text = f"{start}iteration {n_iter}, passes {n_passes:g}, objective {objective:.6f}"
        self._rewrite(f"{text}, {self.clock() - self._begin:.1f} s")

    def clear(self) -> None:
        """Leave the terminal's line as it was found."""
        if self._length:
            self._rewrite("")
            self.stream.write("\r")
            self.stream.flush()

    def _rewrite(self, text: str) -> None:
        text = text[: _width(self.stream) - 1]  # a line that wraps cannot be rewritten
        self.stream.write("\r" + text.ljust(self._length))
        self.stream.flush()
        self._length = len(text)


@contextmanager
def showing_progress(n_starts: int = 1, noun: str = "start", waiting: str = "seeking a start") -> Iterator[None]:
    """Within this block, fits of more than a second show their progress on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    line, stop = ProgressLine(sys.stderr, n_starts, noun, waiting), Event()

    def keep_showing() -> None:
        pause = DELAY
        while not stop.wait(pause):
            line.show()
            pause = INTERVAL

    # A thread, since the seconds should go on where a single pass, or finding the starts, takes long.
    writer = Thread(target=keep_showing, name="skmix-progress", daemon=True)
    writer.start()
    try:
        with listening(line):
            yield
    finally:
        stop.set()
        writer.join()
        line.clear()


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80  # 0 where the terminal does not know
    except (OSError, ValueError):
        return 80
