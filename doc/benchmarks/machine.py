"""What a timing depends on: machine, system and library versions."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import sleep

import numpy as np
import scipy
import sklearn
from threadpoolctl import threadpool_info

import skmix
from skmix.likelihood.threads import available_threads

_STAT = Path("/proc/stat")


def facts() -> dict[str, str]:
    """Machine, date, system, versions and threads, as they are now."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GB of memory",
        "date": f"{date.today()}{_business()}",
        "system": f"{_system()}, {platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "versions": f"skmix {skmix.__version__}{_commit()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"scikit-learn {sklearn.__version__}{_optional('hmmlearn')}",
        "libraries": "; ".join(_pools()),
        "threads": f"{available_threads()} for skmix; OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}",
    }


def _optional(package: str) -> str:
    """A rival that not every suite needs."""
    try:
        return f", {package} {version(package)}"
    except PackageNotFoundError:
        return ""


def _business() -> str:
    """How busy the processors are while this process sleeps: times are worth little where others are at work."""
    if not _STAT.exists():
        return ""
    before = _jiffies()
    sleep(1.0)
    used, total = _jiffies() - before
    share = used / max(total, 1)
    warning = "; OTHERS WERE AT WORK, times are not to be trusted" if share > 0.1 else ""
    return f"; processors {share:.0%} busy before the start{warning}"


def _jiffies() -> np.ndarray:
    """Time of all processors since boot: used, and in total."""
    times = np.array(_STAT.read_text().split("\n", 1)[0].split()[1:9], dtype=float)
    idle = times[3] + times[4]
    return np.array([times.sum() - idle, times.sum()])


def _processor() -> str:
    """The processor's model, with a word on its vector instructions, since names of virtual machines say little."""
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    fields = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line)
    fields = {key.strip(): value.strip() for key, value in fields.items()}
    model = fields.get("model name", platform.machine())
    family = f"family {fields['cpu family']} model {fields['model']}" if "cpu family" in fields else ""
    vector = next((name for name in ("avx512f", "avx2", "avx") if name in fields.get("flags", "").split()), "")
    return " ".join(part for part in (model, f"({family}, {vector})" if family else "") if part)


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _pools() -> list[str]:
    """BLAS and OpenMP libraries with their threads, and the package that brought each of them."""
    lines = []
    for pool in threadpool_info():
        owner = Path(pool["filepath"]).parent.name.removesuffix(".libs")
        parts = [pool["internal_api"], pool["version"] or "", pool.get("architecture") or "", f"({owner})"]
        lines.append(" ".join(part for part in parts if part) + f" {pool['num_threads']} threads")
    return lines


def _commit() -> str:
    """Commit of the source tree, with a + where it has been edited since; empty outside a repository."""
    here = Path(skmix.__file__).parent
    try:
        git = ["git", "-C", str(here)]
        commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        edited = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f" ({commit.stdout.strip()}{'+' if edited.stdout.strip() else ''})"
