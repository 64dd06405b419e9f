"""Find the memory and the processors that this process may use, within the limits of its container."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024
_SPARE = 0.8  # of the free memory: the rest is for what else runs, and for photographs larger than most


@dataclass(frozen=True)
class Memory:
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
    groups = [limit for folder, version in _groups(root, "memory") if (limit := _limit(folder, *_FILES[version]))]
    found = [machine, *groups]
    return Memory(min(limit.total for limit in found), min(limit.free for limit in found))


def cores(root: Path = Path("/")) -> int:
    """Return how many processors this process may keep busy, at least 1.

    They are those it may run on and, on Linux, at most the quota of every enclosing control group (versions 1 and 2),
    below `root`; a part of a processor counts as one.
    """
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = [quota for folder, version in _groups(root, "cpu") if (quota := _quota(folder, version))]
    return max(1, min([usable, *map(math.ceil, quotas)]))


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
    if os.name == "nt":
        return _windows()
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
    return Memory(total, total)


def _windows() -> Memory | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("dwLength", ctypes.c_ulong),
            ("dwMemoryLoad", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "f1", "f2", "f3", "f4", "f5")),
        )

    status = Status(dwLength=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined]
        return None
    return Memory(status.total, status.free)


def _groups(root: Path, controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the control groups that hold this process and may limit `controller`, with their version, innermost first.

    Inside a container the path may be the host's; the mount itself then is the container's group.
    """
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, version = root / "sys/fs/cgroup", 2
        elif controller in controllers.split(","):
            mount, version = root / "sys/fs/cgroup" / controller, 1
        else:
            continue
        group = mount / path.strip("/")
        yield from ((folder, version) for folder in (group, *group.parents) if folder.is_relative_to(mount))


def _quota(folder: Path, version: int) -> float | None:
    """Return how many processors a group may keep busy; None if it has no limit."""
    try:
        if version == 1:
            given, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        else:
            given, period = map(int, (folder / "cpu.max").read_text().split())  # "max 100000" if there is none
    except (OSError, ValueError):
        return None
    return given / period if given > 0 and period > 0 else None  # version 1: -1 if there is none


# Limit, use, and the part of the use that is freed on demand.
_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def _limit(folder: Path, limit: str, usage: str, reclaimable: str) -> Memory | None:
    try:
        total = int((folder / limit).read_text())  # "max" if there is none
        used = int((folder / usage).read_text())
    except (OSError, ValueError):
        return None
    cached = next(
        (int(line.split()[1]) for line in _lines(folder / "memory.stat") if line.split()[0] == reclaimable), 0
    )
    return Memory(total, max(total - used + cached, 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
