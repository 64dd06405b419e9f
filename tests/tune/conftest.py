"""The page of `rembg-skin tune`, which the tests share that send it requests or use it in a browser."""

from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest
from PIL import Image

from rembg_skin.tune.page import serve_page


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, astronaut: Image.Image) -> Path:
    folder = tmp_path_factory.mktemp("tune")
    astronaut.save(folder / "uploaded photo.png")
    astronaut.crop((100, 0, 400, 300)).save(folder / "it's given.png")
    return folder


@pytest.fixture(scope="session")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of the page, token included."""
    with chdir(folder):
        page = serve_page(tmp_path_factory.mktemp("downloads"), Path("it's given.png"), 0)
    with page as (url, _):
        yield url
