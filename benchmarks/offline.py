"""What a missing network costs `rembg i -m skin`, a model named outright, and `rembg-skin download skin`.

Both sides in one run, in new model folders: REMBG_SKIN_OFFLINE, which asks nobody, beside a host that refuses, a host
that takes connections and stays silent, a network without any way out, and one that loses every packet. Only addresses
of loopback, or of a network namespace of its own (Linux, as root), are asked. Run it with
`python -m benchmarks.offline [rounds]`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.timing import machine
from tests.support.silence import listening

SCRIPTS = Path(sys.executable).parent
PHOTO = Path(__file__).resolve().parents[1] / "docs" / "portrait.jpg"
# Networks of their own: without any way out, and with a way on which every packet is lost, questions for names too.
NO_WAY = ["unshare", "--net"]
LOSE_ALL = (
    "ip link add v0 type veth peer name v1; ip link set v1 up; ip addr add 10.9.9.1/24 dev v0; ip link set v0 up;"
    ' ip route add default dev v0; exec "$@"'
)
LOSES_ALL = [*NO_WAY, "sh", "-ec", LOSE_ALL, "sh"]
WAITING = ("silent", "packets lost")  # something may answer yet
Side = Callable[[Path], tuple[float, float]]
CHAIN = "u2netp_skin,tiny_skin,ycbcr_hsv_skin"  # only the first one is asked of a host


# The decision alone: what `skin` or a named model takes until it knows that a file is unavailable, imports included.
DECISION = """
import sys, time
import rembg.sessions
from rembg_skin.catalog import FILES
from rembg_skin.errors import WeightsError
begin, busy = time.perf_counter(), time.process_time()
from rembg_skin import weights
try:
    getattr(weights, sys.argv[1])(FILES["u2netp_skin"])
except WeightsError:
    print(time.perf_counter() - begin, time.process_time() - busy)
"""


def environment_of(home: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return this environment without proxies, with a model folder and `variables`."""
    inherited = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return {**inherited, "U2NET_HOME": str(home / "models"), "REMBG_SKIN_AUTO": CHAIN, **variables}


def decided(function: str, variables: Mapping[str, str], prefix: Sequence[str], home: Path) -> tuple[float, float]:
    """Return the seconds and the processor seconds that `function` of `rembg_skin.weights` takes in a new process."""
    command = [*prefix, sys.executable, "-c", DECISION, function]
    done = subprocess.run(command, env=environment_of(home, variables), capture_output=True, text=True, check=True)
    wall, busy = map(float, done.stdout.split())
    return wall, busy


def whole(command: Sequence[str | Path], variables: Mapping[str, str], home: Path) -> tuple[float, float]:
    """Return the seconds and the processor seconds of a command, whatever its exit status is."""
    before = os.times()
    begin = time.perf_counter()
    subprocess.run(command, cwd=home, env=environment_of(home, variables), capture_output=True, check=False)
    after = os.times()
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - begin, busy


def compared(name: str, allowed: float, rounds: int, side: Side, quiet: Side, *, starts: int = 1) -> None:
    """Print the median of a side beside the quiet one's, each in a new folder that it was started in `starts` times."""
    taken: dict[str, list[tuple[float, float]]] = {"asks": [], "quiet": []}
    for _ in range(rounds):  # in turn, so that a busy machine is busy for both
        for key, action in (("asks", side), ("quiet", quiet)):
            with TemporaryDirectory() as folder:
                taken[key].append([action(Path(folder)) for _ in range(starts)][-1])
    (wall, busy), (wall_quiet, busy_quiet) = (
        tuple(median(values) for values in zip(*taken[key], strict=True)) for key in ("asks", "quiet")
    )
    print(
        f"{name}: {wall:.2f} s ({busy:.2f} s of processor), with REMBG_SKIN_OFFLINE {wall_quiet:.2f} s"
        f" ({busy_quiet:.2f}): {wall - wall_quiet:+.2f} s (allowed {allowed})",
        flush=True,
    )


def main() -> None:
    """Print the seconds of each case, the quiet side's beside them."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    quiet = {"REMBG_SKIN_OFFLINE": "1"}
    networks = {"refused": ({"REMBG_SKIN_GITHUB_API": "http://127.0.0.1:9"}, [])}
    print(machine("rembg", "rembg-skin"))
    with listening() as silent:
        networks["silent"] = ({"REMBG_SKIN_GITHUB_API": str(silent)}, [])
        for name, prefix in (("no network", NO_WAY), ("packets lost", LOSES_ALL)):
            if shutil.which("unshare") and subprocess.run([*prefix, "true"], check=False).returncode == 0:
                networks[name] = ({}, prefix)
        print("The decision alone, in a new process:")
        for network, (variables, prefix) in networks.items():
            for what, function, starts, allowed in (
                ("skin", "fetch_soon", 1, 2.0 if network in WAITING else 0.3),
                ("skin, the second start", "fetch_soon", 2, 0.1),
                ("u2netp_skin", "fetch", 1, 30.0 if network in WAITING else 1.0),
            ):
                compared(
                    f"{what}, {network}",
                    allowed,
                    rounds,
                    partial(decided, function, variables, prefix),
                    partial(decided, function, quiet, prefix),
                    starts=starts,
                )
        print("The whole command:")
        for command, allowed in (
            ([SCRIPTS / "rembg", "i", "-m", "skin", PHOTO, "out.png"], 0.3),
            ([SCRIPTS / "rembg-skin", "download", "skin"], 5.0),
        ):
            name = " ".join([Path(command[0]).name, *map(str, command[1:4])])
            sides = (partial(whole, command, variables) for variables in (networks["refused"][0], quiet))
            compared(f"{name}, refused", allowed, rounds, *sides)


if __name__ == "__main__":
    main()
