"""What an embedded color profile costs the first step of every session, 12 megapixels, two threads; both in one run.

Run: `python -m benchmarks.profile`. Allowed: 60 ms for an RGB profile, nothing for sRGB's.
"""

from functools import partial

from PIL import Image

from benchmarks.timing import machine, medians
from rembg_skin.image.rgb import to_rgb
from tests.support import profiles

SIZE = (4000, 3000)


def main() -> None:
    """Print a line a profile."""
    print(machine("rembg", "numpy", "pillow"))
    photo = Image.radial_gradient("L").resize(SIZE).convert("RGB")
    cmyk = photo.convert("CMYK")
    pictures = {"no profile": photo, "CMYK, no profile": cmyk}
    for name, profile, picture in (
        ("sRGB", profiles.SRGB, photo),
        ("Display P3", profiles.DISPLAY_P3, photo),
        ("Adobe RGB", profiles.ADOBE_RGB, photo),
        ("CMYK, press profile", profiles.press(), cmyk),
    ):
        pictures[name] = picture.copy()
        pictures[name].info["icc_profile"] = profile
    seconds = medians({name: partial(to_rgb, picture) for name, picture in pictures.items()}, rounds=9)
    for name, value in seconds.items():
        plain = seconds["CMYK, no profile" if name.startswith("CMYK") else "no profile"]
        print(f"{name:20} {value * 1e3:6.1f} ms, {(value - plain) * 1e3:+6.1f} ms for the profile")


if __name__ == "__main__":
    main()
