"""How much memory this process may use: the machine's, or its container's where that has less."""

import os
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Bytes in all, and bytes that are free now."""

    total: int
    free: int


def memory(root: Path = Path("/")) -> Memory | None:
    """Return the memory that this process may use, or None where the system does not say.

    Linux: the least of the machine's and every enclosing control group's (versions 1 and 2), below `root`. Elsewhere
    only the machine's total is known, and taken as free too.
    """
    machine = _meminfo(root / "proc/meminfo") or _system()
    if machine is None:
        return None
    groups = _groups(root)
    return Memory(
        min(machine.total, *(group.total for group in groups)) if groups else machine.total,
        min(machine.free, *(group.free for group in groups)) if groups else machine.free,
    )


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


def _groups(root: Path) -> list[Memory]:
    """Return the limits of the control groups that hold this process, innermost first."""
    found: list[Memory] = []
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, names = root / "sys/fs/cgroup", ("memory.max", "memory.current", "inactive_file")
        elif "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
        else:
            continue
        # Inside a container the path may be the host's; the mount itself then is the container's group.
        group = mount / path.strip("/")
        inside = (folder for folder in (group, *group.parents) if folder.is_relative_to(mount))
        found.extend(limit for folder in inside if (limit := _limit(folder, *names)))
    return found


def _limit(folder: Path, limit: str, usage: str, reclaimable: str) -> Memory | None:
    try:
        total = int((folder / limit).read_text())  # "max" where there is none
        used = int((folder / usage).read_text())
    except (OSError, ValueError):
        return None
    # Cached file contents make room when memory is asked for.
    cached = next(
        (int(line.split()[1]) for line in _lines(folder / "memory.stat") if line.split()[0] == reclaimable), 0
    )
    return Memory(total, max(total - used + cached, 0))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
