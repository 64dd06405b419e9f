"""Pillow's limits against files that are made to exhaust memory: right for a server, wrong for a user's own files."""

Limits = tuple[int | None, int, int]  # pixels of an image; bytes of one text or profile of a PNG, and of all its texts

LOCAL: Limits = (None, 1 << 30, 1 << 30)


def set_limits(limits: Limits) -> Limits:
    """Set the limits for this process, and return those of before."""
    from PIL import Image, PngImagePlugin

    before = Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY
    Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK, PngImagePlugin.MAX_TEXT_MEMORY = limits
    return before
