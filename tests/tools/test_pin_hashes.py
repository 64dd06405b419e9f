"""Pinning hashes for a release: what is written into the catalog, and what never is."""

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from runpy import run_path

import pytest

from rembg_skin import catalog
from tests.support.hosts import GitHub
from tests.support.weights import DATA, OTHER
from tools.pin_hashes import main


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copy(catalog.__file__, tmp_path / "catalog.py"))


ASSETS = ("skin_u2net", "u2netp", "dlmv", "birefnet", "sunet", "u2netp_chunks")
QUANTIZED = [f"{family}_quant_{kind}" for family in ("u2net", "u2netp", "dlmv") for kind in ("fbgemm", "qnnpack")]


def test_pin_writes_hashes_that_were_computed(github: GitHub, copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = catalog.FILES
    assets = {f"{name}.onnx": name.encode() * 1000 for name in (*ASSETS, *QUANTIZED)}
    github.release("samhaswon/skin_segmentation", "v0.0.2", assets, digests=False)
    other = {"u2netp.onnx": DATA, "u2netp_chunks.onnx": OTHER}
    github.release("samhaswon/csc6780-term-project", "v0.0.0", other)
    assert main(["--catalog", str(copy)]) == 0, capsys.readouterr().err
    module = run_path(str(copy))
    new = module["FILES"]
    assert list(new) == list(old)
    for name, model in new.items():
        released = [source for source in model.sources if isinstance(source, module["ReleaseSource"])]
        assert len(model.sources) - len(old[name].sources) == len(released), name
    pinned = new["u2netp_skin"].sources[0]
    assert github.files[f"/cdn/{pinned.mirror.replace('/v0', '/releases/download/v0')}"] == b"u2netp" * 1000
    assert pinned.sha256 == sha256(b"u2netp" * 1000).hexdigest()
    assert pinned.size == 6000
    assert pinned.url.endswith("/samhaswon/skin_segmentation/releases/download/v0.0.2/u2netp.onnx")
    assert re.fullmatch(r"computed from the file, 20\d\d-\d\d-\d\d", pinned.hash_origin)
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is not None:
        subprocess.run([ruff, "format", "--isolated", "--line-length=120", "--check", copy], check=True)


def test_pin_keeps_what_it_found_where_a_source_fails(
    github: GitHub, copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    github.release("samhaswon/skin_segmentation", "v0.0.2", {"dlmv.onnx": DATA})
    assert main(["--catalog", str(copy)]) == 1
    assert "sunet_skin: samhaswon/skin_segmentation" in capsys.readouterr().err
    assert set(run_path(str(copy))["PINS"]) == {"dlmv_skin"}


def test_pin_writes_no_hash_of_a_file_that_is_not_what_its_host_announces(github: GitHub, copy: Path) -> None:
    github.release("samhaswon/skin_segmentation", "v0.0.2", {"dlmv.onnx": DATA})
    github.files["/cdn/samhaswon/skin_segmentation/releases/download/v0.0.2/dlmv.onnx"] = OTHER
    before = copy.read_text()
    assert main(["--catalog", str(copy)]) == 1
    assert copy.read_text() == before


def test_a_url_that_tries_to_be_code_stays_a_string(github: GitHub, copy: Path) -> None:
    github.release("samhaswon/skin_segmentation", "v0.0.2", {"dlmv.onnx": DATA})
    url = github.put('/x"\n);raise SystemExit(3)#', DATA).replace("%22", '"')
    github.releases["samhaswon/skin_segmentation"][0]["assets"][0]["browser_download_url"] = url
    main(["--catalog", str(copy)])
    assert run_path(str(copy))["PINS"]["dlmv_skin"][0].url == url
