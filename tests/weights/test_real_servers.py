"""Downloads from servers and through proxies that nobody here wrote, which compress, redirect, sign, cut and close."""

import gzip
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from rembg_skin.catalog import Model
from rembg_skin.errors import WeightsError
from tests.support.graphs import build
from tests.support.hosts import Cut, GitHub, certificate, listening, running
from tests.support.processes import started
from tests.support.rembg import REMBG, free_port
from tests.support.weights import ASSET, DATA, LISTED, REPO, SetEnv, fetch, model, pinned, released

PHOTO = Path(__file__).resolve().parents[2] / "docs" / "portrait.jpg"
NGINX = """
{user} daemon off; pid {root}/pid; error_log {root}/errors; worker_processes 1; events {{}} http {{ {paths}
access_log {root}/access; gzip on; gzip_types *; gzip_vary on; default_type application/json;
server {{ listen 127.0.0.1:{port}; root {root}/www; limit_rate 8m; keepalive_requests 1; }} }}
"""
TINYPROXY = 'Port {port}\nListen 127.0.0.1\nTimeout 60\nLogLevel Info\nLogFile "{root}/proxy.log"\nMaxClients 50\n'


@contextmanager
def program(name: str, root: Path, config: str, *arguments: str) -> Iterator[str]:
    """Give the URL of a server program of Debian's packages, whose configuration is a template in `root`."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip(f"{name} is not installed")
    port = free_port()
    user = "user root;" if os.name == "posix" and os.geteuid() == 0 else ""
    paths = "".join(f"{kind}_temp_path {root}/tmp;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    (root / "config").write_text(config.format(root=root, port=port, user=user, paths=paths))
    with started([found, *arguments, "-c", root / "config"]) as process:
        for _ in range(1000):
            assert process.poll() is None, process.communicate()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("brotli", [False, True])
def test_a_compressed_list_leads_to_a_signed_url(github: GitHub, tmp_path: Path, brotli: bool, listed: Model) -> None:
    github.brotli = brotli
    assert fetch(listed, tmp_path).read_bytes() == DATA
    page, first, moved, signed = github.seen
    assert {"gzip", "br"} <= set(page.headers["Accept-Encoding"].replace(",", "").split())
    paths = [ASSET.removeprefix("/cdn"), ASSET.replace("/cdn", "/moved"), ASSET]
    assert [request.path for request in (first, moved, signed)] == paths
    assert signed.query.startswith("sig=aB%2FcD%2BeF%3D&sp=r&se=")  # byte for byte
    assert (signed.headers["Host"].split(":")[0], signed.headers["Accept-Encoding"]) == ("localhost", "identity")


def test_a_resumed_download_asks_for_a_new_signature(github: GitHub, tmp_path: Path, listed: Model) -> None:
    github.signed_for = 1.5
    github.faults[ASSET].extend([Cut(500_000)] * 5)
    with pytest.raises(WeightsError, match="broke after"):
        fetch(listed, tmp_path)
    time.sleep(2)
    assert fetch(listed, tmp_path).read_bytes() == DATA
    assert github.sent[ASSET] == len(DATA)
    old = github.bodies(ASSET)[0]
    assert requests.get(f"{github.other_host}{ASSET}?{old.query}", timeout=9).status_code == 403


def test_later_pages_are_read_from_a_host_that_closes_its_connections(tmp_path: Path, setenv: SetEnv) -> None:
    with running(timeout_keep_alive=0) as github:
        setenv(REMBG_SKIN_GITHUB_API=github.url)
        github.page_size = 1
        github.release(REPO, "v1", {"skin_tiny.onnx": DATA})
        for number in range(4):
            github.release(REPO, f"v{number + 2}", {"other.onnx": DATA})
        assert fetch(released(), tmp_path).read_bytes() == DATA
        assert len(github.bodies(LISTED)) == 5


def test_a_host_of_http_1_0_gives_no_length(github: GitHub, tmp_path: Path) -> None:
    source = pinned(github, size=False)
    with listening(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n" + DATA, end=True) as host:
        assert fetch(model(replace(source, url=f"{host}/x")), tmp_path).read_bytes() == DATA


def test_a_host_that_compresses_unasked_is_read_and_not_resumed(github: GitHub, tmp_path: Path) -> None:
    head = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n'
    packed = gzip.compress(DATA, 1)
    source = pinned(github)
    with listening(head % len(packed) + packed, end=True) as host:
        assert fetch(model(replace(source, url=f"{host}/x")), tmp_path / "a").read_bytes() == DATA
    with listening(head % len(packed) + packed[:-1000], end=True) as host, pytest.raises(WeightsError, match="broke"):
        fetch(model(replace(source, url=f"{host}/x")), tmp_path / "b", tries=1)
    assert not list(tmp_path.rglob("part.json"))


def test_nginx_as_a_mirror_and_a_resume(github: GitHub, tmp_path: Path, setenv: SetEnv, listed: Model) -> None:
    source = pinned(github)
    text = json.dumps(github.releases[REPO]).encode()
    for path, data in ((f"{REPO}/v1/skin_tiny.onnx", DATA), (source.mirror, DATA), (f"api{LISTED}", text)):
        (tmp_path / "www" / path).parent.mkdir(parents=True)
        (tmp_path / "www" / path).write_bytes(data)
    with program("nginx", tmp_path, NGINX, "-p", str(tmp_path), "-e", str(tmp_path / "errors")) as url:
        setenv(REMBG_SKIN_GITHUB_API=f"{url}/api", REMBG_SKIN_MIRROR=url)
        assert requests.get(f"{url}/api{LISTED}", timeout=9).headers["Content-Encoding"] == "gzip"
        assert fetch(listed, tmp_path / "a").read_bytes() == DATA
        with pytest.raises(WeightsError, match="too slow"):
            fetch(model(source), tmp_path / "b", tries=1, pace=0.0, slowest=1 << 40)
        assert fetch(model(source), tmp_path / "b").read_bytes() == DATA
        requests.get(f"{url}/last", timeout=9)  # nginx logs a request after its end
    assert f'GET /{source.mirror} HTTP/1.1" 206 ' in (tmp_path / "access").read_text()
    assert github.seen == []


@pytest.mark.parametrize("lengths", [True, False])
def test_a_forward_proxy(github: GitHub, tmp_path: Path, setenv: SetEnv, lengths: bool, listed: Model) -> None:
    github.lengths = lengths
    with program("tinyproxy", tmp_path, TINYPROXY, "-d") as proxy:
        setenv(http_proxy=proxy)
        assert fetch(listed, tmp_path / "home").read_bytes() == DATA
    asked = (tmp_path / "proxy.log").read_text()
    assert f"GET {github.url}{LISTED}" in asked
    assert f"GET {github.other_host}{ASSET}?sig=aB%2FcD%2BeF%3D" in asked
    assert all("via" in request.headers for request in github.seen)


@pytest.mark.e2e
def test_rembg_i_downloads_a_network_through_all_of_it(tmp_path: Path, setenv: SetEnv) -> None:
    data = build("u2netp_skin").SerializeToString()
    (tmp_path / "tls").mkdir()
    files = certificate(tmp_path / "tls")
    with program("tinyproxy", tmp_path, TINYPROXY, "-d") as proxy, running(files) as github:
        setenv(https_proxy=proxy, REMBG_SKIN_GITHUB_API=github.url, REQUESTS_CA_BUNDLE=str(files[0]))
        setenv(U2NET_HOME=str(tmp_path / "home"))
        github.release("samhaswon/skin_segmentation", "v0.0.2", {"skin_u2netp.onnx": data})
        asset = "/cdn/samhaswon/skin_segmentation/releases/download/v0.0.2/skin_u2netp.onnx"
        github.faults[asset].append(Cut(len(data) // 3))
        command = [REMBG, "i", "-m", "u2netp_skin", "-om", str(PHOTO), "mask.png"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert [request.headers.get("Range") for request in github.bodies(asset)] == [None, f"bytes={len(data) // 3}-"]
        assert github.sent[asset] == len(data)
    assert next((tmp_path / "home").rglob("u2netp_skin.onnx")).read_bytes() == data
    assert "CONNECT 127.0.0.1:" in (asked := (tmp_path / "proxy.log").read_text())
    assert "CONNECT localhost:" in asked
    assert np.asarray(Image.open(tmp_path / "mask.png")).shape == (512, 512)
