"""Hosts of loopback that take a connection and then stay silent, or say one thing slowly and for ever."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Host(str):
    """The URL of a host, and whether it was asked."""

    __slots__ = ("asked",)
    asked: threading.Event


@contextmanager
def listening(head: bytes = b"", again: bytes = b"", pause: float = 0.05) -> Iterator[Host]:
    """Give the URL of a host that answers each question with `head` and then `again` after every `pause` seconds.

    Without either it never answers.
    """
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        server.settimeout(0.1)
        host = Host(f"http://127.0.0.1:{server.getsockname()[1]}")
        host.asked = threading.Event()

        def speak(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(65536)
                host.asked.set()
                connection.sendall(head)
                while not ended.is_set():
                    if again:
                        connection.sendall(again)
                    time.sleep(pause)

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
