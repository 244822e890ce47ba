"""``python -m skmix``: the command line."""

import sys

from skmix.cli import main

sys.exit(main())
