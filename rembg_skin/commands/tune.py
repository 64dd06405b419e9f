"""Open a web page of this machine on which a mask is tuned."""

import argparse
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory

from rembg_skin.errors import ExtraError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("image", nargs="?", type=Path, metavar="IMAGE", help="a photo to begin with")
    parser.add_argument("--port", type=int, help="default: the first free one from 7860 on; 0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="do not open the page in a browser")


def run(arguments: argparse.Namespace) -> int:
    """Serve the page until Ctrl-C, or until the command is ended otherwise; return the exit status."""
    try:
        from rembg_skin.tune.page import serve_page
    except ImportError as error:
        raise ExtraError.about("rembg-skin tune", error.name or str(error), "cli") from None

    with (
        TemporaryDirectory(prefix="rembg-skin-", ignore_cleanup_errors=True) as name,
        serve_page(Path(name), arguments.image, arguments.port) as (url, thread),
    ):
        print(f"The page is at {url}; Ctrl-C ends it.", flush=True)
        if not arguments.no_browser:
            # Through a private file: other users can see the arguments with which a browser is started.
            file = Path(name, "open.html")
            file.write_text(f'<meta http-equiv="refresh" content="0;url={url}"><a href="{url}">rembg-skin tune</a>\n')
            webbrowser.open(file.as_uri())
        while thread.is_alive():
            thread.join(0.5)  # signals are handled meanwhile, on every system
    return 0
