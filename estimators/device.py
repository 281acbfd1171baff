"""Which device computes, what it is, and an NVIDIA card that lies idle."""

from __future__ import annotations

import ctypes
import logging
import sys
from typing import NamedTuple

from warpset.core.errors import InputError, Remedy

log = logging.getLogger(__name__)

INSTALL_ANOTHER = "install the one that fits, see `Install by system and GPU` in README.md"


class NvidiaDriver(NamedTuple):
    """What NVIDIA's driver says without PyTorch.

    Attributes:
        cards: Cards that this process may use.
        cuda: The newest CUDA that it runs, such as `12.8`.
    """

    cards: int
    cuda: str


def chosen_device(asked: str | None) -> str:
    """The device asked for, as torch names it, else CUDA where there is one.

    Raises:
        InputError: CUDA was asked for and there is none.
    """
    import torch  # takes seconds, which a wrong command line need not wait for

    if asked == "cuda" and not torch.cuda.is_available():
        raise InputError("found no CUDA device", Remedy.DEVICE)
    return asked or ("cuda" if torch.cuda.is_available() else "cpu")


def named_device(asked: str | None) -> str:
    """`chosen_device`, said in the log, and whether there is a card that could do it.

    Raises:
        InputError: CUDA was asked for and there is none.
    """
    device = chosen_device(asked)
    log.info(f"computing on {description(device)}")
    if asked is None and device == "cpu" and (driver := nvidia_driver()):
        log.warning(f"{idle_card(driver)}; {INSTALL_ANOTHER}")
    return device


def description(device: str) -> str:
    """A device with what it is: `cpu (2 threads)`, `cuda (NVIDIA L4, 22.0 GiB)`."""
    import torch

    if device == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({threads} thread{'s' if threads > 1 else ''})"
    card = torch.cuda.get_device_properties(device)
    return f"{device} ({card.name}, {card.total_memory / 2**30:.1f} GiB)"


def idle_card(driver: NvidiaDriver) -> str:
    """Why PyTorch does not compute on the card that the driver has."""
    import torch

    built = f"is built for CUDA {torch.version.cuda}" if torch.version.cuda else "is built without"
    has = f"an NVIDIA card is there (driver for CUDA {driver.cuda})"
    return f"{has}, but PyTorch cannot use it: {torch.__version__} {built}"


def nvidia_driver() -> NvidiaDriver | None:
    """What NVIDIA's driver says; None without one that has a card."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return None
    cards, version = ctypes.c_int(), ctypes.c_int()
    failed = (
        driver.cuInit(0)
        or driver.cuDeviceGetCount(ctypes.byref(cards))
        or driver.cuDriverGetVersion(ctypes.byref(version))
    )
    if failed or not cards.value:
        return None
    # the driver writes 12.8 as 12080
    return NvidiaDriver(cards.value, f"{version.value // 1000}.{version.value % 1000 // 10}")
