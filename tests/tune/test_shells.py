"""The lines to take along survive the shell that they are for."""

import json
import re
import shlex
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rembg_skin.tune.shells import BASH, CMD, POWERSHELL, SHELLS, call, command


def c_runtime_words(line: str) -> list[str]:
    """Return the arguments that a Windows program finds in its command line (Microsoft's documented rules)."""
    words, word, quoted, some, place = [], "", False, False, 0
    while place < len(line):
        slashes = len(line[place:]) - len(line[place:].lstrip("\\"))
        place += slashes
        at = line[place : place + 1]
        if at == '"':
            word += "\\" * (slashes // 2)
            some = True
            if slashes % 2:
                word += '"'
            else:
                quoted = not quoted
        else:
            word += "\\" * slashes
            some = some or bool(slashes)
            if at in (" ", "\t", "") and not quoted:
                if some:
                    words.append(word)
                word, some = "", False
            else:
                word += at
                some = True
        place += 1
    return [*words, word] if some else words


def cmd_words(line: str) -> list[str]:
    """Return the arguments of a program that cmd.exe starts by `line`; no variable is set that a name could hit."""
    outside = "".join(line.split('"')[::2])  # cmd.exe knows no backslash before a quote
    assert not re.search(r"[&|<>^()]", outside), line
    assert not re.search(r'%[^%"]*%', line), line  # would put a variable in
    return c_runtime_words(line)


def powershell_words(line: str) -> list[str]:
    """Return the arguments of a program that PowerShell, with native arguments passed as Legacy, starts by `line`."""
    inner = re.fullmatch(r"& \{ \$PSNativeCommandArgumentPassing = 'Legacy'; (.*) \}", line, re.DOTALL)
    quotes = "['\u2018-\u201b]"
    tokens = re.findall(
        rf"{quotes}(?:[^'\u2018-\u201b]|{quotes}{{2}})*{quotes}|[^ '\u2018-\u201b]+", inner[1] if inner else line
    )
    words = []
    for token in tokens:
        quoted = re.match(quotes, token)
        text = re.sub(rf"({quotes}){quotes}", r"\1", token[1:-1]) if quoted else token
        assert quoted or re.fullmatch(r"[\w./:\\-]+", text), line  # nothing else goes bare
        words.append(f'"{text}"' if " " in text else text)  # all that Legacy does
    return c_runtime_words(" ".join(words))


READERS: dict[str, Callable[[str], list[str]]] = {BASH: shlex.split, POWERSHELL: powershell_words, CMD: cmd_words}
# What a file may be called on Windows, and on the others.
WINDOWS = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='"*/:<>?\\|'), min_size=1
)
POSIX = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=20)


@pytest.mark.parametrize("shell", SHELLS)
@given(data=st.data(), angle=st.floats(-360, 360), mask_alone=st.booleans())
def test_the_command_survives_its_shell(shell: str, data: st.DataObject, angle: float, mask_alone: bool) -> None:
    name = data.draw(POSIX) if shell == BASH else " ".join(data.draw(st.lists(WINDOWS, min_size=1, max_size=3)))
    extras = {"angle": angle, "blur": 5, "parts": "skin"}
    words = READERS[shell](command(shell, "diagonal_skin", extras, name, mask_alone=mask_alone))
    assert words[:4] == ["rembg", "i", "-m", "diagonal_skin"]
    assert ("-om" in words) == mask_alone
    assert json.loads(words[words.index("-x") + 1]) == extras
    assert words[-2] == (f"./{name}" if name.startswith("-") else name)


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        (BASH, """rembg i -m hsv_skin -x '{"h_max": 25}' 'it'"'"'s 5% & more.jpg' skin.png"""),
        (
            POWERSHELL,
            (
                r"""& { $PSNativeCommandArgumentPassing = 'Legacy'; rembg i -m hsv_skin -x '{\"h_max\": 25}' """
                r"""'it''s 5% & more.jpg' skin.png }"""
            ),
        ),
        (CMD, r"""rembg i -m hsv_skin -x "{\"h_max\": 25}" "it's 5"%" & more.jpg" skin.png"""),
    ],
)
def test_each_shell_has_its_quotes(shell: str, line: str) -> None:
    assert command(shell, "hsv_skin", {"h_max": 25}, "it's 5% & more.jpg", mask_alone=False) == line


@pytest.mark.parametrize("shell", SHELLS)
def test_without_extras_nothing_needs_quotes(shell: str) -> None:
    assert (
        command(shell, "tiny_skin", {}, "photo.jpg", mask_alone=True) == "rembg i -m tiny_skin -om photo.jpg mask.png"
    )


@given(photo=POSIX, angle=st.floats(-360, 360), mask_alone=st.booleans())
def test_the_call_is_python(photo: str, angle: float, mask_alone: bool) -> None:
    code = call("diagonal_skin", {"angle": angle, "blur": 5}, photo, mask_alone=mask_alone)
    assert photo in compile(code, "call", "exec").co_consts or photo in code
    assert f"angle={angle!r}, blur=5" in code
