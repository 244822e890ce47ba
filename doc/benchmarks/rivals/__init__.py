"""The rivals, by name; a new one is one file and one line here."""

from __future__ import annotations

from rivals.sklearn_ import Sklearn
from rivals.skmix_ import Skmix

RIVALS = {rival.name: rival for rival in (Skmix(), Sklearn())}
