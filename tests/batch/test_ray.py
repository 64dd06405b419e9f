"""Ray Data, on a local cluster of two workers."""

import io
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rembg_skin.batch import SkinMasker
from tests.support.pages import blocks
from tests.support.photos import picture

pytestmark = pytest.mark.ray
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "ray_masks.py"
PAGE = EXAMPLE.parents[1] / "docs" / "batches.md"
COUNT = 60


class OnceKilled(SkinMasker):
    """A worker that is killed when it meets a certain image for the first time, with half of its batch done."""

    def __init__(self, model: str, *, marker: str) -> None:
        super().__init__(model)
        self._marker = Path(marker)

    def __call__(self, batch: Any) -> dict[str, Any]:
        names = [Path(path).stem for path in batch["path"]]
        half = len(names) // 2
        if "40" in names and not self._marker.exists():
            super().__call__({column: values[:half] for column, values in batch.items()})
            self._marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {**super().__call__(batch), "process": [os.getpid()] * len(names)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Ray with processors for two workers, and for the tasks that read files."""
    ray = pytest.importorskip("ray")
    pytest.importorskip("ray.data")
    # Workers import the tests by name.
    paths = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    ray.init(num_cpus=4, include_dashboard=False, runtime_env={"env_vars": paths}, log_to_driver=False)
    yield ray
    ray.shutdown()


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Sixty pictures of different widths, and two files that are none."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number in range(COUNT):
        picture(100 + number).save(folder / ("sub" if number % 2 else ".") / f"{number}.png")
    (folder / "text.jpg").write_text("no image")
    (folder / "sub" / "cut.png").write_bytes((folder / "0.png").read_bytes()[:100])
    return folder


def test_nothing_is_lost_and_nothing_double_when_a_worker_is_killed(
    cluster: Any, photographs: Path, tmp_path: Path
) -> None:
    marker = tmp_path / "killed"
    rows = (
        cluster.data.read_binary_files(str(photographs), include_paths=True, override_num_blocks=12)
        .map_batches(
            OnceKilled,
            fn_constructor_args=("ycbcr_skin",),
            fn_constructor_kwargs={"marker": str(marker)},
            batch_size=4,
            concurrency=2,
        )
        .take_all()
    )
    assert marker.exists()
    assert Counter(Path(row["path"]).name for row in rows) == Counter(path.name for path in photographs.rglob("*.*"))
    assert {Path(row["path"]).name for row in rows if row["error"]} == {"text.jpg", "cut.png"}
    assert len({row["process"] for row in rows}) >= 2
    alone = SkinMasker("ycbcr_skin")
    for row in rows:
        assert row["mask"] == alone({"bytes": [Path(row["path"]).read_bytes()]})["mask"][0]


def test_decoded_images_go_through_in_order(cluster: Any) -> None:
    widths = [20, 50, 30, 40]
    images = [{"id": number, "image": np.asarray(picture(width))} for number, width in enumerate(widths)]
    masker = {"model": "ycbcr_skin", "column": "image", "masks": "array"}
    rows = (
        cluster.data.from_items(images)
        .map_batches(SkinMasker, fn_constructor_kwargs=masker, batch_size=2, concurrency=1)
        .take_all()
    )
    assert [row["mask"].shape for row in sorted(rows, key=lambda row: row["id"])] == [(40, width) for width in widths]


@pytest.mark.usefixtures("cluster")
def test_the_example_writes_masks_resumes_and_tells_what_failed(photographs: Path, tmp_path: Path) -> None:
    def run() -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, str(EXAMPLE), "photos", "masks", "-m", "ycbcr_skin"]
        environment = {**os.environ, "RAY_ADDRESS": "local"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "0.png").write_bytes(b"somebody's")
    first = run()
    assert first.returncode == 3, first.stderr
    assert first.stdout.splitlines()[-1] == "59 masks written, 2 images failed"
    failures = [line for line in first.stderr.splitlines() if line.startswith(str(photographs))]
    assert sorted(line.partition(": ")[0].removeprefix(f"{photographs}/") for line in failures) == [
        "sub/cut.png",
        "text.jpg",
    ]
    written = sorted(str(path.relative_to(tmp_path / "masks")) for path in (tmp_path / "masks").rglob("*.*"))
    assert written == sorted(f"{'sub/' if number % 2 else ''}{number}.png" for number in range(COUNT))
    assert (tmp_path / "masks" / "0.png").read_bytes() == b"somebody's"
    mask = Image.open(io.BytesIO((tmp_path / "masks" / "sub" / "7.png").read_bytes()))
    assert (mask.mode, mask.size) == ("L", (107, 40))
    assert run().stdout.splitlines()[-1] == "0 masks written, 2 images failed"


def test_the_lines_of_the_page_run_as_printed(cluster: Any, photographs: Path, tmp_path: Path) -> None:
    (text,) = [text for language, text in blocks(PAGE) if language == "python" and "import ray" in text]
    masks = str(tmp_path / "masks.parquet")
    # The cluster began in another folder: its workers need complete paths.
    exec(compile(text.replace("photos/", str(photographs)).replace("masks.parquet", masks), PAGE, "exec"), {})
    rows = cluster.data.read_parquet(masks).take_all()
    assert {Path(row["path"]).name for row in rows if row["error"]} == {"text.jpg", "cut.png"}
    assert len([row for row in rows if row["mask"]]) == COUNT
