"""``rembg-skin bench``: time and memory of the models on this machine, and the one to take."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rembg_skin.catalog import MODELS, SKIN, files_of
from rembg_skin.commands.arguments import ModelChoice, add_models, checked_models, positive, seconds, sizes
from rembg_skin.commands.console import exit_status, progress, say, stoppable, write_table
from rembg_skin.errors import SkinError
from rembg_skin.measure.benchmark import Job, Result, advice, machine, measure_apart, table
from rembg_skin.measure.provenance import in_one_line
from rembg_skin.photos import open_image
from rembg_skin.session import session_names
from rembg_skin.weights import model_folders, on_disk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser, " (default: every skin model on disk)")
    parser.add_argument("--image", type=Path, metavar="FILE", help="a photograph (default: scikit-image's astronaut)")
    parser.add_argument(
        "--sizes", type=sizes, default=[None], metavar="N,N", help="longer sides in pixels (default: the image's own)"
    )
    parser.add_argument("--runs", type=positive, default=10, metavar="N", help="timed runs of each (default: 10)")
    parser.add_argument("--provider", metavar="NAME", help="an ONNX Runtime provider, such as CPU, CUDA, OpenVINO")
    parser.add_argument("--budget", type=seconds, metavar="SECONDS", help="name the most accurate model this fast")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure; return the exit status."""
    models = _models(arguments.model)
    if arguments.image:
        open_image(arguments.image)  # an error before any process starts
    image = str(arguments.image) if arguments.image else None
    results: list[Result] = []
    failed: list[SkinError] = []
    with stoppable() as stop:
        ready = [model for model in models if "model_path" in model.extras or _is_on_disk(model.name)]
        if skipped := [str(model) for model in models if model not in ready]:
            say(
                f"Skipped, not on disk: {', '.join(skipped)}. `rembg-skin download NAME` or `rembg d NAME` fetches one."
            )
        jobs = [
            Job(str(model), model.name, image, side, arguments.runs, arguments.provider, model.extras)
            for side in arguments.sizes
            for model in ready
        ]
        for job in progress(jobs, len(jobs), "bench"):
            try:
                results.append(measure_apart(job))
            except SkinError as error:
                failed.append(error)
                say(str(error))
    if failed and not results:
        raise failed[0]
    named = advice(results, arguments.budget) if arguments.budget is not None and results else None
    if arguments.json:
        print(json.dumps({"machine": machine(), "results": list(map(asdict, results)), "advice": named}, indent=1))
    else:
        write_table(table(results))
        print(f"Medians and quartiles of {arguments.runs} runs, each model in a process of its own;", end=" ")
        print("GFLOPs: multiply-adds of the network in billions, at the sides that it sees of this image.")
        print(in_one_line(machine()))
        if named:
            print(named)
    return exit_status(stop, len(results), len(failed))


def _models(given: list[ModelChoice] | None) -> list[ModelChoice]:
    # `skin` is left out of the default: it is one of the others.
    every = [ModelChoice(name) for name in session_names() if name in MODELS and name != SKIN]
    return checked_models(given or every)


def _is_on_disk(name: str) -> bool:
    if name in MODELS:
        return all(on_disk(file) for file in files_of(MODELS[name]))
    # One of rembg's own: in a folder of its name or, before rembg 2.0.80, beside all others.
    folders = model_folders(name)
    own = any(any(folder.glob("*.onnx")) for folder in folders if folder.name == name)
    return own or any((folder / f"{name}.onnx").is_file() for folder in folders)
