"""A GitHub on loopback: release lists in pages, redirects to another host, ranges, and faults on demand."""

import json
import re
import ssl
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit


@dataclass(frozen=True)
class Cut:
    """Close the connection after so many bytes of the body."""

    after: int


@dataclass(frozen=True)
class Trickle:
    """Send the body in pieces of so many bytes, with a pause before each."""

    size: int
    pause: float


@dataclass(frozen=True)
class Answer:
    """Answer with this instead."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Swap:
    """Send so many bytes, close, and put other bytes in the file's place."""

    after: int
    data: bytes


Fault = Cut | Trickle | Answer | Swap


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    time: float  # seconds, monotonic


class GitHub:
    """The server's state. Downloads are asked for at 127.0.0.1 and served at localhost, which is another host.

    `faults` holds, for a path, what the next requests for it get; afterwards it is served as it should be.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.other_host = f"http://localhost:{port}"
        self.files: dict[str, bytes] = {}
        self.releases: dict[str, list[dict[str, Any]]] = {}
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.seen: list[Seen] = []
        self.sent: defaultdict[str, int] = defaultdict(int)  # bytes of bodies
        self.page_size = 100
        self.etags = True
        self.ranges = True

    def put(self, path: str, data: bytes) -> str:
        """Serve `data` at `path` and return its URL."""
        self.files[path] = data
        return self.url + quote(path)

    def release(
        self,
        repo: str,
        tag: str,
        assets: dict[str, bytes],
        *,
        digests: bool = True,
        draft: bool = False,
        prerelease: bool = False,
        published: str = "2026-01-01T00:00:00Z",
    ) -> None:
        """Put a release at the head of the list of `repo`, as GitHub does with a new one."""
        entries = []
        for name, data in assets.items():
            path = f"/{repo}/releases/download/{tag}/{name}"
            self.files["/cdn" + path] = data
            digest = f"sha256:{sha256(data).hexdigest()}" if digests else None
            url = self.url + quote(path)
            entries.append({"name": name, "size": len(data), "browser_download_url": url, "digest": digest})
        entry = {
            "tag_name": tag,
            "draft": draft,
            "prerelease": prerelease,
            "published_at": published,
            "assets": entries,
        }
        self.releases.setdefault(repo, []).insert(0, entry)

    def bodies(self, path: str) -> list[Seen]:
        """Return the requests for `path`."""
        return [request for request in self.seen if request.path == path]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    github: GitHub  # set on a subclass

    def log_message(self, *_args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.github.seen.append(Seen(path, dict(self.headers.items()), time.monotonic()))
        fault = self.github.faults[path].popleft() if self.github.faults[path] else None
        if isinstance(fault, Answer):
            self._answer(fault.status, fault.headers, fault.body)
        elif match := re.fullmatch(r"/repos/([^/]+/[^/]+)/releases", path):
            self._list(match[1])
        elif "/releases/download/" in path and not path.startswith("/cdn"):
            self._answer(302, {"Location": self.github.other_host + "/cdn" + quote(path) + "?signature=s3cret"})
        elif path in self.github.files:
            self._file(path, fault)
        else:
            self._answer(404, {}, b"Not Found")

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "Transfer-Encoding" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _list(self, repo: str) -> None:
        if repo not in self.github.releases:
            self._answer(404, {}, b'{"message": "Not Found"}')
            return
        page = int(parse_qs(urlsplit(self.path).query).get("page", ["1"])[0])
        size = self.github.page_size
        shown = self.github.releases[repo][(page - 1) * size : page * size]
        headers = {"Content-Type": "application/json"}
        if page * size < len(self.github.releases[repo]):
            headers["Link"] = f'<{self.github.url}/repos/{repo}/releases?page={page + 1}>; rel="next"'
        self._answer(200, headers, json.dumps(shown).encode())

    def _file(self, path: str, fault: Cut | Trickle | Swap | None) -> None:
        data = self.github.files[path]
        etag = f'"{sha256(data).hexdigest()[:16]}"'
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and self.github.ranges and self.headers.get("If-Range", etag) == etag:
            start = int(wanted[1])
            if start >= len(data):
                self._answer(416, {"Content-Range": f"bytes */{len(data)}"})
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        if self.github.etags:
            self.send_header("ETag", etag)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self._send(path, data[start:], fault)
        if isinstance(fault, Swap):
            self.github.files[path] = fault.data

    def _send(self, path: str, body: bytes, fault: Cut | Trickle | Swap | None) -> None:
        if isinstance(fault, Cut | Swap):
            body = body[: fault.after]
            self.close_connection = True
        size = fault.size if isinstance(fault, Trickle) else 1 << 20
        try:
            for begin in range(0, len(body), size):
                if isinstance(fault, Trickle):
                    time.sleep(fault.pause)
                piece = body[begin : begin + size]
                self.wfile.write(piece)
                self.github.sent[path] += len(piece)
        except OSError:  # the client went away
            self.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_args: object) -> None:
        pass


@contextmanager
def running(certificate: tuple[Path, Path] | None = None) -> Iterator[GitHub]:
    """Give a GitHub that runs on a free port of loopback, over TLS where there is a certificate, with its key."""
    server = _Server(("127.0.0.1", 0), _Handler)
    github = GitHub(server.server_address[1])
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        github.url = github.url.replace("http:", "https:")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"github": github})
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield github
    finally:
        server.shutdown()
        server.server_close()
