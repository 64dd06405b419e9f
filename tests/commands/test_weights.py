"""The rembg-skin command, as people use it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rembg_skin import catalog
from rembg_skin.cli import COMMANDS, main
from rembg_skin.weights import model_folders
from tests.support.github import GitHub
from tests.support.weights import OTHER

SHARED = Path(__file__).resolve().parents[3] / "shared" / "weights"
PAN = catalog.FILES["pan_skin"].sources[0]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, github: GitHub) -> Path:  # noqa: ARG001 - a clean environment
    """Give an empty home of rembg; the network is off."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", "1")
    return tmp_path / "home"


@pytest.fixture
def pan_skin(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the place of pan_skin in that home, and a mirror folder with the real weights of pan_skin."""
    if not SHARED.is_dir():
        pytest.skip("the real weights are not here")
    assert isinstance(PAN, catalog.FileSource)
    file = tmp_path / "mirror" / PAN.mirror
    file.parent.mkdir(parents=True)
    shutil.copyfile(SHARED / "pan_skin.onnx", file)
    monkeypatch.setenv("REMBG_SKIN_MIRROR", str(tmp_path / "mirror"))
    return home / model_folders("pan_skin")[0].relative_to(home) / "pan_skin.onnx"


def test_help_names_every_command_and_imports_none(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS)
    code = (
        "import sys; from rembg_skin.cli import main\ntry: main(['--help'])\nfinally: assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert f"rembg-skin {name}" in capsys.readouterr().out


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    code = "import sys; from rembg_skin.cli import main; sys.exit(main(['models', '--json']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert re.fullmatch(r"rembg-skin \d+\.\d+\.\d+\S*\n", capsys.readouterr().out)


def test_models_is_a_table_of_every_model(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 100
    for name, model in catalog.MODELS.items():
        line = next(line for line in out.splitlines() if re.match(rf"{name}\*? ", line))
        assert model.license in line
    assert re.search(r"^pan_skin +512 +4\.1 MB +MIT +0\.803( +0\.\d{3}){4}$", out, re.MULTILINE)
    assert re.search(r"^u2net_skin\* +1024 +\? +GPL-3\.0 +0\.919( +-){4}$", out, re.MULTILINE)  # * for never tried
    assert re.search(r"^hsv_skin +- +none +MIT +0\.541( +0\.\d{3}){4}$", out, re.MULTILINE)
    assert not home.exists()


def test_models_as_json(pan_skin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["download", "pan_skin"])
    capsys.readouterr()
    assert main(["models", "--json"]) == 0
    models = {model["name"]: model for model in json.loads(capsys.readouterr().out)}
    assert set(catalog.MODELS) <= set(models)
    assert models["pan_skin"]["on_disk"] is True
    assert models["pan_skin"]["files"] == {"pan_skin": str(pan_skin)}
    assert models["pan_skin"]["download_bytes"] == 4_093_734
    (source,) = models["pan_skin"]["sources"]["pan_skin"]
    assert isinstance(PAN, catalog.FileSource)
    assert (source["sha256"], source["mirror"], source["hash_origin"]) == (PAN.sha256, PAN.mirror, PAN.hash_origin)
    assert models["u2net_skin_refined"]["files"] == {"u2net_skin": None, "refiner": None}
    assert models["u2net_skin"]["published"]["miou_eval"] == 0.919
    assert models["u2net_skin"]["on_disk"] is False
    assert models["hsv_skin"]["extras"]["grow"] == {"values": "a whole number from -200 to 200", "default": 0}


def test_download_then_verify(pan_skin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", "pan_skin", "hsv_skin"]) == 0
    assert capsys.readouterr().out == f"pan_skin: {pan_skin}\nhsv_skin: needs no download\n"
    assert main(["verify"]) == 0
    assert capsys.readouterr().out.startswith("pan_skin: verified, sha256 324a22a1c2e3a433")
    times = pan_skin.stat()
    changed = bytearray(pan_skin.read_bytes())
    changed[5000] ^= 1
    pan_skin.write_bytes(changed)
    for arguments in ([], ["pan_skin"]):
        assert main(["verify", *arguments]) == 1
        assert "has changed since it was verified" in capsys.readouterr().err
        os.utime(pan_skin, ns=(times.st_atime_ns, times.st_mtime_ns))  # the receipt alone does not see the change
    assert pan_skin.read_bytes() == bytes(changed)


def test_verify_of_what_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert main(["verify", "u2net_skin_refined"]) == 1
    err = capsys.readouterr().err
    assert "u2net_skin: not on disk; `rembg-skin download u2net_skin` fetches it" in err
    assert "refiner: not on disk" in err
    assert not home.exists()


def test_verify_of_a_file_that_nobody_knows(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("pan_skin", "dlmv_skin"):
        folder = home / model_folders(name)[0].relative_to(home)
        folder.mkdir(parents=True)
        (folder / f"{name}.onnx").write_bytes(OTHER)
    assert main(["verify"]) == 3
    out, err = capsys.readouterr()
    assert "pan_skin: " in err
    assert "is none of the files known for this model" in err
    assert "dlmv_skin: could not be checked, sha256 " in out


@pytest.mark.parametrize(
    ("name", "hint"), [("u2net_skinn", "did you mean u2net_skin?"), ("x", "`rembg-skin models` lists them.")]
)
@pytest.mark.parametrize("command", ["download", "verify"])
def test_a_name_that_does_not_exist(command: str, name: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, name]) == 1
    assert capsys.readouterr().err == f'rembg-skin: There is no model "{name}"; {hint}\n'


def test_what_is_unavailable_is_named_and_the_rest_is_downloaded(
    pan_skin: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", "--all"]) == 3
    out, err = capsys.readouterr()
    assert out == f"pan_skin: {pan_skin}\n"
    assert "rembg-skin: dlmv_skin: its weights could not be downloaded." in err
    named = re.findall(r"^rembg-skin: (\w+): its weights could not", err, re.MULTILINE)
    assert named == [name for name in catalog.FILES if name != "pan_skin"]


def test_download_skin_needs_none_unless_a_variable_names_another(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["download", "skin"]) == 0
    assert capsys.readouterr().out == "skin: needs no download\n"
    monkeypatch.setenv("REMBG_SKIN_MODEL", "dlmv_skin")
    assert main(["download", "skin"]) == 1
    assert "dlmv_skin: its weights could not be downloaded" in capsys.readouterr().err
    assert not list(home.rglob("*.onnx"))


@pytest.mark.parametrize("value", ["maybe", "2", "offline"])
def test_a_switch_that_is_neither_on_nor_off_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], value: str
) -> None:
    monkeypatch.setenv("REMBG_SKIN_OFFLINE", value)
    assert main(["download", "dlmv_skin"]) == 1
    assert capsys.readouterr().err == (
        f'rembg-skin: REMBG_SKIN_OFFLINE="{value}" is neither on (1, true, yes, on) nor off (0, false, no, off).\n'
    )
    assert not home.exists()


@pytest.mark.parametrize("name", ["\x1b[2Jevil", "two\nlines", "\x9b31m"])
def test_a_name_with_escape_sequences_is_shown_as_text(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["download", name]) == 1
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert not set(err) & {"\x1b", "\x9b"}


def test_a_machine_without_a_runtime_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["cut", "docs/portrait.jpg", "--mask", "-o", "never.png"]) == 1
    assert capsys.readouterr().err == 'rembg-skin: onnxruntime is not installed: pip install "rembg-skin[cpu]"\n'


def test_download_wants_names_or_all(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["download"])
    with pytest.raises(SystemExit):
        main(["download", "--all", "pan_skin"])
    assert "--all" in capsys.readouterr().err


def rembg(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [str(Path(sys.executable).with_name("rembg")), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.e2e
def test_rembg_d_fetches_verified_weights(pan_skin: Path) -> None:
    done = rembg("d", "pan_skin")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in pan_skin.parent.iterdir()} == {
        "pan_skin.onnx",
        "pan_skin.onnx.receipt.json",
        "pan_skin.onnx.lock",
    }


@pytest.mark.e2e
def test_rembg_i_shows_two_lines_and_no_traceback(home: Path) -> None:
    done = rembg("i", "-m", "pan_skin", "docs/portrait.jpg", "-")
    assert done.returncode == 1
    first, second = done.stderr.strip().splitlines()
    assert first.startswith("Error: pan_skin: its weights could not be downloaded.")
    assert first.endswith("REMBG_SKIN_OFFLINE is set.")
    assert second.startswith("Unset REMBG_SKIN_OFFLINE, or place the file at ")
    assert str(home) in second


@pytest.mark.e2e
def test_rembg_d_tells_why_it_cannot(home: Path) -> None:
    # rembg itself catches what a download raises, prints it on stdout and goes on.
    done = rembg("d", "pan_skin")
    assert "REMBG_SKIN_OFFLINE is set" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not list(home.rglob("*.onnx"))
