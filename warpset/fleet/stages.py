"""Stages of work that overlap in threads, results in order; what the work is it does not know."""

from __future__ import annotations

import os
from collections import OrderedDict, deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from inspect import ismethod
from threading import Lock
from typing import Generic, TypeVar
from weakref import WeakMethod

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], pool: Executor, ahead: int
) -> Generator[Result, None, None]:
    """Results of a function in the items' order, worked out ahead of being asked for.

    Items are drawn in the caller's thread; so one stage may be the items of the next.

    Args:
        function: Runs in the pool.
        items: What it is called with.
        pool: Where it runs.
        ahead: How many results may be waiting, or be under way, beside the one asked for.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


class LRUCache(Generic[Item, Result]):
    """The last few results of a function; threads that ask for one at once share it.

    Args:
        compute: The function, or a method of the cache's owner; an error is a result, too.
        keep: How many results are kept.
    """

    def __init__(self, compute: Callable[[Item], Result], keep: int):
        # A method's owner holds this cache. Were it held in turn, both and all arrays with them
        # would stay until Python looks for rings: thousands of scenes later.
        self._compute = WeakMethod(compute) if ismethod(compute) else lambda: compute
        self._keep = keep
        self._lock = Lock()
        self._results: OrderedDict[Item, Future[Result]] = OrderedDict()

    def __call__(self, item: Item) -> Result:
        """The function's result, computed here, by another thread, or before."""
        with self._lock:
            is_new = item not in self._results
            future = self._results.setdefault(item, Future())
            self._results.move_to_end(item)
            if len(self._results) > self._keep:
                self._results.popitem(last=False)
        if is_new:
            compute = self._compute()
            assert compute is not None, "asked by whoever owns the method"
            try:
                future.set_result(compute(item))
            except BaseException as error:
                future.set_exception(error)
        return future.result()


def available_cores() -> int:
    """Processor cores that this process may use: OMP_NUM_THREADS where set, else all it has."""
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
