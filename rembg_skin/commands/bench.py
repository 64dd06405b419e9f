"""``rembg-skin bench``: how fast the models are on this machine, and which one to take."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from rembg_skin.catalog import MODELS, files_of
from rembg_skin.commands.console import exit_code, progress, say, stoppable, write_table
from rembg_skin.errors import SkinError
from rembg_skin.measure.benchmark import Job, Result, advice, machine, measure_apart, table
from rembg_skin.measure.sessions import distinct, session_names
from rembg_skin.weights.folders import model_folders
from rembg_skin.weights.receipts import on_disk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "-m", "--model", nargs="+", metavar="NAME", help="any models that rembg knows (default: every skin model)"
    )
    parser.add_argument("--image", type=Path, metavar="FILE", help="a photograph (default: scikit-image's astronaut)")
    parser.add_argument(
        "--sizes", type=_sizes, default=[None], metavar="N,N", help="longer sides in pixels (default: the image's own)"
    )
    parser.add_argument("--runs", type=_count, default=10, metavar="N", help="timed runs of each (default: 10)")
    parser.add_argument("--provider", metavar="NAME", help="an ONNX Runtime provider, such as CPU, CUDA, OpenVINO")
    parser.add_argument("--budget", type=float, metavar="SECONDS", help="name the most accurate model that is as fast")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _sizes(text: str) -> list[int]:
    return [_count(part) for part in text.split(",")]


def run(args: argparse.Namespace) -> int:
    """Measure; return the exit code."""
    names = distinct(args.model or [name for name in session_names() if name in MODELS])
    image = str(args.image) if args.image else None
    results: list[Result] = []
    failed: list[SkinError] = []
    with stoppable() as stop:
        ready = [name for name in names if not _skipped(name)]
        jobs = [Job(name, image, side, args.runs, args.provider) for side in args.sizes for name in ready]
        for job in progress(jobs, len(jobs), "bench"):
            try:
                results.append(measure_apart(job))
            except SkinError as error:
                failed.append(error)
                say(str(error))
    if failed and not results:
        raise failed[0]
    named = advice(results, args.budget) if args.budget is not None and results else None
    if args.json:
        measured = {"machine": machine(), "results": [asdict(result) for result in results], "advice": named}
        json.dump(measured, sys.stdout, indent=1)
        sys.stdout.write("\n")
    else:
        write_table(table(results))
        sys.stdout.write("Medians and quartiles of " + _described(args.runs) + "\n")
        if named:
            sys.stdout.write(named + "\n")
    return exit_code(stop, complete=not failed)


def _skipped(name: str) -> bool:
    missing = _missing_weights(name)
    if missing:
        download = "rembg-skin download" if name in MODELS else "rembg d"
        say(f"{name} is skipped: {' and '.join(missing)} not on disk; `{download} {name}` fetches what it needs.")
    return bool(missing)


def _missing_weights(name: str) -> list[str]:
    """Return the names of the files that `name` needs and that are on no disk."""
    if name in MODELS:
        files = files_of(MODELS[name])
        return [file.name for file in files if not any(on_disk(file, model_folders(file.name)))]
    # One of rembg's own: in a folder of its name or, of old, beside all others.
    folders = model_folders(name)
    own = any(any(folder.glob("*.onnx")) for folder in folders if folder.name == name)
    return [] if own or any((folder / f"{name}.onnx").is_file() for folder in folders) else [name]


def _described(runs: int) -> str:
    facts = machine()
    return f"{runs} runs, each model in a process of its own; " + ", ".join(f"{key} {facts[key]}" for key in facts)
