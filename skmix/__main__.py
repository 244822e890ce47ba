"""``python -m skmix``: the command line."""

import sys

from skmix.cli import main

if __name__ == "__main__":
    sys.exit(main())
