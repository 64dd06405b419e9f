"""`rembg s` keeps a session for every extras text it has seen: they hold one copy of the network."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.support.graphs import build
from tests.support.networks import place
from tests.support.rembg import post, serving

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")]


def megabytes(process: int) -> float:
    status = Path(f"/proc/{process}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024


@pytest.mark.slow
def test_fifty_extras_hold_one_copy_of_the_weights(tmp_path: Path) -> None:
    network = build("dlmv_skin")
    place(tmp_path / "home", "dlmv_skin", network)
    with serving(tmp_path, MODEL_CHECKSUM_DISABLED="1") as (url, process):
        for _ in range(5):
            assert post(url, model="dlmv_skin", om="true").ok
        before = megabytes(process)
        for threshold in range(50):
            assert post(url, model="dlmv_skin", om="true", extras=json.dumps({"threshold": threshold})).ok
        grown = megabytes(process) - before
    weights = network.ByteSize() / 2**20
    assert grown < 3 * weights  # a copy each would be more than fifty times
