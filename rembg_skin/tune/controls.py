"""Describe each extra for the page: one line of help, the range worth trying and the step of its slider."""

import math

from rembg_skin.sessions.options import Choice, Integer, Option, Real, Switch

_HELP = {
    # The networks.
    "size": "The network's input: larger is finer and slower.",
    "stretch": "Stretches the levels to reach from black to white.",
    "smooth": "Removes specks and softens the edge.",
    "detail": "Fine looks again along the edges of large photos.",
    # The colors, as OpenCV counts them: hue 0 to 179, all others 0 to 255.
    "h_min": "Lowest hue; if it is above h_max, the range spans 179 to 0.",
    "h_max": "Highest hue: lower it against yellow.",
    "s_min": "Lowest saturation: raise it against white and gray.",
    "s_max": "Highest saturation: lower it against vivid red.",
    "v_min": "Lowest brightness: raise it against dark hair.",
    "v_max": "Highest brightness: lower it against highlights.",
    "cb_min": "Lowest Cb (blueness): raise it against orange.",
    "cb_max": "Highest Cb (blueness): lower it against gray and pink.",
    "cr_min": "Lowest Cr (redness): raise it against gray and wood.",
    "cr_max": "Highest Cr (redness): lower it against vivid red.",
    "cb_center": "The ellipse's center: higher takes in bluer tones.",
    "cr_center": "The ellipse's center: higher takes in redder tones.",
    "first_axis": "Half the ellipse's length: larger takes in more tones.",
    "second_axis": "Half the ellipse's width: larger takes in more tones.",
    "angle": "Degrees by which the ellipse is turned.",
    "prior": "The share of skin to expect: higher finds more.",
    "smoothness": "How much neighbors of like color belong together.",
    "sweeps": "How often each pixel follows its neighbors.",
    "morph": "Removes specks of this many pixels; 1: none.",
    "blur": "Softens the edge over this many pixels; 1: not at all.",
    "faces": "Whose colors count, if there are several faces.",
    "on_no_face": "Without a face: nothing, or what ycbcr_hsv_skin finds.",
    "confidence": "How sure the detector must be of a face.",
    # The steps after the mask, in their order.
    "parts": "With eyes, brows and lips (region), or without.",
    "threshold": "Only black and white: white above this level.",
    "low": "Black up to this level: raise it against a veil.",
    "high": "White from this level on: lower it for solid skin.",
    "grow": "Grows by this many pixels; below 0: shrinks.",
    "feather": "Blurs the edge by this many pixels.",
    "invert": "Selects all but the skin.",
}
_ENDS = {  # of sliders, if less than all that is allowed makes sense
    **dict.fromkeys(("cb_min", "cb_max", "cr_min", "cr_max"), (50, 205)),
    "cb_center": (80, 160),
    "cr_center": (120, 190),
    **dict.fromkeys(("first_axis", "second_axis"), (1, 60)),
    "angle": (0, 180),
    "prior": (0.01, 0.99),
    "smoothness": (0, 200),
    "sweeps": (0, 20),
    "morph": (1, 15),
    "grow": (-30, 30),
    "feather": (0, 30),
}
_STEPS = 300  # about as many on the slider of a real number
_MOST_CHOICES = 40  # in a list that opens


def widget(name: str, option: Option) -> dict[str, object]:
    """Return how the page sets an extra: `kind` is slider, list, words or switch; `value` is its default."""
    shared = {"name": name, "help": _HELP.get(name, f"Takes {option.allowed}."), "value": option.default}
    match option:
        case Choice():
            return {**shared, "kind": "words", "words": option.words}
        case Switch():
            return {**shared, "kind": "switch"}
        case Integer(default=None):
            low, high, step = map(int, _slider(name, option))
            allowed = range(low, high + 1, step)
            return {**shared, "kind": "list", "choices": list(allowed[:: -(-len(allowed) // _MOST_CHOICES)])}
        case Integer() | Real():
            slider = dict(zip(("low", "high", "step"), _slider(name, option), strict=True))
            return {**shared, **slider, "kind": "slider", "value": rounded(name, option, option.default or 0)}
    raise TypeError(f"{name}: no widget shows {option!r}")


def rounded(name: str, option: Integer | Real, value: float) -> float:
    """Return the place of the slider that is nearest to a number."""
    step = _slider(name, option)[2]
    return value if isinstance(option, Integer) else round(value, max(0, -round(math.log10(step))))


def _slider(name: str, option: Integer | Real) -> tuple[float, float, float]:
    low, high = _ENDS.get(name, (option.low, option.high))
    if isinstance(option, Integer):
        return low, high, option.step
    return low, high, float(10.0 ** round(math.log10((high - low) / _STEPS)))
