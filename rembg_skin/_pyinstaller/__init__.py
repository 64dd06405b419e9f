"""PyInstaller's hooks of this package, which the entry point `pyinstaller40` names."""

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folder of the hooks."""
    return [str(Path(__file__).parent)]
