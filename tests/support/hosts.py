"""Hosts on loopback: a GitHub (lists in pages, signed redirects, ranges, faults), one that stays silent, and TLS."""

import asyncio
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, NamedTuple
from urllib.parse import quote

import brotli  # type: ignore[import-untyped]
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import request_response

_SIGNATURE = "sig=aB%2FcD%2BeF%3D&sp=r"  # as storage hosts sign: percent-encoded, and good for a while only


class Cut(NamedTuple):
    """Close the connection after so many bytes of the body; `then` are the file's bytes from then on."""

    after: int
    then: bytes | None = None


class Trickle(NamedTuple):
    """Send the body in pieces of so many bytes, with a pause before each."""

    size: int
    pause: float


class Answer(NamedTuple):
    """Answer with this instead."""

    status: int
    headers: Mapping[str, str] | None = None
    body: bytes = b""


class Seen(NamedTuple):
    """A request as it came."""

    path: str
    headers: Headers
    query: str


class GitHub:
    """The server's state. Downloads are asked for at 127.0.0.1 and served at localhost, which is another host.

    `faults` holds, for a path, what the next requests for it get; afterwards it is served as it should be.
    """

    def __init__(self, scheme: str, port: int) -> None:
        self.port = port
        self.url, self.other_host = (f"{scheme}://{host}:{port}" for host in ("127.0.0.1", "localhost"))
        self.reset()

    def reset(self) -> None:
        """Serve nothing, and forget what was seen."""
        self.files: dict[str, bytes] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}
        self.faults: defaultdict[str, deque[Cut | Trickle | Answer]] = defaultdict(deque)
        self.seen: list[Seen] = []
        self.sent: defaultdict[str, int] = defaultdict(int)  # bytes of bodies
        self.page_size = 100
        self.etags = self.ranges = self.lengths = True
        self.signed_for = 300.0  # seconds
        self.brotli = False

    def put(self, path: str, data: bytes) -> str:
        """Serve `data` at `path` and return its URL."""
        self.files[path] = data
        return self.url + quote(path)

    def release(self, repo: str, tag: str, assets: dict[str, bytes], *, digests: bool = True, **fields: object) -> None:
        """Put a release at the head of the list of `repo`, as GitHub does with a new one; `fields` change its entry."""
        entries = []
        for name, data in assets.items():
            path = f"/{repo}/releases/download/{tag}/{name}"
            self.files["/cdn" + path] = data
            digest = f"sha256:{sha256(data).hexdigest()}" if digests else None
            url = self.url + quote(path)
            entries.append({"name": name, "size": len(data), "browser_download_url": url, "digest": digest})
        entry = {"tag_name": tag, "draft": False, "prerelease": False, "published_at": "2026-01-01T00:00:00Z"}
        entry |= {"assets": entries, "body": "What's changed\n" * 50, **fields}
        self.releases.setdefault(repo, []).insert(0, entry)

    def bodies(self, path: str) -> list[Seen]:
        """Return the requests for `path`."""
        return [request for request in self.seen if request.path == path]

    async def answer(self, request: Request) -> Response:
        """Answer a request, complete URLs of proxied ones too."""
        path = re.sub(r"^https?://[^/]+", "", request.scope["path"])
        self.seen.append(Seen(path, request.headers, request.url.query))
        fault = self.faults[path].popleft() if self.faults[path] else None
        if isinstance(fault, Answer):
            return Response(fault.body, fault.status, fault.headers)
        if match := re.fullmatch(r"/repos/([^/]+/[^/]+)/releases", path):
            return self._list(match[1], request)
        if "/releases/download/" in path and not path.startswith(("/cdn", "/moved")):
            return RedirectResponse(f"/moved{quote(path)}", 301)
        if path.startswith("/moved"):
            signed = f"{_SIGNATURE}&se={time.time() + self.signed_for}"
            location = f"{self.other_host}/cdn{quote(path.removeprefix('/moved'))}?{signed}"
            return Response(status_code=302, headers={"Location": location})
        signature, _, ends = request.scope["query_string"].decode().partition("&se=")
        if path.startswith("/cdn") and (signature != _SIGNATURE or float(ends) < time.time()):
            return Response("<Error>AuthenticationFailed</Error>", 403)
        return self._file(path, request, fault) if path in self.files else Response("Not Found", 404)

    def _list(self, repo: str, request: Request) -> Response:
        if repo not in self.releases:
            return Response('{"message": "Not Found"}', 404)
        page, size = int(request.query_params.get("page", "1")), self.page_size
        body = json.dumps(self.releases[repo][(page - 1) * size : page * size]).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", "ETag": f'W/"{sha256(body).hexdigest()}"'}
        headers |= {"X-RateLimit-Remaining": "59", "X-RateLimit-Reset": str(int(time.time()) + 3600)}
        if page * size < len(self.releases[repo]):
            headers["Link"] = f'<{self.url}/repos/{repo}/releases?page={page + 1}>; rel="next"'
        if self.brotli and "br" in request.headers.get("Accept-Encoding", ""):
            return Response(brotli.compress(body), headers={**headers, "Content-Encoding": "br"})
        return Response(body, headers=headers)

    def _file(self, path: str, request: Request, fault: Cut | Trickle | None) -> Response:
        data = self.files[path]
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        start, status = 0, 200
        headers = {"Content-Type": "application/octet-stream", **({"ETag": etag} if self.etags else {})}
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        if wanted and self.ranges and request.headers.get("If-Range", etag) == etag:
            start, status = int(wanted[1]), 206
            if start >= len(data):
                return Response(status_code=416, headers={"Content-Range": f"bytes */{len(data)}"})
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if self.lengths:
            headers["Content-Length"] = str(len(data) - start)
        return StreamingResponse(self._body(path, data[start:], fault), status, headers)

    async def _body(self, path: str, body: bytes, fault: Cut | Trickle | None) -> AsyncIterator[bytes]:
        body = body[: fault.after] if isinstance(fault, Cut) else body
        size, pause = fault if isinstance(fault, Trickle) else (1 << 18, 0.0)
        for begin in range(0, len(body), size):
            await asyncio.sleep(pause)
            self.sent[path] += len(body[begin : begin + size])
            yield body[begin : begin + size]
        if isinstance(fault, Cut):
            self.files[path] = self.files[path] if fault.then is None else fault.then
            raise ConnectionAbortedError  # uvicorn closes the connection


