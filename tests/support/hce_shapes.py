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


def box(top: int, bottom: int, left: int, right: int) -> Mask:
    drawn = np.zeros((64, 64), np.uint8)
    drawn[top:bottom, left:right] = 255
    return drawn


def disk(radius: int) -> Mask:
    y, x = np.mgrid[:64, :64]
    return np.where((y - 32) ** 2 + (x - 32) ** 2 <= radius**2, 255, 0).astype(np.uint8)


_NOTHING, _SQUARE, _LINE, _CORNER = box(0, 0, 0, 0), box(20, 44, 20, 44), box(30, 33, 4, 60), box(0, 40, 0, 40)
# Counts, predictions and truths by name, the masks uint8 [64, 64], 0 or 255.
CASES = {
    "equal": (0, _SQUARE, _SQUARE),
    "both_empty": (0, _NOTHING, _NOTHING),
    "bar_too_many": (2, _SQUARE | box(20, 44, 44, 56), _SQUARE),
    "island": (1, _SQUARE | box(2, 14, 2, 14), _SQUARE),
    "hole": (1, _SQUARE & ~box(26, 38, 26, 38), _SQUARE),
    "everything": (5, ~_NOTHING, _SQUARE),
    "nothing": (9, _NOTHING, _SQUARE),
    "right_third_missing": (4, _SQUARE & ~box(20, 44, 36, 44), _SQUARE),
    "thin_strip_missing": (0, _SQUARE & ~box(20, 44, 41, 44), _SQUARE),
    "empty_truth": (1, _SQUARE, _NOTHING),
    "line_missing": (2, _NOTHING, _LINE),
    "half_a_line": (2, box(30, 33, 4, 30), _LINE),
    "disk_missing": (13, _NOTHING, disk(20)),
    "disk_too_small": (13, disk(12), disk(20)),
    "disk_too_large": (9, disk(20), disk(12)),
    "half_a_disk": (8, disk(20) & box(0, 64, 32, 64), disk(20)),
    "corner_missing": (4, _NOTHING, _CORNER),
}

if __name__ == "__main__":
    from py_sod_metrics import HumanCorrectionEffortMeasure  # type: ignore[import-not-found]

    for name, (_, prediction, truth) in CASES.items():
        measure = HumanCorrectionEffortMeasure()
        measure.step(pred=prediction, gt=truth)
        print(f'"{name}": {measure.get_results()["hce"]:.0f},')  # noqa: T201
