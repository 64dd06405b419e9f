"""Measure the agreement of two uint8 masks of one shape, H x W, 0 to 255, and bound the mean of such measures.

A mask is binarized at 127: a level above it is skin. `prediction` comes first, `truth` second.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rembg_skin.image.arrays import THRESHOLD, Mask

_ROUNDS = 2000  # of the bootstrap


def iou(prediction: Mask, truth: Mask) -> float:
    """Return the intersection over union, 0 to 1, in which gray levels count; 1 if both masks are empty.

    Bitwise and over bitwise or of the levels, summed over the image: the definition of samhaswon/skin_segmentation.
    """
    union = int(np.bitwise_or(prediction, truth).sum(dtype=np.int64))
    if union == 0:
        return 1.0
    return int(np.bitwise_and(prediction, truth).sum(dtype=np.int64)) / union


def mae(prediction: Mask, truth: Mask) -> float:
    """Return the mean absolute error in gray levels, 0 to 255."""
    # On uint8, larger minus smaller cannot wrap and needs no wider copy of the image.
    return float((np.maximum(prediction, truth) - np.minimum(prediction, truth)).mean(dtype=np.float64))


@dataclass(frozen=True)
class Confusion:
    """Pixel counts of two binarized masks, and the ratios made of them, each 0 to 1.

    With nothing to divide by, a ratio is 1 if the masks agree (both are empty) and 0 if they do not.
    """

    true_positive: int
    false_positive: int
    false_negative: int

    @classmethod
    def of(cls, prediction: Mask, truth: Mask) -> "Confusion":
        """Count the pixels of `prediction` against `truth`, both binarized at 127."""
        predicted, actual = prediction > THRESHOLD, truth > THRESHOLD
        both = int(np.count_nonzero(predicted & actual))
        return cls(both, int(np.count_nonzero(predicted)) - both, int(np.count_nonzero(actual)) - both)

    @property
    def iou(self) -> float:
        """Intersection over union."""
        return self._share(self.true_positive, self.false_positive + self.false_negative)

    @property
    def precision(self) -> float:
        """Share of the predicted skin that is skin."""
        return self._share(self.true_positive, self.false_positive)

    @property
    def recall(self) -> float:
        """Share of the skin that was predicted."""
        return self._share(self.true_positive, self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; the Dice coefficient."""
        return self._share(2 * self.true_positive, self.false_positive + self.false_negative)

    def _share(self, right: int, wrong: int) -> float:
        if right + wrong == 0:
            return float(self.false_positive + self.false_negative == 0)
        return right / (right + wrong)


def bounds(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean of at least one value; the same values always give the same interval.

    The bootstrap over the values (Efron 1979), its percentiles.
    """
    drawn, given = np.random.default_rng(0), np.asarray(values)
    means = [given[drawn.integers(0, len(given), len(given))].mean() for _ in range(_ROUNDS)]
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)