@contextmanager
def running(certificate: tuple[Path, Path] | None = None, **options: Any) -> Iterator[GitHub]:
    """Give a GitHub that runs on a free port of loopback, over TLS if there is a certificate, with its key."""
    listener = socket.create_server(("127.0.0.1", 0))  # which keeps the first requests until the server runs
    github = GitHub("https" if certificate else "http", listener.getsockname()[1])
    app = Starlette(middleware=[Middleware(GZipMiddleware, compresslevel=1)])
    app.router.default = request_response(github.answer)  # the complete URLs that a proxy gets, too
    if certificate is not None:
        options |= {"ssl_certfile": certificate[0], "ssl_keyfile": certificate[1]}
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, log_level=100, lifespan="off", **options))
    server.force_exit = True
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield github
    finally:
        server.should_exit = True
        thread.join()


_CONFIG = """
[own]
database = index
copy_extensions = copy
rand_serial = yes
[req]
distinguished_name = name
[name]
commonName = supplied
"""


def certificate(folder: Path, since: int = 2020, until: int = 2099) -> tuple[Path, Path]:
    """Return the files of a certificate and its key in `folder`; the years are those of its first and last day."""
    if shutil.which("openssl") is None:
        pytest.skip("makes a certificate with openssl")
    (folder / "index").touch()
    (folder / "config").write_text(_CONFIG)
    ask = "openssl req -config config -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=loopback"
    names = "-addext subjectAltName=IP:127.0.0.1,DNS:localhost -addext basicConstraints=CA:TRUE"
    sign = "openssl ca -config config -name own -policy name -md sha256 -outdir . -batch -notext -selfsign"
    dates = f"-startdate {since}0101000000Z -enddate {until}1231000000Z"
    for command in (
        f"{ask} {names} -keyout own.key -out request.pem",
        f"{sign} {dates} -in request.pem -keyfile own.key -out own.pem",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "own.pem", folder / "own.key"


class Host(str):  # noqa: SLOT000
    """The URL of a host, whether it was asked, and how often."""

    asked: threading.Event
    connections: int


@contextmanager
def listening(head: bytes = b"", *, end: bool = False) -> Iterator[Host]:
    """Give the URL of a host that answers each question with `head` and then stays silent, or closes with `end`."""
    ended = threading.Event()

    class Speaker(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                host.connections += 1
                host.asked.set()
                self.request.sendall(head)
                if not end:
                    ended.wait()

    with ThreadingTCPServer(("127.0.0.1", 0), Speaker) as server:
        host = Host(f"http://127.0.0.1:{server.server_address[1]}")
        host.asked, host.connections = threading.Event(), 0
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield host
        finally:
            ended.set()
            server.shutdown()
