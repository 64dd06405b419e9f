"""What several test modules use."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray
from PIL import Image

from tests.support.hosts import GitHub, running
from tests.support.photos import SHARED
from tests.support.processes import hear_interrupts

# A user's settings would change what the tests see.
_NOT_OURS = ("GITHUB_TOKEN", "MODEL_CHECKSUM_DISABLED", "REMBG_HOME", "U2NET_HOME", "XDG_DATA_HOME", "OMP_NUM_THREADS")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

for name in list(os.environ):
    if name in _NOT_OURS or name.lower() in _PROXIES or name.startswith("REMBG_SKIN_"):
        del os.environ[name]
# ONNX Runtime warns on stderr if it cannot write its telemetry below HOME.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
# rembg compiles its matting for a minute at its first import; no mask needs it.
os.environ["NUMBA_DISABLE_JIT"] = "1"
# Children print file names, which an ASCII locale could neither write nor read.
os.environ["PYTHONUTF8"] = "1"
if sys.getfilesystemencoding() != "utf-8" and not tempfile.gettempdir().isascii():
    for name in ("TMPDIR", "TEMP", "TMP"):
        os.environ.pop(name, None)
    tempfile.tempdir = None  # looked for again
hear_interrupts()

# How long an example takes says more about the machine than about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def photos() -> list[Path]:
    """Real photographs of ../shared/data, some of each set; the test is skipped where they are absent."""
    found = [
        photo
        for folder in ("fasseg_frontal", "hands_and_necks", "mixed_web")
        for photo in sorted((SHARED / "data" / folder / "images").glob("*"))[:8]
    ]
    if not found:
        pytest.skip("the photographs of ../shared/data are not here")
    return found


@pytest.fixture(scope="session")
def color_cube() -> NDArray[np.uint8]:
    """Return random RGB pixels that cover the whole color cube, uint8 [600, 1500, 3]: more than one tile."""
    return np.random.default_rng(2).integers(0, 256, (600, 1500, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def color_patches() -> NDArray[np.uint8]:
    """Return smooth random patches of every color, uint8 [600, 1500, 3]: masks with regions instead of noise."""
    small = np.random.default_rng(3).integers(0, 256, (60, 150, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((1500, 600), Image.Resampling.BICUBIC))


@pytest.fixture(scope="session")
def _running_github() -> Iterator[GitHub]:
    with running() as github:
        yield github


@pytest.fixture
def github(_running_github: GitHub, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    """A GitHub on loopback that the package takes for the real one."""
    _running_github.reset()
    monkeypatch.setenv("REMBG_SKIN_GITHUB_API", _running_github.url)
    return _running_github


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give rembg an empty folder for models, whose files are used unchecked."""
    for name in ("U2NET_HOME", "REMBG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("MODEL_CHECKSUM_DISABLED", "1")
    return tmp_path


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    """Return the portrait of an astronaut, 512 x 512 (NASA, public domain)."""
    return Image.open(Path(__file__).resolve().parents[1] / "docs" / "portrait.jpg").convert("RGB")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Give a headless Chromium; the test is skipped where it or Playwright is absent."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright drives the browser")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no Chromium is installed")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --use-fake-device-for-media-stream --no-first-run"
    quiet = "--disable-background-networking --disable-component-update --disable-sync"
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium, args=[*flags.split(), *quiet.split()])
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def rembg_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a real `rembg s` that has no weights and no network."""
    from tests.support.rembg import serving

    with serving(tmp_path_factory.mktemp("server"), REMBG_SKIN_OFFLINE="1") as (url, _):
        yield url
