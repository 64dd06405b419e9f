"""Name the array types of this package, and the level above which a mask is skin."""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]  # [height, width], 0 not skin to 255 skin
Selection = NDArray[np.bool_]  # [height, width], True for the pixels that count

THRESHOLD = 127  # a level above it is skin, if a mask has to be binary
