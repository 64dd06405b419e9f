"""What the tests run in: an environment that says nothing about proxies, models, users or languages."""

import os
import sys
import tempfile

from tests.support.processes import hear_interrupts

# A user's settings would change what the tests see.
_NOT_OURS = ("GITHUB_TOKEN", "MODEL_CHECKSUM_DISABLED", "REMBG_HOME", "U2NET_HOME", "XDG_DATA_HOME", "OMP_NUM_THREADS")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def neutralize() -> None:
    """Clean the environment of this process and of all its children."""
    for name in list(os.environ):
        if name in _NOT_OURS or name.lower() in _PROXIES or name.startswith("REMBG_SKIN_"):
            del os.environ[name]
    # ONNX Runtime warns on stderr if it cannot write its telemetry below HOME.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    # rembg compiles its matting for a minute at its first import; no mask needs it.
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    # Children print file names, which an ASCII locale could neither write nor read.
    os.environ["PYTHONUTF8"] = "1"
    if sys.getfilesystemencoding() != "utf-8" and not tempfile.gettempdir().isascii():
        for name in ("TMPDIR", "TEMP", "TMP"):
            os.environ.pop(name, None)
        tempfile.tempdir = None  # looked for again
    hear_interrupts()
