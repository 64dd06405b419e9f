"""A release list as the real GitHub sends it: compressed, for whoever says that it can be."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.support.weights import DATA, REPO, fetch, released


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """Give the URL of `app` under uvicorn, in a thread of its own."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_a_list_that_is_compressed_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def releases(request: Request) -> Response:
        asked.append(request.headers["Accept-Encoding"])
        asset = {
            "name": "skin_tiny.onnx",
            "size": len(DATA),
            "browser_download_url": f"{request.base_url}asset",
            "digest": f"sha256:{sha256(DATA).hexdigest()}",
            "body": "x" * 1000,
        }
        return JSONResponse([{"tag_name": "v1", "assets": [asset]}])

    app = Starlette(
        routes=[Route(f"/repos/{REPO}/releases", releases), Route("/asset", lambda _: Response(DATA))],
        middleware=[Middleware(GZipMiddleware)],
    )
    with served(app) as url:
        monkeypatch.setenv("REMBG_SKIN_GITHUB_API", url)
        assert fetch(released(), tmp_path).read_bytes() == DATA
    assert "gzip" in asked[0]
