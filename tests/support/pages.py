"""README and the pages in docs/: their blocks, and the command lines in them."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from itertools import dropwhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the fenced blocks of `page`: language and text."""
    fenced = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    for _, language, text in fenced.findall(page.read_text("utf-8")):
        yield language, textwrap.dedent(text)


def prose(page: Path) -> str:
    """Return the text of `page` without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands in the shell blocks of `page` as words."""
    for language, text in blocks(page):
        if language == "sh":
            yield from commands_in(text)


def commands_in(text: str) -> Iterator[list[str]]:
    """Yield the commands in the text of a shell block as words; && and | separate commands."""
    for line in text.replace("\\\n", " ").splitlines():
        command: list[str] = []
        for word in [*shlex.split(line, comments=True), "&&"]:
            if word not in ("&&", "|"):
                command.append(word)
            elif command:
                # FOO=1 in front of a command sets a variable; .venv/bin/ leads to it.
                program, *arguments = dropwhile(re.compile(r"[A-Z_]+=").match, command)
                yield [program.removeprefix(".venv/bin/"), *arguments]
                command = []
