"""What the environment says about weights. Nothing else can: no extra of a session reaches these settings."""

import os
import re
import warnings
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import rembg_skin_hook
from rembg_skin.catalog import MODELS
from rembg_skin.errors import SettingError, did_you_mean, printable

GITHUB_API = "https://api.github.com"
AUTO = "REMBG_SKIN_AUTO"
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Settings:
    """The settings of one fetch; :meth:`read` takes them from the process's environment variables."""

    offline: bool = False  # REMBG_SKIN_OFFLINE
    mirror: str | None = None  # REMBG_SKIN_MIRROR: a base URL, or a folder
    api: str = GITHUB_API  # REMBG_SKIN_GITHUB_API
    token: str | None = None  # GITHUB_TOKEN
    checks: bool = True  # rembg's own MODEL_CHECKSUM_DISABLED turns them off

    @classmethod
    def read(cls) -> "Settings":
        """Return the settings as they are now.

        Raises
        ------
        SettingError
            If a variable has a value that means nothing.

        """
        return cls(
            offline=switch("REMBG_SKIN_OFFLINE"),
            mirror=os.environ.get("REMBG_SKIN_MIRROR") or None,
            api=(os.environ.get("REMBG_SKIN_GITHUB_API") or GITHUB_API).rstrip("/"),
            token=_token(),
            checks="MODEL_CHECKSUM_DISABLED" not in os.environ,
        )

    @property
    def mirror_folder(self) -> Path | None:
        """The mirror, if it is a folder of this machine."""
        if self.mirror is None or self.mirror.lower().startswith(("http://", "https://")):
            return None
        return Path(self.mirror).expanduser()

    @property
    def fingerprint(self) -> str:
        """What tells apart settings under which a host may or may not be reached; passwords take no part."""
        values = [os.environ.get(name) or os.environ.get(name.upper()) or "" for name in _PROXIES]
        parts = (self.offline, self.mirror, self.api, self.token is not None, *values)
        text = re.sub(r"//[^/@]*@", "//", repr(parts))
        return sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def switch(name: str) -> bool:
    """Return whether the environment variable `name` is on; it is off if it is not set.

    Raises
    ------
    SettingError
        If its value is neither on nor off.

    """
    on = rembg_skin_hook.switch(name)
    if on is None:
        shown = printable(os.environ[name])
        raise SettingError(f'{name}="{shown}" is neither on (1, true, yes, on) nor off (0, false, no, off).')
    return on


def chain() -> tuple[str, ...]:
    """Return the names of the models that `skin` tries: those of ``REMBG_SKIN_AUTO``, or the catalogue's.

    Raises
    ------
    SettingError
        If one of them is no skin model.

    """
    known = [name for name in MODELS if name != "skin"]
    names = tuple(name for part in os.environ.get(AUTO, "").split(",") if (name := part.strip()))
    for name in names:
        if name not in known:
            meant = did_you_mean(name, known, MODELS["skin"].chain, most=1)
            raise SettingError(f'{AUTO} names "{printable(name)}", which is no model to choose from; {meant}')
    return names or MODELS["skin"].chain


def warn_unchecked_by_choice() -> None:
    """Say that weights are not checked, and that the variable means it whatever its value is."""
    value = os.environ.get("MODEL_CHECKSUM_DISABLED", "")
    although = (
        ""
        if rembg_skin_hook.switch("MODEL_CHECKSUM_DISABLED")
        else f' (to "{printable(value)}": rembg asks only whether it is set)'
    )
    warnings.warn(
        f"MODEL_CHECKSUM_DISABLED is set{although}: weights of skin models are used unchecked. Unset it to have them"
        " checked.",
        RuntimeWarning,
        stacklevel=2,
    )


def _token() -> str | None:
    token = os.environ.get("GITHUB_TOKEN", "").strip()
    if token and not re.fullmatch(r"[\x21-\x7e]+", token):
        warnings.warn(
            "GITHUB_TOKEN is no token (it has spaces or letters that no token has): GitHub is asked without it.",
            RuntimeWarning,
            stacklevel=2,
        )
        return None
    return token or None
