import io
import os
import sys
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from skmix import GaussianMixture
from skmix.cli import main, progress
from skmix.cli.progress import ProgressLine, showing_progress
from skmix.datasets import load_old_faithful


def trace(n_iter, value):
    return SimpleNamespace(n_iter=n_iter, n_passes=[float(n_iter + 1)], values=[value])


def test_line():
    seconds = iter([10.0, 11.25, 12.0, 12.5])
    stream = io.StringIO()
    line = ProgressLine(stream, clock=lambda: next(seconds))
    line.show()
    line(trace(0, -2.0))
    line(trace(1, -1.5))
    line.show()
    line(trace(99, -1.0))
    line.show()
    line.clear()
    texts = [
        "seeking a start, 1.2 s",
        "iteration 1, passes 2, objective -1.500000, 2.0 s",
        "iteration 99, passes 100, objective -1.000000, 2.5 s",
    ]
    assert stream.getvalue() == "".join("\r" + text for text in texts) + "\r" + " " * len(texts[-1]) + "\r"


def test_shorter_text_covers_the_longer():
    stream = io.StringIO()
    line = ProgressLine(stream, 12, clock=lambda: 0.0)
    line(trace(0, -1e9))
    line.show()
    line(trace(0, -1.0))
    line.show()
    before, after = stream.getvalue().split("\r")[1:]
    assert before == "start 1 of 12, iteration 0, passes 1, objective -1000000000.000000, 0.0 s"
    assert after == "start 2 of 12, iteration 0, passes 1, objective -1.000000, 0.0 s".ljust(len(before))


def test_nothing_unless_a_terminal(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with showing_progress():
        GaussianMixture(2, random_state=0).fit(load_old_faithful().data)
    assert sys.stderr.getvalue() == ""


@contextmanager
def terminal(monkeypatch):
    """Standard error on a pseudo-terminal; gives a function that returns what was written there."""
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)

        def written():
            stream.write("END")
            stream.flush()
            text = b""
            while not text.endswith(b"END"):
                text += os.read(ours, 4096)
            return text.decode().removesuffix("END")

        yield written
    os.close(ours)


def test_terminal(monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0.01)
    monkeypatch.setattr(progress, "INTERVAL", 0.01)
    with terminal(monkeypatch) as written:
        with showing_progress():
            mixture = GaussianMixture(2, random_state=0).fit(load_old_faithful().data)
            time.sleep(0.2)  # the line goes on while a pass lasts
        text = written()
    assert f"\riteration {mixture.n_iter_}, passes {mixture.n_passes_:g}, objective -4.155388, " in text
    assert text.startswith("\r")
    assert text.endswith(" \r")
    assert "\n" not in text


def test_short_fits_are_quiet(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 60.0)
    path = tmp_path / "d.csv"
    path.write_text("a\n1\n2\n3\n9\n")
    begin = time.perf_counter()
    with terminal(monkeypatch) as written:
        assert main(["fit", str(path), "--components", "1"]) == 0
        assert written() == ""
    assert time.perf_counter() - begin < 30  # the end of the fit ends the wait
