"""How long to keep trying."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """Tries and waits of a download. Times are in seconds."""

    tries: int = 5
    first_wait: float = 1.0  # doubled after each try, with jitter
    longest_wait: float = 60.0  # a host that asks for a longer one gets no further try
    connect: float = 10.0
    read: float = 30.0  # without a byte, or over which `slowest` is measured
    slowest: int = 1024  # bytes a second; below it a connection counts as broken
