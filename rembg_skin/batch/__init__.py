"""Many pictures: masks of batches and of folders."""

from rembg_skin.batch.masker import SkinMasker

__all__ = ["SkinMasker"]
