"""Renderers that threads share."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Lock

import pytest

from warpset.building.pairs.renderers import RendererPool


class Made:
    """Renderers that can do nothing, in the order in which they were asked for."""

    def __init__(self):
        self.sizes = []

    def __call__(self, size_wh, sigma_px):
        self.sizes.append((size_wh, sigma_px))
        return object()


def test_a_renderer_is_lent_again_and_those_of_another_size_go():
    make = Made()
    pool = RendererPool(make, 20.0, at_once=2)
    for size_wh in ((8, 6), (8, 6), (6, 8), (8, 6)):
        with pool.renderer(size_wh):
            pass
    assert make.sizes == [((8, 6), 20.0), ((6, 8), 20.0), ((8, 6), 20.0)]


def test_threads_have_a_renderer_each():
    make, both = Made(), Barrier(2, timeout=60)
    pool = RendererPool(make, 20.0, at_once=2)

    def borrowed(_):
        with pool.renderer((8, 6)) as renderer:
            both.wait()
            return renderer

    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(borrowed, range(2))
    assert first is not second and len(make.sizes) == 2


def test_no_more_are_lent_at_once_than_may_be():
    pool, lock, lent = RendererPool(Made(), 20.0, at_once=1), Lock(), set()

    def borrowed(number):
        with pool.renderer((8, 6)) as renderer:
            assert lock.acquire(blocking=False), "two threads render at once"
            lent.add(renderer)
            lock.release()
            return number

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(borrowed, range(50))) == list(range(50))
    assert len(lent) == 1


def test_a_renderer_whose_user_failed_is_not_lent_again():
    make = Made()
    pool = RendererPool(make, 20.0, at_once=1)
    with pytest.raises(RuntimeError), pool.renderer((8, 6)):
        raise RuntimeError
    with pool.renderer((8, 6)):
        pass
    assert len(make.sizes) == 2
