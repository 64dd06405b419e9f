"""Work on many files in other processes or another thread, so that this thread hears Ctrl-C whatever they do."""

import contextvars
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from rembg_skin.files import remove_drafts
from rembg_skin.image.limits import LOCAL, set_limits
from rembg_skin.messages import tell

Task = TypeVar("Task")
Result = TypeVar("Result")

BACKGROUND = "rembg-skin: background"  # the name of a thread that may be left behind
DIED = "the process that worked on it died: too little memory, or a fault of the image's decoder"

# Tasks waiting for each process: enough to keep it busy, few enough to stop soon and to keep memory flat.
_AHEAD = 4
_LAST_TASKS, _LAST_WORDS = 0.8, 0.2  # seconds that processes get to finish, and to remove what is half written
_LOOK = 0.1  # seconds

_END = object()


def in_background(items: Iterable[Result], stopped: Callable[[], bool] = lambda: False) -> Iterator[Result]:
    """Yield `items` while another thread makes them, one by one: however long one takes, this thread hears signals.

    If the caller stops early, the item that is being made is left to itself. `stopped` is called ten times a second
    while one is made; once it returns True, no further item is yielded.
    """
    wanted: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()

    def make() -> None:
        iterator = iter(items)
        while (future := wanted.get()) is not None:
            try:
                future.set_result(next(iterator, _END))
            except BaseException as error:  # noqa: BLE001 - raised where the item is used
                future.set_exception(error)

    threading.Thread(target=contextvars.copy_context().run, args=(make,), name=BACKGROUND, daemon=True).start()
    try:
        while not stopped():
            future: Future[Any] = Future()
            wanted.put(future)
            while not wait([future], _LOOK).done:
                if stopped():
                    return
            if (item := future.result()) is _END:
                return
            yield item
    finally:
        wanted.put(None)


def aside(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, done by another thread: however long it takes, this thread hears signals."""
    return next(iter(in_background(work() for _ in range(1))))


def work_on(
    tasks: Iterable[Task], work: Callable[[Task], Result], processes: int
) -> Generator[tuple[Task, Result | None]]:
    """Let `processes` do `work`; yield each task as it is finished, and its result, or None if it killed its process.

    Tasks are taken as they are needed; they and `work` are pickled. What `work` raises ends the run. If a process dies,
    everything under way is done again, one at a time: at most the tasks that kill are lost. If the caller stops early,
    tasks under way get a moment to be finished. If the system has no means for processes to share (no ``/dev/shm``),
    this process does the work.
    """
    waiting = iter(tasks)
    try:
        multiprocessing.get_context("spawn").Lock()
    except (ImportError, OSError) as error:  # as AWS Lambda
        tell(f"This system cannot run several processes ({error}): this one does all the work.")
        yield from in_background((task, work(task)) for task in waiting)
        return
    while interrupted := (yield from _until_a_death(waiting, work, processes, _AHEAD * processes)):
        again = iter(interrupted)
        while culprit := (yield from _until_a_death(again, work, 1, 1)):
            yield culprit[0], None


def _until_a_death(
    tasks: Iterator[Task], work: Callable[[Task], Result], processes: int, ahead: int
) -> Generator[tuple[Task, Result], None, list[Task]]:
    """Yield finished tasks until there are no more, or a process dies; return those that were under way then."""
    under_way: list[Task] = []
    running: dict[Future[Result], Task] = {}
    # Not forked: this process has threads.
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), _begin)
    try:
        with _deaf_children():
            for _ in range(processes):  # each starts a process
                pool.submit(os.getpid)
        while True:
            for task in islice(tasks, ahead - len(under_way)):
                under_way.append(task)
                running[pool.submit(work, task)] = task
            if not running:
                return []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result, task = future.result(), running.pop(future)
                under_way.remove(task)
                yield task, result
    except BrokenProcessPool:
        return under_way
    finally:
        _end(pool, running)


def _end(pool: ProcessPoolExecutor, running: Iterable[Future[Any]]) -> None:
    """End the processes; those at work get a moment to finish."""
    workers = list((pool._processes or {}).values())  # noqa: SLF001 - from Python 3.14 on there is kill_workers
    pool.shutdown(wait=False, cancel_futures=True)
    if wait(running, _LAST_TASKS).not_done:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join(_LAST_WORDS)
            worker.kill()
    pool.shutdown()


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Let processes that are started in the block hear no Ctrl-C and no hang-up; this one hears them afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    deaf = (signal.SIGINT, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, deaf)
    late: list[int] = []  # another thread may hear a signal, and its handler would still run in this one
    main = threading.current_thread() is threading.main_thread()
    handlers = {each: signal.signal(each, lambda number, _: late.append(number)) for each in deaf} if main else {}
    try:
        yield
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for number in late[:1]:
            signal.raise_signal(number)


def _begin() -> None:
    """Start a worker: signals are its parent's business, and it does not outlive it."""
    parent: Any = multiprocessing.parent_process()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_limits(LOCAL)  # workers are for the files of a command's user

    def end(*_: object) -> None:
        remove_drafts()
        os._exit(1)

    signal.signal(signal.SIGTERM, end)
    threading.Thread(target=lambda: end(parent.join()), daemon=True).start()
