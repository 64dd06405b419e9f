"""README and pages: every link leads somewhere, every file named is there, every command line in them parses."""

import json
import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import click
import pytest
from rembg.cli import main as rembg

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.cli import parser
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import resolve
from tests.support.pages import PAGES, README, ROOT, blocks, commands, prose

FOLDERS = ("rembg_skin", "benchmarks", "docs", "examples", "tests", "tools", "training", ".ci")
# What the pages use beside `rembg` and `rembg-skin`; their options are their own affair.
OTHERS = {"curl", "docker", "ffmpeg", "pip", "pipx", "uv"}
LANGUAGES = {"sh", "python", "dockerfile", "text", "powershell", "bat", "js"}

# Addresses of files in this repository.
_REPOSITORY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
_RAW = _REPOSITORY.replace("github.com", "raw.githubusercontent.com")
OURS = re.compile(rf"^({re.escape(_REPOSITORY)}/blob|{re.escape(_RAW)})/main/")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of `page`, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def all_commands() -> list[tuple[str, list[str]]]:
    return [(page.name, command) for page in PAGES for command in commands(page)]


def test_the_readme_is_short() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1100
    assert [line for line in text.splitlines() if len(line) > 120] == []


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    text = prose(page)
    for target in re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE):
        folder, here = page.parent, OURS.sub("", target)
        if here != target:  # the package index shows README without its folder, so its links are absolute
            folder = ROOT
        elif re.match(r"https?:", target):
            continue
        path, _, anchor = unquote(here).partition("#")
        goal = (folder / path).resolve() if path else page
        assert goal.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(goal), f"{page.name}: {target}"


def test_links_and_pictures_of_the_readme_work_on_the_package_index() -> None:
    text = README.read_text("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []


@each_page
def test_every_page_is_linked_from_the_readme(page: Path) -> None:
    assert page == README or f"/docs/{page.name}" in README.read_text("utf-8")


@each_page
def test_files_that_are_named_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    names = set(re.findall(rf"(?<![\w./-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./-]*\w", text))
    names |= set(re.findall(r"`(rembg_skin\w*\.(?:py|pth|start))`", text))
    names |= {f"{name.replace('.', '/')}.py" for name in re.findall(r"python -m (benchmarks\.\w+)", text)}
    assert [name for name in sorted(names) if not (ROOT / name).exists()] == []


def test_every_model_and_every_extra_is_on_the_page_of_models() -> None:
    text = (ROOT / "docs/models.md").read_text("utf-8")
    extras = {name for cls in session_classes().values() for name in cls.options}
    assert [name for name in sorted({*MODELS, *extras}) if f"`{name}`" not in text] == []


def test_every_benchmark_is_on_its_page() -> None:
    text = (ROOT / "docs/benchmarks.md").read_text("utf-8")
    scripts = [path for path in sorted((ROOT / "benchmarks").glob("*.py")) if "__main__" in path.read_text("utf-8")]
    assert [path.name for path in scripts if f"benchmarks/{path.name}" not in text] == []


@each_page
def test_blocks_name_their_language(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize(
    ("page", "command"), all_commands(), ids=lambda part: part if isinstance(part, str) else shlex.join(part)
)
def test_command_lines_parse(page: str, command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program, *arguments = command
    if program == "rembg-skin":
        parse_ours(arguments)
    elif program == "rembg":
        parse_rembg(arguments, tmp_path)
    elif program in ("python", "python3"):
        run_from_here(arguments)
    else:
        assert program in OTHERS, f"{page}: {program}"
    expect_known_extras(arguments)


def expect_known_extras(arguments: list[str]) -> None:
    """Fail if the command gives a skin model extras that it does not take."""
    given = dict(pairwise(arguments))
    if "-x" in given:
        name = given.get("-m", "skin").partition(":")[0]
        session = session_classes()[resolved(name)]
        extras = json.loads(given["-x"])
        assert set(extras) <= set(session.options)
        resolve(session.name(), session.options, extras)


def parse_ours(arguments: list[str]) -> None:
    try:
        assert parser(arguments).parse_args(arguments).run
    except SystemExit:
        pytest.fail(f"rembg-skin does not take {shlex.join(arguments)}")


def parse_rembg(arguments: list[str], folder: Path) -> None:
    for word in arguments:  # what a command reads is there
        path = folder / word
        if word.endswith("/"):
            path.mkdir(parents=True)
        elif re.fullmatch(r"[\w/.-]+\.\w+", word):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    name, *rest = arguments
    command = rembg.commands[name]
    try:
        with command.make_context(name, rest):
            pass
    except click.ClickException as error:
        pytest.fail(f"rembg does not take {shlex.join(arguments)}: {error.format_message()}")


def run_from_here(arguments: list[str]) -> None:
    if arguments[0] == "-m":
        name = arguments[1]
        found = ROOT / name.replace(".", "/")
        assert name in ("venv", "pytest", "training") or found.with_suffix(".py").exists(), name
    else:
        assert (ROOT / arguments[0]).exists(), arguments[0]
