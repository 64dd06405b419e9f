"""The house: no module imports in a circle, the picture steps know nothing of rembg, few modules stand in the root."""

import ast
import tomllib
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "rembg_skin"
MOST_IN_ROOT = 10  # __init__ and __main__ not counted


def module_of(file: Path) -> str:
    parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


HOOK = PACKAGE.with_name("rembg_skin_hook.py")
FILES = {module_of(file): file for file in (*PACKAGE.rglob("*.py"), HOOK)}


def imports(file: Path) -> set[str]:
    """Return the names of all modules that `file` imports, inside functions too; those for type checkers alone not."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{file}: a relative import"
            for alias in node.names:  # a module of the package, or what the package's own file holds
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in FILES else node.module)
    return found


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    # The package itself is asked for register() and its version only: it stands above all of them.
    graph = {
        name: {i for i in imports(file) if i in FILES and i not in ("rembg_skin", name)} for name, file in FILES.items()
    }
    assert len(list(TopologicalSorter(graph).static_order())) >= len(FILES) - 1  # CycleError names a circle


@pytest.mark.parametrize("wing", ["image", "color", "networks"])
def test_picture_steps_and_networks_know_neither_rembg_nor_the_tools(wing: str) -> None:
    forbidden = ("rembg", *(f"rembg_skin.{name}" for name in ("sessions", "weights", "measure", "batch", "commands")))
    for name, file in FILES.items():
        if name.startswith(f"rembg_skin.{wing}"):
            wrong = {i for i in imports(file) if any(i == no or i.startswith(f"{no}.") for no in forbidden)}
            assert not wrong, f"{name} imports {wrong}"


def test_the_root_holds_few_modules() -> None:
    assert len(list(PACKAGE.glob("[!_]*.py"))) <= MOST_IN_ROOT


def test_pyinstaller_is_led_to_a_hook() -> None:
    project = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["entry-points"]["pyinstaller40"]["hook-dirs"].partition(":")
    (folder,) = getattr(import_module(module), name)()
    assert (Path(folder) / "hook-rembg_skin.py").is_file()
