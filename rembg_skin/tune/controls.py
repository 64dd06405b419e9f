"""What the page shows for each extra: the range worth trying, the step of its slider, and one line of help."""

import math
from dataclasses import dataclass

from rembg_skin.sessions.options import Integer, Option, Real


@dataclass(frozen=True)
class Control:
    """How an extra is set on the page.

    Attributes
    ----------
    help
        One line.
    low, high
        The ends of its slider, both allowed, if less than all that is allowed makes sense.
    step
        The slider's step, if it is not that of :func:`step_of`.
    unset
        What stands for no number of one's own, if the extra has no default number.

    """

    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unset: str = "default"


_CONTROLS = {
    # The networks.
    "size": Control("The network's input: larger is finer and slower."),
    "stretch": Control("Stretches the levels to reach from black to white."),
    "smooth": Control("Removes specks and softens the edge."),
    # The colours, as OpenCV counts them: hue 0 to 179, all others 0 to 255.
    "h_min": Control("Lowest hue; if it is above h_max, the range spans 179 to 0."),
    "h_max": Control("Highest hue: lower it against yellow."),
    "s_min": Control("Lowest saturation: raise it against white and grey."),
    "s_max": Control("Highest saturation: lower it against vivid red."),
    "v_min": Control("Lowest brightness: raise it against dark hair."),
    "v_max": Control("Highest brightness: lower it against highlights."),
    "cb_min": Control("Lowest Cb (blueness): raise it against orange.", 50, 205),
    "cb_max": Control("Highest Cb (blueness): lower it against grey and pink.", 50, 205),
    "cr_min": Control("Lowest Cr (redness): raise it against grey and wood.", 50, 205),
    "cr_max": Control("Highest Cr (redness): lower it against vivid red.", 50, 205),
    "cb_center": Control("The ellipse's centre: higher takes in bluer tones.", 80, 160),
    "cr_center": Control("The ellipse's centre: higher takes in redder tones.", 120, 190),
    "first_axis": Control("Half the ellipse's length: larger takes in more tones.", 1, 60),
    "second_axis": Control("Half the ellipse's width: larger takes in more tones.", 1, 60),
    "angle": Control("Degrees by which the ellipse is turned.", 0, 180),
    "prior": Control("The share of skin to expect: higher finds more.", 0.01, 0.99, 0.01),
    "smoothness": Control("How much neighbours of like colour belong together.", 0, 200, 1),
    "sweeps": Control("How often each pixel follows its neighbours.", 0, 20),
    "morph": Control("Removes specks of this many pixels; 1: none.", 1, 15),
    "blur": Control("Softens the edge over this many pixels; 1: not at all."),
    # The steps after the mask, in their order.
    "parts": Control("With eyes, brows and lips (region), or without."),
    "threshold": Control("Black and white alone: white above this level.", unset="none"),
    "low": Control("Black up to this level: raise it against a veil."),
    "high": Control("White from this level on: lower it for solid skin."),
    "grow": Control("Grows by this many pixels; below 0: shrinks.", -30, 30),
    "feather": Control("Blurs the edge by this many pixels.", 0, 30, 0.1),
    "invert": Control("Selects all but the skin."),
}
_MOST_CHOICES = 40  # in a list that opens


def help_of(name: str, option: Option) -> str:
    """Return one line about the extra `name`."""
    control = _CONTROLS.get(name)
    return control.help if control else f"Takes {option.allowed}."


def unset_of(name: str) -> str:
    """Return the word for no number of one's own."""
    return _CONTROLS.get(name, Control("")).unset


def range_of(name: str, option: Integer | Real) -> tuple[float, float]:
    """Return the ends of the slider: of what `option` allows, what makes sense to try."""
    control = _CONTROLS.get(name, Control(""))
    low = option.low if control.low is None else max(control.low, option.low)
    high = option.high if control.high is None else min(control.high, option.high)
    return low, high


def step_of(name: str, option: Integer | Real) -> float:
    """Return the slider's step; for a real number the power of ten that gives a thousand steps or more."""
    control = _CONTROLS.get(name, Control(""))
    if control.step is not None:
        return control.step
    if isinstance(option, Integer):
        return 2 if option.odd else option.step
    low, high = range_of(name, option)
    return float(10.0 ** math.floor(math.log10((high - low) / 1000)))


def digits_of(step: float) -> int:
    """Return how many digits after the point a slider of this step shows."""
    return max(0, -round(math.log10(step)))


def choices_of(name: str, option: Integer) -> list[int]:
    """Return the numbers to choose from for an extra without a default number."""
    low, high = map(int, range_of(name, option))
    step = 2 if option.odd else option.step
    allowed = list(range(-(-low // option.step) * option.step, high + 1, step))
    return allowed[:: -(-len(allowed) // _MOST_CHOICES)]
