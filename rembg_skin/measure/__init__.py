"""Measure accuracy, time and memory of models, and draw their masks."""
