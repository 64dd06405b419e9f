"""Only a browser that has the page's address gets an answer; other users of the machine and other sites get nothing."""

import socket
from urllib.parse import urlsplit

import pytest
import requests

FOREIGN_HOSTS = [
    *("evil.example", "evil.example:{port}", "127.0.0.1:{port}.evil.example", "localhost.evil.example:{port}", ""),
    *("127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", "[::]:{port}", "127.0.0.2:{port}", "user@127.0.0.1:{port}"),
]
OWN, EVIL = "http://127.0.0.1", "http://evil.example"
FOREIGN_ORIGINS = ["null", EVIL, OWN, f"{OWN}:1", "https://127.0.0.1:{port}", ""]
FOREIGN = [*(("Host", host) for host in FOREIGN_HOSTS), *(("Origin", origin) for origin in FOREIGN_ORIGINS)]
# The page's own, Gradio's of former versions, and none at all.
ROUTES = [
    *(("GET", f"/{path}") for path in ("", "page.js", "page.css", "start", "config", "theme.css", "static/x", "none")),
    *(("GET", f"/gradio_api/{path}") for path in ("info", "file=/etc/hostname", "queue/data", "heartbeat/x")),
    *(("POST", path) for path in ("/upload", "/update", "/download", "/gradio_api/upload", "/gradio_api/queue/join")),
    *(("HEAD", "/"), ("OPTIONS", "/upload"), ("DELETE", "/")),
]
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
UPGRADE |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


def url_of(server: str, path: str) -> str:
    return f"http://{urlsplit(server).netloc}{path}"


def status_of(server: str, method: str, path: str, *headers: str) -> bytes:
    """Send a request with the token and only these headers, as no HTTP library would, and return its status."""
    address = urlsplit(server)
    lines = [f"{method} {path}?{address.query} HTTP/1.1", *(line.format(address.netloc) for line in headers), "", ""]
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(12)[-3:]


@pytest.fixture(scope="module")
def visitor(server: str) -> requests.Session:
    """Return a browser after its first visit."""
    session = requests.Session()
    answer = session.get(server, timeout=10)
    assert "rembg-skin tune</title>" in answer.text
    assert {"HttpOnly", "SameSite=Strict"} < set(answer.headers["set-cookie"].split("; "))
    return session


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_route_answers_without_the_token(server: str, method: str, path: str) -> None:
    token = server.partition("=")[2]
    cookie = {f"rembg-skin-tune-{urlsplit(server).port}": token[1:]}
    for query in ("", "?token=", f"?token={token[:-1]}", f"?token={token}x", "?token=%ff%00", f"?t={token}"):
        answer = requests.request(method, url_of(server, path + query), data=b"x", timeout=10, cookies=cookie)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert token not in answer.text


def test_no_websocket_is_opened_without_the_token(server: str, visitor: requests.Session) -> None:
    assert requests.get(url_of(server, "/queue/join"), headers=UPGRADE, timeout=10).status_code == 403
    assert visitor.get(url_of(server, "/queue/join"), headers=UPGRADE, timeout=10).status_code >= 400


@pytest.mark.parametrize("path", ["/", "/page.js", "/page.css", "/start"])
def test_after_the_first_visit_a_cookie_is_enough(server: str, visitor: requests.Session, path: str) -> None:
    answer = visitor.get(url_of(server, path), timeout=10)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(("name", "value"), FOREIGN)
@pytest.mark.parametrize("route", ["GET /", "GET /start", "GET /update", "POST /update", "OPTIONS /upload"])
def test_a_foreign_host_or_origin_is_refused(
    server: str, visitor: requests.Session, name: str, value: str, route: str
) -> None:
    method, path = route.split()
    headers = {name: value.format(port=urlsplit(server).port), "Access-Control-Request-Method": "POST"}
    answer = visitor.request(method, url_of(server, path), headers=headers, timeout=10)
    # 400: the HTTP library's own, for what is not a host.
    assert answer.status_code in ((400, 403) if name == "Host" else (403,))
    assert "rembg-skin tune</title>" not in answer.text
    assert not any("access-control" in name.lower() for name in answer.headers)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]", "LOCALHOST"])
def test_its_own_names_get_the_page(server: str, visitor: requests.Session, name: str) -> None:
    host = f"{name}:{urlsplit(server).port}"
    headers = {"Host": host, "Origin": f"http://{host}"}
    assert visitor.get(server, headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize(
    "headers", [("Host: {0}", "Host: evil.example"), ("Host: {0}", "Origin: http://{0}", "Origin: null"), ("A: b",)]
)
def test_no_host_two_hosts_and_two_origins_are_refused(server: str, headers: tuple[str, ...]) -> None:
    assert status_of(server, "GET", "/", *headers) in (b"400", b"403")


@pytest.mark.parametrize(("path", "length"), [("/upload", 200_000_001), ("/update", 1_000_001)])
def test_a_large_request_is_refused_before_it_is_sent(server: str, path: str, length: int) -> None:
    assert status_of(server, "POST", path, "Host: {0}", f"Content-Length: {length}") == b"413"


def test_a_large_request_of_unknown_length_is_refused_when_it_is_too_large(
    server: str, visitor: requests.Session
) -> None:
    answer = visitor.post(url_of(server, "/update"), data=iter([bytes(600_000)] * 2), stream=True, timeout=10)
    assert answer.status_code == 413


def test_only_this_machine_can_reach_it(server: str) -> None:
    # Another address of the same machine: reached by a server that listens on every address.
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", urlsplit(server).port), timeout=5)
