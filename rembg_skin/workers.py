"""Work on many files in several processes; one that dies costs one file, and Ctrl-C reaches the parent only."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

from rembg_skin.image.limits import LOCAL, set_limits

Task = TypeVar("Task")
Result = TypeVar("Result")

DIED = "the process that worked on it died: too little memory, or a fault of the image's decoder"

# Tasks waiting for each process: enough to keep it busy, few enough to stop soon and to keep memory flat.
_AHEAD = 4


def work_on(
    tasks: Iterable[Task], work: Callable[[Task], Result], processes: int
) -> Generator[tuple[Task, Result | None]]:
    """Let `processes` do `work`; yield each task as it is finished, and its result, or None if it killed its process.

    If a process dies, everything under way is done again, one at a time: at most the tasks that kill are lost. If the
    caller stops early, tasks under way are finished and the others are left.

    Parameters
    ----------
    tasks
        What to work on, taken as it is needed; picklable.
    work
        A function of a module, or any other callable that can be pickled. What it raises ends the run.
    processes
        How many, at least 1.

    """
    waiting = iter(tasks)
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
        with _without_ctrl_c():
            for _ in range(processes):  # each starts a process
                pool.submit(os.getpid)
        while True:
            for task in islice(tasks, ahead - len(under_way)):
                under_way.append(task)
                running[pool.submit(work, task)] = task
            if not running:
                return []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                task = running.pop(future)
                under_way.remove(task)
                yield task, result
    except BrokenProcessPool:
        return under_way
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _without_ctrl_c() -> Iterator[None]:
    """Ignore Ctrl-C for a moment; processes that are started in it ignore it for good."""
    if threading.current_thread() is not threading.main_thread():  # which alone hears it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin() -> None:
    """Start a worker: Ctrl-C is its parent's business, on Windows too, and it does not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    set_limits(LOCAL)  # workers are for the files of a command's user

    def leave() -> None:
        parent = multiprocessing.parent_process()
        assert parent is not None  # noqa: S101 - for the type checker
        parent.join()
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()
