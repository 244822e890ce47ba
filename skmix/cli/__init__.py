"""The command ``skmix``."""

from skmix.cli.command import main

__all__ = ["main"]
