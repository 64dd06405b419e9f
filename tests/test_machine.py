"""The memory and the processors that a process may use, read from a made-up /proc and /sys."""

import os
from pathlib import Path

import pytest

from rembg_skin.machine import Memory, cores, memory, processes

GB = 1_000_000_000
MEMINFO = f"MemTotal: {64 * GB // 1024} kB\nMemFree: 1 kB\nMemAvailable: {50 * GB // 1024} kB\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "proc/meminfo", MEMINFO)
    return tmp_path


def write(path: Path, text: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(text))


def group(folder: Path, limit: object, usage: int, cached: int, names: tuple[str, str, str]) -> None:
    for name, value in zip(names, (limit, usage, f"anon 5\n{names[2]} {cached}\n"), strict=True):
        write(folder / (name if "inactive" not in name else "memory.stat"), value)


V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
V2 = ("memory.max", "memory.current", "inactive_file")


def test_without_groups_it_is_the_machines(root: Path) -> None:
    assert memory(root) == Memory(64 * GB // 1024 * 1024, 50 * GB // 1024 * 1024)


def test_a_version_2_group_limits_it_and_its_cache_counts_as_free(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/user/job\n")
    group(root / "sys/fs/cgroup/user/job", 8 * GB, 5 * GB, 2 * GB, V2)
    assert memory(root) == Memory(8 * GB, 5 * GB)


def test_an_outer_group_limits_it_too(root: Path) -> None:
    write(root / "proc/self/cgroup", "0::/user/job\n")
    group(root / "sys/fs/cgroup/user", 4 * GB, 1 * GB, 0, V2)
    group(root / "sys/fs/cgroup/user/job", "max", 1 * GB, 0, V2)
    assert memory(root) == Memory(4 * GB, 3 * GB)


def test_a_version_1_group_limits_it_beside_an_empty_version_2(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:cpu,memory:/docker/abc\n1:cpu:/docker/abc\n0::/\n")
    group(root / "sys/fs/cgroup/memory/docker/abc", 6 * GB, 1 * GB, 0, V1)
    assert memory(root) == Memory(6 * GB, 5 * GB)


def test_inside_a_container_the_mount_itself_is_the_group(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/docker/of-the-host\n")
    group(root / "sys/fs/cgroup/memory", 2 * GB, 1 * GB, 0, V1)
    assert memory(root) == Memory(2 * GB, 1 * GB)


def test_version_1s_number_for_no_limit_changes_nothing(root: Path) -> None:
    write(root / "proc/self/cgroup", "4:memory:/\n")
    group(root / "sys/fs/cgroup/memory", 9223372036854771712, 10 * GB, 0, V1)
    assert memory(root) == Memory(64 * GB // 1024 * 1024, 50 * GB // 1024 * 1024)


def test_this_machine_says_something_sensible() -> None:
    found = memory()
    assert found is not None
    assert 0 < found.free <= found.total


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let 24 processors be visible, as in a container on a large machine."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(24)), raising=False)


@pytest.mark.usefixtures("many_cores")
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
    ],
)
def test_a_version_2_quota_limits_the_cores(root: Path, files: dict[str, str], expected: int) -> None:
    write(root / "proc/self/cgroup", "0::/user/job\n")
    (root / "sys/fs/cgroup/user/job").mkdir(parents=True)
    for name, text in files.items():
        write((root / "sys/fs/cgroup/user/job" / name).resolve(), text)
    assert cores(root) == expected


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(("quota", "expected"), [(400000, 4), (-1, 24), (50000, 1)])
def test_a_version_1_quota_limits_the_cores(root: Path, quota: int, expected: int) -> None:
    write(root / "proc/self/cgroup", "5:cpu,cpuacct:/docker/of-the-host\n4:memory:/\n")
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota)
    write(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", 100000)
    assert cores(root) == expected


@pytest.mark.usefixtures("many_cores")
def test_processes_follow_cores_memory_and_the_number_of_tasks(root: Path) -> None:
    assert processes(1000, GB, root) == 24
    assert processes(5, GB, root) == 5
    assert processes(0, GB, root) == 1
    assert processes(1000, 8 * GB, root) == 5  # of 50 GB that are free, 40 count
    assert processes(1000, 100 * GB, root) == 1
    write(root / "proc/self/cgroup", "0::/job\n")
    write(root / "sys/fs/cgroup/job/cpu.max", "200000 100000")
    assert processes(1000, GB, root) == 2
    group(root / "sys/fs/cgroup/job", 1 * GB, 0, 0, V2)
    assert processes(1000, GB // 2, root) == 1


def test_the_real_machine_has_a_core() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
