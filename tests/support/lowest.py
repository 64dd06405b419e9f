"""Print the lowest version of every package that pyproject.toml names with one: `python -m tests.support.lowest`."""

import tomllib

from tests.support.pages import ROOT

if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [line for name in ("plot", "eval", "heif", "video") for line in extras[name]]
    print(*(line.replace(">=", "==") for line in wanted))  # noqa: T201
