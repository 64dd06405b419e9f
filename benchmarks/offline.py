"""What a missing network costs `rembg i -m skin`, a model named outright, and `rembg-skin download skin`.

Both sides in one run, in new model folders: REMBG_SKIN_OFFLINE, which asks nobody, beside a host that refuses, a host
that takes connections and stays silent, and a network without any way out. Only addresses of loopback, or of a network
namespace of its own (Linux, as root), are asked. Run it with `python -m benchmarks.offline [rounds]`.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.timing import machine
from tests.support.silence import listening

SCRIPTS = Path(sys.executable).parent
PHOTO = Path(__file__).resolve().parents[1] / "docs" / "portrait.jpg"
NAMESPACE = ["unshare", "--net"]
CHAIN = "u2netp_skin,tiny_skin,ycbcr_hsv_skin"  # only the first one is asked of a host


def start(home: Path, command: Sequence[str | Path], prefix: Sequence[str] = (), **environment: str) -> float:
    """Return the seconds that a command takes, whatever its exit status is."""
    inherited = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    begin = time.perf_counter()
    subprocess.run(
        [*prefix, *map(str, command)],
        cwd=home,
        env={**inherited, "U2NET_HOME": str(home / "models"), "REMBG_SKIN_AUTO": CHAIN, **environment},
        capture_output=True,
        check=False,
    )
    return time.perf_counter() - begin


def fresh(action: Callable[[Path], float]) -> float:
    """Return what `action` takes with a model folder of its own."""
    with TemporaryDirectory() as name:
        return action(Path(name))


def second(action: Callable[[Path], float]) -> float:
    """Return what `action` takes the second time with the same model folder."""
    with TemporaryDirectory() as name:
        action(Path(name))
        return action(Path(name))


def main() -> None:
    """Print the seconds of each case, the quiet side's beside them."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    skin = [SCRIPTS / "rembg", "i", "-m", "skin", PHOTO, "out.png"]
    named = [SCRIPTS / "rembg", "i", "-m", "u2netp_skin", PHOTO, "out.png"]
    download = [SCRIPTS / "rembg-skin", "download", "skin"]
    cut_off = shutil.which(NAMESPACE[0]) and subprocess.run([*NAMESPACE, "true"], check=False).returncode == 0
    with listening() as silent:
        quiet = {"REMBG_SKIN_OFFLINE": "1"}
        refused = {"REMBG_SKIN_GITHUB_API": "http://127.0.0.1:9"}
        swallowed = {"REMBG_SKIN_GITHUB_API": str(silent)}
        # name, command, environment, prefix, how often the folder was used, allowed seconds beyond the quiet side
        cases: list[tuple[str, list[str | Path], dict[str, str], list[str], Callable[..., float], float]] = [
            ("skin, connection refused", skin, refused, [], fresh, 0.3),
            ("skin, connection refused, the second start", skin, refused, [], second, 0.1),
            ("skin, nothing answers", skin, swallowed, [], fresh, 2.0),
            ("skin, nothing answers, the second start", skin, swallowed, [], second, 0.1),
            ("u2netp_skin, connection refused", named, refused, [], fresh, 1.0),
            ("u2netp_skin, nothing answers", named, swallowed, [], fresh, 30.0),
            ("download skin, connection refused", download, refused, [], fresh, 5.0),
        ]
        if cut_off:
            cases += [
                ("skin, no network", skin, {}, NAMESPACE, fresh, 0.3),
                ("u2netp_skin, no network", named, {}, NAMESPACE, fresh, 1.0),
            ]
        print(machine("rembg", "rembg-skin"))
        fresh(partial(start, command=skin, **quiet))  # what the first start compiles and caches
        for name, command, environment, prefix, times, allowed in cases:
            beside, asked = [], []
            for _ in range(rounds):  # in turn, so that a busy machine is busy for both
                beside.append(fresh(partial(start, command=command, prefix=prefix, **quiet)))
                asked.append(times(partial(start, command=command, prefix=prefix, **environment)))
            extra = median(one - other for one, other in zip(asked, beside, strict=True))
            print(
                f"{name}: {median(asked):.2f} s, {median(beside):.2f} with REMBG_SKIN_OFFLINE: {extra:+.2f} s"
                f" (allowed {allowed})",
                flush=True,
            )


if __name__ == "__main__":
    main()
