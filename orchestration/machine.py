"""How much of the machine DuckDB may use while the models run: COACHING_MEMORY and COACHING_THREADS, else measured.

What does not fit goes to a temporary folder beside the warehouse (DuckDB's guide "Tuning Workloads", larger than
memory).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from study.strict_yaml import ConfigError

MEMORY, THREADS = "COACHING_MEMORY", "COACHING_THREADS"
FLOOR = 2  # GB; with less the models of a few thousand people already write to the temporary folder
GIB = 2**30
MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def memory_limit() -> str:
    """COACHING_MEMORY, as DuckDB reads it; else half of what is free, rounded down to a power of two and not below 2GB.

    A power of two: dbt parses the whole project anew when a setting changes. Raises ConfigError.
    """
    asked = os.environ.get(MEMORY, "")
    if asked:
        found = re.fullmatch(r"(\d+)GB", asked)
        if not found or int(found[1]) < 1:
            raise ConfigError(f"{MEMORY}={asked}: write whole gigabytes, as 8GB")
        return asked
    return f"{max(FLOOR, 2 ** (max(int(min(_free(), default=0) / GIB / 2), 1).bit_length() - 1))}GB"


def threads() -> int:
    """COACHING_THREADS, else the processors that this process may use. Raises ConfigError."""
    asked = os.environ.get(THREADS, "")
    if not asked:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not re.fullmatch(r"[1-9]\d{0,2}", asked):
        raise ConfigError(f"{THREADS}={asked}: write a whole number from 1 on")
    return int(asked)


def check() -> None:
    """Raises ConfigError where the environment asks for what cannot be."""
    memory_limit(), threads()


def _free() -> Iterator[int]:
    """What the machine and the container this runs in have left, in bytes, as far as they say."""
    if MEMINFO.exists():
        available = re.search(r"^MemAvailable:\s+(\d+) kB$", MEMINFO.read_text(encoding="utf-8"), re.M)
        if available:
            yield int(available[1]) * 1024
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        yield int((CGROUP / "memory.max").read_text()) - int((CGROUP / "memory.current").read_text())
    if not MEMINFO.exists():
        yield os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
