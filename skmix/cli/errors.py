"""What the user is told when something is wrong."""

from __future__ import annotations

import sys


class InputError(Exception):
    """Something that the user gave cannot be used; the message is one sentence for them."""


def say(kind: str, message: object) -> None:
    """One line on standard error."""
    print(f"skmix: {kind}: {' '.join(str(message).split())}", file=sys.stderr)
