"""The page's server: on the loopback address alone, behind the guard, in a thread of its own."""

import contextlib
import errno
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rembg_skin.errors import SkinError

HOST = "127.0.0.1"
_PORTS = range(7860, 7960)  # Gradio's own
_STARTING = 60.0  # seconds at most
_ENDING = 2  # seconds for the answers under way


@dataclass(frozen=True)
class Served:
    """A page that is served until it is closed."""

    url: str
    _server: Any
    _thread: threading.Thread

    def wait(self) -> None:
        """Return when the server has ended; signals are handled meanwhile, on every system."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """End the server, after the answers under way."""
        logging.getLogger("uvicorn.error").disabled = True  # answers that are cut off now are no fault
        self._server.should_exit = True
        self._thread.join(2 * _ENDING)
        deadline = time.monotonic() + _ENDING
        for thread in threading.enumerate():  # they may still write pictures
            if thread.name.startswith("AnyIO worker"):
                thread.join(max(0.0, deadline - time.monotonic()))


def bind(port: int | None) -> socket.socket:
    """Return a socket of the loopback address: on `port`, on any free one if it is 0, on the first free if it is None.

    Raises
    ------
    SkinError
        If the port is taken or not allowed.

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
    """Serve `app` on `listener` and return at once.

    Raises
    ------
    SkinError
        If the application does not start.

    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,  # its own asks whether stderr is a terminal, and there may be no stderr
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_ENDING,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="page", daemon=True)
    thread.start()
    deadline = time.monotonic() + _STARTING
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise SkinError("The page's server does not start; its log above says why.")
        time.sleep(0.005)
    return Served(f"http://{HOST}:{listener.getsockname()[1]}/", server, thread)


@contextlib.contextmanager
def no_proxy() -> Iterator[None]:
    """Let no proxy of the user stand between this program and this machine while the block runs.

    Afterwards the environment is the user's again: a browser that is started from here goes on through the proxy.
    """
    names = ("NO_PROXY", "no_proxy")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "*"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
