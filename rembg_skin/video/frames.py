"""Mask the frames of a video, several at once, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from PIL import Image

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.machine import cores
from rembg_skin.session import open_session, predict_mask
from rembg_skin.video.steady import Steadier, Watcher

if TYPE_CHECKING:
    import av

Item = TypeVar("Item")
Result = TypeVar("Result")

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
    """Yield the frames of one video with their masks, which `work` makes, `at_once` at the same time."""
    if not steady:
        yield from in_order(frames, lambda frame: work(frame.rgb), at_once)
        return
    watcher, steadier = Watcher(), Steadier()
    looks = ((frame, watcher(frame.rgb)) for frame in frames)
    with closing(in_order(looks, lambda item: work(item[0].rgb) if item[1].needs_mask else None, at_once)) as results:
        for (frame, look), mask in results:
            yield frame, steadier(look, mask)


def in_order(items: Iterable[Item], work: Callable[[Item], Result], at_once: int) -> Generator[tuple[Item, Result]]:
    """Yield each item with its result of `work`; the next ones are worked on meanwhile.

    No more than 2 * `at_once` + 1 items are held, however many there are: some may need no work.
    """
    pool = ThreadPoolExecutor(at_once)
    try:
        futures = ((item, pool.submit(work, item)) for item in items)
        waiting = deque(islice(futures, 2 * at_once))
        while waiting:
            waiting.extend(islice(futures, 1))
            item, future = waiting.popleft()
            yield item, future.result()
    finally:
        pool.shutdown(cancel_futures=True)
