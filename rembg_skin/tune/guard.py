"""What stands before the page: requests of this machine's own browser alone, of limited size, and no foreign host."""

import re
from collections.abc import Iterable

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_UPLOAD = 200_000_000  # bytes
_LARGEST_REQUEST = 1_000_000  # bytes; settings are a few thousand
_ENVELOPE = 100_000  # bytes around an uploaded file
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_FORWARDED = re.compile(rb"forwarded|x-forwarded-.*|x-gradio-server")  # no proxy stands before the page


def guarded(app: ASGIApp, port: int) -> ASGIApp:
    """Return `app`, served on `port` of this machine, behind all that this module has."""
    return OwnRequestsAlone(LimitedRequests(OwnHostAlone(app)), port)


class OwnRequestsAlone:
    """ASGI middleware: only the page itself is answered.

    A web site that makes its own name point to this machine (DNS rebinding) is betrayed by the Host header, one that
    sends requests here from its pages by the Origin header.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        hosts = [f"{name}:{port}" for name in _NAMES]
        self._hosts = {host.encode() for host in hosts}
        self._origins = {f"http://{host}".encode() for host in hosts}
        self._refusal = f"This page answers to its own browser alone, at http://{hosts[0]}.\n"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of the page; refuse any other with 403."""
        if scope["type"] in ("http", "websocket"):
            if not self._own(scope["headers"]):
                await _refuse(scope, receive, send, 403, self._refusal)
                return
            headers = [(key, value) for key, value in scope["headers"] if not _FORWARDED.fullmatch(key)]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)

    def _own(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        hosts = [value.lower() for key, value in headers if key == b"host"]
        origins = [value.lower() for key, value in headers if key == b"origin"]
        return len(hosts) == 1 and hosts[0] in self._hosts and self._origins.issuperset(origins)


class LimitedRequests:
    """ASGI middleware: a request is refused with 413 as soon as it is larger than it may be."""

    def __init__(self, app: ASGIApp, upload: int = LARGEST_UPLOAD) -> None:
        self._app = app
        self._upload = upload + _ENVELOPE

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of allowed size."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._upload if scope["path"].rstrip("/").endswith("/upload") else _LARGEST_REQUEST
        refusal = f"This request is larger than {limit / 1e6:.1f} MB.\n"
        if any(key == b"content-length" and int(value) > limit for key, value in scope["headers"] if value.isdigit()):
            await _refuse(scope, receive, send, 413, refusal)
            return
        received, answered = 0, False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise _TooLargeError
            return message

        async def watched(message: Message) -> None:
            nonlocal answered
            if received <= limit:  # what the application says of its broken reading is no answer
                answered = True
                await send(message)

        try:
            await self._app(scope, counted, watched)
        except _TooLargeError:
            if not answered:
                await _refuse(scope, receive, send, 413, refusal)


class _TooLargeError(Exception):
    pass


class OwnHostAlone:
    """ASGI middleware: no part of the page is asked for at another host.

    Gradio's page names two font hosts and a script of a public network, which nothing here needs.
    """

    POLICY = b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; frame-ancestors 'none'"
    _FOREIGN = re.compile(rb"<link[^>]*https://[^>]*>|<script[^>]*https://[^>]*>\s*</script>")

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; web pages go without the parts of other hosts, and with a policy that forbids them."""
        start: Message = {}
        body = b""

        async def cleaned(message: Message) -> None:
            nonlocal start, body
            if message["type"] == "http.response.start" and _is_html(message):
                start = message
            elif message["type"] == "http.response.body" and start:
                body += message.get("body", b"")
                if not message.get("more_body"):
                    text = self._FOREIGN.sub(b"", body)
                    headers = [(key, value) for key, value in start["headers"] if key.lower() != b"content-length"]
                    headers += [(b"content-length", b"%d" % len(text)), (b"content-security-policy", self.POLICY)]
                    await send({**start, "headers": headers})
                    await send({"type": "http.response.body", "body": text})
            else:
                await send(message)

        if scope["type"] == "http":
            # The page is read and changed here, so it must not come compressed.
            headers = [(key, value) for key, value in scope["headers"] if key != b"accept-encoding"]
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, cleaned)


def _is_html(message: Message) -> bool:
    return any(key.lower() == b"content-type" and value.startswith(b"text/html") for key, value in message["headers"])


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, reason: str) -> None:
    if scope["type"] == "websocket":
        await receive()  # its first message, by which it asks to be connected
        await send({"type": "websocket.close", "code": 1008})  # refuses the handshake with 403
        return
    await PlainTextResponse(reason, status, headers={"connection": "close"})(scope, receive, send)
