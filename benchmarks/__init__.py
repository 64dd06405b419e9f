"""Measurements: each module is a script, run from the repository as `python -m benchmarks.NAME`."""
