"""The renderers that threads share, each used by one at a time; it draws nothing itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock

from ...core.protocols import MakeRenderer, Renderer

SizeWh = tuple[int, int]


class RendererPool:
    """Renderers that are lent to threads; those that lie idle are of the size last asked for.

    Args:
        make_renderer: Where renderers come from.
        sigma_px: What they are made with.
        at_once: How many are lent at once; whoever asks for one more waits.
    """

    def __init__(self, make_renderer: MakeRenderer, sigma_px: float, at_once: int):
        self._make_renderer, self._sigma_px = make_renderer, sigma_px
        self._turns, self._lock = BoundedSemaphore(at_once), Lock()
        self._idle: list[tuple[SizeWh, Renderer]] = []

    @contextmanager
    def renderer(self, size_wh: SizeWh) -> Iterator[Renderer]:
        """Lend a renderer of a size; one whose user fails is not lent again."""
        with self._turns:
            renderer = self._idle_or_new(size_wh)
            yield renderer
            with self._lock:
                self._idle.append((size_wh, renderer))

    def _idle_or_new(self, size_wh: SizeWh) -> Renderer:
        # held while one is made, since the first of all compiles the kernels
        with self._lock:
            self._idle = [(size, renderer) for size, renderer in self._idle if size == size_wh]
            if self._idle:
                return self._idle.pop()[1]
            return self._make_renderer(size_wh, self._sigma_px)
