"""What comes from hosts and disks, read and parsed in one place: nonsense becomes None, never another exception."""

import email.utils
import errno
import json
import os
import re
import stat
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from urllib.parse import urljoin, urlsplit, urlunsplit

from rembg_skin.errors import printable

LARGEST = 10**15  # a whole number beyond counts as this one
_FILE_BYTES = 64 << 10
_SHOWN = 200  # characters of a URL


def whole_number(text: str) -> int | None:
    """Return the number that ASCII digits say, :data:`LARGEST` at most; None for anything else."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    return LARGEST if len(digits) > len(str(LARGEST)) else min(int(digits), LARGEST)


def document(data: bytes) -> object:
    """Return what JSON `data` holds, None for anything else."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def regular_file(path: Path) -> IO[bytes]:
    """Open a file to read; a pipe would never end, a folder has nothing to read.

    Raises
    ------
    OSError
        If it cannot be opened or is no regular file.

    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return open(handle, "rb")  # noqa: PTH123 - a handle
    os.close(handle)
    raise OSError(errno.EINVAL, "it is no regular file")


def record(path: Path) -> dict[str, object] | None:
    """Return the JSON object in a small file, None for anything else."""
    try:
        with regular_file(path) as file:
            data = file.read(_FILE_BYTES + 1)
    except (OSError, ValueError):
        return None
    found = document(data) if len(data) <= _FILE_BYTES else None
    return found if isinstance(found, dict) else None


def moment(text: object) -> float | None:
    """Return the seconds since the epoch of an ISO 8601 time, None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def host_of(url: object) -> str:
    """Return the host that a URL names, fit for messages; of a URL without one, the URL itself."""
    try:
        host = urlsplit(str(url)).hostname
    except ValueError:
        host = None
    return printable(host or without_secrets(str(url)))[:_SHOWN]


def origin_of(url: str) -> tuple[str, str] | None:
    """Return scheme and host with port of a URL, None if it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.scheme, parts.netloc) if parts.scheme and parts.netloc else None


def joined(base: str, reference: str) -> str | None:
    """Return where `reference` on the page `base` leads, None if that is nowhere."""
    try:
        return urljoin(base, reference)
    except ValueError:
        return None


def without_secrets(url: str) -> str:
    """Return `url` without user, password, query and fragment, fit for messages and receipts."""
    try:
        parts = urlsplit(url)
        shown = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    except ValueError:
        shown = re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url)[0])
    return printable(shown)


def seconds_to_wait(headers: Mapping[str, str], name: str = "Retry-After") -> float | None:
    """Return the seconds that a header asks to wait, not below 0; None if it does not ask."""
    value = headers.get(name, "")
    if (seconds := whole_number(value)) is not None:
        return float(seconds)
    try:
        return max(email.utils.parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None
