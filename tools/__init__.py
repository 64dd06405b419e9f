"""For those who release this package: run from the repository as `python -m tools.NAME`."""
