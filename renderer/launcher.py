"""Loads Warp kernels and runs them on a device, on the CPU in several threads; knows no kernel."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import warp as wp

# Pixels of a launch that is worth a second thread: handing it over takes as long as so many.
FEWEST_SHARED = 8192


class Launcher:
    """Runs kernels on one device, on the CPU split over threads.

    Warp runs a CPU launch on the calling thread and lets go of Python's lock meanwhile.

    Args:
        device: Where the kernels run.
        threads: How many a launch on the CPU is split over; None for as many as torch would use.

    Attributes:
        device: Where the kernels run.
    """

    def __init__(self, device: wp.Device, threads: int | None = None) -> None:
        self.device = device
        # on CUDA one launch fills the card; on the CPU a launch is one thread
        self._parts = (threads or torch.get_num_threads()) if device.is_cpu else 1
        self._pool = ThreadPoolExecutor(self._parts)

    def items(self, kernel: Any, count: int, arguments: list[Any], pixels_each: int = 1) -> None:
        """Launch over items 0..count-1; the kernel's first argument is its share's first item."""
        shares = self.shares(count) if count * pixels_each >= FEWEST_SHARED else [(0, count)]
        self.run(kernel, [(end - first, [first, *arguments]) for first, end in shares])

    def shares(self, count: int) -> list[tuple[int, int]]:
        """First and end of each launch's share of `count` items."""
        ends = [count * part // self._parts for part in range(self._parts + 1)]
        return list(pairwise(ends))

    def run(self, kernel: Any, launches: list[tuple[int, list[Any]]]) -> None:
        """Run launches, each a number of threads and the kernel's arguments, all at once."""

        def launch(dim: int, arguments: list[Any]) -> None:
            wp.launch(kernel, dim, arguments, device=self.device)

        if len(launches) == 1:
            launch(*launches[0])
            return
        # all are started before the first is waited for; an error of any is raised here
        for done in [self._pool.submit(launch, *one) for one in launches]:
            done.result()


def kernel_device(device: str | None) -> str:
    """Where kernels run for a device that torch names; for None CUDA where there is one.

    On ROCm, which torch calls `cuda` too, Warp cannot run: the CPU renders.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    return device if torch.version.cuda else "cpu"


@cache
def launcher_for(
    device: str, kernel_modules: tuple[str, ...], threads: int | None = None
) -> Launcher:
    """The launcher of a device, with the kernels of some modules compiled or read from the cache.

    Args:
        device: `cuda` or `cpu`.
        kernel_modules: Names of imported modules.
        threads: See `Launcher`.
    """
    _start_warp()
    launcher = Launcher(wp.get_device(device), threads)
    modules = [_named_for_the_cache(name) for name in kernel_modules]
    block_dim = 1 if launcher.device.is_cpu else 256  # Warp's own choice
    cached = [module.get_module_identifier(block_dim) for module in modules]
    folder = Path(str(wp.config.kernel_cache_dir))
    if not all((folder / name).is_dir() for name in cached):
        if not _is_writable(folder):
            _keep_kernels_for_this_run()
        sys.stderr.write("renderer: compiling kernels, once\n")
    for module in modules:
        wp.load_module(module, launcher.device)
    return launcher


def kernel_cache_folder() -> Path:
    """Where compiled kernels are kept."""
    _start_warp()
    return Path(str(wp.config.kernel_cache_dir))


def _named_for_the_cache(python_name: str) -> wp.Module:
    """A Warp module whose name is short and fit for a folder of Warp's kernel cache.

    Warp takes Python's name, which inside ComfyUI is the path of this project. The digest keeps
    two copies in one process apart, since Warp's CPU linker knows loaded code by this name.
    """
    digest = hashlib.sha256(python_name.encode()).hexdigest()[:8]
    module = wp.get_module(python_name)
    module.name = f"{python_name.rpartition('.')[2]}_{digest}"
    return module


def _is_writable(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _keep_kernels_for_this_run() -> None:
    """Say that kernels cannot be kept for the next run, and have them put where they can be."""
    sys.stderr.write(
        f"renderer: {wp.config.kernel_cache_dir} cannot be written, so each run compiles its "
        "kernels anew; let WARP_CACHE_PATH name another folder\n"
    )
    wp.config.kernel_cache_dir = tempfile.mkdtemp(prefix="warp-")
    atexit.register(shutil.rmtree, wp.config.kernel_cache_dir, ignore_errors=True)


def _start_warp() -> None:
    """Initialise Warp, whose folder of kernels may be one that cannot be made."""
    wp.config.log_level = wp.LOG_ERROR
    try:
        _initialise_quietly()
    except OSError:
        _keep_kernels_for_this_run()
        _initialise_quietly()


def _initialise_quietly() -> None:
    """Initialise Warp without its native complaint of a missing driver."""
    sys.stderr.flush()
    # it is written by C code, past sys.stderr: only the file descriptor itself can be turned away
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        wp.init()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
