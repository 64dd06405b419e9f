"""docs/api.md says what the docstrings say."""

from tools.api_page import PAGE, page


def test_the_page_is_what_the_tool_writes() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python -m tools.api_page"
