"""The ``rembg-skin`` command: parses, calls, prints. Each of its commands is a module of ``rembg_skin.commands``."""

import argparse
import io
import os
import sys
import warnings
from collections.abc import Sequence
from importlib import import_module

from rembg_skin.errors import SkinError
from rembg_skin.image.limits import LOCAL, set_limits
from rembg_skin.messages import tell

# A command's module has add_arguments(parser) and run(arguments) -> exit status; only the one asked for is imported.
COMMANDS = {
    "models": "list the models: input, cost, download, licence, published and measured accuracy",
    "download": "fetch and verify the weights of models",
    "verify": "hash the weights on disk and compare",
    "cut": "cut skin out for an editor: the photo's own colours with the mask as alpha, or the mask, or an overlay",
    "masks": "write the masks of a folder of photographs, on all cores; run again, it goes on where it stopped",
    "video": "write the masks, the cutout or the overlay of a video, or its skin's colour over time",
    "tune": "tune a mask on a web page of this machine, and take the command along",
    "eval": "measure how well models find skin on your own photographs",
    "bench": "measure time and memory of models on this machine",
    "compare": "draw photographs, masks and overlays of several models side by side",
    "stats": "draw the hue, saturation and value of skin in your own photographs",
    "augment": "write 26 variants of every photograph and mask, for training",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status.

    0; 1 after an error that was told on stderr; 3 if a command had to leave files or models out; 130
    after Ctrl-C.
    """
    _prepare_process()
    given = list(sys.argv[1:] if arguments is None else arguments)
    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=RuntimeWarning, module="rembg_skin")
        warnings.showwarning = _show_warning
        try:
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
        except BrokenPipeError:  # `| head`; what Python still holds goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except KeyboardInterrupt:
            return 130
        return status


def _prepare_process() -> None:
    """Give the command streams that take every text, and rembg no compiler."""
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
    # rembg compiles its alpha matting as it is imported, which no command needs: without it each starts sooner, and
    # also as a user that may write the compiled code nowhere.
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")


def parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser of `given`; only the command that it names is imported and has its arguments."""
    asked = next((argument for argument in given if not argument.startswith("-")), None)
    result = argparse.ArgumentParser(prog="rembg-skin", description="Skin masks for rembg.")
    result.add_argument("--version", action="version", version=_version() if "--version" in given else "")
    commands = result.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        if name == asked:
            module = import_module(f"rembg_skin.commands.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    return result


def _version() -> str:
    from importlib.metadata import version

    return f"rembg-skin {version('rembg-skin')}"


def _show_warning(message: Warning | str, *_details: object, **_more: object) -> None:
    tell(f"rembg-skin: {message}")


if __name__ == "__main__":  # python -m rembg_skin.cli
    sys.exit(main())
