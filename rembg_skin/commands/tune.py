"""``rembg-skin tune``."""

import argparse
import os
import tempfile
import threading
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="a photo to begin with")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="rembg-skin-tune-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # uploads and masks are gone when the page is

        from rembg_skin.tune.page import launch

        served = launch(arguments.image, arguments.port, browser=not arguments.no_browser)
        print(f"The page is at {served.local_url}; Ctrl-C ends it.", flush=True)
        try:
            threading.Event().wait()
        finally:
            served.close()
    return 0
