"""Every command with every name that a stranger's archive can hold: one line for people, no traceback, nothing obeyed.

The commands and their arguments come from the parsers, so that a new one is covered by itself.
"""

import argparse
import csv
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rembg_skin.cli import COMMANDS, parser
from rembg_skin.errors import csv_cell
from tests.support.command import finished, run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")

NAMES = {
    "missing": "gone \x1b]0;title\x07 \u202e.png",
    "broken": "broken \x1b[31m\n\x9b.png",
    "folder": "folder \x1b[2J.png",
    "loop": "loop \x1b[5m.png",
    "not UTF-8": os.fsdecode(b"latin \xe9 \x1b[7m.png"),
    "too long": "n" * 300 + "\x1b[31m.png",
    "below a file": "photo.png/\x1b[31m.png",
}
WORDS = {"output": "new.png", "model": "ycbcr_skin", "masks": "truth"}  # the others are names of files
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


def cases() -> Iterator[object]:
    """Yield every command with the arguments that it needs and each one that is a path."""
    for command in sorted({*COMMANDS} - {"tune"}):  # serves a page until it is stopped
        (commands,) = (
            action for action in parser([command])._actions if isinstance(action, argparse._SubParsersAction)
        )
        actions = commands.choices[command]._actions
        needed = [action for action in actions if action.required or not action.option_strings]
        for action in actions:
            if action.type is Path or (action.type is None and action.nargs != 0 and not action.option_strings):
                yield pytest.param(command, needed, action, id=f"{command} {action.dest}")


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize(("command", "needed", "odd"), list(cases()))
def test_a_name_is_one_line_for_people(
    command: str, needed: list[argparse.Action], odd: argparse.Action, kind: str, here: Path
) -> None:
    (here / NAMES["folder"]).mkdir()
    (here / "photo.png").symlink_to("photos/a.png")
    for name in (NAMES["broken"], NAMES["not UTF-8"]):
        (here / name).write_text("no image")
    (here / NAMES["loop"]).symlink_to(NAMES["loop"])
    photos = "photo.png" if command in ("compare", "cut", "video") else "photos"
    arguments: list[str] = []
    for action in {*needed, odd}:
        value = NAMES[kind] if action is odd else WORDS.get(action.dest, photos)
        arguments[:0] = [*action.option_strings[-1:], value] if action.option_strings else []
        arguments += [] if action.option_strings or (action.nargs == "?" and action is not odd) else [value]
    done = run(command, *arguments, REMBG_SKIN_OFFLINE="1", U2NET_HOME=str(here))
    assert not CONTROL.search(done.stdout + done.stderr)
    assert "Traceback" not in done.stderr
    assert not list(here.rglob(".rembg-skin*"))


@pytest.mark.parametrize("command", ["cut", "masks", "nothing"])
def test_a_name_that_looks_like_an_option_is_shown_as_it_is(command: str) -> None:
    done = run(command, "--x\x1b]0;title\x07.png", "-x", "{\x1b[31m")
    assert done.returncode == 2
    assert not CONTROL.search(done.stderr)


@pytest.mark.parametrize("name", ["=1+1.png", "+cmd.png", "-2.png", "@SUM(A1).png", " =1.png", "\uff1d1.png"])
def test_no_cell_of_a_table_is_a_formula(name: str, here: Path) -> None:
    for folder in ("photos", "truth"):
        (here / folder / "a.png").rename(here / folder / name)
    finished("eval photos truth -m ycbcr_skin --no-hce --csv a.csv")
    with (here / "a.csv").open(encoding="utf-8", newline="") as file:
        assert {row["image"] for row in csv.DictReader(file)} == {"'" + name, *(f"{plain}.png" for plain in "bcde")}
    assert csv_cell("plain.png") == "plain.png"
