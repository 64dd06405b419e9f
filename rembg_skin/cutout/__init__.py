"""Cut photos out for editors: at full depth, with color profile, resolution and EXIF data."""
