"""The hook: rembg knows the skin models however it is reached, and is never harmed."""

import sys
import textwrap

import pytest
import rembg.sessions as tables

import rembg_skin
import rembg_skin_hook
from rembg_skin_hook import DISABLE, switch
from tests.support.processes import python

ALL = "import rembg_skin.sessions as s, rembg.sessions as t; assert {*s.session_classes()} <= {*t.sessions}"


def run(code: str, *flags: str, **environment: str) -> str:
    done = python(code, *flags, **environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_plain_import_of_rembg_is_enough() -> None:
    code = "from rembg import new_session; print(new_session('ycbcr_skin').name())"
    assert run(f"{code}; {ALL}") == "ycbcr_skin"


@pytest.mark.parametrize("order", ["import rembg_skin, rembg", "import rembg, rembg_skin"])
def test_an_import_registers_before_and_after_rembg_where_the_hook_never_ran(order: str) -> None:
    code = f"""
        import sys; sys.path[:] = {sys.path!r}
        {order}
        import rembg_skin.catalog, rembg.sessions
        print(set(rembg_skin.catalog.MODELS) <= set(rembg.sessions.sessions))
    """
    assert run(code, "-S") == "True"  # it leaves site, and with it every .pth file, out


@pytest.mark.parametrize(
    "first",
    ["from rembg_skin import register; register()", "import rembg_skin.sessions.base", "import rembg_skin.weights"],
)
def test_any_module_may_be_the_first_to_be_imported(first: str) -> None:
    run(f"{first}; {ALL}")


def test_registering_again_changes_nothing_and_the_tables_agree() -> None:
    before = [list(tables.sessions), list(tables.sessions_names), list(tables.sessions_class)]
    for _ in range(2):
        rembg_skin.register()
        rembg_skin_hook.install()
    assert before == [list(tables.sessions), tables.sessions_names, tables.sessions_class]
    assert len(set(tables.sessions_names)) == len(tables.sessions_names)
    assert [cls.name() for cls in tables.sessions_class] == tables.sessions_names == list(tables.sessions)
    assert "hsv_skin" in getattr(tables, "sessions_names_no_credentials", ["hsv_skin"])
    assert "hsv_skin" not in getattr(tables, "sessions_names_downloadable", [])


def test_a_name_that_rembg_has_stays_rembgs() -> None:
    code = """
        import rembg.sessions as tables
        theirs = tables.sessions['u2net']
        del tables.sessions['hsv_skin']; tables.sessions['hsv_skin'] = theirs
        import rembg_skin; rembg_skin.register()
        print(tables.sessions['hsv_skin'] is theirs, tables.sessions['u2net'] is theirs)
    """
    assert run(code) == "True True"


def test_a_switch_is_on_off_or_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    for texts, on in {("1", "yes", " on ", "TRUE"): True, ("", "0", "no", "OFF"): False, ("maybe", "2"): None}.items():
        for text in texts:
            monkeypatch.setenv(DISABLE, text)
            assert switch(DISABLE) is on, text


def test_the_hook_can_be_kept_out_and_register_works_without_it() -> None:
    code = """
        from rembg.sessions import sessions; print('hsv_skin' in sessions)
        import rembg_skin; rembg_skin.register(); print('hsv_skin' in sessions)
    """
    assert run(code, REMBG_SKIN_DISABLE="yes").split() == ["False", "True"]


@pytest.mark.parametrize(
    ("first", "environment", "message"),
    [
        ("", {DISABLE: "maybe"}, "REMBG_SKIN_DISABLE='maybe' is neither on"),
        ("import sys; sys.modules['rembg_skin.plugin'] = None; ", {}, "set REMBG_SKIN_DISABLE=1"),
    ],
    ids=["a switch that is neither", "a failing registration"],
)
def test_what_goes_wrong_is_one_warning_and_rembg_works(first: str, environment: dict[str, str], message: str) -> None:
    done = python(f"{first}import rembg; print('u2net' in rembg.sessions.sessions)", **environment)
    assert done.stdout.strip() == "True"
    assert done.stderr.count("RuntimeWarning") == 1
    assert message in done.stderr


def test_a_missing_rembg_is_an_import_error_and_no_crash() -> None:
    code = """
        import sys, importlib.abc
        class Hidden(importlib.abc.MetaPathFinder):
            def find_spec(self, name, path=None, target=None):
                if name.split('.')[0] == 'rembg': raise ModuleNotFoundError("No module named 'rembg'", name='rembg')
        sys.meta_path.insert(0, Hidden())
        import rembg_skin
        try: rembg_skin.register()
        except ImportError as error: print(error)
    """
    assert run(code) == "No module named 'rembg'"


def test_reloading_rembgs_tables_registers_again() -> None:
    reload = "import importlib, rembg.sessions as tables; importlib.reload(tables); importlib.reload(tables)"
    assert run(f"{reload}; print(tables.sessions_names.count('hsv_skin'))") == "1"


def test_a_start_of_python_loads_one_small_module_and_nothing_else() -> None:
    code = "import sys; print(sorted(name for name in sys.modules if 'rembg' in name or name in ('numpy', 'PIL')))"
    assert run(code) == "['rembg_skin_hook']"


@pytest.mark.parametrize("name", ["json", "rembg", "rembg.sessions.u2net"])
def test_other_imports_are_not_touched(name: str) -> None:
    assert rembg_skin_hook.SessionsFinder().find_spec(name) is None  # type: ignore[no-untyped-call]


# A finder that does something to the specs of rembg's modules, and its place in the row of finders.
PATH_FINDER = """
    class Finder:
        def find_spec(self, name, path=None, target=None):
            spec = importlib.machinery.PathFinder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None and name.startswith('rembg.'):
                {}
            return spec
    sys.meta_path.insert({}, Finder())
"""
# As typeguard, jaxtyping and lazy importers do it: in front, asking no other finder.
FINDERS = {
    "in front": PATH_FINDER.format("pass", 0),
    "in front, lazy": PATH_FINDER.format("spec.loader = importlib.util.LazyLoader(spec.loader)", 0),
    "a loader with slots": """
    class Loader:
        __slots__ = ('inner',)
        def __init__(self, inner): self.inner = inner
        def create_module(self, spec): return self.inner.create_module(spec)
        def exec_module(self, module): self.inner.exec_module(module)
    """
    + PATH_FINDER.format("spec.loader = Loader(spec.loader)", 1),
    "one loader for many modules": """
    class Loader:
        inner = {}
        def create_module(self, spec): return None
        def exec_module(self, module): self.inner[module.__name__].exec_module(module)
    loader = Loader()
    """
    + PATH_FINDER.format("loader.inner[name], spec.loader = spec.loader, loader", 1),
    "wrapped": """
    class Wrapped:
        def __init__(self, finder): self.finder = finder
        def __getattr__(self, name): return getattr(self.finder, name)
        def find_spec(self, *given): return self.finder.find_spec(*given)
    sys.meta_path[:] = [Wrapped(finder) for finder in sys.meta_path if hasattr(finder, 'find_spec')]
    """,
    "taken out while it is asked": """
    class Thief:
        def find_spec(self, name, *_):
            if name == 'rembg.sessions':
                sys.meta_path[:] = [f for f in sys.meta_path if type(f).__name__ != 'SessionsFinder']
    sys.meta_path.insert(1, Thief())
    """,
} | {
    f"without find_spec, at {position}": f"""
    class Odd:
        def find_module(self, name, path=None): return None  # before Python 3.4
    sys.meta_path.insert({position}, Odd())
    """
    for position in (0, 1)
}


@pytest.mark.parametrize("finders", FINDERS.values(), ids=FINDERS)
def test_rembg_and_the_models_come_whatever_else_finds_modules(finders: str) -> None:
    code = f"import importlib.machinery, importlib.util, sys\n{textwrap.dedent(finders)}\n"
    code += "import rembg_skin, rembg; print({'u2net', 'hsv_skin'} <= set(rembg.sessions.sessions))"
    assert run(code) == "True"
