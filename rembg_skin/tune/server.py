"""The page's server: on the loopback address, in a thread of its own."""

import errno
import logging
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_urlsafe

import uvicorn
from starlette.types import ASGIApp

from rembg_skin.errors import SkinError
from rembg_skin.tune.guard import Guard

HOST = "127.0.0.1"
_PORTS = range(7860, 7960)
_ENDING = 2  # seconds for the answers under way


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
