"""The memory and the processors that a process may use, read from a made-up /proc and /sys."""

import os
from pathlib import Path

import pytest

from rembg_skin.machine import Memory, cores, memory, processes

GB = 1_000_000_000
MACHINE = Memory(64 * GB // 1024 * 1024, 50 * GB // 1024 * 1024)
UNLIMITED = 9223372036854771712  # version 1's number for no limit


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a machine of 64 GB with 24 visible processors, as in a container on a large one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(24)), raising=False)
    kibibytes = f"MemTotal: {64 * GB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {50 * GB // 1024} kB\n"
    write(tmp_path / "proc/meminfo", kibibytes)
    return tmp_path


def write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(text))


def group(folder: Path, limit: object, usage: int, cached: int = 0, version: int = 2) -> None:
    names = ("limit_in_bytes", "usage_in_bytes", "total_") if version == 1 else ("max", "current", "")
    write(folder / f"memory.{names[0]}", limit)
    write(folder / f"memory.{names[1]}", usage)
    write(folder / "memory.stat", f"anon 5\n{names[2]}inactive_file {cached}\n")


@pytest.mark.parametrize(
    ("groups", "files", "expected"),
    [
        ("", {}, MACHINE),
        # Its cache counts as free.
        ("0::/user/job\n", {"user/job": (8 * GB, 5 * GB, 2 * GB)}, Memory(8 * GB, 5 * GB)),
        # An outer group limits it too.
        ("0::/user/job\n", {"user": (4 * GB, GB), "user/job": ("max", GB)}, Memory(4 * GB, 3 * GB)),
        # Version 1, beside an empty version 2.
        (
            "4:cpu,memory:/docker/abc\n1:cpu:/docker/abc\n0::/\n",
            {"memory/docker/abc": (6 * GB, GB, 0, 1)},
            Memory(6 * GB, 5 * GB),
        ),
        # Inside a container the mount itself is the group.
        ("4:memory:/docker/of-the-host\n", {"memory": (2 * GB, GB, 0, 1)}, Memory(2 * GB, GB)),
        ("4:memory:/\n", {"memory": (UNLIMITED, 10 * GB, 0, 1)}, MACHINE),
    ],
)
def test_every_group_limits_the_memory(
    root: Path, groups: str, files: dict[str, tuple[int, ...]], expected: Memory
) -> None:
    write(root / "proc/self/cgroup", groups)
    for folder, numbers in files.items():
        group(root / "sys/fs/cgroup" / folder, *numbers)
    assert memory(root) == expected


def test_this_machine_says_something_sensible() -> None:
    found = memory()
    assert found is not None
    assert 0 < found.free <= found.total
    assert 1 <= cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 24),
        ({"cpu.max": "max 100000"}, 24),
        ({"cpu.max": "200000 100000"}, 2),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"cpu.max": "9900000 100000"}, 24),
        ({"../cpu.max": "300000 100000", "cpu.max": "800000 100000"}, 3),
        ({"cpu.max": "nonsense"}, 24),
        ({"cpu.max": ""}, 24),
        # Version 1, in a container.
        *(
            ({"../../cpu/cpu.cfs_quota_us": quota, "../../cpu/cpu.cfs_period_us": 100000}, expected)
            for quota, expected in ((400000, 4), (-1, 24), (50000, 1))
        ),
    ],
)
def test_every_quota_limits_the_cores(root: Path, files: dict[str, object], expected: int) -> None:
    write(root / "proc/self/cgroup", "5:cpu,cpuacct:/docker/of-the-host\n4:memory:/\n0::/user/job\n")
    folder = root / "sys/fs/cgroup/user/job"
    folder.mkdir(parents=True)
    for name, text in files.items():
        write((folder / name).resolve(), text)
    assert cores(root) == expected


def test_processes_follow_cores_memory_and_the_number_of_tasks(root: Path) -> None:
    assert processes(1000, GB, root) == 24
    assert processes(5, GB, root) == 5
    assert processes(0, GB, root) == 1
    assert processes(1000, 8 * GB, root) == 5  # of 50 GB that are free, 40 count
    assert processes(1000, 100 * GB, root) == 1
    write(root / "proc/self/cgroup", "0::/job\n")
    write(root / "sys/fs/cgroup/job/cpu.max", "200000 100000")
    assert processes(1000, GB, root) == 2
    group(root / "sys/fs/cgroup/job", GB, 0)
    assert processes(1000, GB // 2, root) == 1
