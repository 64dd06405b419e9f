"""Photographs cut out for editors: at their full depth, with their colour profile, resolution and EXIF data."""
