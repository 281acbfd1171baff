"""Stages that overlap: order, bounds, errors, and results shared between threads."""

import gc
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest

from warpset.fleet.stages import LRUCache, available_cores, map_ahead


@pytest.fixture
def pool():
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_results_come_in_the_order_of_their_items(pool):
    def slow_at_first(item):
        time.sleep(0.02 / (1 + item))
        return item * item

    assert list(map_ahead(slow_at_first, range(20), pool, ahead=5)) == [n * n for n in range(20)]


@pytest.mark.parametrize("ahead", [0, 3])
def test_no_more_items_are_drawn_than_asked_for_and_ahead(pool, ahead):
    drawn = []
    results = map_ahead(str, (drawn.append(n) or n for n in range(100)), pool, ahead)
    for asked in range(1, 5):
        next(results)
        assert len(drawn) == asked + ahead


def test_a_stage_draws_from_the_one_before_in_the_callers_thread(pool):
    threads = set()

    def between(items):
        for item in items:
            threads.add(threading.current_thread())
            yield item + 1

    first = map_ahead(lambda n: 2 * n, range(10), pool, ahead=2)
    assert list(map_ahead(str, between(first), pool, ahead=2)) == [
        str(2 * n + 1) for n in range(10)
    ]
    assert threads == {threading.main_thread()}


def test_an_error_comes_in_its_turn_and_ends_the_work(pool):
    def no_five(item):
        if item == 5:
            raise ValueError("five")
        return item

    results = map_ahead(no_five, range(100), pool, ahead=8)
    assert [next(results) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="five"):
        next(results)


def test_threads_that_ask_at_once_share_one_result(pool):
    calls, all_asked = [], threading.Barrier(4)

    def compute(item):
        calls.append(item)
        time.sleep(0.05)
        return object()

    recent = LRUCache(compute, keep=2)

    def ask(_):
        all_asked.wait()
        return recent("a")

    assert len(set(pool.map(ask, range(4)))) == 1 and calls == ["a"]


def test_only_the_last_few_results_are_kept():
    calls = []
    recent = LRUCache(lambda item: calls.append(item) or item, keep=2)
    for item in "abacab":
        recent(item)
    assert "".join(calls) == "abcb"


def test_an_error_is_raised_for_everyone_who_asks():
    calls = []

    def fail(item):
        calls.append(item)
        raise ValueError(item)

    recent = LRUCache(fail, keep=1)
    for _ in range(2):
        with pytest.raises(ValueError, match="a"):
            recent("a")
    assert calls == ["a"]


def test_a_bound_on_cores_is_kept(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert available_cores() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "2,1")
    assert available_cores() == 2
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert available_cores() >= 1


class Owner:
    """Whose method a cache computes, as the frames of a scene are."""

    def __init__(self):
        self.double = LRUCache(self._double, keep=1)

    def _double(self, item: int) -> int:
        return 2 * item


def test_a_cache_of_a_method_goes_with_its_owner():
    owner = Owner()
    assert owner.double(2) == 4
    seen = weakref.ref(owner)
    gc.disable()
    try:
        del owner
        assert seen() is None
    finally:
        gc.enable()
