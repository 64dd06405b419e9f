"""Find the memory and the processors that this process may use, within the limits of its container."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_KIB = 1024
_SPARE = 0.8  # of the free memory: the rest is for what else runs, and for photographs larger than most
# Of a control group, by its version: limit, use, and the part of the use that is freed on demand.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


class Memory(NamedTuple):
    """Bytes in all, and bytes that are free now."""

    total: int
    free: int


def memory(root: Path = Path("/")) -> Memory | None:
    """Return the memory that this process may use, or None if it is not known.

    Linux: the least of the machine's and every enclosing control group's (versions 1 and 2), below `root`. Elsewhere
    only the machine's total is known, and taken as free too.
    """
    machine = _meminfo(root / "proc/meminfo") or _system()
    if machine is None:
        return None
    groups = (_limit(folder, *_FILES[version]) for folder, version in _groups(root, "memory"))
    return Memory(*map(min, zip(machine, *filter(None, groups), strict=True)))


def cores(root: Path = Path("/")) -> int:
    """Return how many processors this process may keep busy, at least 1.

    They are those it may run on and, on Linux, at most the quota of every enclosing control group (versions 1 and 2),
    below `root`; a part of a processor counts as one.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(folder, version) for folder, version in _groups(root, "cpu"))
    return max(1, min([usable, *map(math.ceil, filter(None, quotas))]))


def processes(tasks: int, needed: int, root: Path = Path("/")) -> int:
    """Return how many processes to start: at most one a core, one a task, and what fits into the free memory.

    One process needs `needed` bytes; ``/proc`` and ``/sys`` are below `root`.
    """
    found = memory(root)
    room = tasks if found is None else int(_SPARE * found.free) // needed
    return max(1, min(cores(root), tasks, room))


def _meminfo(path: Path) -> Memory | None:
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        total, free = (int(lines[key].split()[0]) * _KIB for key in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        return None
    return Memory(total, free)


def _system() -> Memory | None:
    if os.name != "nt":
        try:
            total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, OSError, ValueError):
            return None
        return Memory(total, total)
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("dwLength", ctypes.c_ulong),
            ("dwMemoryLoad", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "f1", "f2", "f3", "f4", "f5")),
        )

    status = Status(dwLength=ctypes.sizeof(Status))
    found = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # type: ignore[attr-defined]
    return Memory(status.total, status.free) if found else None


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the control groups that hold this process and may limit `controller`, with their version, innermost first.

    Inside a container the path may be the host's; the mount itself then is the container's group.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        mount = root / "sys/fs/cgroup" / (controller if controllers else "")
        group = mount / path.strip("/")
        for folder in (group, *group.parents):
            if folder.is_relative_to(mount):
                yield folder, 1 if controllers else 2


def _quota(folder: Path, version: int) -> float | None:
    """Return how many processors a group may keep busy; None if it has no limit."""
    files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if version == 1 else ("cpu.max",)
    given, period = _numbers(folder, *files) or (-1, 1)  # version 1: -1 if there is none
    return given / period if given > 0 and period > 0 else None


def _limit(folder: Path, limit: str, usage: str, reclaimable: str) -> Memory | None:
    numbers = _numbers(folder, limit, usage)
    if numbers is None:
        return None
    total, used = numbers
    cached = dict(line.split()[:2] for line in _lines(folder / "memory.stat")).get(reclaimable, 0)
    return Memory(total, max(total - used + int(cached), 0))


def _numbers(folder: Path, *names: str) -> tuple[int, int] | None:
    """Return the two numbers in these files; None if they hold others, or "max" because there is no limit."""
    try:
        first, second = (int(word) for name in names for word in (folder / name).read_text().split())
    except (OSError, ValueError):
        return None
    return first, second


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
