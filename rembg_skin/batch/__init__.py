"""Many pictures: masks of batches and of folders."""

from rembg_skin.batch.folder import mask_names
from rembg_skin.batch.masker import SkinMasker

__all__ = ["SkinMasker", "mask_names"]
