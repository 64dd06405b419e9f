"""The page's server: on the loopback address, in a thread of its own."""

import errno
import logging
import os
import socket
import threading
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Any

import uvicorn

from rembg_skin.errors import SkinError
from rembg_skin.tune.guard import Guard

HOST = "127.0.0.1"
_PORTS = range(7860, 7960)
_ENDING = 2  # seconds for the answers under way


@dataclass(frozen=True)
class Served:
    """A page that is served until it is closed; its address holds the token that every visitor needs."""

    url: str
    _server: uvicorn.Server
    _thread: threading.Thread

    def wait(self) -> None:
        """Return when the server has ended; signals are handled meanwhile, on every system."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """End the server after the responses under way."""
        logging.getLogger("uvicorn.error").disabled = True  # answers that are cut off now are not faults
        self._server.should_exit = True
        self._thread.join(2 * _ENDING)


def bind(port: int | None) -> socket.socket:
    """Return a socket of the loopback address: on `port`, on any free one if it is 0, on the first free if it is None.

    Raises SkinError if the port is taken or not allowed.
    """
    for number in _PORTS if port is None else (port,):
        listener = socket.socket()
        if os.name == "posix":  # elsewhere it lets two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, number))
            listener.listen()
        except (OSError, OverflowError) as error:
            listener.close()
            if port is None and getattr(error, "errno", None) == errno.EADDRINUSE:
                continue
            raise SkinError(f"The page cannot be served on port {number} of {HOST}: {error}") from None
        return listener
    raise SkinError(f"All ports of {HOST} from {_PORTS[0]} to {_PORTS[-1]} are taken: choose one with --port.")


def serve(app: Any, listener: socket.socket) -> Served:
    """Serve `app` on `listener`, behind the guard and a new token, and return at once."""
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
    return Served(f"http://{HOST}:{port}/?token={token}", server, thread)
