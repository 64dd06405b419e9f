"""What the environment says about downloads. Nothing else can: no extra of a session reaches these settings."""

import os
from dataclasses import dataclass
from pathlib import Path

GITHUB_API = "https://api.github.com"


@dataclass(frozen=True)
class Environment:
    """The settings of one fetch; :meth:`read` takes them from the process's environment variables."""

    offline: bool = False  # REMBG_SKIN_OFFLINE
    mirror: str | None = None  # REMBG_SKIN_MIRROR: a base URL, or a folder
    api: str = GITHUB_API  # REMBG_SKIN_GITHUB_API
    token: str | None = None  # GITHUB_TOKEN
    checks: bool = True  # rembg's own MODEL_CHECKSUM_DISABLED turns them off

    @classmethod
    def read(cls) -> "Environment":
        """Return the settings as they are now."""
        return cls(
            offline=os.environ.get("REMBG_SKIN_OFFLINE", "0") not in ("", "0"),
            mirror=os.environ.get("REMBG_SKIN_MIRROR") or None,
            api=(os.environ.get("REMBG_SKIN_GITHUB_API") or GITHUB_API).rstrip("/"),
            token=os.environ.get("GITHUB_TOKEN") or None,
            checks="MODEL_CHECKSUM_DISABLED" not in os.environ,
        )

    @property
    def mirror_folder(self) -> Path | None:
        """The mirror, where it is a folder of this machine."""
        if self.mirror is None or self.mirror.lower().startswith(("http://", "https://")):
            return None
        return Path(self.mirror).expanduser()
