"""Open a web page of this machine on which a mask is tuned."""

import argparse
import contextlib
import signal
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from rembg_skin.errors import ExtraError

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name)]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="a photo to begin with")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on; 0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or until the command is ended otherwise; return the exit status."""
    import rembg_skin

    rembg_skin.register()  # the sessions' modules need rembg's tables
    try:
        from rembg_skin.tune.page import serve_page
    except ImportError as error:
        raise ExtraError.about("rembg-skin tune", error.name or str(error), "cli") from None

    with _ended_by_signals(), TemporaryDirectory(prefix="rembg-skin-", ignore_cleanup_errors=True) as name:
        served = serve_page(Path(name), arguments.image, arguments.port)
        try:
            print(f"The page is at {served.url}; Ctrl-C ends it.", flush=True)
            if not arguments.no_browser:
                _open_browser(served.url, Path(name) / "open.html")
            served.wait()
        finally:
            served.close()
    return 0


def _open_browser(url: str, file: Path) -> None:
    """Open the page through a private file: other users can see the arguments with which a browser is started."""
    file.write_text(f'<meta http-equiv="refresh" content="0;url={url}"><a href="{url}">rembg-skin tune</a>\n')
    webbrowser.open(file.as_uri())


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let every signal that ends a program end the block as an exception, so that the folder is removed.

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
