"""``rembg-skin fit``: the thresholds of a colour method that serve one's own photographs best."""

import argparse
import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rembg_skin.commands.arguments import ModelChoice, model_choice, positive
from rembg_skin.commands.console import exit_status, progress, say, say_pairing, say_problems, stoppable, write_table
from rembg_skin.dataset.pairs import Folders, Problem, check_sizes, find_pairs
from rembg_skin.errors import DataError, ImageError, OptionError, did_you_mean
from rembg_skin.measure.fit import GROUPS, METHODS, Judged, Method, add_pair, fit_all, judge, part_of
from rembg_skin.measure.thresholds import Extras, Histograms
from rembg_skin.sessions.opening import open_session

if TYPE_CHECKING:
    from rembg_skin.measure.metrics import Confusion


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("images", type=Path, metavar="PHOTOS", help="folder of photographs")
    parser.add_argument("masks", type=Path, metavar="MASKS", help="folder of true masks, of the same names")
    parser.add_argument(
        "-m",
        "--model",
        type=model_choice,
        required=True,
        metavar="NAME",
        help=f"one of {', '.join(METHODS)}; extras that are no thresholds are kept: ycbcr_skin:morph=1",
    )
    parser.add_argument(
        "--folds",
        type=positive,
        default=5,
        metavar="N",
        help="parts of the set, each measured with thresholds of the others (default: 5; 1: no cross-validation)",
    )
    parser.add_argument("--resize", action="store_true", help="bring masks of another size to their image's")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Fit, measure and print; return the exit status."""
    model = arguments.model
    method = _method(model)
    open_session(model.name, model.extras)  # extras that are not possible should show before the work
    folders = find_pairs(arguments.images, arguments.masks)
    say_pairing(folders, arguments.images, arguments.masks)
    if not arguments.resize:
        check_sizes(folders.pairs)
    problems: list[Problem] = []
    outcome = None
    with stoppable() as stop:
        histograms = _count(folders, arguments, problems)
        fitted, of_parts = fit_all(method, histograms, min(arguments.folds, len(histograms.photographs)))
        outcome = _judge(folders, arguments, problems, fitted, of_parts)
    say_problems(problems)
    if outcome is None:
        return exit_status(stop, complete=False)
    _print(model, fitted, outcome, as_json=arguments.json)
    return exit_status(stop, complete=not problems)


def _method(model: ModelChoice) -> Method:
    if model.name not in METHODS:
        meant = did_you_mean(model.name, METHODS, METHODS, most=len(METHODS))
        raise DataError(f"{model.name} has no thresholds that can be fitted; {meant}")
    method = METHODS[model.name]
    if given := [name for name in model.extras if name in method.defaults]:
        raise OptionError(f"{model.name}: {' and '.join(given)} would be fitted; leave it out.")
    return method


def _count(folders: Folders, arguments: argparse.Namespace, problems: list[Problem]) -> Histograms:
    histograms = Histograms(min(GROUPS, len(folders.pairs)))
    for number, pair in enumerate(progress(folders.pairs, len(folders.pairs), "counting")):
        try:
            add_pair(histograms, number, pair, resize=arguments.resize)
        except ImageError as error:
            problems.append(Problem(pair.image, str(error)))
    return histograms


def _judge(
    folders: Folders,
    arguments: argparse.Namespace,
    problems: list[Problem],
    fitted: Extras,
    of_parts: list[Extras],
) -> dict[str, Judged]:
    model: ModelChoice = arguments.model
    default, training, *parts = (open_session(model.name, {**model.extras, **each}) for each in ({}, fitted, *of_parts))
    measured: dict[str, list[Confusion]] = {"default": [], "fitted": [], "cross-validated": []}
    bad = {problem.file for problem in problems}
    for number, pair in enumerate(progress(folders.pairs, len(folders.pairs), "measuring")):
        if pair.image in bad:
            continue
        own = [parts[part_of(number, len(parts), min(GROUPS, len(folders.pairs)))]] if parts else []
        try:
            for kind, confusion in zip(
                measured, judge(pair, [default, training, *own], resize=arguments.resize), strict=False
            ):
                measured[kind].append(confusion)
        except ImageError as error:
            problems.append(Problem(pair.image, str(error)))
    return {kind: Judged.of(confusions) for kind, confusions in measured.items() if confusions}


_WORDS = {
    "default": "default thresholds",
    "fitted": "fitted, on the photographs they were fitted to",
    "cross-validated": "fitted, cross-validated",
}


def _print(model: ModelChoice, fitted: Extras, outcome: dict[str, Judged], *, as_json: bool) -> None:
    extras = {**model.extras, **fitted}
    if as_json:
        figures = {kind: asdict(judged) for kind, judged in outcome.items()}
        print(json.dumps({"model": model.name, "extras": extras, **figures}, indent=1))
        return
    rows = [["thresholds", "images", "mIoU@0.5", "F1", "precision", "recall"]]
    for kind, of in outcome.items():
        ratios = (of.iou, of.f1, of.precision, of.recall)
        rows.append([_WORDS[kind], str(of.images), *(f"{ratio:.3f}" for ratio in ratios)])
    write_table(rows)
    print(f"\n-m {model.name} -x {shlex.quote(json.dumps(extras))}")
    expected = outcome.get("cross-validated")
    if expected is None:
        say("One photograph, or --folds 1: nothing says how the thresholds do on photographs that they have not seen.")
    elif expected.iou <= outcome["default"].iou:
        say("On photographs that they have not seen, the default thresholds are as good or better: keep those.")
