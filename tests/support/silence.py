"""Hosts of loopback that take a connection and then stay silent, or give one answer."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Host(str):  # noqa: SLOT000
    """The URL of a host, whether it was asked, and how often."""

    asked: threading.Event
    connections: int


@contextmanager
def listening(head: bytes = b"", *, end: bool = False) -> Iterator[Host]:
    """Give the URL of a host that answers each question with `head` and then stays silent, or closes with `end`."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.settimeout(0.1)
        host = Host(f"http://127.0.0.1:{server.getsockname()[1]}")
        host.asked, host.connections = threading.Event(), 0

        def speak(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65536)
                host.asked.set()
                host.connections += 1
                connection.sendall(head)
                if not end:
                    ended.wait()

        def accept() -> None:
            while not ended.is_set():
                with suppress(TimeoutError):
                    connection, _ = server.accept()
                    threading.Thread(target=speak, args=(connection,), daemon=True).start()

        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield host
        finally:
            ended.set()
            accepting.join()
