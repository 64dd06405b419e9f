"""``rembg-skin bench``: time and memory of the models on this machine, and the one to take."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rembg_skin.catalog import MODELS, SKIN, files_of
from rembg_skin.commands.arguments import ModelChoice, add_models, checked_models, positive, seconds, sizes
from rembg_skin.commands.console import progress, say, stoppable, write_table
from rembg_skin.measure.benchmark import Job, Result, advice, machine, measure_apart, table
from rembg_skin.measure.provenance import in_one_line
from rembg_skin.photos import open_image
from rembg_skin.session import session_names
from rembg_skin.weights import model_folders, on_disk


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    add_models(parser, "every skin model on disk")
    add = parser.add_argument
    add("--image", type=Path, metavar="FILE", help="a photograph (default: scikit-image's astronaut)")
    text = "longer sides in pixels (default: the image's own)"
    add("--sizes", type=sizes, default=[None], metavar="N,N", help=text)
    add("--runs", type=positive, default=10, metavar="N", help="timed runs of each (default: 10)")
    add("--provider", metavar="NAME", help="an ONNX Runtime provider, such as CPU, CUDA, OpenVINO")
    add("--budget", type=seconds, metavar="SECONDS", help="name the most accurate model this fast")
    add("--json", action="store_true", help="print everything as JSON instead of a table")


def run(arguments: argparse.Namespace) -> int:
    """Measure; return the exit status."""
    # `skin` is left out of the default: it is one of the others.
    every = (ModelChoice(name) for name in session_names() if name in MODELS and name != SKIN)
    models = checked_models(arguments.model or every)
    if arguments.image:
        open_image(arguments.image)  # an error before any process starts
    image = str(arguments.image) if arguments.image else None
    results: list[Result] = []
    with stoppable() as work:
        ready = [model for model in models if "model_path" in model.extras or _is_on_disk(model.name)]
        if skipped := ", ".join(str(model) for model in models if model not in ready):
            say(f"Skipped, not on disk: {skipped}. `rembg-skin download NAME` or `rembg d NAME` fetches one.")
        jobs = [
            Job(str(model), model.name, image, side, arguments.runs, arguments.provider, model.extras)
            for side in arguments.sizes
            for model in ready
        ]
        for job in progress(jobs, len(jobs), "bench"):
            with work.surviving():
                results.append(measure_apart(job))
    if work.failed and not results:
        return work.exit_status(0)
    named = advice(results, arguments.budget) if arguments.budget is not None and results else None
    if arguments.json:
        print(json.dumps({"machine": machine(), "results": list(map(asdict, results)), "advice": named}, indent=1))
    else:
        write_table(table(results))
        print(f"Medians and quartiles of {arguments.runs} runs, each model in a process of its own;", end=" ")
        print("GFLOPs: multiply-adds of the network in billions, at the sides that it sees of this image.")
        print(*filter(None, (in_one_line(machine()), named)), sep="\n")
    return work.exit_status(len(results))


def _is_on_disk(name: str) -> bool:
    if name in MODELS:
        return all(on_disk(file) for file in files_of(MODELS[name]))
    # One of rembg's own: in a folder of its name or, before rembg 2.0.80, beside all others.
    folders = model_folders(name)
    own = any(any(folder.glob("*.onnx")) for folder in folders if folder.name == name)
    return own or any((folder / f"{name}.onnx").is_file() for folder in folders)
