"""The folders of rembg in which a file of a given name may be; rembg moved them in 2.0.80."""

from pathlib import Path

from rembg.sessions.base import BaseSession


def model_folders(name: str) -> tuple[Path, ...]:
    """Return the folders for the files of `name`, which need not be a session; downloads go into the first one."""

    class Named(BaseSession):
        @classmethod
        def name(cls, *_args: object, **_kwargs: object) -> str:
            return name

    if hasattr(Named, "model_dir"):
        return Path(Named.model_dir()), Path(Named.legacy_home())
    return (Path(Named.u2net_home()),)
