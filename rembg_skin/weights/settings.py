"""Download settings from environment variables. No session extra can change them."""

import os
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

from rembg_skin.errors import SettingError, printable


@dataclass(frozen=True)
class Limits:
    """Limits of one fetch. Times are in seconds."""

    tries: int = 5
    backoff: float = 1.0  # before the second retry; doubled after each
    connect: float = 3.1  # for each address of a host
    silence: float = 14.0  # of a host that has been reached; in one fetch all hosts together may take twice that
    read: float = 30.0  # over which `slowest` is measured
    slowest: int = 1024  # bytes a second; a slower connection counts as broken
    whole: float = 6 * 3600.0  # for all of a fetch
    turn: float = 30.0  # for another download of the same file that does not grow


@dataclass(frozen=True)
class Settings:
    """The settings of one fetch; :meth:`read` takes them from the process's environment variables."""

    offline: bool = False  # REMBG_SKIN_OFFLINE
    mirror: str | None = None  # REMBG_SKIN_MIRROR: a base URL, or a folder
    api: str = ""  # REMBG_SKIN_GITHUB_API
    token: str | None = None  # GITHUB_TOKEN
    checks: bool = True  # rembg's own MODEL_CHECKSUM_DISABLED turns them off, whatever its value

    @classmethod
    def read(cls) -> "Settings":
        """Return the settings as they are now; raise SettingError for a value that means nothing."""
        return cls(
            offline=switch("REMBG_SKIN_OFFLINE"),
            mirror=os.environ.get("REMBG_SKIN_MIRROR") or None,
            api=(os.environ.get("REMBG_SKIN_GITHUB_API") or "https://api.github.com").rstrip("/"),
            token=_token(),
            checks="MODEL_CHECKSUM_DISABLED" not in os.environ,
        )

    @property
    def mirror_folder(self) -> Path | None:
        """The mirror, if it is a folder of this machine."""
        if self.mirror is None or self.mirror.lower().startswith(("http://", "https://")):
            return None
        return Path(self.mirror).expanduser()


def switch(name: str) -> bool:
    """Return True if the environment variable `name` is on; raise SettingError if it is neither on nor off."""
    value = os.environ.get(name, "")
    word = value.strip().lower()
    if word in ("1", "true", "yes", "on"):
        return True
    if word in ("", "0", "false", "no", "off"):
        return False
    raise SettingError(f'{name}="{printable(value)}" is neither on (1, true, yes, on) nor off (0, false, no, off).')


def _token() -> str | None:
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if not token or re.fullmatch(r"[\x21-\x7e]+", token):
        return token or None
    warnings.warn("GITHUB_TOKEN is not a token: GitHub is asked without it.", RuntimeWarning, stacklevel=2)
    return None
