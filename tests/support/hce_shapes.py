"""Pairs of masks for the human correction effort, and what PySODMetrics 1.6.2 counts for them.

The counts were made once by running this file with PySODMetrics, whose pins keep it out of rembg's environment
(Python 3.11, numpy 2.3.4, scikit-image 0.25.2, OpenCV 4.14)::

    uv venv reference && uv pip install -p reference pysodmetrics==1.6.2
    reference/bin/python tests/support/hce_shapes.py

On real masks (47 photographs of ../shared/data, with the masks of OpenCV's HSV range, with the truth shrunk to 24 x 24
and back, and with the truth moved by 12 and 9 pixels) the two agree less exactly, because polygons are cut elsewhere:
means 95.9, 75.3 and 124.7 here, 97.7, 78.6 and 129.2 there, each with a correlation of at least 0.998.
"""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]


def _cases() -> dict[str, tuple[int, Mask, Mask]]:
    """Return counts, predictions and truths by name, the masks uint8 [64, 64], 0 or 255."""

    def box(top: int, bottom: int, left: int, right: int) -> Mask:
        drawn = np.zeros((64, 64), np.uint8)
        drawn[top:bottom, left:right] = 255
        return drawn

    y, x = np.mgrid[:64, :64]

    def disk(radius: int) -> Mask:
        return np.where((y - 32) ** 2 + (x - 32) ** 2 <= radius**2, 255, 0).astype(np.uint8)

    nothing, square, line, corner = box(0, 0, 0, 0), box(20, 44, 20, 44), box(30, 33, 4, 60), box(0, 40, 0, 40)
    right_half = disk(20) * (x >= 32)
    return {
        "equal": (0, square, square),
        "both_empty": (0, nothing, nothing),
        "bar_too_many": (2, square | box(20, 44, 44, 56), square),
        "island": (1, square | box(2, 14, 2, 14), square),
        "hole": (1, square & ~box(26, 38, 26, 38), square),
        "everything": (5, ~nothing, square),
        "nothing": (9, nothing, square),
        "right_third_missing": (4, square & ~box(20, 44, 36, 44), square),
        "thin_strip_missing": (0, square & ~box(20, 44, 41, 44), square),
        "empty_truth": (1, square, nothing),
        "line_missing": (2, nothing, line),
        "half_a_line": (2, box(30, 33, 4, 30), line),
        "disk_missing": (13, nothing, disk(20)),
        "disk_too_small": (13, disk(12), disk(20)),
        "disk_too_large": (9, disk(20), disk(12)),
        "half_a_disk": (8, right_half.astype(np.uint8), disk(20)),
        "corner_missing": (4, nothing, corner),
    }


_CASES = _cases()
COUNTED = {name: count for name, (count, *_) in _CASES.items()}


def shapes() -> dict[str, tuple[Mask, Mask]]:
    """Return predictions and truths by name."""
    return {name: (prediction, truth) for name, (_, prediction, truth) in _CASES.items()}


if __name__ == "__main__":
    from py_sod_metrics import HumanCorrectionEffortMeasure  # type: ignore[import-not-found]

    for name, (prediction, truth) in shapes().items():
        measure = HumanCorrectionEffortMeasure()
        measure.step(pred=prediction, gt=truth)
        print(f'"{name}": {measure.get_results()["hce"]:.0f},')  # noqa: T201
