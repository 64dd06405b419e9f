"""README and pages: every link leads somewhere, every file named is there, every command line in them parses."""

import json
import re
import shlex
import tomllib
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pytest
from rembg.cli import main as rembg

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.cli import parser
from rembg_skin.sessions import session_classes
from rembg_skin.sessions.options import resolve
from tests.support.pages import PAGES, README, ROOT, blocks, commands, prose
from tools import api_page

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


def targets(text: str) -> list[str]:
    """Return where the links and pictures in a page's text lead."""
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"^\[[^]]+\]: (\S+)$", text, re.MULTILINE)


def test_the_readme_is_short() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) <= 150
    assert len(text.split()) <= 1100
    assert [line for line in text.splitlines() if len(line) > 120] == []


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in targets(prose(page)):
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
    assert all(target.startswith(("https://", "#")) for target in targets(README.read_text("utf-8")))


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


def test_the_page_of_the_api_is_what_the_docstrings_give() -> None:
    assert api_page.PAGE.read_text("utf-8") == api_page.page(), "run: python -m tools.api_page"


@each_page
def test_blocks_name_their_language(page: Path) -> None:
    assert {language for language, _ in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize(
    ("program", "arguments"),
    [(program, arguments) for page in PAGES for program, *arguments in commands(page)],
    ids=lambda part: part if isinstance(part, str) else shlex.join(part),
)
def test_command_lines_parse(program: str, arguments: list[str]) -> None:
    match program, arguments:
        case "rembg-skin", _:
            assert parser(arguments).parse_args(arguments).run
        case "rembg", [name, *rest]:
            if name == "s":  # the others run in test_snippets
                rembg.commands[name].make_context(name, rest).close()
        case "python" | "python3", ["-m", name, *_]:
            assert name in ("venv", "pytest", "training") or (ROOT / f"{name.replace('.', '/')}.py").exists()
        case "python" | "python3", [script, *_]:
            assert (ROOT / script).exists()
        case _:
            assert program in OTHERS
    given = dict(pairwise(arguments))
    if "-x" in given:  # the server and rembg's commands ignore extras that they do not know
        session = session_classes()[resolved(given.get("-m", "skin").partition(":")[0])]
        extras = json.loads(given["-x"])
        assert set(extras) <= set(session.options)
        resolve(session.name(), session.options, extras)
