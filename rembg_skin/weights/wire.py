"""Connections that another thread can cut, and a session that gives no host the user's passwords."""

import socket
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from rembg_skin.errors import printable


class Wire:
    """The connections of a client, to be cut from another thread."""

    def __init__(self) -> None:
        self._connections: list[Any] = []
        self._is_cut = False

    @property
    def host(self) -> str | None:
        """The host that was asked last: a redirect may have led away from the first one."""
        last = self._connections[-1] if self._connections else None
        return None if last is None or last.proxy else printable(last.host)

    def add(self, connection: Any) -> None:
        """Take note of a connection before it is made."""
        if self._is_cut:
            raise OSError("given up")
        self._connections.append(connection)

    def cut(self) -> None:
        """End what is read or written now, and what would be connected later."""
        self._is_cut = True
        for connection in self._connections:
            with suppress(OSError, AttributeError, ValueError):
                connection.sock.shutdown(socket.SHUT_RDWR)


current: ContextVar[Wire | None] = ContextVar("wire", default=None)


class _Known:
    """A connection that its client can cut."""

    def connect(self) -> None:
        if (wire := current.get()) is not None:
            wire.add(self)
        super().connect()  # type: ignore[misc]


class _PlainConnection(_Known, urllib3.connection.HTTPConnection): ...


class _SecureConnection(_Known, urllib3.connection.HTTPSConnection): ...


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _PlainPool, "https": _SecurePool}


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not str(proxy).lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


class Session(requests.Session):
    """A session that takes proxies and certificates from the environment, and no password from ``~/.netrc``."""

    def __init__(self) -> None:
        super().__init__()
        self.max_redirects = 10
        self.mount("http://", _Adapter())
        self.mount("https://", _Adapter())

    def prepare_request(self, request: requests.Request) -> requests.PreparedRequest:
        """Do what requests does, without a look into ``~/.netrc``."""
        self.trust_env = False
        try:
            return super().prepare_request(request)
        finally:
            self.trust_env = True

    def rebuild_auth(self, prepared_request: requests.PreparedRequest, response: requests.Response) -> None:
        """Let a redirect to another host carry no credentials."""
        before, now = response.request.url or "", prepared_request.url or ""
        if self.should_strip_auth(before, now):  # type: ignore[no-untyped-call]
            prepared_request.headers.pop("Authorization", None)
