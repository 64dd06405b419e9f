"""Where sessions find their files."""

from rembg_skin.folders import model_folders

__all__ = ["model_folders"]
