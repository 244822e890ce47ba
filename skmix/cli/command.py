"""Arguments, and what becomes of an exception."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

import skmix
from skmix.cli import compare, demo, fit
from skmix.cli.errors import InputError, say
from skmix.estimators.criteria import CRITERIA
from skmix.solvers import SOLVERS

_FILE = "whose first line names the columns. Empty cells, NA and NaN are missing values."
COVARIANCES = ("full", "tied", "diag", "spherical")
BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 2, 130, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments, without the program's name. None takes those of the process.

    Returns
    -------
    status : int
        0 if all went well, 2 for bad input, 130 when interrupted.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # column names that the terminal cannot show
    try:
        status = _run(argv)
        sys.stdout.flush()
        return status
    except InputError as error:
        say("error", error)
        return BAD_INPUT
    except KeyboardInterrupt:
        say("error", "interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _run(argv: Sequence[str] | None) -> int:
    parser = make_parser()
    try:
        options = parser.parse_args(argv)
    except SystemExit as stop:  # --help and --version, which have printed
        return int(stop.code or 0)
    if options.run is None:
        parser.print_help(sys.stderr)
        return BAD_INPUT
    options.run(options)
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message} (see {self.prog} --help)")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    parser = _Parser(prog="skmix", description="Mixture models, with the optimiser as a parameter.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"skmix {skmix.__version__}")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="{demo,fit,compare}")
    _add_demo(commands)
    _add_fit(commands)
    _add_compare(commands)
    return parser


def _add_demo(commands: argparse._SubParsersAction) -> None:
    text = "Fit the Old Faithful data with every solver, print how each fared, and draw a picture."
    demo_ = commands.add_parser("demo", help="compare solvers on bundled data", description=text, allow_abbrev=False)
    demo_.add_argument(
        "--output", type=Path, default=Path("skmix-demo.png"), metavar="PATH", help="the picture [%(default)s]"
    )
    demo_.set_defaults(run=demo.run)


def _add_fit(commands: argparse._SubParsersAction) -> None:
    text = f"Fit a Gaussian mixture to the numeric columns of a CSV file {_FILE}"
    fit_ = commands.add_parser("fit", help="fit a mixture to a CSV file", description=text, allow_abbrev=False)
    add = fit_.add_argument
    _add_data(fit_)
    text = "number of components, or a range LEAST:MOST of which --criterion chooses one"
    add("--components", type=_components, required=True, metavar="K", help=text)
    text = f"of {', '.join(COVARIANCES)}, or several between commas of which --criterion chooses one [full]"
    add("--covariance", type=_covariances, default=["full"], metavar="TYPE", help=text)
    add("--criterion", choices=CRITERIA, help="what is least for the model that is chosen [bic]")
    add("--solver", choices=tuple(SOLVERS), default="auto", help="[%(default)s]")
    add("--starts", type=_integer(1), default=1, metavar="N", help="the best of N starts is kept [%(default)s]")
    add("--seed", type=_integer(0, 2**32 - 1), default=0, metavar="N", help="seed of the starts [%(default)s]")
    add("--tol", type=_tolerance, default=1e-6, help="stop when this gain, nats per row, remains [%(default)s]")
    add("--max-iter", type=_integer(1), default=500, metavar="N", help="most iterations [%(default)s]")
    add("--output", type=Path, metavar="PATH", help="write label and responsibilities of each row to this CSV file")
    add("--plot", type=Path, metavar="PATH", help="draw the first two numeric columns and the components")
    fit_.set_defaults(run=fit.run)


def _add_compare(commands: argparse._SubParsersAction) -> None:
    text = (
        f"Fit a Gaussian mixture by several solvers, from the same starts, to the numeric columns of a CSV file {_FILE}"
    )
    compare_ = commands.add_parser(
        "compare", help="compare solvers on a CSV file", description=text, allow_abbrev=False
    )
    add = compare_.add_argument
    _add_data(compare_)
    add("--components", type=_integer(1), required=True, metavar="K", help="number of components")
    add("--covariance", choices=COVARIANCES, default="full", help="[%(default)s]")
    names = ",".join(SOLVERS)
    add("--solvers", type=_solvers, default=names, metavar="NAME,...", help=f"of {names} [all]")
    add("--starts", type=_integer(1), default=5, metavar="N", help="starts of each solver [%(default)s]")
    add("--seed", type=_integer(0, 2**32 - 1), default=0, metavar="N", help="seed of the starts [%(default)s]")
    add(
        "--target",
        type=_target,
        default=1e-8,
        help="a start is solved this near, nats per row, to the best of all solvers [%(default)s]",
    )
    add("--max-iter", type=_integer(1), default=5000, metavar="N", help="most iterations of a run [%(default)s]")
    add("--output", type=Path, metavar="PATH", help="write a row for each solver and start to this CSV file")
    add("--plot", type=Path, metavar="PATH", help="draw gap against passes, and performance profiles")
    compare_.set_defaults(run=compare.run)


def _add_data(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("data", type=Path, metavar="DATA.csv", help="the data, comma-separated, UTF-8")


def _integer(least: int, most: int | None = None) -> Callable[[str], int]:
    """A converter for integers in a range."""
    wanted = f"an integer from {least} to {most}" if most is not None else f"an integer of at least {least}"

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least or (most is not None and value > most):
            raise argparse.ArgumentTypeError(f"must be {wanted}, got {text!r}")
        return value

    return convert


def _components(text: str) -> list[int]:
    """A number of components, or all of a range that includes its ends."""
    if ":" not in text:
        return [_integer(1)(text)]
    least, _, most = text.partition(":")
    try:
        numbers = list(range(int(least), int(most) + 1))
    except ValueError:
        numbers = []
    if not numbers or numbers[0] < 1:
        raise argparse.ArgumentTypeError(f"must be an integer, or a range such as 1:9, got {text!r}")
    return numbers


def _covariances(text: str) -> list[str]:
    return _names(text, COVARIANCES)


def _tolerance(text: str) -> float:
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of at least 0, got {text!r}")
    return value


def _target(text: str) -> float:
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number above 0, got {text!r}")
    return value


def _number(text: str) -> float:
    """The number that `text` spells; NaN if it does not."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _solvers(text: str) -> list[str]:
    return _names(text, tuple(SOLVERS))


def _names(text: str, known: Sequence[str]) -> list[str]:
    """Names between commas, each once."""
    names = list(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in known:
            raise argparse.ArgumentTypeError(f"invalid choice: {name!r} (choose from {', '.join(known)})")
    return names
