"""Write the network of this package as a file for another runtime."""

import argparse
import re
from pathlib import Path

from rembg_skin.catalog import MODELS
from rembg_skin.commands.outputs import check_outputs
from rembg_skin.errors import printable
from rembg_skin.files import write_atomically
from rembg_skin.weights import packaged_file

_STEP, _LARGEST = 32, 2048  # pixels
_NAMES = [model.name for model in MODELS.values() if model.packaged]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", choices=_NAMES, metavar="NAME", help=" or ".join(_NAMES))
    parser.add_argument("file", type=Path, metavar="FILE", help="the ONNX file to write; an older one is replaced")
    text = "fix the input's sides: 448, or width x height such as 448x320; multiples of"
    text = f"{text} {_STEP}. Without it the file takes pictures of every size"
    parser.add_argument("--side", type=sides, metavar="SIDE", help=text)


def run(arguments: argparse.Namespace) -> int:
    """Write the file; return the exit status."""
    packaged = packaged_file(MODELS[arguments.model])
    check_outputs([arguments.file], [packaged])
    if arguments.side is None:
        write_atomically(arguments.file, lambda draft: draft.write_bytes(packaged.read_bytes()))
    else:
        write_atomically(arguments.file, lambda draft: fix_sides(packaged, draft, *arguments.side))
    shown = "{} x {} pixels".format(*arguments.side) if arguments.side else "every size"
    print(f"{printable(arguments.file)}: {arguments.model} for pictures of {shown}")
    return 0


def sides(text: str) -> tuple[int, int]:
    """Return width and height of `SIDE` or `WIDTHxHEIGHT`."""
    found = re.fullmatch(r"(\d{2,4})(?:x(\d{2,4}))?", text, re.ASCII)
    width, height = (int(side) for side in (found[1], found[2] or found[1])) if found else (0, 0)
    if not all(side % _STEP == 0 and _STEP <= side <= _LARGEST for side in (width, height)):
        allowed = f"{_STEP}, {2 * _STEP}, ... {_LARGEST}"
        raise argparse.ArgumentTypeError(f"{text} is not a side or WIDTHxHEIGHT of {allowed}")
    return width, height


def fix_sides(graph: Path, file: Path, width: int, height: int) -> None:
    """Write a graph of one picture of this size: float32 weights, and sizes as constants instead of computed ones."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC  # standard ONNX; more is its own
    options.optimized_model_filepath = str(file)
    for name, value in {"batch": 1, "width": width, "height": height}.items():
        options.add_free_dimension_override_by_name(name, value)
    ort.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
