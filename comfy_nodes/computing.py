"""ComfyUI's devices, memory, progress and Cancel button; what is computed is unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

import torch
from comfy import model_management  # pyright: ignore[reportMissingImports]
from comfy.utils import ProgressBar  # pyright: ignore[reportMissingImports]
from torch import nn

from ..warpset.core.errors import InputError
from .widgets import AUTO_DEVICE

Item = TypeVar("Item")

LOOK_S = 0.2
"""Seconds between two looks for Cancel: a fifth of what a user may wait."""


def chosen_device(choice: str) -> torch.device:
    """The device behind a choice of `widgets.DEVICES`.

    Raises:
        InputError: `cuda` was chosen, and ComfyUI has no graphics device.
    """
    if choice == "cpu":
        return torch.device("cpu")
    device = model_management.get_torch_device()
    if device.type == "cpu" and choice != AUTO_DEVICE:
        raise InputError(
            f"device: found no graphics device, need one for {choice}; choose auto or cpu"
        )
    return device


def renderer_device(choice: str = AUTO_DEVICE) -> str:
    """Where to render: on CUDA if the widget does not say `cpu` and ComfyUI runs on it.

    On ROCm, whose devices torch calls `cuda` too, Warp cannot run.
    """
    device = model_management.get_torch_device()
    is_cuda = device.type == "cuda" and torch.version.cuda is not None
    return "cuda" if is_cuda and choice != "cpu" else "cpu"


@contextmanager
def room_on(device: torch.device, needed_bytes: int) -> Iterator[None]:
    """Have ComfyUI unload models until there is room, and tidy up when it is left again."""
    model_management.free_memory(needed_bytes, device)
    try:
        yield
    finally:
        model_management.soft_empty_cache()


@contextmanager
def progress_through(layers: Iterable[nn.Module]) -> Iterator[None]:
    """Move ComfyUI's progress bar, and look for a click on Cancel, after each layer."""
    layers = list(layers)
    bar = ProgressBar(len(layers))
    hooks = [layer.register_forward_hook(lambda *_: bar.update(1)) for layer in layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def until_cancelled(items: Iterable[Item]) -> Iterator[Item]:
    """The items, as long as nobody clicks on Cancel."""
    for item in items:
        model_management.throw_exception_if_processing_interrupted()
        yield item


def cancellable(compute: Callable[[], Item]) -> Item:
    """What a computation answers that cannot be divided, unless somebody clicks on Cancel.

    It runs in a thread, since numpy cannot be stopped from outside. Cancelled, it goes on to its
    end and nobody hears of it: it must leave nothing behind.
    """
    pool = ThreadPoolExecutor(1)
    answer = pool.submit(compute)
    pool.shutdown(wait=False)
    while not wait([answer], LOOK_S).done:
        model_management.throw_exception_if_processing_interrupted()
    return answer.result()
