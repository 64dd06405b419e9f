"""The lines to take along survive the shell that they are for."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.cli import parser
from rembg_skin.tune.shells import BASH, CMD, CUTOUT, MASK, POWERSHELL, SHELLS, call, command


def cmd_words(line: str) -> list[str]:
    """Return the arguments of a program that cmd.exe starts by `line`; no variable is set that a name could hit."""
    assert not re.search(r"[&|<>^()]", "".join(line.split('"')[::2])), line
    assert not re.search(r'%[^%"]*%', line), line  # would put a variable in
    return [word.replace('"', "") for word in re.findall(r'(?:[^ "]|"[^"]*")+', line)]


def powershell_words(line: str) -> list[str]:
    """Return the arguments of a program that PowerShell starts by `line`."""
    quotes = "['\u2018-\u201b]"
    words = re.findall(rf"{quotes}((?:[^'\u2018-\u201b]|{quotes}{{2}})*){quotes}|([\w./:=\\-]+)(?= |$)", line)
    return [re.sub(rf"({quotes}){quotes}", r"\1", quoted) or bare for quoted, bare in words]


PARSER = parser(["cut"])
READERS: dict[str, Callable[[str], list[str]]] = {BASH: shlex.split, POWERSHELL: powershell_words, CMD: cmd_words}
# What a file may be called on Windows, and on the others.
WINDOWS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='"*/:<>?\\|'), min_size=1
)
POSIX = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)


@pytest.mark.parametrize("shell", SHELLS)
@given(data=st.data(), angle=st.floats(-360, 360), what=st.sampled_from([MASK, CUTOUT]))
def test_the_command_survives_its_shell_and_means_what_the_page_shows(
    shell: str, data: st.DataObject, angle: float, what: str
) -> None:
    name = data.draw(POSIX) if shell == BASH else " ".join(data.draw(st.lists(WINDOWS, min_size=1, max_size=3)))
    extras = {"angle": angle, "blur": 5, "parts": "skin", "invert": True}
    words = READERS[shell](command(shell, "diagonal_skin", extras, name, what))
    assert words[:2] == ["rembg-skin", "cut"]
    parsed = PARSER.parse_args(words[1:])
    assert (parsed.model.name, parsed.model.extras) == ("diagonal_skin", extras)
    assert parsed.kind == {MASK: "mask", CUTOUT: "cut"}[what]
    assert (parsed.photos, parsed.output) == ([Path(name)], f"{what}.png")


@pytest.mark.parametrize(
    ("shell", "quoted"),
    [
        (BASH, """hsv_skin:h_max=25,invert=true 'it'"'"'s 5% & more.jpg'"""),
        (POWERSHELL, "'hsv_skin:h_max=25,invert=true' 'it''s 5% & more.jpg'"),  # no list of two extras
        (CMD, """"hsv_skin:h_max=25,invert=true" "it's 5"%" & more.jpg\""""),
    ],
)
def test_each_shell_has_its_quotes(shell: str, quoted: str) -> None:
    line = command(shell, "hsv_skin", {"h_max": 25, "invert": True}, "it's 5% & more.jpg", MASK)
    assert line == f"rembg-skin cut --mask -m {quoted} -o mask.png"


def test_bash_keeps_a_backslash() -> None:
    assert command(BASH, "skin", {}, r"a\b.jpg", CUTOUT) == r"rembg-skin cut -m skin 'a\b.jpg' -o cutout.png"


@given(photo=POSIX, angle=st.floats(-360, 360), what=st.sampled_from([MASK, CUTOUT]))
def test_the_call_is_python(photo: str, angle: float, what: str) -> None:
    code = call("diagonal_skin", {"angle": angle, "blur": 5}, photo, what)
    assert photo in compile(code, "call", "exec").co_consts or photo in code
    assert f"angle={angle!r}, blur=5" in code
