"""The page's server, on the loopback address and in its own thread; only a browser that has its token gets answers."""

import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import compare_digest, token_urlsafe

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from rembg_skin.errors import SkinError

HOST = "127.0.0.1"
_PORTS = range(7860, 7960)
_ENDING = 2  # seconds for the answers under way
_NAMES = ("127.0.0.1", "localhost", "[::1]")
_REFUSAL = "Only a browser with the address that rembg-skin tune printed gets this page.\n"
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}


def bind(port: int | None) -> socket.socket:
    """Return a socket of the loopback address: on `port`, on any free one if it is 0, on the first free if it is None.

    Raises SkinError if the port is taken or not allowed.
    """
    for number in _PORTS if port is None else (port,):
        try:
            return socket.create_server((HOST, number))
        except (OSError, OverflowError) as error:
            code = getattr(error, "errno", errno.EINVAL)
            if port is not None or code != errno.EADDRINUSE:
                raise SkinError(f"The page cannot be served on port {number} of {HOST}: {os.strerror(code)}") from None
    raise SkinError(f"All ports of {HOST} from {_PORTS[0]} to {_PORTS[-1]} are taken: choose one with --port.")


@contextmanager
def serving(app: ASGIApp, listener: socket.socket) -> Iterator[tuple[str, threading.Thread]]:
    """Serve `app` for the block, then finish its responses; give the address, which holds the token, and the thread."""
    port, token = listener.getsockname()[1], token_urlsafe()
    config = uvicorn.Config(
        Guard(app, port, token),
        lifespan="off",
        log_config=None,  # its own asks whether stderr is a terminal, and there may be no stderr
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_ENDING,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="page", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{port}/?token={token}", thread
    finally:
        logging.getLogger("uvicorn.error").disabled = True  # answers that are cut off now are not faults
        server.should_exit = True
        thread.join(2 * _ENDING)


class Guard:
    """ASGI middleware: refuse with 403 what lacks the token, names a foreign host or comes from a foreign origin.

    The token keeps out other users of the machine: it is in the address, and in a cookie after the first visit. Host
    betrays web sites that make their own name point to this machine (DNS rebinding), Origin those that send requests
    here from their pages.
    """

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._hosts = {f"{name}:{port}" for name in _NAMES}
        self._origins = {f"http://{host}" for host in self._hosts}
        self._token = token.encode()
        self._cookie = f"rembg-skin-tune-{port}"  # browsers send cookies to all ports of a machine

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
        request = HTTPConnection(scope)
        visit = self._is_token(request.query_params.get("token"))
        if not self._is_own(request) or not (visit or self._is_token(request.cookies.get(self._cookie))):
            refusal = PlainTextResponse(_REFUSAL, 403, headers={**_HEADERS, "connection": "close"})
            await (WebSocketClose(1008) if scope["type"] == "websocket" else refusal)(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                if visit:
                    value = f"{self._cookie}={self._token.decode()}; Path=/; HttpOnly; SameSite=Strict"
                    headers.append("set-cookie", value)
            await send(message)

        await self._app(scope, receive, guarded)

    def _is_own(self, request: HTTPConnection) -> bool:
        hosts, origins = ([text.lower() for text in request.headers.getlist(name)] for name in ("host", "origin"))
        return len(hosts) == 1 and hosts[0] in self._hosts and self._origins.issuperset(origins)

    def _is_token(self, given: str | None) -> bool:
        return given is not None and compare_digest(given.encode(errors="replace"), self._token)
