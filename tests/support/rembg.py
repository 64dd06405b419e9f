"""rembg as a user meets it: its command, called in this process, and a running `rembg s`."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager, suppress
from pathlib import Path

import requests
from click.testing import CliRunner, Result
from rembg.cli import main

from tests.support.photos import encoded, picture
from tests.support.processes import started, wait_for

REMBG = str(Path(sys.executable).with_name("rembg"))


def rembg(folder: Path, *arguments: str, status: int = 0, **variables: str | None) -> Result:
    """Run rembg's command in `folder`, with its models below it, and check its exit status.

    Variables that are None are unset meanwhile.
    """
    with chdir(folder):
        done = CliRunner().invoke(main, arguments, env={"U2NET_HOME": str(folder / "home"), **variables})
    assert done.exit_code == status, done.output
    return done


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[tuple[str, int]]:
    """Start a real `rembg s` with its page on a free port of the loopback interface; give its URL and process id."""
    port = free_port()
    environment = {
        "U2NET_HOME": str(folder / "home"),
        "TMPDIR": str(folder),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "BROWSER": "true",  # rembg opens a browser window at its start
        **variables,
    }
    url, command = f"http://127.0.0.1:{port}", [REMBG, "s", "-h", "127.0.0.1", "-p", str(port)]
    with (
        (folder / "log").open("wb") as log,
        started(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT) as process,
    ):

        def ready() -> bool:
            assert process.poll() is None, (folder / "log").read_text()
            with suppress(requests.ConnectionError):
                return requests.get(f"{url}/openapi.json", timeout=5).ok
            return False

        wait_for(ready)
        yield url, process.pid


def post(url: str, **form: str) -> requests.Response:
    """Send a picture, left half skin, to the server at `url`; `extras` go into the query, the rest into the form."""
    extras = form.pop("extras", None)
    return requests.post(
        f"{url}/api/remove",
        files={"file": ("photo.png", encoded(picture(120, 80)))},
        data=form,
        params={"extras": extras} if extras else {},
        timeout=60,
    )
