"""Benchmarks of skmix against its rivals: ``python doc/benchmarks/run.py passes`` (see README.md here)."""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from machine import facts
from sklearn.exceptions import ConvergenceWarning
from suites import PARALLEL, SUITES

HERE = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmarks that are named, print their tables and write them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=[*SUITES, "all"], metavar="NAME", help=f"{', '.join(SUITES)}, all")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it runs; not written by default")
    parser.add_argument("--results", type=Path, metavar="DIR", help=f"where to write (default: {HERE / 'results'})")
    parser.add_argument("--jobs", type=int, default=-1, help=f"processes of {', '.join(PARALLEL)} (default: all cores)")
    options = parser.parse_args(arguments)
    folder = options.results or (None if options.quick else HERE / "results")
    names = list(SUITES) if "all" in options.names else options.names

    warnings.simplefilter("ignore", ConvergenceWarning)  # fits are cut short on purpose
    header = facts()
    if options.quick:
        header["quick"] = "small sizes, to see that it runs: times mean nothing"
    for name in names:
        report = SUITES[name](options.quick, **({"jobs": options.jobs} if name in PARALLEL else {}))
        print(report.markdown(header), flush=True)
        if folder is not None:
            report.write(folder, name, header)
            print(f"Written to {folder / name}.md and .csv", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
