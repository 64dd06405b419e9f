"""``rembg-skin tune``."""

import argparse
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="a photo to begin with")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on; 0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or until the command is ended otherwise; return the exit status."""
    from rembg_skin.tune.temporary import private_folder

    with _ended_by_signals(), private_folder() as folder:
        # Variables meant for Gradio's services could open this page to others.
        for name in [name for name in os.environ if name.startswith("GRADIO_")]:
            del os.environ[name]
        os.environ["GRADIO_TEMP_DIR"] = str(folder)

        from rembg_skin.tune.page import open_browser, serve_page

        served = serve_page(arguments.image, arguments.port)
        try:
            print(f"The page is at {served.url}; Ctrl-C ends it.", flush=True)
            if not arguments.no_browser:
                open_browser(served.url)
            served.wait()
        finally:
            served.close()
    return 0


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let every signal that ends a program end the block as an exception, so that the photos are removed.

    Ctrl-C does so even if the shell lets background jobs ignore it; a hang-up that `nohup` ignores stays ignored.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    caught = [number for number in _SIGNALS if number == signal.SIGINT or before[number] != signal.SIG_IGN]

    def end(number: int, _frame: FrameType | None) -> None:
        for each in caught:
            signal.signal(each, signal.SIG_IGN)  # a second one must not stop the removal
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    for number in caught:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])
