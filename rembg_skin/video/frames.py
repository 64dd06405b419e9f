"""Mask the frames of a video, several at once, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.machine import cores
from rembg_skin.session import open_session, predict_mask
from rembg_skin.video.steady import Steadier, Watcher

if TYPE_CHECKING:
    import av

# A network of this input size keeps all cores busy, and several at once would need several times its memory.
_LARGE = 1024


class Frame(NamedTuple):
    """One frame."""

    pts: int  # when it is shown, in the video's time base
    time: float  # the same in seconds
    rgb: Bytes  # upright, uint8 [height, width, 3]
    sounds: "Sequence[av.Packet[Any]]" = ()  # packets since the frame before


Masking = Callable[[Iterable[Frame]], Generator[tuple[Frame, Mask]]]


def masking(model: str, extras: Mapping[str, object], *, steady: bool) -> Masking:
    """Return a function that yields frames with their masks, in order, steadied or as the model makes them.

    Raises SkinError if there is no such model or extra, or its weights are unavailable.
    """
    import onnxruntime as ort

    at_once = cores() if _is_small(model) else 1
    settings = ort.SessionOptions()
    if at_once > 1:  # a frame a core wastes less than all cores on one frame
        settings.intra_op_num_threads = 1
    session = open_session(model, extras, sess_opts=settings)
    return partial(masked, work=lambda rgb: predict_mask(session, Image.fromarray(rgb)), at_once=at_once, steady=steady)


def _is_small(name: str) -> bool:
    """Return True if several frames at once fit: skin models give their size, of others nothing is known."""
    model = MODELS.get(resolved(name))
    if model is None:
        return False
    network = model.network
    large = network is not None and not network.automatic and network.size >= _LARGE
    return not large and (model.base is None or _is_small(model.base))


def masked(
    frames: Iterable[Frame], work: Callable[[Bytes], Mask], at_once: int, *, steady: bool
) -> Generator[tuple[Frame, Mask]]:
    """Yield the frames of one video with their masks, in order; `work` makes `at_once` at the same time.

    No more than 2 * `at_once` + 1 frames are held, however many there are: some may need no work.
    """
    watcher, steadier = Watcher(), Steadier()
    pool = ThreadPoolExecutor(at_once)

    def started(frame: Frame) -> tuple[Frame, Callable[[], Mask]]:
        if not steady:
            return frame, pool.submit(work, frame.rgb).result
        look = watcher(frame.rgb)
        future = pool.submit(work, frame.rgb) if look.needs_mask else None
        return frame, lambda: steadier(look, future.result() if future else None)

    try:
        begun = map(started, frames)
        waiting = deque(islice(begun, 2 * at_once))
        while waiting:
            waiting.extend(islice(begun, 1))
            frame, finish = waiting.popleft()
            yield frame, finish()
    finally:
        pool.shutdown(cancel_futures=True)
