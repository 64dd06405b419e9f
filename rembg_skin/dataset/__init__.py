"""Photographs with masks: pairs of files, and variants of them for training."""
