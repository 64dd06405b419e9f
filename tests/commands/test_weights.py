"""The rembg-skin command, as people use it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from rembg_skin import catalog
from rembg_skin.cli import COMMANDS
from rembg_skin.weights import model_folders
from tests.support.command import run
from tests.support.processes import python
from tests.support.rembg import REMBG
from tests.support.weights import OTHER

SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights"
PAN = next(source for source in catalog.FILES["pan_skin"].sources if isinstance(source, catalog.FileSource))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give an empty home of rembg; the network is off."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    return tmp_path / "home"


def place(name: str) -> Path:
    return model_folders(name)[0] / f"{name}.onnx"


@pytest.fixture
def pan_skin(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: ARG001
    """Give the place of pan_skin in that home, and a mirror folder with the real weights of pan_skin."""
    if not SHARED.is_dir():
        pytest.skip("the real weights are not here")
    file = tmp_path / "mirror" / PAN.mirror
    file.parent.mkdir(parents=True)
    shutil.copyfile(SHARED / "pan_skin.onnx", file)
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(tmp_path / "mirror"))
    return place("pan_skin")


def test_help_names_every_command_and_imports_none() -> None:
    code = "from rembg_skin.cli import main\ntry: main(['--help'])\nfinally: assert 'numpy' not in sys.modules"
    done = python(f"import sys; {code}")
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = run(name, "--help")
    assert (done.returncode, f"rembg-skin {name}" in done.stdout) == (0, True)


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = "import sys; from rembg_skin.cli import main; sys.exit(main(['models', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_version_is_the_packages() -> None:
    assert re.fullmatch(r"rembg-skin \d+\.\d+\.\d+\S*\n", run("--version").stdout)


def test_models_is_a_table_of_every_model(home: Path) -> None:
    done = run("models")
    out = done.stdout
    assert done.returncode == 0
    assert max(map(len, out.splitlines())) <= 100
    for name, model in catalog.MODELS.items():
        line = next(line for line in out.splitlines() if re.match(rf"{name}\*? ", line))
        assert model.license in line
    assert re.search(r"^pan_skin +512 +4\.1 MB +MIT +0\.803( +0\.\d{3}){4}$", out, re.MULTILINE)
    assert re.search(r"^u2net_skin\* +1024 +\? +GPL-3\.0 +0\.919( +-){4}$", out, re.MULTILINE)  # * for never tried
    assert re.search(r"^hsv_skin +- +none +MIT +0\.541( +0\.\d{3}){4}$", out, re.MULTILINE)
    assert not home.exists()


def test_models_as_json(pan_skin: Path) -> None:
    run("download", "pan_skin")
    models = {model["name"]: model for model in json.loads(run("models", "--json").stdout)}
    assert set(catalog.MODELS) <= set(models)
    assert models["pan_skin"]["on_disk"] is True
    assert models["pan_skin"]["files"] == {"pan_skin": str(pan_skin)}
    assert models["pan_skin"]["download_bytes"] == 4_093_734
    (source,) = models["pan_skin"]["sources"]["pan_skin"]
    assert (source["sha256"], source["mirror"], source["hash_origin"]) == (PAN.sha256, PAN.mirror, PAN.hash_origin)
    assert models["u2net_skin_refined"]["files"] == {"u2net_skin": None, "refiner": None}
    assert models["u2net_skin"]["published"]["miou_eval"] == 0.919
    assert models["u2net_skin"]["on_disk"] is False
    assert models["hsv_skin"]["extras"]["grow"] == {"values": "a whole number from -200 to 200", "default": 0}


def test_download_then_verify(pan_skin: Path) -> None:
    assert run("download", "pan_skin", "hsv_skin").stdout == f"pan_skin: {pan_skin}\nhsv_skin: needs no download\n"
    done = run("verify")
    assert (done.returncode, done.stdout[:48]) == (0, "pan_skin: verified, sha256 324a22a1c2e3a433d6225")
    times = pan_skin.stat()
    changed = bytearray(pan_skin.read_bytes())
    changed[5000] ^= 1
    pan_skin.write_bytes(changed)
    for arguments in ([], ["pan_skin"]):
        done = run("verify", *arguments)
        assert (done.returncode, "has changed since it was verified" in done.stderr) == (1, True)
        os.utime(pan_skin, ns=(times.st_atime_ns, times.st_mtime_ns))  # the receipt alone does not see the change
    assert pan_skin.read_bytes() == bytes(changed)


def test_verify_of_what_is_not_there(home: Path) -> None:
    assert run("verify").returncode == 0
    done = run("verify", "u2net_skin_refined")
    assert done.returncode == 1
    assert "u2net_skin: not on disk; `rembg-skin download u2net_skin` fetches it" in done.stderr
    assert "refiner: not on disk" in done.stderr
    assert not home.exists()


@pytest.mark.usefixtures("home")
def test_verify_of_a_file_that_nobody_knows() -> None:
    for name in ("pan_skin", "dlmv_skin"):
        place(name).parent.mkdir(parents=True)
        place(name).write_bytes(OTHER)
    done = run("verify")
    assert done.returncode == 3
    assert re.search("^rembg-skin: pan_skin: .* is none of the files known for this model", done.stderr, re.MULTILINE)
    assert "dlmv_skin: could not be checked, sha256 " in done.stdout


@pytest.mark.parametrize("command", ["download", "verify"])
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("u2net_skinn", "did you mean u2net_skin?"),
        *((name, "`rembg-skin models` lists them.") for name in ("x", "\x1b[2Jx", "x\ny", "\x9b31m")),
    ],
)
def test_a_name_that_does_not_exist(command: str, name: str, hint: str) -> None:
    done, shown = run(command, name), name.encode("unicode_escape").decode()
    assert (done.returncode, done.stderr) == (1, f'rembg-skin: There is no model "{shown}"; {hint}\n')


def test_what_is_unavailable_is_named_and_the_rest_is_downloaded(pan_skin: Path) -> None:
    done = run("download", "--all")
    assert (done.returncode, done.stdout) == (3, f"pan_skin: {pan_skin}\n")
    named = re.findall(r"^rembg-skin: (\w+): its weights could not be downloaded\.", done.stderr, re.MULTILINE)
    assert named == [name for name in catalog.FILES if name != "pan_skin"]


def test_download_skin_needs_none_unless_a_variable_names_another(home: Path) -> None:
    done = run("download", "skin")
    assert (done.returncode, done.stdout) == (0, "skin: needs no download\n")
    done = run("download", "skin", REMBG_SKIN_MODEL="dlmv_skin")
    assert (done.returncode, done.stderr[:40]) == (1, "rembg-skin: dlmv_skin: its weights could")
    assert not list(home.rglob("*.onnx"))


@pytest.mark.parametrize("value", ["maybe", "2", "offline"])
def test_a_switch_that_is_neither_on_nor_off_is_an_error(home: Path, value: str) -> None:
    done = run("download", "dlmv_skin", REMBG_SKIN_OFFLINE=value)
    neither = f'REMBG_SKIN_OFFLINE="{value}" is neither on (1, true, yes, on) nor off (0, false, no, off).'
    assert (done.returncode, done.stderr) == (1, f"rembg-skin: {neither}\n")
    assert not home.exists()


def test_a_machine_without_a_runtime_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = run("cut", "docs/portrait.jpg", "--mask", "-o", "never.png")
    message = 'rembg-skin: onnxruntime is not installed: pip install "rembg-skin[cpu]"\n'
    assert (done.returncode, done.stderr) == (1, message)


@pytest.mark.parametrize("arguments", [[], ["--all", "pan_skin"]])
def test_download_wants_names_or_all(arguments: list[str]) -> None:
    done = run("download", *arguments)
    assert (done.returncode, "--all" in done.stderr) == (2, True)


def rembg_command(*arguments: str) -> "CompletedProcess[str]":
    return subprocess.run([REMBG, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.e2e
def test_rembg_d_fetches_verified_weights(pan_skin: Path) -> None:
    done = rembg_command("d", "pan_skin")
    assert done.returncode == 0, done.stderr
    suffixes = ("", ".receipt.json", ".lock")
    assert {path.name for path in pan_skin.parent.iterdir()} == {f"pan_skin.onnx{suffix}" for suffix in suffixes}


@pytest.mark.e2e
def test_rembg_i_shows_two_lines_and_no_traceback(home: Path) -> None:
    done = rembg_command("i", "-m", "pan_skin", "docs/portrait.jpg", "-")
    assert done.returncode == 1
    first, second = done.stderr.strip().splitlines()
    assert first.startswith("Error: pan_skin: its weights could not be downloaded.")
    assert first.endswith("REMBG_SKIN_OFFLINE is set.")
    assert second.startswith("Unset REMBG_SKIN_OFFLINE, or place the file at ")
    assert str(home) in second


@pytest.mark.e2e
def test_rembg_d_tells_why_it_cannot(home: Path) -> None:
    # rembg itself catches what a download raises, prints it on stdout and goes on.
    done = rembg_command("d", "pan_skin")
    assert "REMBG_SKIN_OFFLINE is set" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(home.rglob("*.onnx"))
