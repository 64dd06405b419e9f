"""Hosts of loopback that take a connection and then stay silent, or give one answer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer


class Host(str):  # noqa: SLOT000
    """The URL of a host, whether it was asked, and how often."""

    asked: threading.Event
    connections: int


@contextmanager
def listening(head: bytes = b"", *, end: bool = False) -> Iterator[Host]:
    """Give the URL of a host that answers each question with `head` and then stays silent, or closes with `end`."""
    ended = threading.Event()

    class Speaker(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(65536)
                host.connections += 1
                host.asked.set()
                self.request.sendall(head)
                if not end:
                    ended.wait()

    with ThreadingTCPServer(("127.0.0.1", 0), Speaker) as server:
        host = Host(f"http://127.0.0.1:{server.server_address[1]}")
        host.asked, host.connections = threading.Event(), 0
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield host
        finally:
            ended.set()
            server.shutdown()
