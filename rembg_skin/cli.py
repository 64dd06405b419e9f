"""The ``rembg-skin`` command: parses, calls, prints. Each of its commands is a module of ``rembg_skin.commands``."""

import argparse
import io
import os
import signal
import sys
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import NoReturn

import rembg_skin
from rembg_skin.commands.signals import INTERRUPTED, signals_heard, status_of
from rembg_skin.errors import SkinError, printable
from rembg_skin.files import remove_drafts
from rembg_skin.image.limits import LOCAL, set_limits
from rembg_skin.messages import tell

# A command's module has add_arguments(parser) and run(arguments) -> exit status; only the one asked for is imported.
COMMANDS = {
    "models": "list the models: input, cost, download, license, published and measured accuracy",
    "download": "fetch and verify the weights of models",
    "verify": "hash the weights on disk and compare",
    "cut": "cut skin out for an editor: the photo's own colors with the mask as alpha, or the mask, or an overlay",
    "masks": "write the masks of a folder of photographs, on all cores; run again, it goes on where it stopped",
    "video": "write the masks, the cutout or the overlay of a video, or its skin's color over time",
    "tune": "tune a mask on a web page of this machine, and take the command along",
    "export": "write the network of this package as a file for OpenCV, Node and other runtimes",
    "eval": "measure how well models find skin on your own photographs",
    "bench": "measure time and memory of models on this machine",
    "compare": "draw photographs, masks and overlays of several models side by side",
    "stats": "draw the hue, saturation and value of skin in your own photographs",
    "augment": "write 26 variants of every photograph and mask, for training",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0 if all is done, 1 if nothing is (stderr has the reason), 2 for arguments that mean nothing, 3 if a part is, and
    128 + N after signal N, such as 130 after Ctrl-C. Without `arguments` the process is the command's own.
    """
    _prepare_streams()
    if arguments is not None:
        return _run(list(arguments))
    # rembg compiles its alpha matting as it is imported, which no command needs: without it each starts sooner, and
    # also as a user that may write the compiled code nowhere.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a second Ctrl-C does: the process ends at once
    if (status := _run(sys.argv[1:])) > INTERRUPTED:
        from rembg_skin.workers import BACKGROUND

        if any(thread.name == BACKGROUND for thread in threading.enumerate()):  # still at work, and nobody waits for it
            remove_drafts()
            with suppress(OSError):
                sys.stdout.flush()
            os._exit(status)
    return status


def _run(given: list[str]) -> int:
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=RuntimeWarning, module="rembg_skin")
        warnings.showwarning = lambda message, *_details, **_more: tell(f"rembg-skin: {message}")
        try:
            with signals_heard():
                parsed = parser(given).parse_args(given)
                limits = set_limits(LOCAL)
                try:
                    status = int(parsed.run(parsed))
                finally:
                    set_limits(limits)
                sys.stdout.flush()
        except SkinError as error:
            tell(f"rembg-skin: {error}")
            return 1
        except ModuleNotFoundError as error:
            if error.name not in ("rembg", "onnxruntime"):
                raise
            tell(f'rembg-skin: {error.name} is not installed: pip install "rembg-skin[cpu]"')
            return 1
        except BrokenPipeError:  # `| head`; what Python still holds goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt as stopped:
            return status_of(stopped)
        return status


def _prepare_streams() -> None:
    """Give the command streams that take every text."""
    # Windowed programs and services have no streams; and a file that is opened must not get the number of one of them,
    # or libraries would write their messages into it.
    for name, number in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            if nowhere != number:
                os.close(nowhere)
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):  # names may hold what an encoding lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        super().error(printable(message))  # `cut *` takes a file named "-..." for an option


def parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of `given`; only the command that it names is imported and has its arguments."""
    asked = next((argument for argument in given if not argument.startswith("-")), None)
    result = _Parser(prog="rembg-skin", description="Skin masks for rembg.")
    version = rembg_skin.__version__ if "--version" in given else ""  # looking for it takes a while
    result.add_argument("--version", action="version", version=f"rembg-skin {version}")
    commands = result.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == asked:
            module = import_module(f"rembg_skin.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return result


if __name__ == "__main__":  # python -m rembg_skin.cli
    sys.exit(main())
