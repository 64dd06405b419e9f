"""The page answers to its own browser alone, and to requests of limited size."""

import asyncio
import socket
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from starlette.types import Message, Receive, Scope, Send

from rembg_skin.tune.guard import LimitedRequests, OwnRequestsAlone, guarded

PORT = 7860
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:7860",
    "127.0.0.1",
    "127.0.0.1:7861",
    "127.0.0.1:7860.evil.example",
    "localhost.evil.example:7860",
    "0.0.0.0:7860",
    "[::]:7860",
    "127.0.0.2:7860",
    "user@127.0.0.1:7860",
    "",
]
FOREIGN_ORIGINS = [
    "null",
    "http://evil.example",
    "http://127.0.0.1:8000",
    "https://127.0.0.1:7860",
    "http://127.0.0.1",
    "",
]


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Read the whole request and answer it."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(scope["headers"]).encode()})


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run `work` in a thread: the browser of other tests keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


def asked(
    app: Any, headers: list[tuple[str, str]], kind: str = "http", path: str = "/", parts: tuple[bytes, ...] = (b"",)
) -> list[Message]:
    """Send a request in parts and return what comes back."""
    sent: list[Message] = []
    left: list[Message] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    left[-1:] = [{**left[-1], "more_body": False}] if left else []
    if kind == "websocket":
        left = [{"type": "websocket.connect"}]

    async def receive() -> Message:
        return left.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "method": "POST", "headers": [(k.encode(), v.encode()) for k, v in headers]}
    run(app(scope, receive, send))
    return sent


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_its_own_names_are_answered(name: str, kind: str) -> None:
    app = OwnRequestsAlone(echo, PORT)
    for headers in ([("host", f"{name}:{PORT}")], [("host", f"{name}:{PORT}"), ("origin", f"http://{name}:{PORT}")]):
        first = asked(app, headers, kind)[0]
        assert first["type"] == "websocket.accept" or first["status"] == 200


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_name_is_refused(host: str) -> None:
    app = OwnRequestsAlone(echo, PORT)
    assert asked(app, [("host", host)])[0]["status"] == 403
    assert asked(app, [("host", host)], "websocket") == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused(origin: str) -> None:
    app = OwnRequestsAlone(echo, PORT)
    headers = [("host", f"127.0.0.1:{PORT}"), ("origin", origin)]
    assert asked(app, headers)[0]["status"] == 403
    assert asked(app, headers, "websocket") == [{"type": "websocket.close", "code": 1008}]
    own = ("origin", f"http://127.0.0.1:{PORT}")
    assert asked(app, [*headers, own])[0]["status"] == 403  # one own origin does not excuse a foreign one


def test_no_name_and_two_names_are_refused() -> None:
    app = OwnRequestsAlone(echo, PORT)
    assert asked(app, [])[0]["status"] == 403
    assert asked(app, [("host", f"127.0.0.1:{PORT}"), ("host", "evil.example")])[0]["status"] == 403


def test_headers_of_a_proxy_do_not_get_through() -> None:
    own = ("host", f"127.0.0.1:{PORT}")
    forwarded = ("forwarded", "x-forwarded-host", "x-forwarded-proto", "x-gradio-server")
    _, answer = asked(OwnRequestsAlone(echo, PORT), [own, *((name, "evil.example") for name in forwarded)])
    assert b"evil" not in answer["body"]


@pytest.mark.parametrize(("path", "limit"), [("/gradio_api/upload", 1_100_000), ("/gradio_api/run/update", 1_000_000)])
def test_a_request_may_be_as_large_as_its_limit(path: str, limit: int) -> None:
    app = LimitedRequests(echo, upload=1_000_000)
    half = bytes(limit // 2)
    for headers in ([], [("content-length", str(limit))]):
        assert asked(app, headers, path=path, parts=(half, half))[0]["status"] == 200
    # With its length, nothing is read; without, no more than the limit.
    for headers, parts in (([("content-length", str(limit + 1))], ()), ([], (half, half, b"x"))):
        start, body = asked(app, headers, path=path, parts=parts)
        assert start["status"] == 413
        assert f"larger than {limit / 1e6:.1f} MB" in body["body"].decode()


async def careless(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every error of the reading itself."""
    try:
        await echo(scope, receive, send)
    except Exception:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        raise


def test_an_application_that_answers_its_broken_reading_does_not_hide_the_reason() -> None:
    sent = asked(LimitedRequests(careless, upload=0), [], path="/upload", parts=(bytes(100_000), b"x"))
    assert [message.get("status") for message in sent] == [413, None]


def test_only_requests_and_websockets_are_guarded() -> None:
    seen = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    run(guarded(app, PORT)({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]


# On the page itself.

ROUTES = [
    ("GET", "/"),
    ("GET", "/config"),
    ("GET", "/gradio_api/info"),
    ("GET", "/gradio_api/file=/etc/hostname"),
    ("GET", "/gradio_api/queue/data?session_hash=x"),
    ("GET", "/gradio_api/heartbeat/x"),
    ("GET", "/theme.css"),
    ("GET", "/nothing"),
    ("HEAD", "/"),
    ("OPTIONS", "/gradio_api/upload"),
    ("POST", "/gradio_api/upload"),
    ("POST", "/gradio_api/run/update"),
    ("POST", "/gradio_api/queue/join"),
    ("DELETE", "/"),
]


@pytest.mark.e2e
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_another_host_or_origin(server: str, method: str, path: str) -> None:
    port = urlsplit(server).port
    preflight = {"Access-Control-Request-Method": "POST"}
    for headers in (
        {"Host": "evil.example"},
        {"Host": f"evil.example:{port}", "Origin": f"http://evil.example:{port}"},
        {"Origin": "http://evil.example", **preflight},
        {"Origin": "null"},
    ):
        answer = requests.request(method, server + path[1:], headers=headers, data=b"x", timeout=10)
        assert answer.status_code == 403, headers
        assert "photo" not in answer.text
        assert not any("access-control" in name.lower() for name in answer.headers)


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_its_own_names_get_the_page(server: str, name: str) -> None:
    host = f"{name}:{urlsplit(server).port}"
    answer = requests.get(server, headers={"Host": host, "Origin": f"http://{host}"}, timeout=10)
    assert answer.status_code == 200
    assert "rembg-skin tune" in answer.text


@pytest.mark.e2e
def test_a_large_upload_is_refused_before_it_is_sent(server: str) -> None:
    address = urlsplit(server)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 300000000\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.e2e
def test_only_this_machine_can_reach_it(server: str) -> None:
    port = urlsplit(server).port
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    # Another address of the same machine: reached by a server that listens on every address.
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=5)
