"""Masks of several frames at once, in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from PIL import Image

from rembg_skin.catalog import MODELS, resolved
from rembg_skin.image.arrays import Bytes, Mask
from rembg_skin.machine import cores
from rembg_skin.session import open_session, predict_mask

Item = TypeVar("Item")
Result = TypeVar("Result")

Masking = Callable[[Bytes], Mask]

# A network of this input size keeps all cores busy, and several at once would need several times its memory.
_LARGE = 1024


def masking(model: str, extras: Mapping[str, object]) -> tuple[Masking, int]:
    """Return a function that masks an RGB frame, uint8 [height, width, 3], and how many frames to give it at once.

    Raises
    ------
    SkinError
        If there is no such model or extra, or its weights are unavailable.

    """
    import onnxruntime as ort

    at_once = cores() if _is_small(model) else 1
    settings = ort.SessionOptions()
    if at_once > 1:  # a frame a core wastes less than all cores on one frame
        settings.intra_op_num_threads = 1
    session = open_session(model, extras, sess_opts=settings)

    return lambda frame: predict_mask(session, Image.fromarray(frame)), at_once


def in_order(items: Iterable[Item], work: Callable[[Item], Result], at_once: int) -> Generator[tuple[Item, Result]]:
    """Yield each item with its result of `work`; the next ones are worked on meanwhile.

    No more than 2 * `at_once` + 1 items are held, however many there are.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > 2 * at_once:  # some may need no work
                    yield _done(waiting)
            while waiting:
                yield _done(waiting)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _done(waiting: deque[tuple[Item, Future[Result]]]) -> tuple[Item, Result]:
    item, future = waiting.popleft()
    return item, future.result()


def _is_small(name: str) -> bool:
    """Return True if several frames at once fit: skin models give their size, of others nothing is known."""
    model = MODELS.get(resolved(name))
    if model is None:
        return False
    network = model.network
    large = network is not None and not network.automatic and network.size >= _LARGE
    return not large and (model.base is None or _is_small(model.base))
