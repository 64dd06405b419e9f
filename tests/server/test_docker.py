"""`examples/docker/Dockerfile`: each of its lines runs here, without Docker, as a user that may write to /tmp alone."""

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from PIL import Image

from tests.support.hosts import running
from tests.support.networks import red_network
from tests.support.pages import ROOT
from tests.support.processes import wait_for
from tests.support.rembg import free_port, post

DOCKERFILE = ROOT / "examples/docker/Dockerfile"
USER = 10001
SITE = sysconfig.get_path("purelib")
PIPES: dict[str, Any] = {"capture_output": True, "text": True}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="containers run Linux"),
]


class User(NamedTuple):
    """An interpreter of this version, and the words before a command that run it with a container's rights."""

    python: str
    prefix: list[str]


@pytest.fixture(scope="module")
def user() -> User:
    """Return the container's user, if this process may choose and that user can read what the tests read.

    In a closed folder it is root without the rights of root: it owns files, but cannot write where no one may.
    """
    if os.geteuid() != 0:
        return User(sys.executable, [])
    if not shutil.which("setpriv"):
        pytest.skip("setpriv is not installed")
    # Through `env`, so that the rights are gone before the command itself is looked up.
    other = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "env"]
    for python in (sys.executable, "/usr/bin/python{}.{}".format(*sys.version_info)):
        look = [*other, python, "-c", f"import os; os.listdir({SITE!r})"]
        if Path(python).exists() and subprocess.run(look, check=False, **PIPES).returncode == 0:
            return User(python, other)
    return User(sys.executable, ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "env"])


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    """Give an empty folder that stands for the container's root and that any user may enter."""
    folder = Path(tempfile.mkdtemp())
    for name, rights in {"": 0o755, "opt": 0o755, "tmp": 0o777}.items():
        (folder / name).mkdir(exist_ok=True)
        (folder / name).chmod(rights)
    yield folder
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)
    shutil.rmtree(folder)


def assignments(text: str) -> dict[str, str]:
    return dict(part.split("=", 1) for part in shlex.split(text))


class Container:
    """The image's layers as folders of `root`, and its environment; pip finds only the packages of the tests."""

    def __init__(self, root: Path, user: User) -> None:
        self.root, self.user, self.port = root, user, free_port()
        self.environment = {"PATH": f"{root}/env/bin:/usr/bin:/bin"}
        self.health: list[str] = []
        self.command: list[str] = []
        subprocess.run([user.python, "-m", "venv", "--without-pip", root / "env"], check=True)
        (site,) = root.glob("env/lib/python3*/site-packages")
        (site / "downloaded.pth").write_text(SITE)
        for name, entry in {"pip": "pip._internal.cli.main", "rembg": "rembg.cli"}.items():
            script = root / "env" / "bin" / name
            script.write_text(f"#!{root}/env/bin/python\nimport sys\nfrom {entry} import main\nsys.exit(main())\n")
            script.chmod(0o755)

    def build(self, arguments: dict[str, str], **outside: str) -> None:
        """Carry out the instructions; `arguments` are those of ``--build-arg``, `outside` is known while building."""
        lines = [line.split(" ", 1) for line in DOCKERFILE.read_text("utf-8").splitlines() if line and line[0] != "#"]
        assert {word for word, _ in lines} == {"FROM", "ARG", "RUN", "ENV", "USER", "EXPOSE", "HEALTHCHECK", "CMD"}
        given: dict[str, str] = {}
        for word, rest in lines:
            text = re.sub(r"(?<![\w.])/(opt|tmp)/", rf"{self.root}/\1/", rest).replace("7000", str(self.port))
            match word:
                case "ARG":
                    given |= {name: arguments.get(name, value) for name, value in assignments(text).items()}
                case "ENV":
                    self.environment |= assignments(text)
                case "RUN":
                    environment = {**self.environment, **given, **outside, "HOME": str(self.root / "tmp")}
                    done = subprocess.run(["sh", "-c", text], cwd=self.root, env=environment, check=False, **PIPES)
                    assert done.returncode == 0, f"{rest}\n{done.stdout}{done.stderr}"
                case "HEALTHCHECK":
                    self.health = json.loads(text[text.index(" CMD ") + 5 :])
                case "CMD":
                    self.command = json.loads(text)
                case "USER":
                    assert text == f"{USER}:{USER}"

    def start(self, log: Path) -> "subprocess.Popen[bytes]":
        """Start the container's command as its user, without a home."""
        # Docker gives a user that has no entry in /etc/passwd the root folder as home.
        environment = {**self.environment, "HOME": "/", "NUMBA_DEBUG_CACHE": "1"}
        with log.open("wb") as output:
            return subprocess.Popen(
                [*self.user.prefix, *self.command], cwd="/", env=environment, stdout=output, stderr=subprocess.STDOUT
            )

    def healthy(self) -> bool:
        """Return whether the health check succeeds."""
        command = [*self.user.prefix, *self.health]
        return subprocess.run(command, cwd="/", env=self.environment, check=False, **PIPES).returncode == 0


def files(folder: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def container(root: Path, user: User) -> Container:
    """Build the image: its weights come from a GitHub on loopback, its packages from the tests' environment."""
    source = root / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".*", "dist", "build", "__pycache__"))
    made = Container(root, user)
    pip = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    with running() as github:
        github.release("samhaswon/skin_segmentation", "v9", {"skin_u2netp.onnx": red_network(512).SerializeToString()})
        urls = {"REMBG_SKIN_GITHUB_API": github.url, "NO_PROXY": "127.0.0.1,localhost"}
        made.build({"PACKAGE": f"{source}[cpu,cli]"}, **pip, **urls)
    for folder in (root / "opt", root / "env"):
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
    return made


def test_the_image_holds_package_weights_and_compiled_code(container: Container) -> None:
    assert list(container.root.glob("env/lib/python3*/site-packages/rembg_skin_hook.py"))
    assert (container.root / "opt/rembg/models/u2netp_skin/u2netp_skin.onnx").is_file()
    assert list((container.root / "opt/rembg/numba").rglob("*.nbc"))
    assert container.environment["NUMBA_CPU_NAME"] == "generic"  # else another machine compiles all of it again


def test_a_container_compiles_nothing_answers_and_writes_to_tmp_alone(container: Container) -> None:
    log = container.root / "log"
    fixed = [container.root / folder for folder in ("opt", "env")]
    before = [files(folder) for folder in fixed]
    process = container.start(log)
    try:
        wait_for(lambda: container.healthy() or process.poll() is not None)
        assert process.poll() is None, log.read_text()
        url = f"http://127.0.0.1:{container.port}"
        for model in ("u2netp_skin", "tiny_skin"):
            answer = post(url, model=model, om="true")
            assert answer.status_code == 200, log.read_text()
            assert Image.open(io.BytesIO(answer.content)).size == (120, 80)
        assert requests.get(url, timeout=10).status_code == 404  # no page
    finally:
        process.terminate()
        process.wait(30)
    assert not container.healthy()
    assert [files(folder) for folder in fixed] == before
    assert f"[cache] data loaded from '{container.root}/tmp/numba/" in log.read_text()
    assert "[cache] data saved" not in log.read_text()  # nothing was compiled
