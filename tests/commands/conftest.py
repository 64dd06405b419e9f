"""What the tests of the commands share: five photos with masks, for people who sit in their folder."""

from pathlib import Path

import pytest
from PIL import Image

from tests.support.photos import picture


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make photos/a.png to e.png, half of them skin, and their masks in truth/, and go to that folder."""
    for folder, image in (("photos", picture()), ("truth", Image.new("L", (60, 40), 255))):
        (tmp_path / folder).mkdir()
        for name in "abcde":
            image.save(tmp_path / folder / f"{name}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path
